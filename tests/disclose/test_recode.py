"""Whole tallies protected: who is shown with what, examples written out, and the cases of the specification."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from primum.disclose.curves import binned, thinned
from primum.disclose.presets import names as presets
from primum.disclose.presets import preset
from primum.disclose.recode import REST, recode
from primum.disclose.rules_metrics import SUPPRESSED, compare
from primum.errors import PrimumError
from primum.tally.count import count

CELLS = [(y, high) for y in (0, 1) for high in (0, 1)]


def rows(groups):
    """Return one row a person of {labels: (TN, FP, FN, TP)}."""
    return pl.DataFrame(
        [(*g, y, 0.7 if high else 0.2) for g, four in groups.items() for (y, high), n in zip(CELLS, four, strict=True)
         for _ in range(n)],
        schema=[*(f"a{i}" for i in range(len(next(iter(groups))))), "y", "s"], orient="row",
    )  # fmt: skip


def tally(groups, **changes):
    frame = rows(groups)
    by = [c for c in frame.columns if c.startswith("a")]
    return count(frame, "y", "s", **({"by": by, "thresholds": [0.5]} | changes))


def protect(groups, name="cbs", titles=(("a0", ("a0",)),), **changes):
    return recode({"m": tally(groups)}, {"m": 0.5}, titles, preset(name), **changes)


def four(recoded, title, model="m"):
    """Return (TN, FP, FN, TP) of each group shown and of the remainder."""
    view = recoded.decided[model][title]
    c = view.at(0.5, "n")
    found = zip(c.tn, c.fp, c.fn, c.tp, strict=True)
    return {REST if REST in g else g: tuple(int(x) for x in n) for g, n in zip(view.groups, found, strict=True)}


BIG = {("A",): (60, 40, 30, 50), ("B",): (50, 30, 25, 45)}


# -- tiers ----------------------------------------------------------------------------------------------------------


def test_a_small_group_joins_the_remainder_with_the_smallest_other():
    found = protect({**BIG, ("C",): (40, 20, 15, 20), ("D",): (20, 12, 3, 14)})
    d = found.divisions["a0"]
    assert d.shown == (("A",), ("B",))
    assert d.counted == (("C",), ("D",))  # 17 of 49 have the outcome; that 3 are missed is not told
    assert d.withheld == {}
    assert four(found, "a0") == {("A",): (60, 40, 30, 50), ("B",): (50, 30, 25, 45), REST: (60, 32, 18, 34)}
    assert found.people["a0"] == {("A",): (100, 80), ("B",): (80, 70), ("C",): (60, 35), ("D",): (32, 17)}


def test_a_group_with_few_events_is_withheld_and_its_size_stays_in_the_room():
    found = protect({**BIG, ("C",): (40, 20, 15, 20), ("D",): (20, 12, 2, 3)})
    d = found.divisions["a0"]
    assert (d.shown, d.counted) == ((("A",), ("B",)), ())
    assert d.withheld == {("C",): 95, ("D",): 37}
    assert four(found, "a0")[REST] == (60, 32, 17, 23)
    assert not {"C", "D"} & {r["group"] for r in found.rows()}


def test_ranked_groups_are_some_of_those_shown():
    rng = np.random.default_rng(0)
    n = {"A": 3000, "B": 2000, "C": 120}
    frame = pl.DataFrame(
        {"a0": [g for g, k in n.items() for _ in range(k)], "y": (rng.random(5120) < 0.4).astype(int)}
    ).with_columns(s=pl.Series(rng.random(5120)))
    found = recode(
        {"m": count(frame, "y", "s", by=["a0"], thresholds=[0.5])}, {"m": 0.5}, [("a0", ("a0",))], preset("cbs")
    )
    d = found.divisions["a0"]
    assert d.shown == (("A",), ("B",), ("C",))
    assert d.ranked == (("A",),)  # C has too few people for six steps; B joins it, or the remainder would be C alone
    view = found.ranked["m"]["a0"]
    assert set(view.grid.thresholds) <= set(found.everyone["m"].grid.thresholds)
    assert 0.5 in view.grid.thresholds
    assert view.n.min() >= 10


def test_a_single_group_leaves_with_everyone_and_nothing_else():
    found = protect({("A",): (60, 40, 30, 50)})
    assert found.divisions["a0"].shown == (("A",),)
    assert REST not in {r["group"] for r in found.rows()}
    total = {(r["outcome"], r["low"]): r["count"] for r in found.rows() if r["group"] == "everyone"}
    assert total == {(0, 0.0): 60, (0, 0.5): 40, (1, 0.0): 30, (1, 0.5): 50, (0, None): 100, (1, None): 80}


def test_two_groups_of_which_one_is_small_leave_neither():
    found = protect({("A",): (60, 40, 30, 50), ("B",): (20, 3, 12, 14)})
    assert found.divisions["a0"].shown == ()
    assert found.divisions["a0"].counted == (("A",), ("B",))
    assert found.decided["m"] == {}


def test_missing_membership_is_a_group_like_another():
    found = protect({**BIG, ("(missing)",): (5, 3, 2, 1)})
    assert found.divisions["a0"].withheld == {("(missing)",): 11, ("B",): 150}
    found = protect({**BIG, ("(missing)",): (15, 13, 12, 11)})
    assert ("(missing)",) in found.divisions["a0"].shown


def test_a_group_that_one_model_does_not_score_at_all_is_counted_as_nobody_there():
    every = {**BIG, ("C",): (50, 30, 25, 45), ("Z",): (14, 14, 14, 14)}
    some = {g: n for g, n in every.items() if g != ("Z",)}
    for models in ({"m": tally(every), "k": tally(some)}, {"m": tally(some), "k": tally(every)}):
        found = recode(models, dict.fromkeys(models, 0.5), [("a0", ("a0",))], preset("cbs"))
        assert list(found.cuts) == ["m", "k"]
        assert ("Z",) not in found.divisions["a0"].shown


# -- everyone -------------------------------------------------------------------------------------------------------


def test_a_model_of_which_too_little_may_be_told_stays():
    with pytest.raises(PrimumError, match="Nothing about 'm' may leave"):
        protect({("A",): (60, 40, 9, 50)})
    few = tally({("A",): (60, 40, 5, 75), ("B",): (50, 30, 2, 68)})
    more = tally({**BIG, ("B",): (50, 30, 25, 49)})
    found = recode(
        {"m": tally(BIG), "few": few, "more": more}, dict.fromkeys(("m", "few", "more"), 0.5), [("a0", ("a0",))],
        preset("cbs"),
    )  # fmt: skip
    assert list(found.cuts) == ["m"]
    assert "too few people are found, missed" in found.left_out["few"]
    assert "a few people fewer or more" in found.left_out["more"]


def test_models_are_compared_with_each_other_and_not_only_with_the_first():
    # against the first model, k lacks 20 and j 23 people with the outcome: all but 3 of j's are k's
    models = {
        "m": tally(BIG),
        "k": tally({**BIG, ("A",): (60, 40, 20, 40)}),
        "j": tally({**BIG, ("A",): (60, 40, 19, 38)}),
    }
    found = recode(models, dict.fromkeys(models, 0.5), [("a0", ("a0",))], preset("cbs"))
    assert list(found.cuts) == ["m", "k"]
    assert "set them apart" in found.left_out["j"]


def test_a_threshold_at_an_end_decides_nothing():
    with pytest.raises(PrimumError, match="lies at an end of the score"):
        recode({"m": tally(BIG)}, {"m": 0.0}, [("a0", ("a0",))], preset("uk_biobank"))
    with pytest.raises(PrimumError, match="lies at an end of the score"):
        recode({"m": tally(BIG, thresholds=[1.0])}, {"m": 1.0}, [("a0", ("a0",))], preset("uk_biobank"))


def test_an_intersection_of_an_attribute_that_is_not_listed_is_refused():
    crossed = {("A", "x"): (60, 40, 30, 50), ("B", "y"): (60, 40, 30, 50)}
    with pytest.raises(PrimumError, match="There is no attribute 'a1'"):
        protect(crossed, titles=[("a0", ("a0",)), ("both", ("a0", "a1"))])


# -- intersections --------------------------------------------------------------------------------------------------

BOTH = [("a0", ("a0",)), ("a1", ("a1",)), ("a0 × a1", ("a0", "a1"))]


def test_an_intersection_leaves_in_whole_rows():
    cells = {(g, h): (30, 20, 15, 25) for g in "ABCD" for h in "xy"}
    cells["D", "x"] = (30, 20, 3, 25)  # 3 are missed: row D goes, and with it the smallest other
    cells["C", "y"] = (29, 20, 15, 25)
    found = protect(cells, titles=BOTH)
    assert found.divisions["a0"].shown == (("A",), ("B",), ("C",), ("D",))
    assert found.divisions["a0 × a1"].shown == (("A", "x"), ("A", "y"), ("B", "x"), ("B", "y"))
    assert four(found, "a0 × a1")[REST] == (119, 80, 48, 100)
    assert found.divisions["a0 × a1"].withheld == {
        ("C", "x"): 90, ("C", "y"): 89, ("D", "x"): 78, ("D", "y"): 90,
    }  # fmt: skip


def test_an_intersection_is_on_the_groups_that_its_attributes_show():
    cells = {(g, h): (30, 20, 15, 25) for g in "ABC" for h in "xy"}
    cells |= {("A", "z"): (6, 5, 5, 6), ("B", "z"): (6, 5, 5, 6), ("C", "z"): (6, 5, 5, 6)}
    found = protect(cells, titles=BOTH)  # z has 66 people; in each row it is too small, so its column holds row by row
    assert ("z",) in found.divisions["a1"].shown
    assert found.divisions["a0 × a1"].shown == ()
    cells = {k: n if k[1] != "z" else (1, 1, 1, 1) for k, n in cells.items()}
    found = protect(cells, titles=BOTH)
    assert ("z",) in found.divisions["a1"].withheld
    assert all("z" not in g for g in found.divisions["a0 × a1"].shown)


def test_intersections_that_form_a_ring_do_not_all_leave_and_the_reason_is_given():
    cells = {(g, h, k): (30, 20, 15, 25) for g in "AB" for h in "xy" for k in "pq"}
    single = [(f"a{i}", (f"a{i}",)) for i in range(3)]
    rings = [("0 × 1", ("a0", "a1")), ("1 × 2", ("a1", "a2")), ("0 × 2", ("a0", "a2")), ("all", ("a0", "a1", "a2"))]
    found = protect(cells, titles=[*single, *rings[::-1]])
    assert {t for t, d in found.divisions.items() if d.shown} == {"a0", "a1", "a2", "0 × 1", "0 × 2"}
    assert "would give small counts away" in found.divisions["1 × 2"].why
    assert found.divisions["0 × 1"].why == ""
    alone = protect(cells, titles=[*single, rings[3]])
    assert len(alone.divisions["all"].shown) == 8


def test_two_models_may_not_differ_by_a_few_people_in_a_cell_of_an_intersection():
    cells = {(g, h): (30, 30, 30, 30) for g in "ABC" for h in "xy"}
    other = cells | {("A", "x"): (30, 30, 21, 30), ("A", "y"): (30, 30, 27, 30)}  # 12 fewer in A: 9 and 3
    models = {"m": tally(cells), "k": tally(other)}
    found = recode(models, dict.fromkeys(models, 0.5), [("a0", ("a0",)), BOTH[2], ("a1", ("a1",))], preset("cbs"))
    assert list(found.cuts) == ["m", "k"]
    assert not {g for g in found.divisions["a0 × a1"].shown if g[0] == "A"}


# -- the cases of the specification ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", presets())
def test_t16_nobody_missed(name):
    # TP 14, FN 0, FP 13, TN 13
    found = protect({("A",): (260, 240, 230, 250), ("B",): (250, 230, 225, 245), ("C",): (13, 13, 0, 14)}, name)
    told = ("C",) in found.divisions["a0"].shown
    assert told == (name in {"ons_sdap", "uk_biobank", "opensafely"})  # for a person to look at; elsewhere withheld


@pytest.mark.parametrize("name", presets())
def test_t17_everyone_has_the_outcome(name):
    # B 0/30; A is large enough to be divided further, so that it is B that is at stake
    groups = {("A",): (60, 60, 60, 60), ("B",): (0, 0, 15, 15), ("C",): (60, 60, 60, 60), ("D",): (55, 55, 55, 55)}
    d = protect(groups, name).divisions["a0"]
    shown = ("B",) in (*d.shown, *d.counted)
    assert shown == (name in {"ons_sdap", "uk_biobank", "opensafely"})


def test_t19_thirty_rows_of_four_persons():
    visits, persons = {**BIG, ("C",): (8, 8, 7, 7)}, {**BIG, ("C",): (1, 1, 1, 1)}
    shown = protect({**BIG, ("C",): (20, 20, 20, 20)}, units={"persons": {"m": tally(persons)}}).divisions["a0"]
    assert ("C",) not in shown.shown
    found = protect(visits, "uk_biobank")
    assert ("C",) in found.divisions["a0"].shown  # as if each row were a person
    found = protect(visits, "uk_biobank", units={"persons": {"m": tally(persons)}})
    assert found.divisions["a0"].withheld[("C",)] == 4


def test_t20_one_family():
    # 12 persons in each cell, of one household
    people, households = {**BIG, ("C",): (12, 12, 12, 12)}, {**BIG, ("C",): (1, 0, 0, 0)}
    assert ("C",) in protect(people).divisions["a0"].shown
    found = protect(people, units={"households": {"m": tally(households)}})
    assert ("C",) in found.divisions["a0"].withheld
    assert ("C",) in protect(people, "uk_biobank").divisions["a0"].shown  # no rule on households


def test_t22_weights_do_not_count():
    frame = rows({**BIG, ("C",): (2, 1, 1, 2)}).with_columns(
        w=pl.when(pl.col("a0") == "C").then(5000 / 6).otherwise(1.0)
    )
    weighted = count(frame, "y", "s", by=["a0"], thresholds=[0.5], weight="w")
    assert weighted.sums("w")[2].sum() == pytest.approx(5000)
    found = recode({"m": weighted}, {"m": 0.5}, [("a0", ("a0",))], preset("uk_biobank"))
    assert found.divisions["a0"].withheld == {("B",): 150, ("C",): 6}


def test_t23_rates_are_computed_from_rounded_counts():
    groups = {("A",): (60, 41, 30, 52), ("B",): (52, 31, 37, 23)}
    found = protect(groups, "opensafely")
    tn, fp, fn, tp = four(found, "a0")[("B",)]
    assert (tn, fp, fn, tp) == (50, 30, 35, 25)
    assert found.decided["m"]["a0"].measure("sensitivity", at=0.5)["value"].to_list()[-1] == pytest.approx(25 / 60)
    assert all(r["count"] % 5 == 0 for r in found.rows())
    assert [protect(groups, "opensafely").rows() for _ in range(3)] == [found.rows()] * 3


def test_t23_keyed_rounding_is_the_same_for_the_same_key():
    policy = preset("opensafely", rounding="keyed")
    key = b"sixteen bytes or more of a secret"

    def counts(key):
        return [r["count"] for r in recode({"m": tally(BIG)}, {"m": 0.5}, [("a0", ("a0",))], policy, key=key).rows()]

    assert counts(key) == counts(key)
    assert all(n % 5 == 0 for n in counts(key))
    with pytest.raises(PrimumError, match="no key"):
        counts(b"")


def test_weights_shrink_and_grow_with_rounding():
    frame = rows({("A",): (60, 41, 30, 52), ("B",): (52, 31, 37, 23)}).with_columns(w=pl.lit(2.0))
    weighted = count(frame, "y", "s", by=["a0"], thresholds=[0.5], weight="w")
    view = recode({"m": weighted}, {"m": 0.5}, [("a0", ("a0",))], preset("opensafely")).decided["m"]["a0"]
    assert view.at(0.5, "w").tp.tolist() == [100, 50]
    assert view.at(0.5, "n").tp.tolist() == [50, 25]


def test_t30_a_category_of_one_person_is_nowhere():
    found = protect({**BIG, ("C",): (40, 20, 15, 20), ("Kiribati",): (0, 0, 0, 1)})
    leaving = json.dumps(found.rows()) + repr([v.groups for m in found.decided.values() for v in m.values()])
    leaving += repr([v.groups for m in found.ranked.values() for v in m.values()]) + repr(found.people)
    assert "Kiribati" not in leaving
    assert "A" in leaving


def test_t14_a_hidden_group_is_in_no_gap_rank_or_worst():
    # sensitivity 45/60, 30/50 and, of C, 2/7; C joins E
    groups = {("A",): (90, 50, 15, 45), ("B",): (60, 30, 20, 30), ("C",): (20, 10, 5, 2), ("E",): (20, 12, 12, 13)}
    found = protect(groups)
    assert found.divisions["a0"].shown == (("A",), ("B",))
    rates = {g[0]: tp / (tp + fn) for g, (_, _, fn, tp) in four(found, "a0").items() if g != REST}
    told = compare({g: rates.get(g) for g in "ABCE"})
    assert told.gap == pytest.approx(0.15)
    assert told.states == {"A": "shown", "B": "shown", "C": SUPPRESSED, "E": SUPPRESSED}
    assert (told.worst, told.ranks) == (None, None) or not (told.worst or told.ranks)
    assert not {"C"} & {r["group"] for r in found.rows()}


def test_t36_small_groups_are_inconclusive_and_never_fair():
    # N = 300: 180 / 90 / 24 / 6 with 40 / 20 / 5 / 1 events; of C and D together 3 are missed, so B is only counted
    found = protect({("A",): (100, 40, 12, 28), ("B",): (50, 20, 10, 10), ("C",): (12, 7, 2, 3), ("D",): (3, 2, 1, 0)},
                    "uk_biobank")  # fmt: skip
    d = found.divisions["a0"]
    assert (d.shown, d.counted) == ((("A",),), (("B",),))
    assert d.withheld == {("C",): 24, ("D",): 6}
    told = compare({g: 0.7 if (g,) in d.shown else None for g in "ABCD"})
    assert told.states == {"A": "shown"} | dict.fromkeys("BCD", SUPPRESSED)


def wilson(k, n, z=1.959964):
    centre, half = (k + z * z / 2) / (n + z * z), z / (n + z * z) * np.sqrt(k * (n - k) / n + z * z / 4)
    return centre - half, centre + half


def state(k, n, least=0.70):
    low, high = wilson(k, n)
    return "supported" if low >= least else "refuted" if high < least else "inconclusive"


@pytest.mark.parametrize("name", ["cbs", "opensafely", "strict_lp"])
def test_t36_large_groups_keep_their_verdicts(name):
    exact = {"a": (5393, 7172), "b": (2281, 3032), "c": (911, 1223), "d": (384, 508), "e": (78, 114)}
    size = {"a": 60_000, "b": 25_000, "c": 10_000, "d": 4_000, "e": 1_000}
    groups = {(g,): (size[g] - n - size[g] // 4, size[g] // 4, n - k, k) for g, (k, n) in exact.items()}
    found = four(protect(groups, name), "a0")
    states = {g[0]: state(tp, tp + fn) for g, (_, _, fn, tp) in found.items()}
    assert states == {g: state(*n) for g, n in exact.items()}
    assert list(states.values()) == ["supported"] * 4 + ["inconclusive"]


# -- order and thresholds -------------------------------------------------------------------------------------------


def shown(recoded):
    return {title: (set(d.shown), set(d.shown) | set(d.counted)) for title, d in recoded.divisions.items()}


@pytest.mark.parametrize("seed", [0, 1, 2, 4])
def test_t33_the_order_of_attributes_groups_and_people_changes_nothing(attacker, seed):
    cohort = attacker.random_cohort(np.random.default_rng([seed, 33]))
    one = recode(cohort.tallies(), cohort.cuts, cohort.groups, preset("uk_biobank"))
    turned = np.random.default_rng(seed).permutation(len(cohort.outcome))
    other = attacker.Cohort(
        {a: cohort.labels[a][turned] for a in list(cohort.labels)[::-1]},
        cohort.outcome[turned],
        {m: s[turned] for m, s in cohort.scores.items()},
        cohort.cuts,
        cohort.groups[::-1],
    )
    two = recode(other.tallies(), other.cuts, other.groups, preset("uk_biobank"))
    assert {tuple(r.values()) for r in one.rows()} == {tuple(r.values()) for r in two.rows()}
    assert shown(one) == shown(two)


@pytest.mark.parametrize("seed", [0, 1, 2, 4])
def test_t33_protecting_what_is_protected_changes_nothing(attacker, seed):
    cohort = attacker.random_cohort(np.random.default_rng([seed, 33]))
    once = recode(cohort.tallies(), cohort.cuts, cohort.groups, preset("uk_biobank"))
    model = next(iter(once.cuts))
    for title, names in cohort.groups:
        for view in (once.decided[model].get(title), once.ranked[model].get(title)):
            if view is None or len(names) > 1:
                continue
            twice = recode({model: view}, {model: cohort.cuts[model]}, [(title, names)], preset("uk_biobank"))
            again = twice.decided[model].get(title)
            assert again is not None
            assert set(again.groups) == set(view.groups)
            edge = cohort.cuts[model]
            one, two = (dict(zip(v.groups, v.at(edge, "n").tp.tolist(), strict=True)) for v in (view, again))
            assert one == two


@pytest.mark.parametrize("seed", range(5))
def test_t32_a_higher_threshold_never_shows_more(attacker, seed):
    cohort = attacker.random_cohort(np.random.default_rng([seed, 32]))
    first = next(iter(cohort.cuts))
    tallies, before = {first: cohort.tallies()[first]}, None
    for t in (5, 7, 10, 14, 20, 30):
        try:
            now = shown(recode(tallies, cohort.cuts, cohort.groups, preset("uk_biobank", t=t)))
        except PrimumError:  # too few altogether
            break
        for title, (decided, counted) in now.items():
            assert before is None or decided <= before[title][0]
            assert before is None or counted <= before[title][1]
        before = now
    assert before is not None


# -- utility --------------------------------------------------------------------------------------------------------


def t10(seed, n=3000):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.12
    return y.astype(int), np.clip(rng.normal(0.3 + 0.2 * y, 0.15), 0, 1)


def auroc(y, s):
    from scipy.stats import mannwhitneyu

    return mannwhitneyu(s[y == 1], s[y == 0]).statistic / (y.sum() * (y == 0).sum())


def thinned_auroc(view, group=0):
    own = view.group == group
    size = int(view.label.max()) + 1
    n1, n0 = (
        np.bincount(view.label[own & (view.outcome == k)], view.n[own & (view.outcome == k)], size) for k in (1, 0)
    )
    below = np.cumsum(n0) - n0
    return float((n1 * (below + n0 / 2)).sum() / (n1.sum() * n0.sum()))


def test_t10_large_through_the_whole_protection():
    y, s = t10(2)
    assert auroc(y, s) == pytest.approx(0.8389, abs=5e-5)
    frame = pl.DataFrame({"y": y, "s": s})
    found = recode({"m": count(frame, "y", "s", thresholds=[0.4])}, {"m": 0.4}, [], preset("cbs")).everyone["m"]
    assert found.n.min() >= 10
    assert len(found.grid.thresholds) + 1 == pytest.approx(len(thinned(binned(s, y), 10).thresholds), abs=1)
    assert thinned_auroc(found) == pytest.approx(0.8389, abs=0.005)


def test_auroc_after_thinning_stays_within_half_a_hundredth_at_three_thousand():
    apart = []
    for seed in range(20):
        y, s = t10([seed, 10])
        frame = pl.DataFrame({"y": y, "s": s})
        found = recode({"m": count(frame, "y", "s", thresholds=[0.4])}, {"m": 0.4}, [], preset("cbs")).everyone["m"]
        apart.append(thinned_auroc(found) - auroc(y, s))
    assert np.abs(apart).max() < 0.005


def test_a_hundred_thousand_people_in_five_seconds():
    import time

    rng = np.random.default_rng(0)
    n = 100_000
    columns = {f"a{i}": rng.choice([f"L{j}" for j in range(k)], n) for i, k in enumerate([2, 5, 6, 3, 4, 8, 2, 7])}
    y = (rng.random(n) < 0.12).astype(int)
    frame = pl.DataFrame({**columns, "y": y, "s": np.clip(rng.normal(0.3 + 0.2 * y, 0.15), 0, 1)})
    tallies = dict.fromkeys("mkj", count(frame, "y", "s", by=list(columns), thresholds=[0.35]))
    groups = [(a, (a,)) for a in columns]
    begun = time.process_time()
    recode(tallies, dict.fromkeys("mkj", 0.35), groups, preset("cbs"))
    assert time.process_time() - begun < 5

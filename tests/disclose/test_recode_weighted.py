"""Whole tallies of weighted people protected: who weighs too much is not shown, and what leaves adds up to itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import polars as pl
import pytest

from primum.disclose.presets import preset
from primum.disclose.recode import REST, recode
from primum.disclose.rules_dominance import dominance_rule
from primum.errors import PrimumError
from primum.tally.count import count

CELLS = [(y, high) for y in (0, 1) for high in (0, 1)]
TITLES = [("a", ("a",))]


def people(groups, heavy=()):
    """Return one row a person of {label: people in each of TN, FP, FN, TP}; `heavy` are (label, cell, weight)."""
    rows = [(g, y, 0.7 if h else 0.2, 100.0) for g, n in groups.items() for y, h in CELLS for _ in range(n)]
    frame = pl.DataFrame(rows, schema=["a", "y", "s", "w"], orient="row")
    rng = np.random.default_rng(3)
    w = frame["w"].to_numpy() * rng.uniform(0.8, 1.25, len(frame))
    for label, cell, weight in heavy:
        y, h = CELLS[cell]
        own = (frame["a"] == label) & (frame["y"] == y) & (frame["s"] == (0.7 if h else 0.2))
        w[np.flatnonzero(own.to_numpy())[0]] = weight
    return frame.with_columns(w=w.round(6))


def tally(frame, weight="w"):
    return count(frame, "y", "s", by=["a"], thresholds=[0.5], weight=weight)


def protect(frame, name="cbs", titles=TITLES, **changes):
    return recode({"m": tally(frame)}, {"m": 0.5}, titles, preset(name), **changes)


GROUPS = {"A": 200, "B": 100, "C": 60, "D": 30}


def test_a_group_with_one_dominant_person_does_not_leave():
    # one of the 30 who are found weighs 10,000, the other 29 about 100 each
    frame = people(GROUPS, heavy=[("D", 3, 10_000.0)])
    found = protect(frame)
    assert ("D",) not in found.divisions["a"].shown
    assert "D" not in {r["group"] for r in found.rows()}
    assert protect(frame, "uk_biobank").divisions["a"].shown == (("A",), ("B",), ("C",), ("D",))  # no such rule there
    assert protect(people(GROUPS)).divisions["a"].shown == (("A",), ("B",), ("C",), ("D",))


def test_groups_join_until_the_remainder_passes_too():
    # D and C together still leave him more than half of those who are found; with B he has 10,000 of 28,000
    found = protect(people(GROUPS, heavy=[("D", 3, 10_000.0)]))
    assert found.divisions["a"].shown == (("A",),)
    rest = [r for r in found.rows() if r["group"] == REST and r["low"] is not None]
    assert {r["count"] for r in rest} == {190}
    assert all(r["weight"] is not None for r in rest)


def test_one_person_with_nearly_all_of_the_weight_is_refused_and_the_remedy_named():
    with pytest.raises(PrimumError, match="carry too much of the weight") as error:
        protect(people(GROUPS, heavy=[("A", 3, 1e6)]))
    assert "trim the weights" in str(error.value)
    assert "no person with more than 50% of the weight" in str(error.value)
    assert "no 2 people with more than 85%" in str(preset_error("strict_lp"))


def preset_error(name):
    with pytest.raises(PrimumError) as error:
        protect(people(GROUPS, heavy=[("A", 3, 1e6)]), name)
    return error.value


def test_t22_thresholds_count_people_and_not_weights():
    frame = people({"A": 200, "B": 100}).vstack(
        people({"C": 2}).head(6).with_columns(w=pl.lit(5000 / 6))  # weighted 5,000, unweighted 6
    )
    for name in ("cbs", "ons_sdap", "uk_biobank", "opensafely", "strict_lp"):
        found = protect(frame, name)
        assert ("C",) not in found.divisions["a"].shown
        assert "C" not in {r["group"] for r in found.rows()}


def test_what_leaves_is_people_times_rounded_mean_weights():
    frame = people(GROUPS)
    found = protect(frame)
    view = found.decided["m"]["a"]
    truly = tally(frame).by("a")
    for (group,), i in zip(view.groups, range(4), strict=True):
        own, true = view.at(0.5, "w"), truly.at(0.5, "w")
        assert own.tp[i] == pytest.approx(true.tp[truly.groups.index((group,))], rel=0.07)
        assert own.tp[i] != true.tp[truly.groups.index((group,))]
    rows = {(r["group"], r["outcome"], r["low"]): r for r in found.rows() if r["attribute"] == "a" and r["model"]}
    c, at = view.at(0.5, "w"), view.groups.index(("D",))
    found_, missed = rows["D", 1, 0.5], rows["D", 1, 0.0]
    assert c.tp[at] / (c.tp[at] + c.fn[at]) == pytest.approx(
        found_["count"] * found_["weight"] / (found_["count"] * found_["weight"] + missed["count"] * missed["weight"])
    )
    assert {len(f"{r['weight']:g}") for r in rows.values()} <= {2, 3}
    squares = view.at(0.5, "ww")
    assert squares.tp[at] == pytest.approx(found_["weight_ratio"] * c.tp[at] ** 2 / 30)


def test_every_cell_that_leaves_passes_the_rule_on_the_weights_themselves(attacker):
    """Every step × outcome × group and every remainder of random weighted cohorts, with the weights in hand."""
    cells = joined = 0
    for seed in range(12):
        cohort = attacker.random_cohort(np.random.default_rng([seed, 500]))
        drawn = np.random.default_rng([seed, 502]).lognormal(5, 1.3, len(cohort.outcome))
        cohort = replace(cohort, weight=drawn)
        for name in ("cbs", "ons_sdap"):
            policy = preset(name)
            try:
                found = recode(cohort.tallies(), cohort.cuts, cohort.groups, policy)
            except PrimumError:
                continue
            for model, views in ((m, v) for kind in (found.decided, found.ranked) for m, v in kind.items()):
                for title, view in views.items():
                    for weights in _weights(cohort, model, dict(cohort.groups)[title], view):
                        assert dominance_rule(weights, policy).passes
                        cells += 1
            plain = recode(replace(cohort, weight=None).tallies(), cohort.cuts, cohort.groups, policy)
            joined += sum(len(plain.divisions[t].shown) > len(d.shown) for t, d in found.divisions.items())
    assert cells > 300
    assert joined > 0  # weights did join groups that are shown without them


def _weights(cohort, model, names, view):
    """Yield the weights of the people of every cell of a view that holds somebody."""
    ends = [view.grid.low, *view.grid.thresholds, np.inf]
    labels = list(zip(*(cohort.labels[n] for n in names), strict=True))
    shown = set(view.groups)
    own = np.array([g if g in shown else (REST,) * len(names) for g in labels], dtype=object)
    s = cohort.scores[model]
    for group, y, k in product(view.groups, (0, 1), range(len(ends) - 1)):
        there = (own == np.array(group, dtype=object)).all(axis=1)
        there &= (cohort.outcome == y) & (s >= ends[k]) & (s < ends[k + 1])
        if there.any():
            yield cohort.weight[there]


def test_two_models_may_not_differ_by_people_of_whom_one_dominates():
    frame = people({"A": 200, "B": 100, "C": 60})
    w = frame["w"].to_numpy().copy()
    lost = np.flatnonzero((frame["a"] == "A").to_numpy() & (frame["y"] == 1).to_numpy())[:12]
    less = frame.with_columns(s=pl.when(pl.int_range(len(frame)).is_in(lost.tolist())).then(None).otherwise("s"))

    def protected(weight):
        models = {"m": frame.with_columns(w=weight), "k": less.with_columns(w=weight)}
        tallies = {m: count(f, "y", "s", by=["a"], thresholds=[0.5], weight="w", missing="exclude")
                   for m, f in models.items()}  # fmt: skip
        return recode(tallies, {"m": 0.5, "k": 0.5}, TITLES, preset("cbs"))

    assert list(protected(w).cuts) == ["m", "k"]  # 12 people more or fewer, all about alike
    w[lost[0]] = 3000.0  # of the 12 one has most of the weight, and of those who are missed in all a few per cent
    assert "set them apart" in protected(w).left_out["k"]


def test_several_rows_a_person_with_weights_are_refused_where_dominance_counts():
    frame = people(GROUPS)
    persons = {"persons": {"m": tally(frame, weight=None)}}
    with pytest.raises(PrimumError, match="weights and several rows"):
        protect(frame, units=persons)
    assert protect(frame, "uk_biobank", units=persons).divisions["a"].shown


def test_a_stricter_rule_never_shows_more_of_weighted_people(attacker):
    compared = 0
    for seed in range(8):
        cohort = attacker.random_cohort(np.random.default_rng([seed, 500]))
        cohort = replace(cohort, weight=np.random.default_rng(seed).lognormal(0, 1, len(cohort.outcome)))
        first = next(iter(cohort.cuts))
        tallies, before = {first: cohort.tallies()[first]}, None
        for t in (10, 12, 14, 20, 30):
            try:
                found = recode(tallies, cohort.cuts, cohort.groups, preset("cbs", t=t))
            except PrimumError:  # too few altogether
                break
            now = {title: set(d.shown) for title, d in found.divisions.items()}
            compared += before is not None
            assert before is None or all(now[k] <= before[k] for k in now)
            before = now
    assert compared > 5


def test_an_attacker_finds_no_count_of_weighted_people(attacker):
    for name in ("cbs", "opensafely"):
        leaks, _, groups = attacker.campaign(preset(name), range(4), sample=1, sigma=1.0)
        assert leaks == []
        assert groups[-1, 2] > 0


@pytest.mark.slow
def test_five_hundred_random_weighted_cohorts(attacker, capsys):
    policy = preset("cbs")
    leaks, nothing, groups = attacker.campaign(policy, range(500), sigma=1.0)
    with capsys.disabled():
        print(f"\nweighted {attacker.told(policy, 500, nothing, groups)}")
    assert leaks == []
    assert groups[-1, 2] > groups[-1, 0] / 3

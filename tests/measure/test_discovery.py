"""Subgroup discovery: counts against brute force, tests against references, error rates, planted subgroups."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from primum.errors import PrimumError
from primum.measure.cells import FEW, from_frame, split, split_tally
from primum.measure.discovery import discover, discover_frame
from primum.measure.excess import adjusted, fisher_lower, mean_lower, score_lower
from primum.measure.lattice import counts_of, lattice
from primum.measure.metric import metric
from primum.tally.count import count
from primum.usecase import MISSING

RATES = ("sensitivity", "fnr", "fpr", "specificity", "ppv", "selection_rate", "accuracy")


def people(n, attributes=5, levels=3, seed=0, sensitivity=0.7, prevalence=0.3):
    rng = np.random.default_rng(seed)
    columns = {f"a{i}": rng.integers(0, levels, n) for i in range(attributes)}
    y = rng.random(n) < prevalence
    d = rng.random(n) < np.where(y, sensitivity, 0.2)
    return pl.DataFrame(columns | {"y": y.astype(np.int8), "d": d.astype(np.int8)})


def planted(n=100_000, seed=0, depth=2):
    """About 1 % of the people, sensitivity .4 against .7, prevalence .1; ten attributes."""
    rng = np.random.default_rng(seed)
    levels = 10 if depth == 2 else 5
    columns = {f"a{i}": rng.integers(0, levels if i < depth else 5, n) for i in range(10)}
    inside = np.logical_and.reduce([columns[f"a{i}"] == 1 for i in range(depth)])
    y = rng.random(n) < 0.1
    d = rng.random(n) < np.where(y, np.where(inside, 0.4, 0.7), 0.2)
    return pl.DataFrame(columns | {"y": y, "d": d})


# -- counting -----------------------------------------------------------------------------------------------------


def brute(frame, attributes, depth):
    """Count every subgroup by filtering rows, one at a time."""
    frame = frame.with_columns(pl.col(attributes).cast(pl.String).fill_null(MISSING))
    found = {}
    for size in range(1, depth + 1):
        for subset in combinations(attributes, size):
            for values in product(*(sorted(frame[a].unique()) for a in subset)):
                rows = frame.filter(pl.col(a) == v for a, v in zip(subset, values, strict=True))
                kinds = (rows["y"].cast(pl.Int64) * 2 + rows["d"].cast(pl.Int64)).to_numpy()
                found[" × ".join(subset), " · ".join(values)] = np.bincount(kinds, minlength=4).tolist()
    return found


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["F", "M", None]), st.sampled_from([1, 2, 7]), st.booleans(), st.integers(0, 1),
            st.integers(0, 1),
        ),
        min_size=1, max_size=40,
    ),
    st.integers(1, 3),
    st.integers(0, 5),
)  # fmt: skip
def test_every_subgroup_has_the_counts_of_brute_force(rows, depth, seed):
    schema = {"sex": pl.String, "site": pl.Int32, "old": pl.Boolean, "y": pl.Int8, "d": pl.Int8}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    names = ["sex", "site", "old"]
    found = lattice(split(from_frame(frame, "y", "d", names, None), seed), depth)
    both = found.counts.sum(axis=1)
    ours = {(a, g): both[i].tolist() for i, (a, g, _) in enumerate(found.names())}
    assert ours == brute(frame, names, depth)
    assert found.total.sum() == len(rows)
    assert all(found.name(i) == (a, g) for i, (a, g, _) in enumerate(found.names()))


def test_a_tally_and_its_rows_have_the_same_subgroups():
    frame = people(2_000).with_columns(pl.when(pl.col("a0") > 0).then(pl.col("a0").cast(pl.String)))
    frame = frame.with_columns(risk=pl.col("d") * 0.5 + 0.1)
    tally = count(frame, outcome="y", score="risk", by=["a0", "a1", "a2"], thresholds=[0.3])
    one = discover(tally, "sensitivity", seed=3)
    two = discover_frame(frame, "y", "d", ["a0", "a1", "a2"], "sensitivity", seed=3)
    assert np.array_equal(one.lattice.counts.sum(axis=1), two.lattice.counts.sum(axis=1))
    assert MISSING in one.lattice.levels[0]
    assert one.lattice.levels == two.lattice.levels
    assert f"{MISSING} · 1" in one.searched["group"].to_list()


def test_a_tally_of_many_people_a_cell_is_searched_with_exact_counts():
    frame = people(300, attributes=2)
    whole = pl.concat([frame] * 40).with_columns(risk=pl.col("d") * 0.5 + 0.1)
    tally = count(whole, outcome="y", score="risk", by=["a0", "a1"], thresholds=[0.3])
    found = discover(tally, "accuracy", seed=1).lattice
    want = brute(whole, ["a0", "a1"], 2)
    assert {(a, g): found.counts[i].sum(axis=0).tolist() for i, (a, g, _) in enumerate(found.names())} == want


@pytest.mark.parametrize("width", [FEW - 1, FEW])
def test_whole_numbers_far_apart_are_coded_like_those_close_together(width):
    frame = pl.DataFrame({"a": [-3, width - 3, 5, -3], "y": [0, 1, 1, 0], "d": [0, 1, 0, 1]})
    cells = from_frame(frame, "y", "d", ["a"], None)
    assert [cells.levels[0][c] for c in cells.codes[0]] == frame["a"].cast(pl.String).to_list()


def test_people_without_an_outcome_are_left_out_and_counted():
    frame = people(2_000).with_columns(y=pl.when(pl.int_range(pl.len()) > 99).then(pl.col("y")))
    found = discover_frame(frame, "y", "d", ["a0", "a1"], "sensitivity", seed=1)
    assert found.left_out == 100
    assert sum(found.people) == 1_900


def test_pandas_rows_are_searched_like_polars_rows():
    pd = pytest.importorskip("pandas")
    frame = people(1_000)
    other = pd.DataFrame(frame.to_dict(as_series=False))
    one, two = (discover_frame(f, "y", "d", ["a0", "a1"], "fpr", seed=1) for f in (frame, other))
    assert np.array_equal(one.lattice.counts, two.lattice.counts)


# -- the split ----------------------------------------------------------------------------------------------------


def tally_of(frame, by=("a0", "a1"), **more):
    frame = frame.with_columns(risk=pl.col("d") * 0.5 + 0.1)
    return count(frame, outcome="y", score="risk", by=list(by), thresholds=[0.3], **more)


def test_the_parts_of_a_tally_add_up_to_it():
    tally = tally_of(people(5_000))
    one, two = split_tally(tally, seed=4)
    back = one + two
    assert np.array_equal(back.n, tally.n)
    np.testing.assert_allclose([back.w, back.ww, back.ws, back.wss], [tally.w, tally.ww, tally.ws, tally.wss])
    again, _ = split_tally(tally, seed=4)
    other, _ = split_tally(tally, seed=5)
    assert np.array_equal(again.n, one.n)
    assert not (other.n.shape == one.n.shape and np.array_equal(other.n, one.n))


def test_a_split_is_a_coin_toss_for_every_person():
    tally = tally_of(people(4_000, attributes=2))
    draws = np.array([split_tally(tally, seed=s, share=0.3)[0].people()[0, 1] for s in range(400)])
    n = tally.people()[0, 1]
    assert abs(draws.mean() - 0.3 * n) < 4 * np.sqrt(0.21 * n / 400)
    assert 0.75 < draws.var() / (0.21 * n) < 1.3


def test_halves_given_are_used_as_given():
    tally = tally_of(people(5_000))
    halves = split_tally(tally, seed=9)
    found = discover(halves, "sensitivity", seed=1)
    assert found.people == tuple(int(h.n.sum()) for h in halves)
    by_column = people(5_000).with_columns(h=(pl.int_range(pl.len()) < 2_000).cast(pl.Int8))
    assert discover_frame(by_column, "y", "d", ["a0"], "ppv", seed=1, half="h").people == (3_000, 2_000)


def test_a_level_that_one_half_lacks_is_empty_there():
    frame = people(4_000, attributes=2)
    one = tally_of(frame.filter(pl.col("a0") > 0))
    two = tally_of(frame)
    found = discover((one, two), "sensitivity", seed=1)
    row = found.searched.row(by_predicate=(pl.col("attribute") == "a0") & (pl.col("group") == "0"), named=True)
    assert (row["support_searched"], row["status"]) == (0, "too few")
    assert row["support_confirming"] > 0


# -- tests --------------------------------------------------------------------------------------------------------


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 300), st.integers(0, 300))
def test_fisher_agrees_with_scipy(k1, more1, k2, more2):
    p = fisher_lower(k1, k1 + more1, k2, k2 + more2)[0]
    if k1 + more1 and k2 + more2:
        assert p == pytest.approx(stats.hypergeom.cdf(k1, k1 + more1 + k2 + more2, k1 + k2, k1 + more1), rel=1e-8)
    else:
        assert p == 1


def test_fisher_holds_far_out_and_with_many_people():
    p = fisher_lower([10, 30_000], [100, 100_000], [700, 62_000_000], [1_000, 200_000_000])
    assert p[0] == pytest.approx(stats.hypergeom.cdf(10, 1_100, 710, 100), rel=1e-8)
    z = (0.30 - 0.31) / np.sqrt(0.31 * 0.69 / 1e5)
    assert p[1] == pytest.approx(stats.norm.cdf(z), rel=0.1)


@pytest.mark.parametrize(("k1", "n1", "k2", "n2"), [(20, 50, 700, 1000), (45, 50, 70, 100), (3, 20, 40, 90)])
def test_the_score_test_takes_the_most_likely_proportions(k1, n1, k2, n2):
    def unlikely(q):
        return -(k1 * np.log(q) + (n1 - k1) * np.log(1 - q) + k2 * np.log(q + 0.05) + (n2 - k2) * np.log(0.95 - q))

    q = optimize.minimize_scalar(unlikely, bounds=(1e-9, 0.95 - 1e-9), method="bounded", options={"xatol": 1e-12}).x
    z = (k1 / n1 - k2 / n2 + 0.05) / np.sqrt(q * (1 - q) / n1 + (q + 0.05) * (0.95 - q) / n2)
    assert score_lower(k1, n1, k2, n2, 0.05) == pytest.approx(stats.norm.cdf(z), rel=1e-5)
    assert score_lower(0, 0, k2, n2, 0.05) == 1


def test_the_z_test_of_means_needs_people():
    assert mean_lower(0.1, 0.2, 0, 0.2, 0.2, 50) == 1
    assert mean_lower(0.1, 0.04, 100, 0.2, 0.04, 1e9) == pytest.approx(stats.norm.cdf(-5), rel=1e-3)


def test_adjustment_agrees_with_scipy():
    p = np.array([0.01, 0.5, 0.002, 0.04, 0.9])
    for method in ("BH", "BY"):
        np.testing.assert_allclose(adjusted(p, method), stats.false_discovery_control(p, method=method.lower()))


# -- findings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RATES)
def test_values_are_those_of_the_metric_outside_and_inside(name):
    found = discover_frame(people(3_000), "y", "d", ["a0", "a1"], name, seed=2)
    row = found.searched.row(by_predicate=pl.col("group") == "1 · 2", named=True)
    i = found.searched["group"].to_list().index("1 · 2")
    c = counts_of(found.lattice.counts[i, 1])
    rest = counts_of(found.lattice.total[1] - found.lattice.counts[i, 1])
    assert row["value"] == pytest.approx(float(metric(name).kernel(c, 0)))
    assert row["outside"] == pytest.approx(float(metric(name).kernel(rest, 0)))
    assert row["support_confirming"] == metric(name).rate[1](c)


def test_a_planted_one_per_cent_is_found_at_depth_three():
    rng = np.random.default_rng(1)
    frame = planted(depth=3, seed=1)
    inside = (pl.col("a0") == 1) & (pl.col("a1") == 1) & (pl.col("a2") == 1)
    frame = frame.with_columns(
        d=pl.when(inside & pl.col("y")).then(pl.Series(rng.random(len(frame)) < 0.3)).otherwise("d")
    )
    found = discover_frame(frame, "y", "d", [f"a{i}" for i in range(10)], "sensitivity", seed=11)
    best = found.confirmed[0]
    assert best.levels == (("a0", "1"), ("a1", "1"), ("a2", "1"))
    assert best.name == "a0 × a1 × a2: 1 · 1 · 1"
    assert best.direction == "lower"
    assert best.low < best.difference < best.high < 0
    assert best.n / found.people[1] < 0.012
    assert found.distinct[0] == best
    assert sum(found.statuses.values()) == len(found.searched) == 10 * 5 + 45 * 25 + 120 * 125


def test_the_fnr_is_the_mirror_of_sensitivity():
    frame = planted(30_000, seed=3)
    one, two = (discover_frame(frame, "y", "d", ["a0", "a1", "a2"], k, seed=1) for k in ("sensitivity", "fnr"))
    assert one.confirmed
    assert [s.name for s in one.confirmed] == [s.name for s in two.confirmed]
    assert two.confirmed[0].direction == "higher"
    assert one.confirmed[0].p == two.confirmed[0].p
    assert one.confirmed[0].difference == pytest.approx(-two.confirmed[0].difference)


def test_a_parent_that_is_low_because_of_its_child_says_so():
    frame = people(60_000, attributes=3, seed=5)
    rng = np.random.default_rng(5)
    low = (pl.col("a0") == 1) & (pl.col("a1") == 2)
    hit = pl.Series(rng.random(len(frame)) < 0.35).cast(pl.Int8)
    frame = frame.with_columns(d=pl.when(low & (pl.col("y") == 1)).then(hit).otherwise("d"))
    found = {s.name: s for s in discover_frame(frame, "y", "d", ["a0", "a1", "a2"], "sensitivity", seed=1).confirmed}
    assert found["a0: 1"].driven_by == "a0 × a1: 1 · 2"
    assert found["a0 × a1: 1 · 2"].explained_by == found["a0 × a1: 1 · 2"].driven_by == ""
    children = [s for name, s in found.items() if name.startswith("a0 × a1 × a2: 1 · 2")]
    assert children
    assert all(s.explained_by == "a0 × a1: 1 · 2" for s in children)


def test_a_child_that_is_low_because_of_its_parent_says_so():
    frame = people(40_000, attributes=2, seed=6)
    rng = np.random.default_rng(6)
    hit = pl.Series(rng.random(len(frame)) < 0.5).cast(pl.Int8)
    frame = frame.with_columns(d=pl.when((pl.col("a0") == 1) & (pl.col("y") == 1)).then(hit).otherwise("d"))
    found = discover_frame(frame, "y", "d", ["a0", "a1"], "sensitivity", seed=1)
    assert {s.name: s.explained_by for s in found.confirmed}["a0 × a1: 1 · 2"] == "a0: 1"
    assert [s.name for s in found.distinct] == ["a0: 1"]


def test_what_was_searched_and_not_flagged_is_listed_with_the_reason():
    frame = people(2_000, seed=8).with_columns(rare=(pl.int_range(pl.len()) < 20).cast(pl.Int8), twin=pl.col("a0"))
    found = discover_frame(frame, "y", "d", ["a0", "rare", "twin"], "sensitivity", seed=1)
    rows = {(r["attribute"], r["group"]): r for r in found.searched.iter_rows(named=True)}
    few = rows["rare", "1"]
    assert few["status"] == "too few"
    assert few["why"] == f"{few['support_searched']} people with the outcome searched inside, 15 needed"
    assert "outside" not in few["why"]
    assert few["n"] == 20
    assert rows["a0 × twin", "1 · 1"]["status"] == "same people"
    assert rows["a0 × twin", "1 · 2"]["n"] == 0
    assert rows["a0", "1"]["status"] == "not selected"
    assert rows["a0", "1"]["why"].startswith("p = ")
    assert found.statuses["too few"] == found.searched.filter(pl.col("status") == "too few").height
    assert rows["a0 × twin", "1 · 2"]["value"] is None


def test_support_is_counted_in_events_not_in_per_cent():
    frame = people(100_000, attributes=2, prevalence=0.5, seed=9)
    frame = frame.with_columns(rare=(pl.int_range(pl.len()) < 200).cast(pl.Int8))  # two in a thousand
    found = discover_frame(frame, "y", "d", ["rare", "a0"], "sensitivity", seed=1).searched
    assert found.filter(pl.col("group") == "1").filter(pl.col("attribute") == "rare")["status"][0] != "too few"


def test_a_margin_passes_over_small_differences():
    frame = people(60_000, attributes=2, seed=5)
    rng = np.random.default_rng(5)
    hit = pl.Series(rng.random(len(frame)) < 0.6).cast(pl.Int8)
    frame = frame.with_columns(d=pl.when((pl.col("a0") == 1) & (pl.col("y") == 1)).then(hit).otherwise("d"))
    names = [
        [s.name for s in discover_frame(frame, "y", "d", ["a0", "a1"], "sensitivity", seed=1, margin=m).confirmed]
        for m in (None, 0.05, 0.15)
    ]
    assert "a0: 1" in names[0]
    assert "a0: 1" in names[1]
    assert names[2] == []


def test_net_benefit_is_searched_too():
    frame = planted(50_000, seed=3).with_columns(y=pl.col("y") | (pl.int_range(pl.len()) % 4 == 0))
    frame = frame.with_columns(d=pl.col("d") & ~((pl.col("a0") == 1) & pl.col("y")))
    found = discover_frame(frame, "y", "d", ["a0", "a1", "a2"], "net_benefit", at=0.1, seed=1)
    assert found.confirmed[0].name == "a0: 1"
    assert found.confirmed[0].value < found.confirmed[0].outside
    tally = tally_of(frame.with_columns(pl.col("y", "d").cast(pl.Int8)), ["a0", "a1", "a2"])
    assert discover(tally, "net_benefit", seed=1, side="either").confirmed


def test_either_side_finds_an_excess_that_worse_passes_over():
    frame = planted(50_000, seed=3)
    frame = frame.with_columns(d=pl.when((pl.col("a0") == 1) & pl.col("y")).then(True).otherwise("d"))
    worse, either = (
        discover_frame(frame, "y", "d", ["a0", "a2"], "sensitivity", seed=1, side=side) for side in ("worse", "either")
    )
    assert "a0: 1" not in {s.name for s in worse.confirmed}
    assert {s.name: s.direction for s in either.confirmed}["a0: 1"] == "higher"


def test_the_same_seed_gives_the_same_result():
    frame = planted(30_000, seed=4)
    one, two, three = (discover_frame(frame, "y", "d", ["a0", "a1", "a2"], "sensitivity", seed=s) for s in (1, 1, 2))
    assert one.rows() == two.rows()
    assert one.searched.equals(two.searched)
    assert not one.searched.equals(three.searched)
    assert "subgroups" in repr(one)


# -- error rates --------------------------------------------------------------------------------------------------


def false_alarms(name, repeats, n=4_000, **more):
    """Count the searches that confirm anything although no subgroup differs."""
    found = 0
    for s in range(repeats):
        frame = people(n, attributes=5, levels=3, seed=[7, s])
        found += bool(discover_frame(frame, "y", "d", [f"a{i}" for i in range(5)], name, seed=s, **more).confirmed)
    return found


@pytest.mark.parametrize(
    ("name", "more"),
    [("sensitivity", {}), ("ppv", {"side": "either"}), ("net_benefit", {"at": 0.2}), ("fpr", {"fdr": "BY"})],
)
def test_nothing_is_found_where_nothing_differs(name, more):
    repeats = 300
    assert false_alarms(name, repeats, **more) <= stats.binom.ppf(0.999, repeats, 0.05)


def test_the_limit_of_the_margin_is_held():
    found = 0
    for s in range(100):
        frame = people(4_000, attributes=3, seed=[8, s])
        rng = np.random.default_rng([9, s])
        hit = pl.Series(rng.random(len(frame)) < 0.6).cast(pl.Int8)
        frame = frame.with_columns(d=pl.when((pl.col("a0") == 1) & (pl.col("y") == 1)).then(hit).otherwise("d"))
        found += bool(
            discover_frame(frame, "y", "d", ["a0", "a1"], "sensitivity", seed=s, margin=0.1, depth=2).confirmed
        )
    assert found <= stats.binom.ppf(0.999, 100, 0.05)


def test_testing_where_one_searched_would_raise_false_alarms():
    """Without the second half, the level is lost: the search on its own confirms far too much."""
    wrong = 0
    for s in range(40):
        frame = people(4_000, attributes=5, levels=3, seed=[7, s]).with_columns(h=pl.lit(0))
        twice = pl.concat([frame, frame.with_columns(h=pl.lit(1))])
        names = [f"a{i}" for i in range(5)]
        found = discover_frame(twice, "y", "d", names, "sensitivity", seed=s, half="h", by_chance=5)
        wrong += bool(found.confirmed)
    assert wrong > 30


@pytest.mark.slow
@pytest.mark.parametrize("prevalence", [0.02, 0.1])
@pytest.mark.parametrize(("name", "at"), [("sensitivity", None), ("fpr", None), ("ppv", None), ("net_benefit", 0.1)])
def test_the_false_discovery_rate_under_the_null_at_full_size(name, at, prevalence):
    repeats, found = 300, 0
    for s in range(repeats):
        frame = people(20_000, attributes=8, levels=4, seed=[10, s], prevalence=prevalence)
        found += bool(discover_frame(frame, "y", "d", [f"a{i}" for i in range(8)], name, seed=s, at=at).confirmed)
    print(f"false discoveries {name} prevalence {prevalence}: {found}/{repeats}")
    assert found <= stats.binom.ppf(0.999, repeats, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("depth", [2, 3])
def test_power_for_a_planted_one_per_cent(depth):
    repeats, found, share = 100, 0, []
    truth = tuple((f"a{i}", "1") for i in range(depth))
    for s in range(repeats):
        names = [f"a{i}" for i in range(10)]
        result = discover_frame(planted(seed=[11, s], depth=depth), "y", "d", names, "sensitivity", seed=s)
        found += truth in {x.levels for x in result.confirmed}
        # false: without any planted person, or with no more of them than chance puts there
        false = [x for x in result.confirmed if any((a, v) not in x.levels for a, v in truth if a in dict(x.levels))
                 or not set(x.levels) & set(truth)]  # fmt: skip
        share.append(len(false) / max(1, len(result.confirmed)))
    print(f"depth {depth}: found in {found}/{repeats}, mean false share {np.mean(share):.3f}")
    assert found >= (60 if depth == 2 else 45)
    assert np.mean(share) <= 0.05 + 2 * np.std(share) / np.sqrt(repeats)


# -- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"name": "auroc"}, "'auroc' is no rate"),
        ({"name": "sensitivty"}, "did you mean 'sensitivity'"),
        ({"depth": 4}, "A depth of 4 is not searched"),
        ({"depth": 0}, "A depth of 0 is not searched"),
        ({"attributes": []}, "no attribute to search"),
        ({"attributes": ["a0", "a0"]}, "'a0' is named twice"),
        ({"attributes": ["b0"]}, "There is no column 'b0'"),
        ({"fewest_events": 0}, "fewest_events = 0"),
        ({"margin": 0.0}, "A margin of 0"),
        ({"level": 1.0}, "rate of 1 cannot be held"),
        ({"by_chance": 0}, "by_chance = 0"),
        ({"fdr": "Holm"}, "fdr='Holm' is not known"),
        ({"side": "both"}, "side='both' is not known"),
        ({"name": "net_benefit"}, "needs the threshold at which 'd' was taken"),
        ({"name": "net_benefit", "at": 1.0}, "no exchange rate"),
        (
            {"fewest_events": 10_000},
            r"sensitivity counts people with the outcome(?s:.)*is \d+ inside 'a\d: \d' and(?s:.)*5120 on either",
        ),
    ],
)
def test_mistakes_are_told(more, message):
    asked = {"attributes": ["a0", "a1"], "name": "sensitivity", "seed": 1} | more
    with pytest.raises(PrimumError, match=message):
        discover_frame(people(500), "y", "d", **asked)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": pl.lit(2)}, "'y' is neither 0 nor 1 in 500 of 500 rows"),
        ({"y": pl.lit("yes")}, "'y' is neither 0 nor 1 in 500 of 500 rows"),
        ({"d": pl.lit(None, dtype=pl.Int8)}, "'d' is missing for 500 people"),
        ({"y": pl.lit(None, dtype=pl.Int8)}, "nobody to search"),
    ],
)
def test_columns_other_than_nought_and_one_are_refused(change, message):
    with pytest.raises(PrimumError, match=message):
        discover_frame(people(500).with_columns(**change), "y", "d", ["a0"], "sensitivity", seed=1)


def test_something_that_is_no_frame_is_refused():
    with pytest.raises(PrimumError, match="Rows of type int cannot be searched"):
        discover_frame(7, "y", "d", ["a0"], "sensitivity", seed=1)


def test_too_many_subgroups_are_refused():
    rng = np.random.default_rng(0)
    frame = people(500).with_columns(pl.Series(f"b{i}", rng.integers(0, 120, 500)) for i in range(4))
    with pytest.raises(PrimumError, match=r"4 attributes make [\d,]+ subgroups(?s:.)*at most 1,000,000"):
        discover_frame(frame, "y", "d", [f"b{i}" for i in range(4)], "sensitivity", seed=1)


def test_tallies_that_cannot_be_searched_say_why():
    frame = people(500).with_columns(risk=pl.col("d") * 0.5 + 0.1, w=pl.col("a0") + 1.0, z=pl.col("y"))
    tally = tally_of(frame)
    heavy = count(frame, outcome="y", score="risk", by=["a0"], thresholds=[0.3], weight="w")
    with pytest.raises(PrimumError, match="This tally is weighted"):
        discover(heavy, "sensitivity", seed=1)
    with pytest.raises(PrimumError, match="leaves one part empty"):
        split_tally(tally, seed=1, share=1.0)
    with pytest.raises(PrimumError, match="needs a decision threshold"):
        discover(count(frame, outcome="y", score="risk", by=["a0"]), "sensitivity", seed=1)
    with pytest.raises(PrimumError, match="3 tallies were given"):
        discover((tally, tally, tally), "sensitivity", seed=1)
    with pytest.raises(PrimumError, match="different outcomes: 'y' and 'z'"):
        discover((tally, count(frame, outcome="z", score="risk", by=["a0", "a1"], thresholds=[0.3])), "ppv", seed=1)
    with pytest.raises(PrimumError, match="There is no attribute 'a9' in this tally"):
        discover(tally, "sensitivity", seed=1, attributes=["a9"])
    with pytest.raises(PrimumError, match="no attribute to search"):
        discover(tally.by(), "sensitivity", seed=1)
    points = count(frame, outcome="y", score="risk", by=["a0"], score_range=(0.0, 10.0), thresholds=[0.3])
    with pytest.raises(PrimumError, match="this score is in points"):
        discover(points, "net_benefit", seed=1)

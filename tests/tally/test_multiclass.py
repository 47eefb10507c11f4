"""Counting several classes: against plain loops, on every engine, added, regrouped, and refused."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from primum.errors import PrimumError
from primum.tally.count import count
from primum.tally.count_classes import count_classes
from primum.tally.multiclass import STRIDE, ClassTally
from primum.usecase import MISSING

SCORES = {"NO": "p0", ">30": "p1", "<30": "p2"}
CLASSES = list(SCORES)
ENGINES = {
    "polars": pl.DataFrame, "lazy": pl.LazyFrame, "pandas": pd.DataFrame, "pyarrow": pa.table,
    "duckdb": lambda d: duckdb.from_arrow(pa.table(d)),
}  # fmt: skip
every_engine = pytest.mark.parametrize("engine", ENGINES)


def rows(n=300, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (n, 3))
    p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    y = [CLASSES[rng.choice(3, p=q)] for q in p]
    return {
        "y": y, **{f"p{k}": p[:, k].tolist() for k in range(3)},
        "g": rng.choice(["a", "b", None], n).tolist(), "h": rng.choice(["x", "y"], n).tolist(),
        "w": rng.gamma(2, 0.5, n).tolist(),
        "fam": [None if u < 0.2 else f"f{k}" for u, k in zip(rng.random(n), rng.integers(0, 60, n), strict=True)],
    }  # fmt: skip


def same_scores(a, b):
    assert (a.attributes, a.groups, a.grid, a.left_out) == (b.attributes, b.groups, b.grid, b.left_out)
    for k in ("group", "outcome", "label", "n"):
        np.testing.assert_array_equal(getattr(a, k), getattr(b, k))
    for k in ("w", "ww", "ws", "wss"):
        np.testing.assert_allclose(getattr(a, k), getattr(b, k), rtol=1e-11)


def as_matrix(i, j, value):
    out: dict[tuple[int, int], float] = {}
    for a, b, v in zip(i.tolist(), j.tolist(), value.tolist(), strict=True):
        out[a, b] = out.get((a, b), 0) + v
    return {k: v for k, v in out.items() if abs(v) > 1e-12}


def close(a: ClassTally, b: ClassTally) -> None:
    assert a.classes == b.classes
    for x, y in zip(a.ovr, b.ovr, strict=True):
        same_scores(x, y)
    np.testing.assert_array_equal(a.n, b.n)
    np.testing.assert_allclose(a.w, b.w, rtol=1e-11)
    np.testing.assert_allclose(a.ww, b.ww, rtol=1e-11)
    for g in range(len(a.groups)):
        if a.pairs and b.pairs:
            assert as_matrix(*a.pairs.of(g)) == pytest.approx(as_matrix(*b.pairs.of(g)))
        one, two = a.shared(g), b.shared(g)
        if one and two:
            assert one.clusters == two.clusters
            assert as_matrix(one.i, one.j, one.value) == pytest.approx(as_matrix(two.i, two.j, two.value))


@pytest.mark.parametrize("weight", [None, "w"])
@every_engine
def test_each_class_is_counted_against_the_rest(engine, weight):
    data = rows()
    tally = count_classes(ENGINES[engine](data), "y", SCORES, ["g", "h"], weight=weight, thresholds={"<30": 0.313})
    for k, c in enumerate(CLASSES):
        frame = pl.DataFrame(data).with_columns((pl.col("y") == c).cast(int).alias("is"))
        at = [0.313] if c == "<30" else []
        same_scores(tally.ovr[k], count(frame, "is", SCORES[c], ["g", "h"], weight=weight, thresholds=at))
    p = np.array([data[v] for v in SCORES.values()]).T
    w = np.ones(len(p)) if weight is None else np.array(data["w"])
    names = [(g or MISSING, h) for g, h in zip(data["g"], data["h"], strict=True)]
    expected = np.zeros((3, len(tally.groups), 3, 3))
    for m, y, q, v in zip(names, data["y"], p, w, strict=True):
        expected[:, tally.groups.index(m), CLASSES.index(y), q.argmax()] += (1, v, v * v)
    np.testing.assert_array_equal(tally.n, expected[0])
    np.testing.assert_allclose(tally.w, expected[1], rtol=1e-12)
    np.testing.assert_allclose(tally.ww, expected[2], rtol=1e-12)


def cells_of(data):
    """Return the code of the coarse cell of every person in every class, shape (people, 3)."""
    p = np.array([data[v] for v in SCORES.values()]).T
    own = np.array(data["y"])[:, None] == CLASSES
    return np.floor(np.sqrt(p) * 64).astype(int) * 2 + own + np.arange(3) * STRIDE


@pytest.mark.parametrize("weight", [None, "w"])
def test_pairs_are_people_in_two_cells(weight):
    data = rows()
    tally = count_classes(pl.DataFrame(data), "y", SCORES, ["h"], weight=weight)
    w = np.ones(300) if weight is None else np.array(data["w"])
    assert tally.pairs is not None
    for g, (h,) in enumerate(tally.groups):
        expected: dict[tuple[int, int], float] = {}
        for cell, v, own in zip(cells_of(data).tolist(), w, data["h"], strict=True):
            for a, b in ((0, 1), (0, 2), (1, 2)):
                if own == h:
                    expected[cell[a], cell[b]] = expected.get((cell[a], cell[b]), 0) + v * v
        assert as_matrix(*tally.pairs.of(g)) == pytest.approx(expected)


@every_engine
def test_clusters_share_the_cells_of_all_classes_and_of_decisions(engine):
    data = rows()
    tally = count_classes(ENGINES[engine](data), "y", SCORES, ["h"], cluster="fam")
    p = np.array([data[v] for v in SCORES.values()]).T
    decided = 3 * STRIDE + np.array([CLASSES.index(y) for y in data["y"]]) * 3 + p.argmax(1)
    cells = np.column_stack([cells_of(data), decided]).tolist()
    fam = [f or f"alone {i}" for i, f in enumerate(data["fam"])]
    for g, (h,) in enumerate(tally.groups):
        sums: dict[str, dict[int, float]] = {}
        for f, own, cell in zip(fam, data["h"], cells, strict=True):
            if own == h:
                t = sums.setdefault(f, {})
                for c in cell:
                    t[c] = t.get(c, 0) + 1
        expected: dict[tuple[int, int], float] = {}
        for t in sums.values():
            for a, x in t.items():
                for b, y in t.items():
                    expected[a, b] = expected.get((a, b), 0) + x * y
        shared = tally.shared(g)
        assert shared is not None
        assert shared.clusters == len(sums)
        assert as_matrix(shared.i, shared.j, shared.value) == pytest.approx(expected)


def test_what_was_decided_is_a_score_of_nought_or_one():
    data = rows()
    tally = count_classes(pl.DataFrame(data), "y", SCORES, ["h"], weight="w")
    p = np.array([data[v] for v in SCORES.values()]).T
    for k, c in enumerate(CLASSES):
        frame = pl.DataFrame(data).with_columns(
            (pl.col("y") == c).cast(int).alias("is"), pl.Series("d", (p.argmax(1) == k).astype(float))
        )
        plain = count(frame, "is", "d", ["h"], weight="w", thresholds=[0.5])
        for what in ("w", "ww"):
            a, b = tally.decided(k).at(0.5, what), plain.at(0.5, what)
            for x in ("tp", "fp", "fn", "tn"):
                np.testing.assert_allclose(getattr(a, x), getattr(b, x), rtol=1e-11)


def test_a_column_may_say_what_was_decided_and_ties_go_to_the_first_class():
    data = {"y": ["a", "b", "b"], "pa": [0.5, 0.5, 0.1], "pb": [0.5, 0.5, 0.9], "d": ["b", "b", "a"]}
    scores = {"a": "pa", "b": "pb"}
    assert count_classes(pl.DataFrame(data), "y", scores).n[0].tolist() == [[1, 0], [1, 1]]
    assert count_classes(pl.DataFrame(data), "y", scores, decision="d").n[0].tolist() == [[0, 1], [1, 1]]
    assert count_classes(pl.DataFrame(data), "y", scores, classes=["b", "a"]).n[0].tolist() == [[2, 0], [1, 0]]


@pytest.mark.parametrize("y", [[0, 1, 2, 1], [0.0, 1.0, 2.0, 1.0], ["0", "1", "2", "1"]])
def test_classes_may_be_numbers(y):
    data = {"y": y, "p0": [0.8, 0.1, 0.1, 0.3], "p1": [0.1, 0.8, 0.1, 0.4], "p2": [0.1, 0.1, 0.8, 0.3]}
    tally = count_classes(pl.DataFrame(data), "y", {0: "p0", 1: "p1", 2: "p2"})
    assert tally.classes == ("0", "1", "2")
    assert tally.n[0].tolist() == [[1, 0, 0], [0, 2, 0], [0, 0, 1]]


@given(st.integers(0, 1000), st.integers(0, 60), st.randoms(use_true_random=False))
@settings(max_examples=8)
def test_order_and_sites_do_not_matter(seed, cut, random):
    data = pl.DataFrame(rows(60, seed)).with_columns(pl.col("fam").fill_null("alone"))
    order = list(range(60))
    random.shuffle(order)
    how = {"weight": "w", "cluster": "fam"}
    whole = count_classes(data, "y", SCORES, ["g"], **how)
    close(count_classes(data[order], "y", SCORES, ["g"], **how), whole)
    there = pl.col("fam").hash(1) % 61 < cut
    parts = [x for x in (data.filter(there), data.filter(~there)) if len(x)]
    tallies = [count_classes(x, "y", SCORES, ["g"], **how) for x in parts]
    added = tallies[0] + tallies[1] if len(tallies) > 1 else tallies[0]
    close(added, whole)
    close(added.by(), whole.by())


def test_fewer_attributes_and_everyone_else():
    data = rows()
    tally = count_classes(pl.DataFrame(data), "y", SCORES, ["g", "h"])
    close(tally.by("h"), count_classes(pl.DataFrame(data), "y", SCORES, ["h"]))
    close(tally.by(), count_classes(pl.DataFrame(data), "y", SCORES))
    rest = tally.by("h").without(("x",))
    others = count_classes(pl.DataFrame(data).filter(pl.col("h") != "x"), "y", SCORES)
    assert rest.groups == (("(everyone else)",),)
    np.testing.assert_array_equal(rest.n, others.n)
    assert rest.pairs is not None
    assert others.pairs is not None
    assert as_matrix(*rest.pairs.of(0)) == as_matrix(*others.pairs.of(0))


@every_engine
def test_people_left_out_are_counted_by_group(engine):
    data = {"y": ["a", None, "b", "b"], "pa": [0.5, 0.5, None, 0.2], "pb": [0.5, 0.5, 0.9, 0.8], "g": list("uuvv")}
    scores = {"a": "pa", "b": "pb"}
    tally = count_classes(ENGINES[engine](data), "y", scores, ["g"], missing="exclude")
    assert tally.n.sum() == 2
    assert tally.left_out == {("u",): 1, ("v",): 1}
    with pytest.raises(PrimumError, match=r"1 of 4 rows lack a score for some class(.|\n)*missing='exclude'"):
        count_classes(ENGINES[engine](data), "y", scores, ["g"])


GOOD = {"y": ["a", "b", "b"], "pa": [0.5, 0.5, 0.1], "pb": [0.5, 0.5, 0.9], "w": [1.0, 1.0, 1.0], "d": ["a", "b", "b"]}


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({"y": ["a", "c", "c"]}, {}, r"The outcome 'y' is none of the classes in 2 of 3 rows(.|\n)*available: a, b"),
        ({"pb": [0.5, 0.6, 0.8]}, {}, r"The scores of 2 of 3 rows do not sum to 1 \(within 0.001\)"),
        ({"pa": [1.5, 0.5, 0.1], "pb": [-0.5, 0.5, 0.9]}, {}, r"Scores lie outside \[0, 1\] in 1 of 3 rows"),
        ({"d": ["a", None, "z"]}, {"decision": "d"}, "The decision 'd' is missing or none of the classes in 2 of 3"),
        ({"w": [1.0, -1.0, 1.0]}, {"weight": "w"}, "The weight 'w' runs from -1 to 1"),
        ({"pa": ["x", "y", "z"]}, {}, "The score 'pa' is stored as String, not as numbers"),
        ({}, {"classes": ["a", "b", "c"]}, r"The class 'c' has no score(.|\n)*available: a, b"),
        ({}, {"classes": ["a", "a"]}, "are not at least two different ones"),
        ({}, {"scores": {"a": "pa"}}, r"not at least two different ones(.|\n)*use primum.count"),
        ({}, {"scores": {"a": "pa", "b": "pc"}}, r"There is no score column 'pc' in the data"),
        ({}, {"thresholds": {"A": 0.5}}, r"There is no class 'A' in classes(.|\n)*did you mean 'a'"),
        ({}, {"by": ["sex"]}, "There is no group column 'sex'"),
        ({}, {"missing": "drop"}, "missing='drop' is not known"),
    ],
)
def test_bad_input(change, options, words):
    options = {"scores": {"a": "pa", "b": "pb"}, **options}
    with pytest.raises(PrimumError, match=words):
        count_classes(pl.DataFrame(GOOD | change), "y", **options)


def test_rounded_scores_may_be_tolerated():
    frame = pl.DataFrame(GOOD | {"pb": [0.5, 0.51, 0.9]})
    assert count_classes(frame, "y", {"a": "pa", "b": "pb"}, tolerance=0.02).n.sum() == 3


def test_no_rows():
    with pytest.raises(PrimumError, match="There are no rows to count"):
        count_classes(pl.DataFrame(GOOD).head(0), "y", {"a": "pa", "b": "pb"})


def test_tallies_that_cannot_be_added():
    frame = pl.DataFrame(rows())
    one = count_classes(frame, "y", SCORES, ["h"])
    turned = count_classes(frame, "y", SCORES, ["h"], classes=CLASSES[::-1])
    with pytest.raises(PrimumError, match=r"their classes differ(.|\n)*the same order"):
        one + turned
    with pytest.raises(PrimumError, match="only one of them was counted with clusters or joint=False"):
        one + count_classes(frame, "y", SCORES, ["h"], joint=False)
    with pytest.raises(PrimumError, match=r"one is by \['h'\], the other by \['g'\]"):
        one + count_classes(frame, "y", SCORES, ["g"])
    with pytest.raises(PrimumError, match="thresholds differ"):
        one + count_classes(frame, "y", SCORES, ["h"], thresholds={"NO": 0.123})
    with pytest.raises(PrimumError, match="There is no attribute 'sex'"):
        one.by("sex")

"""Sums of powers of prediction and error: written out person by person, on every engine, added, and refused."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from primum.errors import PrimumError
from primum.tally.continuous import ContinuousTally, sums_of
from primum.tally.count_continuous import count_continuous
from primum.tally.powers import PLACE, PRODUCTS, TERMS, matrix, shift
from primum.usecase import MISSING

ENGINES = {
    "polars": pl.DataFrame, "lazy": pl.LazyFrame, "pandas": pd.DataFrame, "pyarrow": pa.table,
    "duckdb": lambda d: duckdb.from_arrow(pa.table(d)),
}  # fmt: skip
every_engine = pytest.mark.parametrize("engine", ENGINES)
EDGES = (-1.0, 0.0, 0.5, 2.0)


def rows(n=300, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.normal(0, 1, n)
    return {
        "y": y.tolist(),
        "p": (0.5 * y + rng.normal(0, 1, n)).tolist(),
        "g": rng.choice(["a", "b", None], n).tolist(),
        "h": rng.choice(["x", "y"], n).tolist(),
        "w": rng.gamma(2, 0.5, n).tolist(),
        "fam": [None if u < 0.2 else f"f{k}" for u, k in zip(rng.random(n), rng.integers(0, 60, n), strict=True)],
    }


def part(data, keep):
    return {k: [x for x, ok in zip(v, keep, strict=True) if ok] for k, v in data.items()}


def close(a: ContinuousTally, b: ContinuousTally) -> None:
    assert (a.attributes, a.groups, a.edges, a.left_out) == (b.attributes, b.groups, b.edges, b.left_out)
    for k in ("group", "bin", "n"):
        np.testing.assert_array_equal(getattr(a, k), getattr(b, k))
    for k in ("w", "ww"):
        np.testing.assert_allclose(getattr(a, k), getattr(b, k), rtol=1e-10, atol=1e-10)
    assert (a.clusters is None) == (b.clusters is None)
    if a.clusters and b.clusters:
        assert a.clusters.crossing == b.clusters.crossing
        for view, groups in a.clusters.views.items():
            for g, one in groups.items():
                two = b.clusters.views[view][g]
                assert one.clusters == two.clusters
                np.testing.assert_allclose(one.dense(np.arange(7)), two.dense(np.arange(7)), rtol=1e-9, atol=1e-9)


def test_there_are_seven_terms_and_twenty_one_products():
    z, q = sums_of([3.0], [5.0], 1.0)  # p = 2 about the centre, e = -2
    assert z.tolist() == [[1, 2, -2, 4, -4, 4, 2]]
    assert (len(TERMS), len(PRODUCTS)) == (7, 21)
    np.testing.assert_array_equal(matrix(q)[0], np.outer(z[0], z[0]))
    assert sorted(set(PLACE.ravel())) == list(range(21))


def test_moving_the_centre_is_what_counting_about_another_centre_gives():
    rng = np.random.default_rng(1)
    p, y = rng.normal(10, 2, 50), rng.normal(10, 3, 50)
    here, there = sums_of(p, y, 4.0)[0], sums_of(p, y, 11.0)[0]
    np.testing.assert_allclose(here @ shift(7.0).T, there, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("weight", [None, "w"])
@every_engine
def test_sums_are_those_written_out(engine, weight):
    data = rows()
    tally = count_continuous(ENGINES[engine](data), "y", "p", ["g", "h"], edges=EDGES, weight=weight)
    assert tally.centre == 0.5
    z, q = sums_of(data["p"], data["y"], 0.5)
    w = np.ones(len(z)) if weight is None else np.array(data["w"])
    label = np.searchsorted(EDGES, data["p"], side="right")
    names = [(g or MISSING, h) for g, h in zip(data["g"], data["h"], strict=True)]
    assert tally.groups == tuple(sorted(set(names)))
    for i in range(len(tally.n)):
        g, b = tally.groups[tally.group[i]], tally.bin[i]
        here = np.array([m == g for m in names]) & (label == b)
        assert tally.n[i] == here.sum()
        np.testing.assert_allclose(tally.w[i], (w[:, None] * z)[here].sum(0), rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(tally.ww[i], (w[:, None] ** 2 * q)[here].sum(0), rtol=1e-11, atol=1e-11)
    assert tally.n.sum() == len(z)


def test_the_frame_speaks_in_the_units_of_the_outcome():
    data = {"y": [3100.0, 3500.0], "p": [3200.0, 3300.0]}
    shown = count_continuous(pl.DataFrame(data), "y", "p", edges=[1000]).frame().row(0, named=True)
    expected = {
        "bin": 1, "n": 2, "w": 2, "predicted": 6500, "predicted²": 3200**2 + 3300**2, "outcome": 6600,
        "outcome²": 3100**2 + 3500**2, "predicted · outcome": 3200 * 3100 + 3300 * 3500, "error²": 100**2 + 200**2,
        "|error|": 300,
    }  # fmt: skip
    assert shown == pytest.approx(expected)


@pytest.mark.parametrize("weight", [None, "w"])
def test_clusters_are_the_outer_products_of_their_sums(weight):
    data = rows()
    tally = count_continuous(pl.DataFrame(data), "y", "p", ["g"], edges=EDGES, weight=weight, cluster="fam")
    z = sums_of(data["p"], data["y"], 0.5)[0] * (1 if weight is None else np.array(data["w"])[:, None])
    fam = np.array([f or f"alone {i}" for i, f in enumerate(data["fam"])])
    for i, (g,) in enumerate(tally.groups):
        here = np.array([(x or MISSING) == g for x in data["g"]])
        t = np.array([z[here & (fam == f)].sum(0) for f in set(fam[here])])
        shared = tally.shared(i)
        assert shared is not None
        assert shared.clusters == len(t)
        np.testing.assert_allclose(shared.dense(np.arange(7)), t.T @ t, rtol=1e-10)
    several = sum(len({data["g"][i] for i in np.flatnonzero(fam == f)}) > 1 for f in set(fam))
    assert tally.clusters is not None
    assert tally.clusters.crossing["g",] == several


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"), st.floats(-100, 100), st.floats(-100, 100), st.integers(0, 3), st.integers(0, 5)
        ),
        min_size=2, max_size=30,
    ),
    st.randoms(use_true_random=False),
    st.integers(0, 30),
)  # fmt: skip
def test_order_and_sites_do_not_matter(people, random, cut):
    def counted(some):
        frame = pl.DataFrame(some, schema=["g", "y", "p", "w", "fam"], orient="row", infer_schema_length=None)
        return count_continuous(frame, "y", "p", ["g"], edges=[-10, 10, 50], weight="w", cluster="fam")

    people = [(*p[:3], p[3] + 1, p[4]) for p in people]
    whole = counted(people)
    shuffled = list(people)
    random.shuffle(shuffled)
    close(counted(shuffled), whole)
    first = [p for p in people if p[4] * 6 < cut]  # a family lives at one site
    second = [p for p in people if p[4] * 6 >= cut]
    if first and second:
        close(counted(first) + counted(second), whole)
        close((counted(first) + counted(second)).by(), whole.by())


def test_fewer_attributes_and_everyone_else():
    data = rows()
    both = count_continuous(pl.DataFrame(data), "y", "p", ["g", "h"], edges=EDGES, cluster="fam")
    alone = count_continuous(pl.DataFrame(data), "y", "p", ["h"], edges=EDGES)
    for k in ("n", "bin", "w", "ww"):
        np.testing.assert_allclose(getattr(both.by("h"), k), getattr(alone, k), rtol=1e-10, atol=1e-10)
    rest = both.by("h").without(("x",))
    others = count_continuous(pl.DataFrame(part(data, [h != "x" for h in data["h"]])), "y", "p", ["h"], edges=EDGES)
    assert rest.groups == (("(everyone else)",),)
    np.testing.assert_allclose(rest.w, others.w, rtol=1e-10, atol=1e-10)


@every_engine
def test_people_left_out_are_counted_by_group(engine):
    nan = float("nan")
    data = {"y": [1.0, None, 2.0, 3.0, nan], "p": [1.0, 2.0, None, 4.0, 1.0], "g": ["a", "a", "b", "b", "b"]}
    make = (lambda d: pl.DataFrame(d, strict=False)) if engine == "polars" else ENGINES[engine]
    tally = count_continuous(make(data), "y", "p", ["g"], missing="exclude", edges=[0])
    assert tally.n.tolist() == [1, 1]
    assert tally.left_out == {("a",): 1, ("b",): 2}
    with pytest.raises(PrimumError, match=r"1 of 5 values of 'p' are missing(.|\n)*missing='exclude'"):
        count_continuous(make(data), "y", "p", ["g"])


def test_edges_left_out_are_round_and_cover_the_predictions():
    rng = np.random.default_rng(0)
    p = rng.normal(3300, 500, 4000)
    edges = count_continuous(pl.DataFrame({"y": p, "p": p}), "y", "p").edges
    assert 15 <= len(edges) <= 40
    assert all(e == round(e) and e % 100 == 0 for e in edges)
    assert edges[0] < 2200
    assert edges[-1] > 4500
    assert count_continuous(pl.DataFrame({"y": [1.0, 2.0], "p": [7.0, 7.0]}), "y", "p").edges == (7.0,)


def test_large_values_lose_no_digits():
    rng = np.random.default_rng(0)
    y = 1e7 + rng.normal(0, 1, 500)
    p = 1e7 + rng.normal(0, 1, 500)
    tally = count_continuous(pl.DataFrame({"y": y, "p": p}), "y", "p")
    assert abs(tally.centre - 1e7) < 5
    w = tally.by().totals()[1][0]
    assert w[3] / w[0] - (w[1] / w[0]) ** 2 == pytest.approx(np.var(p), rel=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y": ["1", "2", "3"]}, "The outcome 'y' is stored as String, not as numbers"),
        ({"p": [1.0, float("inf"), 2.0]}, "'y' or 'p' is infinite in 1 of 3 rows"),
        ({"w": [1.0, -1.0, 2.0]}, "The weight 'w' is negative or infinite for 1 of 3 people"),
        ({"w": [1.0, None, 2.0]}, "The weight 'w' is missing for some people"),
        ({"w": [0.0, 0.0, 0.0]}, "The weight 'w' is zero for everybody"),
    ],
)
def test_rows_that_cannot_be_counted(change, words):
    data = {"y": [1.0, 2.0, 3.0], "p": [1.0, 2.0, 2.0], "w": [1.0, 1.0, 1.0]} | change
    with pytest.raises(PrimumError, match=words):
        count_continuous(pl.DataFrame(data), "y", "p", weight="w")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"by": ["sexe"]}, r"There is no group column 'sexe' in the data(.|\n)*did you mean 'sex'"),
        ({"edges": []}, "edges"),
        ({"edges": [2, 1]}, r"The edges \[2.0, 1.0\] are not finite and increasing"),
        ({"edges": list(range(500))}, "500 edges are more than a curve can show"),
        ({"missing": "drop"}, "missing='drop' is not known"),
        ({"by": ["sex"], "cluster": "y", "views": [["age"]]}, "There is no attribute 'age' in views"),
    ],
)
def test_questions_that_cannot_be_counted(options, words):
    with pytest.raises(PrimumError, match=words):
        count_continuous(pl.DataFrame({"y": [1.0, 2.0], "p": [1.0, 2.0], "sex": ["f", "m"]}), "y", "p", **options)


def test_no_rows():
    with pytest.raises(PrimumError, match="There are no rows to count"):
        count_continuous(pl.DataFrame({"y": [], "p": []}, schema={"y": pl.Float64, "p": pl.Float64}), "y", "p")


def test_tallies_that_cannot_be_added():
    frame = pl.DataFrame(rows())
    one = count_continuous(frame, "y", "p", ["g"], edges=EDGES)
    for other, words in (
        (count_continuous(frame, "y", "p", ["h"], edges=EDGES), r"one is by \['g'\], the other by \['h'\]"),
        (count_continuous(frame, "p", "p", ["g"], edges=EDGES), r"their outcomes differ \('y' against 'p'\)"),
        (count_continuous(frame, "y", "p", ["g"], edges=[0, 1]), r"edges of their bins differ(.|\n)*again with edges"),
        (count_continuous(frame, "y", "p", ["g"], edges=EDGES, cluster="fam"), "only one of them was counted with"),
    ):  # fmt: skip
        with pytest.raises(PrimumError, match=words):
            one + other
    with pytest.raises(PrimumError, match="There is no attribute 'sex' in this tally"):
        one.by("sex")

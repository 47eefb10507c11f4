"""A tally on public edges: the same people, in fewer bins and groups."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from primum.disclose.dense import cube, dense, public_edges, to_tally
from primum.errors import PrimumError
from primum.tally.count import count

FRAME = pl.DataFrame(
    {
        "sex": ["f", "f", "m", "m", "m", "f"],
        "age": ["old", "young", "old", "young", "old", "old"],
        "y": [1, 0, 1, 0, 0, 1],
        "s": [0.05, 0.051, 0.42, 0.99, 0.5, 0.123],
        "w": [1.0, 2.0, 0.5, 1.0, 3.0, 1.0],
    }
)


def tally(**changes):
    return count(FRAME, "y", "s", **({"by": ["sex", "age"], "thresholds": [0.123], "weight": "w"} | changes))


def test_public_edges_are_whole_per_cents_and_declared_thresholds():
    edges = public_edges(tally().grid)
    assert edges.tolist() == sorted({*(k / 100 for k in range(100)), 0.123})


def test_public_edges_of_points_and_of_decisions_alone():
    points = count(FRAME.with_columns(s=pl.col("s") * 20), "y", "s", score_range=(0, 20), thresholds=[7])
    assert {0.0, 1.0, 7.0} <= set(public_edges(points.grid).tolist())
    assert all(points.grid.is_edge(e) for e in public_edges(points.grid).tolist())
    alone = count(FRAME, "y", "s", thresholds=[0.123], decisions_only=True)
    assert public_edges(alone.grid).tolist() == [0, 0.123]


def test_people_and_sums_by_group_outcome_and_bin():
    table = dense(tally(), ["sex"], np.array([0, 0.123, 0.5]))
    assert table.groups == (("f",), ("m",))
    assert table.n.tolist() == [[[1, 0, 0], [1, 1, 0]], [[0, 0, 2], [0, 1, 0]]]
    assert table.sums[1].tolist() == [[[2, 0, 0], [1, 1, 0]], [[0, 0, 4], [0, 0.5, 0]]]
    assert table.sums[3][1, 0, 2] == pytest.approx(1 * 0.99 + 3 * 0.5)
    assert table.sums[4][1, 0, 2] == pytest.approx(1 * 0.99**2 + 3 * 0.5**2)


def test_groups_come_in_the_order_of_their_labels_whatever_the_order_of_the_attributes():
    one = dense(tally(), ["age", "sex"], np.array([0, 0.123]))
    other = dense(tally(by=["age", "sex"]), ["age", "sex"], np.array([0, 0.123]))
    assert one.groups == other.groups == (("old", "f"), ("old", "m"), ("young", "f"), ("young", "m"))
    assert (one.sums == other.sums).all()


@pytest.mark.parametrize("names", [(), ("sex",), ("age",), ("age", "sex"), ("sex", "age")])
def test_it_is_what_regrouping_the_tally_gives(names):
    table, view = dense(tally(), names, np.array([0, 0.123])), tally().by(*names)
    assert table.groups == tuple(sorted(view.groups))
    for g, group in enumerate(table.groups):
        counts = view.at(0.123, "w")
        at = view.groups.index(group)
        assert table.sums[1][g].tolist() == [[counts.tn[at], counts.fp[at]], [counts.fn[at], counts.tp[at]]]


def test_steps_and_joined_groups_keep_everybody():
    table = dense(tally(), ["sex", "age"], np.array([0, 0.123, 0.5]))
    fewer = table.steps(np.array([0, 2]))
    assert fewer.edges.tolist() == [0, 0.5]
    assert fewer.n.tolist() == np.stack([table.n[..., :2].sum(-1), table.n[..., 2]], axis=-1).tolist()
    rest = table.joined(np.array([True, False, False, True]), ("others", "others"))
    assert rest.groups == (("f", "old"), ("m", "young"), ("others", "others"))
    assert (rest.sums[:, 2] == table.sums[:, 1] + table.sums[:, 2]).all()
    assert table.joined(np.ones(4, dtype=bool), ("others", "others")).groups == table.groups


def test_there_and_back():
    table = dense(tally(), ["sex"], np.array([0, 0.123, 0.5]))
    back = to_tally(table, ["sex"], tally())
    assert back.grid.thresholds == (0.123, 0.5)
    assert back.at(0.123, "n").tp.tolist() == [1, 1]
    assert (dense(back, ["sex"], table.edges).sums == table.sums).all()
    assert (back.n > 0).all()  # empty cells are left out


def test_an_edge_or_a_name_that_is_not_the_tallys_is_refused():
    with pytest.raises(PrimumError, match="was not declared before counting"):
        dense(tally(), ["sex"], np.array([0, 0.1234]))
    with pytest.raises(PrimumError, match="There is no attribute 'sx'"):
        cube(tally(), np.array([0.0])).dense(["sx"])

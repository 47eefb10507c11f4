"""Individual displays and what replaces them (R9, T27)."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from primum.disclose.explanation import KINDS, REPLACED, exportable
from primum.disclose.presets import preset
from primum.errors import PrimumError

CBS = preset("cbs")


@pytest.fixture(scope="module")
def shap():
    rng = np.random.default_rng(27)
    return rng.normal(size=(500, 12)) * np.linspace(1, 0.1, 12), [f"x{i}" for i in range(12)]


def test_t27_a_beeswarm_becomes_a_bar(shap):
    values, names = shap
    told = exportable("beeswarm", values, names, CBS)
    assert (told.status, told.by, told.n) == ("protected (replaced)", "bar of mean absolute values", 500)
    assert len(told.rows) == 12
    assert set(told.rows[0]) == {"feature", "mean_absolute"}
    means = np.abs(values).mean(axis=0)
    for row in told.rows:
        exact = means[names.index(row["feature"])]
        assert row["mean_absolute"] == float(f"{exact:.2g}")  # 500 people: two digits
    shown = [row["mean_absolute"] for row in told.rows]
    assert shown == sorted(shown, reverse=True)
    assert not {f"{v:.6f}" for v in values.ravel()} & {f"{v:.6f}" for v in shown}


@pytest.mark.parametrize("kind", ["beeswarm", "waterfall", "force"])
def test_order_of_people_does_not_matter_and_too_few_are_nobody(kind, shap):
    values, names = shap
    turned = np.random.default_rng(0).permutation(values)
    assert exportable(kind, values, names, CBS) == exportable(kind, turned, names, CBS)
    assert exportable(kind, values[:10], names, CBS).status == REPLACED
    few = exportable(kind, values[:9], names, CBS)
    assert (few.status, few.n, few.rows) == ("blocked", 0, ())
    assert "9" not in few.words
    one = exportable(kind, values, names, CBS, persons=np.zeros(500))
    assert one.status == "blocked"


def test_a_bar_that_one_person_makes_is_withheld(shap):
    values, names = shap
    own = values.copy()
    own[:, 3] = 0.001
    own[0, 3] = 80.0  # one person has most of the sum
    own[:, 4] = 0
    own[:9, 4] = 1.0  # nine people have all of it
    own[:, 5] = 0
    told = exportable("beeswarm", own, names, CBS)
    by = {row["feature"]: row["mean_absolute"] for row in told.rows}
    assert (by["x3"], by["x4"], by["x5"]) == (None, None, 0.0)
    assert [row["feature"] for row in told.rows[-2:]] == ["x3", "x4"]
    assert "some parts are withheld" in told.words
    own[9, 4] = 1.0
    assert {"feature": "x4", "mean_absolute": 0.02} in exportable("beeswarm", own, names, CBS).rows


def test_digits_follow_the_people():
    values = np.full((2000, 1), 0.123456)
    for n, shown in ((2000, 0.123), (999, 0.12), (99, 0.1)):
        assert exportable("beeswarm", values[:n], ["a"], CBS).rows[0]["mean_absolute"] == shown


def test_residual_points_become_means_in_public_bins():
    rng = np.random.default_rng(1)
    x, r = rng.uniform(0, 1, 200), rng.normal(size=200)
    told = exportable("residual points", r[:, None], ["residual"], CBS, x=x, grid=[0.25, 0.5, 0.75])
    assert told.by == "means in public bins"
    assert [(row["from"], row["to"]) for row in told.rows] == [
        ("below", 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, "above")
    ]  # fmt: skip
    inner = (x >= 0.25) & (x < 0.5)
    assert told.rows[1]["mean"] == float(f"{r[inner].mean():.2g}")
    assert told.rows[1]["n"] == inner.sum()
    assert sum(row["n"] for row in told.rows) == 200


def test_a_thin_bin_takes_the_smallest_other_with_it():
    x = np.repeat([0.1, 0.3, 0.6, 0.9], [4, 12, 40, 44])
    told = exportable("dependence", np.ones((100, 1)), ["a"], CBS, x=x, grid=[0.25, 0.5, 0.75])
    assert [row["n"] for row in told.rows] == [None, None, 40, 44]  # else 100 − 12 − 40 − 44 = 4
    told = exportable("rug", x[:, None], ["age"], CBS, grid=[0.25, 0.5, 0.75])
    assert [row["n"] for row in told.rows] == [None, None, 40, 44]
    fine = exportable("rug", x[4:, None], ["age"], CBS, grid=[0.25, 0.5, 0.75])
    assert [row["n"] for row in fine.rows] == [None, 12, 40, 44]  # nobody is in the first: nothing to hide behind it


def test_bins_that_are_minimum_and_maximum_are_refused():
    x = np.random.default_rng(1).uniform(0, 1, 200)
    with pytest.raises(PrimumError, match="minimum and the maximum"):
        exportable("rug", x[:, None], ["age"], CBS, grid=[x.min(), 0.5, x.max()])


def test_a_scatter_becomes_hexagons():
    rng = np.random.default_rng(2)
    points = np.vstack([rng.normal(scale=0.6, size=(300, 2)), [[40.0, 40.0]]])
    told = exportable("scatter", points, ["age", "marker"], CBS, grid=(1.0, 1.0))
    assert told.by == "hexagons of a public size"
    assert all(row["n"] >= 10 for row in told.rows)
    assert not any(row["age"] > 10 for row in told.rows)  # the lone point has no hexagon
    rest = 301 - sum(row["n"] for row in told.rows)
    assert rest == 0 or rest >= 10
    # the centres do not move with the data, and everybody is in the nearest of them
    assert all((2 * row["age"]) % 1 == 0 for row in told.rows)
    shifted = exportable("scatter", points + np.array([3.0, 2.0]), ["age", "marker"], CBS, grid=(1.0, 1.0))
    assert [row["n"] for row in shifted.rows] == [row["n"] for row in told.rows]


def test_every_point_falls_into_its_nearest_hexagon():
    rng = np.random.default_rng(3)
    points = rng.uniform(-2, 2, size=(4000, 2))
    lattice = np.array([(i + s, j + s) for s in (0.0, 0.5) for i in range(-4, 5) for j in range(-4, 5)])
    gaps = points[:, None, :] - lattice[None]
    nearest = lattice[((gaps**2) * [1.0, 3.0]).sum(axis=2).argmin(axis=1)]
    told = exportable("scatter", points, ["a", "b"], CBS, grid=(1.0, 1.0))
    cells, counts = np.unique(nearest, axis=0, return_counts=True)
    expected = {tuple(c): int(n) for c, n in zip(cells, counts, strict=True) if n >= 10}
    assert {(row["a"], row["b"]): row["n"] for row in told.rows} == expected


def test_ice_becomes_a_partial_dependence_where_people_are():
    rng = np.random.default_rng(4)
    x = np.r_[rng.uniform(20, 60, 300), np.full(9, 90.0)]
    points = [20.0, 40.0, 60.0, 80.0]
    curves = rng.normal(size=(309, 4)) + np.array([1.0, 2.0, 3.0, 4.0])
    told = exportable("ice", curves, ["20", "40", "60", "80"], CBS, x=x, grid=points)
    assert [row["at"] for row in told.rows] == points
    assert told.rows[-1]["mean"] is None  # nine people
    assert told.rows[1]["mean"] == float(f"{curves[:, 1].mean():.2g}")
    assert sum(row["mean"] is None for row in told.rows) == 2  # and one more, because the total is known
    with pytest.raises(PrimumError, match="4 points and 3 columns"):
        exportable("ice", curves[:, :3], ["20", "40", "60"], CBS, x=x, grid=points)


def test_counterfactuals_become_an_average_shift():
    shift = np.zeros((40, 3))
    shift[:, 0] = np.linspace(-3, -1, 40)
    shift[:9, 1] = -1.0
    told = exportable("counterfactual", shift, ["weight", "smoking", "age"], CBS)
    assert told.by == "average shift"
    assert told.rows == (
        {"feature": "weight", "average_shift": -2.0},
        {"feature": "smoking", "average_shift": None},
        {"feature": "age", "average_shift": 0.0},
    )


def test_misclassified_cases_become_a_difference_of_means():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(200, 2))
    for wrong, status in ((12, REPLACED), (9, "blocked"), (0, "blocked"), (195, "blocked")):
        told = exportable("misclassified cases", X, ["a", "b"], CBS, chosen=np.arange(200) < wrong)
        assert told.status == status
    told = exportable("misclassified cases", X, ["a", "b"], CBS, chosen=np.arange(200) < 12)
    assert told.rows[0]["average_difference"] == float(f"{X[:12, 0].mean() - X[12:, 0].mean():.2g}")
    with pytest.raises(PrimumError, match="needs 'chosen'"):
        exportable("misclassified cases", X, ["a", "b"], CBS)


@pytest.mark.parametrize("kind", ["nearest examples", "prototypes"])
def test_examples_become_their_average_or_nothing(kind):
    rng = np.random.default_rng(6)
    X = np.column_stack([rng.normal(50, 10, 30), np.ones(30), np.arange(30) < 5])
    told = exportable(kind, X, ["age", "ill", "rare"], CBS)
    by = {row["feature"]: row["average"] for row in told.rows}
    assert by["age"] == float(f"{X[:, 0].mean():.1g}")
    assert by["ill"] is None  # everybody has it: the average would say so of each
    assert by["rare"] is None  # five people have it
    assert exportable(kind, X[:5], ["age", "ill", "rare"], CBS).status == "blocked"


def test_an_unknown_display_is_blocked_with_the_reason():
    told = exportable("parallel coordinates", [[1.0]], ["a"], CBS)
    assert told.status == "blocked"
    assert "not registered" in told.words
    assert told.rows == ()


def test_a_larger_threshold_never_shows_more():
    rng = np.random.default_rng(7)
    x = rng.exponential(1, 300)
    shown = []
    for t in (10, 15, 30, 60):
        told = exportable("rug", x[:, None], ["a"], preset("cbs", t=t), grid=[0.5, 1, 1.5, 2, 3, 4])
        shown.append({row["from"] for row in told.rows if row["n"] is not None})
    assert all(b <= a for a, b in itertools.pairwise(shown))
    assert len(shown[-1]) < len(shown[0])


def test_no_replacement_pins_a_small_bin():
    rng = np.random.default_rng(8)
    for _ in range(200):
        n = int(rng.integers(20, 120))
        x = rng.choice([0.1, 0.3, 0.6, 0.9], n, p=rng.dirichlet([0.5] * 4))
        told = exportable("rug", x[:, None], ["a"], CBS, grid=[0.25, 0.5, 0.75])
        if told.status == REPLACED:
            counts = [row["n"] for row in told.rows]
            hidden = told.n - sum(c for c in counts if c is not None)
            assert hidden == 0 or hidden >= 10
            assert all(c is None or c >= 10 for c in counts)


def test_every_kind_has_a_replacement_and_refuses_bad_input(shap):
    values, names = shap
    assert set(KINDS) >= {"beeswarm", "ice", "waterfall", "force", "scatter", "residual points", "rug",
                          "nearest examples", "prototypes", "counterfactual", "misclassified cases"}  # fmt: skip
    with pytest.raises(PrimumError, match="3 names"):
        exportable("beeswarm", values, names[:3], CBS)
    with pytest.raises(PrimumError, match="missing or infinite"):
        exportable("beeswarm", np.where(values > 2, np.nan, values), names, CBS)
    with pytest.raises(PrimumError, match="needs 'grid'"):
        exportable("rug", values[:, :1], ["a"], CBS)
    with pytest.raises(PrimumError, match="needs 'x'"):
        exportable("dependence", values[:, :1], ["a"], CBS, grid=[0.0])
    with pytest.raises(PrimumError, match="'x' has 3 entries"):
        exportable("dependence", values[:, :1], ["a"], CBS, x=[1, 2, 3], grid=[0.0])
    with pytest.raises(PrimumError, match="two columns"):
        exportable("scatter", values[:, :1], ["a"], CBS, grid=(1, 1))
    with pytest.raises(PrimumError, match="two numbers above 0"):
        exportable("scatter", values[:, :2], ["a", "b"], CBS, grid=(1, 0))

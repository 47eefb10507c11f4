"""The two fixed recipes: rebuilt by hand, number for number, and what they are there to show."""

from __future__ import annotations

import numpy as np
import pytest

from primum.errors import PrimumError
from primum.simulate.breakdown_recipe import breakdown
from primum.simulate.propagation_recipe import FEATURES, propagation, propagation_by_severity, propagation_item_shift

VARIANTS = [propagation, propagation_by_severity, propagation_item_shift]


def found(frame, label, *, sex):
    """Return the share of true cases flagged, women and men, by a logistic model on `label`: top 5 % flagged."""
    from sklearn.linear_model import LogisticRegression

    columns = [*FEATURES, "male"] if sex else list(FEATURES)
    X, half = frame.select(columns).to_numpy().astype(float), frame.height // 2
    model = LogisticRegression(C=1e6, max_iter=1000).fit(X[:half], frame[label].to_numpy()[:half])
    score = model.predict_proba(X[half:])[:, 1]
    flag = score >= np.sort(score)[-half // 20]
    male, ill = frame["male"].to_numpy()[half:], frame["Y"].to_numpy()[half:] == 1
    return [flag[ill & (male == k)].mean() for k in (0, 1)]


def test_propagation_by_hand():
    rng = np.random.default_rng(1)
    male = rng.random(1000) < 0.5
    age = rng.uniform(18, 80, 1000)
    x = rng.normal(size=(1000, 4))
    core, ext = x[:, 0] - 0.3 * male, x[:, 2] + 0.5 * male
    p = 1 / (1 + np.exp(4 - 0.9 * core - 0.5 * x[:, 1] - 0.5 * ext - 0.4 * x[:, 3] - 0.25 * (age < 35)))
    ill = rng.random(1000) < p
    recorded = ill & (rng.random(1000) < np.where(male, 0.35, 0.55))
    frame = propagation(1000)
    columns = {"male": male, "age": age, "x0": x[:, 0], "x1": x[:, 1], "x2": x[:, 2], "x3": x[:, 3], "core": core,
               "ext": ext, "young": age < 35, "risk": p, "Y": ill, "S": recorded}  # fmt: skip
    for name, values in columns.items():
        assert frame[name].to_numpy() == pytest.approx(values.astype(float), rel=1e-12), name


def test_propagation_prevalence():
    frame = propagation()
    by = {k: frame.filter(frame["male"] == k) for k in (0, 1)}
    assert [round(by[k]["Y"].mean(), 4) for k in (0, 1)] == [0.0356, 0.0361]
    assert [round(by[k]["S"].mean(), 4) for k in (0, 1)] == [0.0195, 0.0125]


@pytest.mark.parametrize(
    ("label", "sex", "published"),
    [("S", True, (0.337, 0.204)), ("S", False, (0.269, 0.274)), ("Y", True, (0.271, 0.275))],
)
def test_propagation_table(label, sex, published):
    assert found(propagation(), label, sex=sex) == pytest.approx(published, abs=0.002)


def test_blindness_no_longer_suffices_when_records_follow_presentation():
    women, men = found(propagation_by_severity(), "S", sex=False)
    oracle = found(propagation_by_severity(), "Y", sex=True)
    assert oracle == pytest.approx((0.271, 0.275), abs=0.002)
    assert women - men > 0.05


def test_blindness_no_longer_suffices_when_men_admit_to_less():
    frame = propagation_item_shift()
    women, men = found(frame, "Y", sex=False)
    assert women - men > 0.05
    assert found(frame, "Y", sex=True) == pytest.approx((0.271, 0.275), abs=0.002)


def test_variants_keep_people_and_truth():
    base, severity, shifted = (make(20_000) for make in VARIANTS)
    same = ["male", "age", "x0", "x1", "x2", "x3", "ext", "young", "risk", "Y"]
    assert base.select(same).equals(severity.select(same))
    assert base.select(same).equals(shifted.select(same))
    assert base["S"].equals(shifted["S"])
    assert shifted["core_true"].equals(base["core"])
    assert (shifted["core"] - base["core"] + 0.6 * base["male"]).abs().max() < 1e-12


def test_by_severity_loses_as_many_but_others():
    base, severity = propagation(), propagation_by_severity()
    for male, c in ((0, 0.55), (1, 0.35)):
        cases = severity.filter((severity["male"] == male) & (severity["Y"] == 1))
        assert cases["S"].mean() == pytest.approx(c, abs=4 * np.sqrt(c * (1 - c) / cases.height))
        kept, lost = cases.filter(cases["S"] == 1), cases.filter(cases["S"] == 0)
        assert (kept["core"] - kept["ext"]).mean() - (lost["core"] - lost["ext"]).mean() > 1
        plain = base.filter((base["male"] == male) & (base["Y"] == 1))
        kept, lost = plain.filter(plain["S"] == 1), plain.filter(plain["S"] == 0)
        assert abs((kept["core"] - kept["ext"]).mean() - (lost["core"] - lost["ext"]).mean()) < 0.1
    assert ((severity["S"] == 1) & (severity["Y"] == 0)).sum() == 0


def test_slope_and_shift_zero_are_the_plain_recipe_in_distribution():
    assert propagation_by_severity(20_000, slope=0.0).equals(propagation(20_000))
    assert propagation_item_shift(20_000, shift=0.0).drop("core_true").equals(propagation(20_000))


@pytest.mark.parametrize("make", [*VARIANTS, breakdown])
def test_recipes_repeat_and_follow_the_seed(make):
    assert make(500, 8).equals(make(500, 8))
    assert not make(500, 8).equals(make(500, 9))


@pytest.mark.parametrize("make", [*VARIANTS, breakdown])
@pytest.mark.parametrize("c", [0.0, -0.1, 1.1, float("nan")])
def test_sensitivities_are_checked(make, c):
    with pytest.raises(PrimumError, match="sensitivity of the record for men is"):
        make(100, sensitivity=(0.5, c))
    assert make(100, sensitivity=(1.0, 1.0)).filter(pl_differs()).height == 0


def pl_differs():
    import polars as pl

    return pl.col("S") != pl.col("Y")


def test_other_mistakes():
    with pytest.raises(PrimumError, match="n is 1"):
        propagation(1)
    with pytest.raises(PrimumError, match="n is 0"):
        breakdown(0)
    with pytest.raises(PrimumError, match="slope is nan"):
        propagation_by_severity(100, slope=float("nan"))
    with pytest.raises(PrimumError, match="shift is inf"):
        propagation_item_shift(100, shift=float("inf"))


@pytest.mark.parametrize(
    ("man", "c", "register", "truth", "corrected", "limit"),
    [(0, 0.8, 0.00163, -0.00143, -0.00164, 0.889), (1, 0.5, -0.01474, -0.00340, -0.00324, 0.438)],
)
def test_breakdown_table(man, c, register, truth, corrected, limit):
    frame, w = breakdown(), 0.15 / 0.85
    group = frame.filter(frame["man"] == man)
    change = (group["after"] - group["before"]).to_numpy().astype(float)
    cost = w * change.mean()
    gain = {label: (1 + w) * (change * group[label].to_numpy()).mean() for label in ("S", "Y")}
    assert gain["S"] - cost == pytest.approx(register, abs=6e-6)
    assert gain["Y"] - cost == pytest.approx(truth, abs=6e-6)
    assert gain["S"] / c - cost == pytest.approx(corrected, abs=6e-6)
    assert gain["S"] / cost == pytest.approx(limit, abs=6e-4)

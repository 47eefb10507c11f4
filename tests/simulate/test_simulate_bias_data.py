"""Measurement error, selection, item shifts, missingness: each against its own formula."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from primum.errors import PrimumError
from primum.simulate.items import ItemShift
from primum.simulate.measurement import MeasurementError
from primum.simulate.missingness import Missingness
from primum.simulate.selection import Selection

N = 100_000


@pytest.fixture(scope="module")
def cohort():
    rng = np.random.default_rng(21)
    x = rng.normal(size=N)
    q = rng.integers(0, 4, (3, N))
    return pl.DataFrame({"sex": rng.choice(["female", "male"], N), "x": x, "row": np.arange(N),
                         "Y": (rng.random(N) < 1 / (1 + np.exp(1 - x))).astype(int), "word": rng.choice(["a", "b"], N),
                         "q1": q[0], "q2": q[1], "q3": q[2], "total": q.sum(axis=0),
                         "high": (q.sum(axis=0) >= 5).astype(int)})  # fmt: skip


def both(frame):
    return {sex: frame.filter(pl.col("sex") == sex) for sex in ("female", "male")}


def test_measurement_error(cohort):
    frame = MeasurementError("x", {"male": -0.8}, {"female": 0.5}, "sex", into="m", dose=0.5).inject(cohort, 1).frame
    error = {sex: g["m"] - g["x"] for sex, g in both(frame).items()}
    assert error["male"].to_numpy() == pytest.approx(-0.4)
    assert error["female"].mean() == pytest.approx(0, abs=0.005)
    assert error["female"].std() == pytest.approx(0.25, abs=0.005)


def test_measured_whole_numbers_get_fractions(cohort):
    frame = MeasurementError("q1", 0.5).inject(cohort, 1).frame
    assert frame["q1"].dtype == pl.Float64
    assert (frame["q1"] - cohort["q1"]).to_numpy() == pytest.approx(0.5)
    assert MeasurementError("q1", 1.0).inject(cohort, 1).frame["q1"].dtype == cohort["q1"].dtype


def test_selection_shares_and_effects(cohort):
    from sklearn.linear_model import LogisticRegression

    bias = Selection({"female": 0.7, "male": 0.4}, "sex", label="Y", label_effect=-1.0, feature="x", slope=0.5)
    kept = bias.inject(cohort, 1).frame
    groups = both(cohort)
    for sex, p in (("female", 0.7), ("male", 0.4)):
        g = groups[sex]
        assert both(kept)[sex].height / g.height == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / g.height))
        there = g["row"].is_in(kept["row"].to_list())
        z = (g["x"] - cohort["x"].mean()) / cohort["x"].std()
        fit = LogisticRegression(C=1e9).fit(np.column_stack([g["Y"], z]), there)
        assert fit.coef_[0] == pytest.approx([-1.0, 0.5], abs=0.09)
    assert kept["row"].is_sorted()


def test_selection_weights_bring_the_population_back(cohort):
    bias = Selection({"female": 0.7, "male": 0.4}, "sex", label="Y", label_effect=-1.0, weight_into="w", dose=0.8)
    kept = bias.inject(cohort, 1).frame
    assert kept["w"].sum() == pytest.approx(N, rel=0.01)
    weighted = (kept["w"] * kept["Y"]).sum() / kept["w"].sum()
    assert weighted == pytest.approx(cohort["Y"].mean(), abs=0.008)
    assert kept["Y"].mean() < cohort["Y"].mean() - 0.03


def test_items_shift_by_group(cohort):
    bias = ItemShift(["q1", "q2"], {"male": -0.6, "female": 0.2}, "sex", total="total", label="high", cut_off=5)
    frame = bias.inject(cohort, 1).frame
    # 3 of 4 answers have room for a step: the mean moves by 0.75 of the shift.
    for sex, shift in (("male", -0.6), ("female", 0.2)):
        moved = both(frame)[sex]["q1"].mean() - both(cohort)[sex]["q1"].mean()
        assert moved == pytest.approx(0.75 * shift, abs=0.01)
    assert frame["q1"].min() == 0
    assert frame["q1"].max() == 3
    assert (frame["total"] == frame["q1"] + frame["q2"] + frame["q3"]).all()
    assert (frame["high"] == (frame["total"] >= 5)).all()
    assert frame["q3"].equals(cohort["q3"])


def test_a_label_that_is_not_the_cut_changes_only_where_the_cut_is_crossed(cohort):
    other = cohort.with_columns(high=pl.col("Y"))
    frame = ItemShift(["q1"], 0.5, total="total", label="high", cut_off=5).inject(other, 1).frame
    crossed = (frame["total"] >= 5) != (other["total"] >= 5)
    assert (frame.filter(~crossed)["high"] == other.filter(~crossed)["high"]).all()
    assert frame.filter(crossed)["high"].min() == 1


def test_missing_completely_at_random(cohort):
    frame = Missingness("x", {"male": 0.4}, group="sex", dose=0.5).inject(cohort, 1).frame
    groups = both(frame)
    assert groups["female"]["x"].null_count() == 0
    assert groups["male"]["x"].is_null().mean() == pytest.approx(0.2, abs=0.01)
    assert Missingness("word", 0.3).inject(cohort, 1).frame["word"].null_count() / N == pytest.approx(0.3, abs=0.01)


def test_missing_by_the_outcome(cohort):
    frame = Missingness("x", {"female": 0.2, "male": 0.4}, "MAR", "Y", 1.0, "sex").inject(cohort, 1).frame
    step = float(cohort["Y"].std(ddof=0))
    for sex, p in (("female", 0.2), ("male", 0.4)):
        g = both(frame)[sex]
        assert g["x"].is_null().mean() == pytest.approx(p, abs=0.01)
        by = dict(g.group_by("Y").agg(pl.col("x").is_null().mean()).iter_rows())
        odds = {y: m / (1 - m) for y, m in by.items()}
        assert np.log(odds[1] / odds[0]) == pytest.approx(1 / step, abs=0.12)  # slope 1 a standard deviation
    assert Missingness("word", 0.2, "MAR", "Y").inject(cohort, 1).frame["word"].null_count() > 0


def test_missing_by_its_own_value(cohort):
    frame = Missingness("x", 0.3, "MNAR", slope=2.0).inject(cohort, 1).frame
    lost = frame["x"].is_null()
    assert lost.mean() == pytest.approx(0.3, abs=0.01)
    assert cohort.filter(lost)["x"].mean() > 0.7
    assert cohort.filter(~lost)["x"].mean() < -0.25


def test_what_is_missing_already_does_not_count(cohort):
    gappy = cohort.with_columns(x=pl.when(pl.col("row") % 2 == 0).then(pl.col("x")))
    done = Missingness("x", 0.5, "MNAR").inject(gappy, 1)
    (row,) = done.steps[0].realised
    assert row.n == N // 2
    assert row.realised == pytest.approx(0.5, abs=0.01)
    assert done.steps[0].changed == done.frame["x"].null_count() - gappy["x"].null_count()
    nan = cohort.with_columns(x=pl.when(pl.col("row") % 2 == 0).then(pl.col("x")).otherwise(float("nan")))
    assert Missingness("x", 0.5, "MNAR").inject(nan, 1).steps[0].realised[0].n == N // 2


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: MeasurementError("x", noise=-1), "the noise is -1"),
        (lambda: MeasurementError("x", float("nan")), "the offset is nan"),
        (lambda: Selection(0.0), "the share that takes part is 0.0"),
        (lambda: Selection({"male": 1.5}), "the share that takes part for 'male' is 1.5"),
        (lambda: ItemShift(["q1"], 1.5), "the shift is 1.5"),
        (lambda: ItemShift("q1", 0.5), "the items are 'q1'"),
        (lambda: ItemShift([], 0.5), "the items are"),
        (lambda: ItemShift(["q1"], 0.5, label="high", cut_off=5), "'label' needs 'total' and 'cut_off'"),
        (lambda: ItemShift(["q1"], 0.5, total="total", label="high"), "'label' needs 'total' and 'cut_off'"),
        (lambda: Missingness("x", 1.1), "the chance is 1.1"),
        (lambda: Missingness("x", 0.1, "MARS"), r"no mechanism 'MARS'[\s\S]*MCAR, MAR, MNAR"),
        (lambda: Missingness("x", 0.1, "MAR"), "MAR with depends_on=None"),
        (lambda: Missingness("x", 0.1, "MNAR", "Y"), "MNAR with depends_on='Y'"),
        (lambda: Missingness("x", 0.1, "MAR", "x"), r"would depend on itself[\s\S]*MNAR"),
    ],
)
def test_settings_outside_their_range(make, told):
    with pytest.raises(PrimumError, match=told):
        make()


def test_mistakes_in_the_data(cohort):
    with pytest.raises(PrimumError, match=r"'total' goes from 0 to 9[\s\S]*answers from 0 to 3"):
        ItemShift(["total"], 0.5).inject(cohort)
    with pytest.raises(PrimumError, match="the column 'word' holds String, not numbers"):
        Missingness("word", 0.5, "MNAR").inject(cohort)
    holes = cohort.with_columns(Y=pl.when(pl.col("x") > 0).then(pl.col("Y")))
    with pytest.raises(PrimumError, match="selection into the sample: 'Y' has values that are not finite"):
        Selection(0.5, label="Y", label_effect=1.0).inject(holes)

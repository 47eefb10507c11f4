"""Promises that every injector of bias keeps: dose 0, doses nested, seeds, kinds of frames, errors, composition."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from primum.errors import PrimumError
from primum.simulate.bias import Bias, compose, with_dose
from primum.simulate.items import ItemShift
from primum.simulate.measurement import MeasurementError
from primum.simulate.missingness import Missingness
from primum.simulate.noise import LabelNoise
from primum.simulate.proxy import ProxyLabel, SpendingForNeed
from primum.simulate.selection import Selection
from primum.simulate.testing import DisparateTesting, SelectiveLabels
from primum.simulate.underdiagnosis import UnderDiagnosis, UnderDiagnosisBySeverity

BY = {"female": 0.8, "male": 0.4}
ALL = [
    LabelNoise("ill", {"male": 0.1}, {"female": 0.2, "male": 0.5}, "sex"),
    UnderDiagnosis("ill", BY, "sex"),
    UnderDiagnosisBySeverity("ill", "severity", BY, 1.5, "sex"),
    DisparateTesting("ill", BY, "sex"),
    DisparateTesting("ill", BY, "sex", suspicion="severity", slope={"male": 2.0}, name="testing on suspicion"),
    SelectiveLabels("ill", BY, "sex", suspicion="severity"),
    SpendingForNeed("need", {"male": 0.5}, "sex", noise=0.3),
    ProxyLabel("ill", "need", group="sex"),
    MeasurementError("severity", {"male": -1.0}, {"female": 0.5}, "sex"),
    Selection({"female": 0.9, "male": 0.5}, "sex", label="ill", label_effect=-1.0, feature="severity", slope=0.5),
    ItemShift(["q1", "q2"], {"male": -0.5, "female": 0.25}, "sex", total="total", label="high", cut_off=3),
    Missingness("need", {"male": 0.3}, group="sex"),
    Missingness("need", BY, "MAR", "ill", 1.0, "sex", name="missing at random"),
    Missingness("need", BY, "MNAR", slope=2.0, group="sex", name="missing not at random"),
]
NAMES = [bias.name for bias in ALL]
every = pytest.mark.parametrize("bias", ALL, ids=NAMES)


def cohort(n=4000, seed=3):
    rng = np.random.default_rng(seed)
    q = rng.integers(0, 4, (2, n))
    return pl.DataFrame(
        {
            "sex": rng.choice(["female", "male"], n), "site": rng.choice(["a", "b"], n),
            "ill": (rng.random(n) < 0.3).astype(int), "severity": rng.normal(size=n),
            "need": np.round(rng.gamma(2.0, 1.0, n), 3), "q1": q[0], "q2": q[1], "total": q.sum(axis=0),
            "high": (q.sum(axis=0) >= 3).astype(int),
        }
    )  # fmt: skip


@every
def test_is_a_bias(bias):
    assert isinstance(bias, Bias)


@every
def test_dose_0_changes_nothing_at_all(bias):
    frame = cohort()
    done = with_dose(bias, 0.0).inject(frame, 5)
    assert done.frame.equals(frame)
    assert done.frame.schema == frame.schema
    (step,) = done.steps
    assert (step.changed, step.dose, step.people) == (0, 0.0, (frame.height, frame.height))


@every
def test_dose_1_changes_something_and_leaves_the_input_alone(bias):
    frame = cohort()
    before = frame.clone()
    done = bias.inject(frame, 5)
    assert frame.equals(before)
    assert not done.frame.equals(frame)
    assert done.steps[0].changed > 0
    assert done.steps[0].name == bias.name


@every
def test_same_seed_same_frame(bias):
    frame = cohort()
    assert bias.inject(frame, 5).frame.equals(bias.inject(frame, 5).frame)
    assert bias.inject(frame, (5, 1)).frame.equals(bias.inject(frame, (5, 1)).frame)
    assert not bias.inject(frame, 5).frame.equals(bias.inject(frame, 6).frame) or isinstance(bias, ProxyLabel)


@every
def test_only_the_columns_in_the_record_change(bias):
    frame = cohort().with_columns(row=pl.int_range(pl.len()))
    done = bias.inject(frame, 5)
    others = [c for c in frame.columns if c not in done.steps[0].columns]
    assert (
        frame.filter(pl.col("row").is_in(done.frame["row"].to_list())).select(others).equals(done.frame.select(others))
    )


@every
def test_who_is_hit_at_a_small_dose_is_hit_at_a_large_one(bias):
    frame = cohort().with_columns(row=pl.int_range(pl.len()))
    hit = []
    for dose in (0.25, 0.5, 1.0):
        got = with_dose(bias, dose).inject(frame, 5).frame
        if isinstance(bias, Selection):
            hit.append(set(frame["row"]) - set(got["row"]))
        else:
            column = bias.inject(frame, 5).steps[0].columns[0]
            hit.append(set(frame.filter(frame[column].ne_missing(got[column]))["row"]))
    assert hit[0] <= hit[1] <= hit[2]
    assert hit[2]


@every
@pytest.mark.parametrize("dose", [0.3, 1.0])
def test_realised_within_monte_carlo_error_of_the_formula(bias, dose):
    done = with_dose(bias, dose).inject(cohort(40_000), 9)
    rows = done.steps[0].realised
    assert {row.group for row in rows} == {"female", "male"}
    for row in rows:
        assert row.n > 1000
        spread = 3.0 if "squared" in row.quantity else 1.2
        assert row.realised == pytest.approx(row.expected, abs=4.5 * spread / np.sqrt(row.n) * 0.5 + 1e-12)


@every
def test_record_is_plain_data(bias):
    (data,) = bias.inject(cohort(), 5).to_dicts()
    assert json.loads(json.dumps(data, allow_nan=False))["name"] == bias.name
    assert "dose" not in data["settings"]


@every
def test_pandas_and_pyarrow_give_the_same(bias):
    frame = cohort(600)
    want = bias.inject(frame, 5).frame
    pandas = frame.to_pandas()
    pandas.index = np.arange(600)[::-1] * 3  # an index of its own must not matter
    got = bias.inject(pandas, 5).frame
    assert type(got) is type(pandas)
    for column in want.columns:
        ours, theirs = want[column].to_list(), got[column].tolist()
        assert [None if v != v else v for v in theirs] == ours, column
    arrow = frame.to_arrow()
    got = bias.inject(arrow, 5).frame
    assert type(got) is type(arrow)
    assert got.to_pydict() == want.to_dict(as_series=False)


@every
@pytest.mark.parametrize("dose", [-0.1, 1.1, float("nan"), True, "1"])
def test_doses_are_checked(bias, dose):
    with pytest.raises(PrimumError, match=rf"The dose of {bias.name} is .*\n.*from 0 "):
        with_dose(bias, dose)


@every
def test_missing_columns_are_named(bias):
    frame = cohort().rename({c: c + "_x" for c in ("ill", "need", "severity", "q1")})
    with pytest.raises(PrimumError, match=r"There is no column '(ill|need|severity|q1)' in the frame given to"):
        bias.inject(frame)


@every
def test_missing_group_column_is_named(bias):
    with pytest.raises(PrimumError, match="no column 'sex'"):
        bias.inject(cohort().drop("sex"))


@every
def test_lazy_frames_and_wrong_seeds_are_refused(bias):
    with pytest.raises(PrimumError, match="needs a frame in memory; given LazyFrame"):
        bias.inject(cohort().lazy())
    with pytest.raises(PrimumError, match="The seed is -1"):
        bias.inject(cohort(), -1)


NOBODY = [
    LabelNoise("ill", 0.1, 0.1), UnderDiagnosis("ill", 0.5), UnderDiagnosisBySeverity("ill", "severity", 0.5),
    DisparateTesting("ill", 0.5, suspicion="severity"), SelectiveLabels("ill", 0.5), SpendingForNeed("need", 0.5),
    ProxyLabel("ill", "need"), MeasurementError("severity", 1.0), Selection(0.5, label="ill"),
    ItemShift(["q1"], 0.5, total="total"), Missingness("need", 0.3, "MNAR"),
]  # fmt: skip


@pytest.mark.parametrize("bias", NOBODY, ids=lambda b: b.name)
def test_nobody_is_a_cohort_too(bias):
    empty = cohort().clear()
    done = bias.inject(empty, 1)
    assert done.frame.equals(empty)
    json.dumps(done.to_dicts(), allow_nan=False)


@pytest.mark.parametrize("bias", [b for b in ALL if not isinstance(b, ProxyLabel)], ids=lambda b: b.name)
def test_unknown_groups_are_named(bias):
    frame = cohort().with_columns(sex=pl.lit("female"))
    with pytest.raises(PrimumError, match="There is no group 'male' in"):
        bias.inject(frame)


def test_missing_membership_is_a_group():
    frame = cohort().with_columns(sex=pl.when(pl.col("site") == "a").then(pl.col("sex")))
    done = UnderDiagnosis("ill", {"(missing)": 0.2}, "sex").inject(frame, 1)
    rates = {row.group: row.realised for row in done.steps[0].realised}
    assert rates["female"] == rates["male"] == 1.0
    assert rates["(missing)"] == pytest.approx(0.2, abs=0.08)


def test_several_attributes_make_one_group():
    done = UnderDiagnosis("ill", {"male · b": 0.5}, ["sex", "site"]).inject(cohort(), 1)
    rates = {row.group: row.realised for row in done.steps[0].realised}
    assert list(rates) == ["female · a", "female · b", "male · a", "male · b"]
    assert [v == 1 for v in rates.values()] == [True, True, True, False]


@pytest.mark.parametrize(("values", "labels"), [([1, 2], ["1", "2"]), ([True, False], ["False", "True"]),
                                                ([1.5, float("nan")], ["(missing)", "1.5"])])  # fmt: skip
def test_groups_of_any_kind(values, labels):
    frame = pl.DataFrame({"ill": [1, 1], "g": values})
    done = UnderDiagnosis("ill", 1.0, "g").inject(frame)
    assert [row.group for row in done.steps[0].realised] == labels


def test_composition_is_one_after_the_other():
    frame = cohort()
    both = compose([UnderDiagnosis("ill", BY, "sex", into="record"), LabelNoise("record", 0.1)])
    done = both.inject(frame, 5)
    first = UnderDiagnosis("ill", BY, "sex", into="record").inject(frame, (5, 0))
    second = LabelNoise("record", 0.1).inject(first.frame, (5, 1))
    assert done.frame.equals(second.frame)
    assert done.steps == first.steps + second.steps
    assert done.frame["ill"].equals(frame["ill"])
    assert both.name == "under-diagnosis at random, then label noise"


def test_composition_has_a_dose():
    frame = cohort()
    both = compose([LabelNoise("ill", 0.1), Selection(0.5)])
    assert with_dose(both, 0.0).inject(frame, 5).frame.equals(frame)
    half = with_dose(both, 0.5).inject(frame, 5)
    assert [step.dose for step in half.steps] == [0.5, 0.5]
    assert compose([both, LabelNoise("ill", 0.1)], dose=0.5).inject(frame, 5).steps[0].dose == 0.5
    part = compose([LabelNoise("ill", 0.1, dose=0.4)], dose=0.5)
    assert part.inject(frame, 5).steps[0].dose == pytest.approx(0.2)
    assert compose([]).inject(frame).frame is frame
    with pytest.raises(PrimumError, match=r"The dose of .* is 2"):
        compose([], dose=2)
    with pytest.raises(PrimumError, match="'noise' is no bias"):
        compose(["noise"])


def test_two_of_a_kind_draw_apart():
    frame = cohort()
    twice = compose([LabelNoise("ill", false_negative=0.5, into="a"), LabelNoise("ill", false_negative=0.5, into="b")])
    got = twice.inject(frame, 5).frame
    assert not got["a"].equals(got["b"])

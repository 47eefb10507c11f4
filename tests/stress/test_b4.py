"""The published propagation table, rebuilt from its recipe; its two variants; and why harm needs corrected labels."""

from __future__ import annotations

import polars as pl
import pytest

from primum.stress.population import simulated
from primum.stress.propagation import propagate
from primum.stress.study_file import load_study

TABLE = {
    # arm: sensitivity in truth of women and men, on the record, share selected
    "uncorrected": (0.337, 0.204, 0.339, 0.223, 0.0719, 0.0282),
    "group-blind": (0.269, 0.274, 0.268, 0.292, 0.0503, 0.0497),
    "oracle": (0.271, 0.275, 0.268, 0.295, 0.0503, 0.0498),
    "divided by c": (0.269, 0.275, 0.269, 0.292, 0.0507, 0.0494),
    "PURPLE": (0.262, 0.281, 0.262, 0.299, 0.0479, 0.0520),
    "equal opportunity": (0.280, 0.261, 0.280, 0.279, 0.0539, 0.0461),
    "demographic parity": (0.266, 0.276, 0.266, 0.295, 0.05, 0.05),
}


@pytest.fixture(scope="module")
def study():
    return load_study("propagation-b4").model_copy(update={"arms": list(TABLE)})


@pytest.fixture(scope="module")
def people(study):
    return simulated(study, 1)


@pytest.fixture(scope="module")
def runs(study, people):
    fewer = study.model_copy(update={"arms": [a for a in TABLE if "equal" not in a and "parity" not in a]})
    return [propagate(study if bias == 0 else fewer, people, bias, 1.0, 1) for bias in range(3)]


def value(run, arm, group, on, metric):
    rows = [r for r in run["rows"] if (r["arm"], r["group"], r["judged_on"]) == (arm, group, on)]
    assert len(rows) == 1
    return rows[0][metric]


def in_truth(run, arm):
    return [value(run, arm, g, "truth", "sensitivity") for g in ("female", "male")]


def test_the_published_table_comes_back(runs):
    for arm, published in TABLE.items():
        mine = [
            value(runs[0], arm, g, on, metric)
            for on, metric in (("truth", "sensitivity"), ("record", "sensitivity"), ("truth", "selection_rate"))
            for g in ("female", "male")
        ]
        assert mine == pytest.approx(list(published), abs=0.01), arm
    for arm, women, men in (("uncorrected", 0.796, 0.794), ("group-blind", 0.797, 0.795), ("oracle", 0.796, 0.794)):
        assert value(runs[0], arm, "female", "truth", "auroc") == pytest.approx(women, abs=0.002)
        assert value(runs[0], arm, "male", "truth", "auroc") == pytest.approx(men, abs=0.002)


def test_purple_learns_the_relative_prevalence_that_the_register_hides(runs, people):
    (row,) = runs[0]["told"]["PURPLE"]["relative"]
    assert (row["group"], row["reference"]) == ("female", "male")
    assert row["relative_prevalence"] == pytest.approx(0.97, abs=0.01)
    assert row["recording"] == pytest.approx(1.66, abs=0.02)
    recorded = people.group_by("sex").agg(pl.col("S").mean()).sort("sex")["S"]
    assert recorded[0] / recorded[1] == pytest.approx(1.56, abs=0.01)


def test_harm_must_be_measured_on_the_truth_or_the_right_model_is_refused(runs):
    """Per 1,000: on the record men lose by the correction; in truth nobody does."""
    for arm in ("oracle", "divided by c"):
        worth = {
            (a, g, on): 1000 * value(runs[0], a, g, on, "net_benefit")
            for a in (arm, "uncorrected")
            for g in ("female", "male")
            for on in ("record", "truth")
        }
        change = {k[1:]: v - worth["uncorrected", *k[1:]] for k, v in worth.items() if k[0] == arm}
        assert change["male", "record"] < -1.5
        assert min(change["male", "truth"], change["female", "truth"]) > 0
    women = in_truth(runs[0], "oracle")[0] - in_truth(runs[0], "uncorrected")[0]
    assert women < -0.05, "women lose places that they had only because men's illness is not recorded"


def test_missed_by_how_illness_looks_blindness_no_longer_helps(runs):
    oracle, blind = in_truth(runs[1], "oracle"), in_truth(runs[1], "group-blind")
    assert abs(oracle[0] - oracle[1]) < 0.01
    assert blind[0] - blind[1] > 0.05
    assert in_truth(runs[1], "PURPLE")[1] < oracle[1] - 0.05, "its assumption does not hold here either"
    assert value(runs[1], "oracle", "male", "record", "sensitivity") > oracle[1] + 0.03, "the record overstates"


def test_where_men_admit_to_less_blindness_no_longer_helps_either(runs):
    oracle, blind = in_truth(runs[2], "oracle"), in_truth(runs[2], "group-blind")
    assert oracle == pytest.approx(in_truth(runs[0], "oracle"), abs=0.005)
    assert blind[0] - blind[1] > 0.1
    assert in_truth(runs[2], "divided by c") == pytest.approx(oracle, abs=0.01)


def test_without_dose_record_and_truth_are_one(study, people):
    run = propagate(study.model_copy(update={"arms": ["uncorrected", "oracle"]}), people, -1, 0.0, 1)
    both = [[r for r in run["rows"] if r["judged_on"] == on] for on in ("record", "truth")]
    assert [{**r, "judged_on": ""} for r in both[0]] == [{**r, "judged_on": ""} for r in both[1]]
    assert in_truth(run, "uncorrected") == in_truth(run, "oracle")

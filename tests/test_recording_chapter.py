"""The chapter of the record's errors: what can be trusted, what would tip, what holds on the truth."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from primum.audit import audit
from primum.errors import PrimumError
from primum.finding import Verdict
from primum.report.views import recording as view


def biased(people):
    """Record 9 in 10 of women's cases and half of men's; `true_ill` is what they have."""
    frame = people(12_000)
    kept = np.random.default_rng(5).random(12_000) < np.where(frame["sex"] == "Male", 0.5, 0.9)
    return frame.with_columns(true_ill=pl.col("ill"), ill=(pl.col("ill") * pl.Series(kept.astype(int))))


@pytest.fixture(scope="module")
def run(tmp_path_factory, small_case, people):
    case = small_case(
        groups=[{"column": "sex", "reference": "Female"}, {"column": "region", "reference": "North"}],
        outcome={
            "name": "illness", "when": [{"column": "ill", "equals": 1}], "recorded_by": "a generator",
            "truth": [{"column": "true_ill", "equals": 1}], "truth_name": "an interview",
        },
        margins={"sensitivity": 0.1, "ppv": 0.05},
        recording={"shares": {"sex": {"Male": [0.4, 0.7], "Female": [0.85, 1.0]}}, "validation": "random",
                   "source": "a chart review"},
    )  # fmt: skip
    return audit(case, data=biased(people), out=tmp_path_factory.mktemp("recording") / "run")


def test_error_rates_are_those_of_the_generator(run):
    rates = {(r["group"], r["metric"]): r for r in run.chapters["recording"]["rates"] if r["attribute"] == "sex"}
    assert rates["Male", "e1"]["low"] < 0.5 < rates["Male", "e1"]["high"]
    assert rates["Female", "e1"]["low"] < 0.1 < rates["Female", "e1"]["high"]
    assert rates["Male", "e0"]["value"] == 0


def test_numbers_carried_to_the_truth_are_those_of_the_truth(run, people):
    frame = biased(people).filter(pl.col("sex") == "Male")
    found = (frame["risk"] >= 0.2).to_numpy()
    y = frame["true_ill"].to_numpy()
    told = {r["metric"]: r for r in run.chapters["recording"]["in_truth"] if r["group"] == "Male"}
    for name, truth in {"sensitivity": found[y == 1].mean(), "ppv": y[found].mean(), "prevalence": y.mean()}.items():
        assert told[name]["low"] < truth < told[name]["high"], name
    record = frame["ill"].to_numpy()
    assert record[found].mean() < told["ppv"]["low"]


def test_the_gap_on_the_truth_is_judged_by_its_interval(run):
    for f in (f for f in run.findings if f.check == "PRM-R03"):
        assert f.margin in {0.1, 0.05}
        if f.verdict is Verdict.NO_HARM:
            assert f.estimate.low > -f.margin


def test_a_tipping_point_within_the_declared_shares_is_inconclusive(run):
    rows = [r for r in run.chapters["recording"]["tipping"] if r["attribute"] == "sex" and r["group"] == "Male"]
    assert {r["declared"] for r in rows} <= {"within", "beyond", "never", "not declared"}
    for r in rows:
        if r["found"] and r["worse_recorded"] == "Male":
            assert (r["declared"] == "within") == (r["ratio"] >= 0.4)
        if r["found"] and r["worse_recorded"] == "Female":
            assert (r["declared"] == "within") == (r["ratio"] >= 0.85 / 0.7)
    for f in (f for f in run.findings if f.check == "PRM-R02"):
        assert f.verdict in {Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE}


def test_sensitivity_can_be_trusted_at_random_and_ppv_cannot(run):
    grid = view.trust(run.chapters["recording"])
    shown = {line.head: [c.text for c in line.cells] for line in grid.lines}
    assert shown["Sensitivity"][0] == "can be trusted"
    assert "too low" in shown["Positive predictive value"][0]


def test_the_report_tells_it(run, tmp_path):
    page = run.report(tmp_path / "report").read_text(encoding="utf8")
    assert "7. If the record is wrong" in page
    assert "8. Repairs" in page
    assert "Source: a chart review" in page


@pytest.mark.parametrize(
    ("recording", "words"),
    [
        ({"shares": {"sex": {"Male": [0.0, 0.5]}}}, "no range of shares"),
        ({"shares": {"star sign": {"Libra": [0.5, 0.6]}}}, "no groups 'star sign'"),
        ({"validation": "random"}, "outcome names no truth"),
        ({"made_up": 1.0}, "less than 1"),
    ],
)
def test_what_is_refused(small_case, recording, words):
    with pytest.raises(ValidationError, match=words):
        small_case(recording=recording)


def test_shares_of_a_group_that_is_not_there_are_refused(small_case, people, tmp_path):
    case = small_case(recording={"shares": {"sex": {"Femal": [0.4, 0.7]}}})
    with pytest.raises(PrimumError, match="recording: shares"):
        audit(case, data=people(300), out=tmp_path / "run")

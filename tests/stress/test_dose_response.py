"""Curves, drifts and the ledger: written-out formulae, an oracle, and what a tiny study must show."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from primum.measure.recording_trust import TRUST
from primum.stress.dose_response import against_uncorrected, curves, limits, long_table, pick
from primum.stress.judging import METRIC_NAMES, judged, pairs, scores
from primum.stress.labels import drift, living_check
from primum.stress.population import simulated
from primum.stress.propagation import propagate

SEEDS = 4


@pytest.fixture(scope="module")
def study(study_of):
    biases = [
        {"name": "missed", "error": "missed at random",
         "parts": [{"kind": "under-diagnosis", "sensitivity": {"female": 0.8, "male": 0.3}}]},
        {"name": "false", "error": "false positives at random",
         "parts": [{"kind": "label noise", "false_positive": {"female": 0.1, "male": 0.02}}]},
    ]  # fmt: skip
    return study_of(biases=biases, population={"recipe": {"people": 30_000}}, seeds=SEEDS, tolerance=0.05)


@pytest.fixture(scope="module")
def table(study):
    people = {s: simulated(study, s) for s in range(1, SEEDS + 1)}
    return long_table(study, [propagate(study, people[s], b, d, s) for b, d, s in study.runs()])


def test_limits_are_students(study):
    x = np.random.default_rng(2).normal(3, 2, 7)
    low, high = limits(x.mean(), x.std(ddof=1), 7, 0.9)
    assert (low, high) == pytest.approx(stats.t.interval(0.9, 6, x.mean(), stats.sem(x)))
    assert np.isnan(limits(1.0, np.nan, 1, 0.95)).all()


def test_limits_over_seeds_keep_their_promise():
    rng = np.random.default_rng(7)
    x = rng.normal(size=(2000, 5))
    low, high = limits(x.mean(1), x.std(1, ddof=1), np.full(2000, 5), 0.95)
    assert 0.935 < ((low <= 0) & (high >= 0)).mean() < 0.965


def test_the_table_is_long_and_whole(study, table):
    cells = 2 * 2 * 3 * SEEDS * 3 * 2  # biases, doses, arms, seeds, groups, judged on
    assert table.height == cells * (len(METRIC_NAMES) + 4)
    assert table.select("bias", "dose", "arm", "seed", "group", "metric", "judged_on").is_duplicated().sum() == 0


def test_dose_zero_stands_under_every_bias(table):
    none = table.filter(pl.col("dose") == 0).drop("bias")
    assert none.height == 2 * none.unique().height


def test_curves_are_means_over_seeds(table):
    own = {
        "bias": "missed",
        "dose": 1.0,
        "arm": "uncorrected",
        "group": "male",
        "metric": "sensitivity",
        "judged_on": "truth",
    }
    values = table.filter(*[pl.col(k) == v for k, v in own.items()])["value"].to_numpy()
    row = pick(curves(table), **own)
    assert row["seeds"] == SEEDS
    assert row["mean"] == pytest.approx(values.mean())
    assert (row["low"], row["high"]) == pytest.approx(stats.t.interval(0.95, 3, values.mean(), stats.sem(values)))


def test_the_ledger_says_who_pays(table):
    ledger = against_uncorrected(table)
    men = pick(ledger, bias="missed", dose=1.0, arm="oracle", group="male", metric="sensitivity", judged_on="truth")
    assert men["verdict"] == "gains"
    assert men["mean"] > 0.2
    assert set(ledger.filter(pl.col("metric") == "selection_rate")["verdict"]) <= {"", "no change"}
    same = ledger.filter(pl.col("dose") == 0, pl.col("arm") == "oracle")
    assert set(same["verdict"]) == {"no change"}
    told = ledger.filter(pl.col("misleads"))
    assert all(v in {"gains", "loses"} for v in told["verdict"])


def test_the_record_can_tell_the_opposite_of_the_truth(table):
    """More men are rightly found by the oracle; on the record these are false alarms."""
    ledger = against_uncorrected(table)
    key = {"bias": "missed", "dose": 1.0, "arm": "oracle", "group": "male", "metric": "net_benefit"}
    assert pick(ledger, **key, judged_on="truth")["verdict"] == "gains"
    assert pick(ledger, **key, judged_on="record")["verdict"] == "loses"
    assert pick(ledger, **key, judged_on="record")["misleads"]


def test_the_table_of_trust_holds_in_the_study(study, table):
    check = living_check(study, drift(study, table))
    assert set(check["bias"]) == {"missed", "false"}
    wrong = check.filter(pl.col("verdict") == "contradicts")
    assert wrong.height == 0, wrong.rows()
    assert (check["verdict"] == "agrees").sum() > 30
    for metric in ("prevalence", "ppv", "fpr", "oe_ratio"):
        rows = check.filter(pl.col("metric") == metric, pl.col("bias") == "missed")
        assert set(rows["verdict"]) == {"agrees"}, metric
    effects = {(t.metric, t.error): t.effect for t in TRUST}
    for row in check.rows(named=True):
        error = "missed at random" if row["bias"] == "missed" else "false positives at random"
        assert row["expected"] == effects.get((row["metric"], error), "")


def test_the_living_check_can_contradict(study, table):
    """The same numbers under a wrong name: false positives are not cases missed."""
    swapped = study.model_copy(
        update={"biases": [b.model_copy(update={"error": "missed at random"}) for b in study.biases]}
    )
    check = living_check(swapped, drift(swapped, table)).filter(pl.col("bias") == "false")
    assert "contradicts" in set(check.filter(pl.col("metric") == "prevalence")["verdict"])


def test_judging_counts_what_it_says():
    rng = np.random.default_rng(3)
    n = 400
    y, a, b = (rng.integers(0, 2, n) for _ in range(3))
    codes, risk = rng.integers(0, 2, n), rng.random(n)
    rows = judged(pairs(y, a, b, codes, ("x", "z"), "g"), scores(y, risk, np.array(["x", "z"])[codes]), 0.2)
    everyone = next(r for r in rows if r["group"] == "everyone")
    from sklearn.metrics import brier_score_loss, roc_auc_score

    assert everyone["sensitivity"] == pytest.approx(b[y == 1].mean())
    assert everyone["net_benefit"] == pytest.approx((b * y).mean() - 0.25 * (b * (1 - y)).mean())
    assert everyone["auroc"] == pytest.approx(roc_auc_score(y, risk), abs=1e-3)
    assert everyone["brier"] == pytest.approx(brier_score_loss(y, risk))
    assert everyone["found"] - everyone["lost"] == ((b - a) * y).sum()
    assert everyone["alarmed"] - everyone["spared"] == ((b - a) * (1 - y)).sum()
    own = codes == 0
    assert next(r for r in rows if r["group"] == "x")["ppv"] == pytest.approx(y[own & (b == 1)].mean())

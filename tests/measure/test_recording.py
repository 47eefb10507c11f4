"""The record and the truth: inversions by simulation and by hand, attenuation of AUROC, and the table of trust."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from primum.errors import PrimumError
from primum.finding import Status
from primum.measure.estimate import Settings, confusion, estimates
from primum.measure.recording import (
    auroc_in_truth,
    auroc_on_record,
    case_share,
    counted,
    errors_by_group,
    from_shares,
    in_truth,
    risk_in_truth,
    rogan_gladen,
    sensitivity_of_record,
    true_counts,
    true_histogram,
)
from primum.measure.recording_corrected import corrected
from primum.measure.recording_trust import (
    AT_RANDOM,
    BY_SEVERITY,
    ERRORS,
    MADE_UP,
    TRUST,
    gap_survives,
    trust,
    trust_rows,
)
from primum.tally.count import count
from primum.tally.resample import histogram
from primum.tally.score import Counts

T = 0.2
W = T / (1 - T)


def population(n, errors, seed=0, slope=1.4):
    """True outcome, record and score of two groups with their own error rates (e0, e1)."""
    rng = np.random.default_rng([seed, n])
    g = np.where(rng.random(n) < 0.5, "F", "M")
    x = rng.normal(size=n)
    risk = expit(-2 + slope * x + 0.3 * (g == "M"))
    y = rng.random(n) < risk
    e0, e1 = (np.where(g == "F", errors["F"][k], errors["M"][k]) for k in (0, 1))
    s = np.where(y, rng.random(n) >= e1, rng.random(n) < e0)
    return pl.DataFrame({"y": y.astype(int), "s": s.astype(int), "risk": risk, "g": g})


ERROR_RATES = {"F": (0.02, 0.45), "M": (0.01, 0.65)}


@pytest.fixture(scope="module")
def million():
    return population(1_000_000, ERROR_RATES)


def test_every_count_metric_comes_back_from_a_million_people(million):
    """P(D,S), P(D), P(S) and the error rates give what the truth gives, within Monte-Carlo error, in both groups."""
    for g, errors in ERROR_RATES.items():
        part = million.filter(pl.col("g") == g)
        d, s, y = (part["risk"] >= T).to_numpy(), part["s"].to_numpy() == 1, part["y"].to_numpy() == 1
        back = in_truth((d & s).mean(), d.mean(), s.mean(), *errors, threshold=T)
        truth = from_shares((d & y).mean(), d.mean(), y.mean())
        for m in counted():
            size = {"interventions_avoided": 0.4, "nne": 0.02, "fp_per_tp": 0.02}.get(m.id, 0.004)
            assert float(back[m.id]) == pytest.approx(float(m.kernel(truth, T)), abs=size), (g, m.id)


def test_the_formulas_are_the_written_ones():
    """TPR, FPR, PPV, prevalence and net benefit, each from its own formula."""
    joint, d, s, e0, e1 = 0.05, 0.2, 0.1, 0.02, 0.4
    got = in_truth(joint, d, s, e0, e1, threshold=T)
    assert got["sensitivity"] == pytest.approx((joint - e0 * d) / (s - e0))
    assert got["fpr"] == pytest.approx(((1 - e1) * d - joint) / ((1 - e1) - s))
    assert got["ppv"] == pytest.approx((joint / d - e0) / (1 - e0 - e1))
    assert got["prevalence"] == pytest.approx((s - e0) / (1 - e0 - e1))
    c = 0.6
    got = in_truth(joint, d, s, 0.0, 1 - c, threshold=T)
    assert got["net_benefit"] == pytest.approx(joint * (1 + W) / c - W * d)
    assert got["sensitivity"] == pytest.approx(joint / s)


def test_shapes_broadcast_over_groups():
    got = in_truth(np.array([0.05, 0.04]), 0.2, np.array([0.1, 0.1]), 0.0, np.array([[0.2, 0.5], [0.0, 0.1]]))
    assert got["prevalence"].shape == (2, 2)
    assert got["prevalence"][0].tolist() == pytest.approx([0.125, 0.2])


def test_rogan_gladen_by_hand():
    """12 % test positive, sensitivity .9, specificity .95: (.12 − .05)/.85."""
    assert float(rogan_gladen(0.12, 0.05, 0.1)) == pytest.approx(0.07 / 0.85)
    assert np.isnan(rogan_gladen(0.03, 0.05, 0.1))
    assert np.isnan(rogan_gladen(0.95, 0.05, 0.1))
    assert np.isnan(risk_in_truth([0.6, 0.2], 0.0, 0.5)).tolist() == [True, False]
    assert float(risk_in_truth(0.2, 0.0, 0.5)) == pytest.approx(0.4)


@pytest.mark.parametrize("errors", [(0.0, 0.45), (0.03, 0.3), (0.05, 0.0)])
def test_auroc_on_the_record_is_attenuated_as_the_formula_says(errors):
    frame = population(400_000, {"F": errors, "M": errors}, seed=5)
    y, s, risk = (frame[k].to_numpy() for k in ("y", "s", "risk"))
    truth, seen = roc_auc_score(y, risk), roc_auc_score(s, risk)
    assert float(auroc_on_record(truth, y.mean(), *errors)) == pytest.approx(seen, abs=0.003)
    assert float(auroc_in_truth(seen, s.mean(), *errors)) == pytest.approx(truth, abs=0.003)
    if not errors[0]:
        c = 1 - errors[1]
        rho = y.mean() * (1 - c) / (1 - y.mean() * c)
        assert float(auroc_on_record(truth, y.mean(), *errors)) == pytest.approx((1 - rho) * truth + rho / 2)


def test_the_histogram_gives_the_same_auroc_as_the_formula():
    view = count(population(20_000, ERROR_RATES), "s", "risk", "g")
    for i, g in enumerate(("F", "M")):
        h = histogram(view, i)
        e = corrected(view, ERROR_RATES, ["auroc"])[i]["auroc"]
        share = float(h.w[1].sum() / h.w.sum())
        seen = estimates(view, ["auroc"], Settings())[i]["auroc"].value
        assert e.value == pytest.approx(float(auroc_in_truth(seen, share, *ERROR_RATES[g])), abs=1e-9)
        assert true_histogram(h, *ERROR_RATES[g]).w.sum() == pytest.approx(h.w.sum())


def test_whole_axis_metrics_come_back(million):
    errors = corrected(count(million, "s", "risk", "g"), ERROR_RATES, ["auroc", "brier", "oe_ratio"])
    truth = estimates(count(million, "y", "risk", "g"), ["auroc", "brier", "oe_ratio"], Settings())
    for e, t in zip(errors, truth, strict=True):
        for name in t:
            assert e[name].low <= t[name].value <= e[name].high or abs(e[name].value - t[name].value) < 0.004
            assert e[name].value == pytest.approx(t[name].value, abs=0.02)


def test_what_is_recorded_of_sensitivity_keeps_its_interval():
    """Cases missed at random: sensitivity and its Wilson interval are those on the record."""
    view = count(population(3000, {"F": (0, 0.4), "M": (0, 0.6)}), "s", "risk", "g")
    plain = estimates(view, ["sensitivity"], Settings(at=T))
    moved = corrected(view, {"F": (0.0, 0.4), "M": (0.0, 0.6)}, ["sensitivity"], Settings(at=T))
    for before, after in zip(plain, moved, strict=True):
        a, b = before["sensitivity"], after["sensitivity"]
        assert (b.value, b.low, b.high) == pytest.approx((a.value, a.low, a.high), abs=2e-4)


def test_with_a_perfect_record_nothing_moves():
    view = count(population(3000, ERROR_RATES), "s", "risk", "g")
    names = [m.id for m in counted()] + ["auroc", "brier", "oe_ratio"]
    perfect = {"F": (0.0, 0.0), "M": (0.0, 0.0)}
    for a, b in zip(
        estimates(view, names, Settings(at=T)), corrected(view, perfect, names, Settings(at=T)), strict=True
    ):
        for name in names:
            assert b[name].value == pytest.approx(a[name].value, rel=1e-9), name
            assert b[name].high - b[name].low == pytest.approx(a[name].high - a[name].low, rel=0.12), name


@pytest.mark.parametrize("name", ["ppv", "fpr", "prevalence", "net_benefit", "npv", "auroc", "sensitivity"])
def test_intervals_cover_the_truth(name):
    """190 cohorts of 1,500: 95 % intervals with known error rates."""
    errors = (0.03, 0.4)
    big = population(400_000, {"F": errors, "M": errors}, seed=77).filter(pl.col("g") == "F")
    truth = estimates(count(big, "y", "risk", "g"), [name], Settings(at=T))[0][name].value
    cohorts = population(2 * 1500 * 200, {"F": errors, "M": errors}, seed=78).filter(pl.col("g") == "F")
    cohorts = cohorts[: 1500 * 190].with_columns(k=pl.Series(np.repeat(np.arange(190), 1500)).cast(pl.String))
    view = count(cohorts, "s", "risk", "k")
    known = dict.fromkeys((g[0] for g in view.groups), errors)
    found = [e[name] for e in corrected(view, known, [name], Settings(at=T))]
    hits = [e.ok and e.low <= truth <= e.high for e in found]
    assert np.mean(hits) >= 0.90


def test_weights_and_clusters_widen():
    frame = population(4000, ERROR_RATES).with_columns(
        w=pl.Series(np.random.default_rng(0).choice([0.5, 3.0], 4000)), c=pl.Series(np.arange(4000) // 4)
    )
    s = Settings(at=T)
    plain = corrected(count(frame, "s", "risk", "g"), ERROR_RATES, ["ppv"], s)[0]["ppv"]
    weighted = corrected(count(frame, "s", "risk", "g", weight="w"), ERROR_RATES, ["ppv"], s)[0]["ppv"]
    families = corrected(count(frame, "s", "risk", "g", cluster="c"), ERROR_RATES, ["ppv"], s)[0]["ppv"]
    assert weighted.high - weighted.low > 1.05 * (plain.high - plain.low)
    assert weighted.n_effective < 2100
    assert families.value == pytest.approx(plain.value)
    assert families.high - families.low == pytest.approx(plain.high - plain.low, rel=0.2)


# -- contradictions and bad input ----------------------------------------------------------------------------------


def table(tp, fp, fn, tn):
    rows = [(1, 0.9)] * tp + [(0, 0.9)] * fp + [(1, 0.1)] * fn + [(0, 0.1)] * tn
    return count(pl.DataFrame(rows, schema=["s", "risk"], orient="row").with_columns(g=pl.lit("a")), "s", "risk", "g")


@pytest.mark.parametrize(
    ("cells", "errors", "metric", "reason"),
    [
        ((5, 5, 1, 89), (0.1, 0.2), "prevalence", "fewer people are recorded than false positives"),
        ((40, 5, 40, 15), (0.0, 0.3), "prevalence", "more people are recorded than if everybody"),
        ((8, 2, 2, 88), (0.0, 0.5), "ppv", "more of the selected are recorded than if all"),
        ((1, 49, 25, 25), (0.1, 0.1), "ppv", "fewer of the selected are recorded than false positives"),
    ],
)
def test_a_contradiction_is_not_estimable_with_its_reason(cells, errors, metric, reason):
    e = corrected(table(*cells), {"a": errors}, [metric], Settings(at=0.5))[0][metric]
    assert e.status is Status.NOT_ESTIMABLE
    assert np.isnan(e.value)
    assert reason in e.reason


def test_metrics_without_a_threshold_do_not_look_at_decisions():
    e = corrected(table(8, 2, 2, 88), {"a": (0.0, 0.5)}, ["prevalence"], Settings(at=0.5))[0]["prevalence"]
    assert e.value == pytest.approx(0.2)


def test_a_ranking_better_than_perfect_is_not_estimable():
    view = table(30, 0, 0, 70)
    e = corrected(view, {"a": (0.0, 0.3)}, ["auroc"], Settings(at=0.5))[0]["auroc"]
    assert e.status is Status.NOT_ESTIMABLE
    assert "do better than perfectly" in e.reason


def test_nan_where_the_shares_contradict_each_other():
    got = in_truth(0.08, 0.1, 0.1, 0.0, [0.5, 0.1])
    assert np.isnan(got["ppv"]).tolist() == [True, False]


@pytest.mark.parametrize("c", [0.0, -0.1, 1.2])
def test_a_share_recorded_outside_0_to_1(c):
    with pytest.raises(PrimumError, match="share of cases recorded"):
        sensitivity_of_record(c)


@pytest.mark.parametrize(
    ("errors", "message"),
    [((0.0, 1.0), "e1 = P"), ((-0.1, 0.2), "e0 = P"), ((0.6, 0.4), "add up to 1"), ((np.nan, 0.2), "e0 = P")],
)
def test_error_rates_that_say_nothing(errors, message):
    with pytest.raises(PrimumError, match=message):
        case_share(*errors)


def test_every_group_needs_error_rates():
    with pytest.raises(PrimumError, match="no error rates for the group 'M'"):
        errors_by_group(["F", "M"], {"F": (0, 0.2)})


def test_a_metric_without_an_inversion_is_refused():
    with pytest.raises(PrimumError, match="cannot be carried from the record"):
        corrected(table(8, 2, 2, 88), {"a": (0.0, 0.1)}, ["calibration_slope"], Settings(at=0.5))


def test_a_decision_needs_a_threshold():
    with pytest.raises(PrimumError, match="need a decision threshold"):
        corrected(table(8, 2, 2, 88), {"a": (0.0, 0.1)}, ["ppv"])


def test_nobody_is_added_or_lost():
    c = true_counts(Counts(*(np.array(float(x)) for x in (30, 50, 20, 200))), 0.02, 0.3)
    assert float(c.tp + c.fp) == pytest.approx(80)
    assert float(c.fn + c.tn) == pytest.approx(220)


# -- the table of trust ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded_three_ways():
    rng = np.random.default_rng(9)
    n = 600_000
    x = rng.normal(size=n)
    risk = expit(-1.5 + 1.2 * x)
    y = rng.random(n) < risk
    recorded = {
        AT_RANDOM: y & (rng.random(n) < 0.5),
        BY_SEVERITY: y & (rng.random(n) < expit(0.3 + 1.5 * (x - 0.5))),
        MADE_UP: y | (rng.random(n) < 0.06),
    }
    names = sorted({t.metric for t in TRUST})

    def measured(label):
        frame = pl.DataFrame({"y": label.astype(int), "s": risk})
        return {k: e.value for k, e in estimates(count(frame, "y", "s"), names, Settings(at=T))[0].items()}

    return measured(y), {k: measured(s) for k, s in recorded.items()}


@pytest.mark.parametrize("line", TRUST, ids=lambda t: f"{t.metric} · {t.error}")
def test_every_line_of_the_table_is_what_happens(recorded_three_ways, line):
    truth, records = recorded_three_ways
    true, seen = truth[line.metric], records[line.error][line.metric]
    noise = 0.004
    if line.effect == "survives":
        assert seen == pytest.approx(true, abs=noise)
    elif line.effect == "too low":
        assert seen < true - noise
    elif line.effect == "too high":
        assert seen > true + noise
    elif line.effect == "pulled to one half":
        assert 0.5 < seen < true - noise


def test_either_way_is_either_way():
    """Brier and accuracy move up or down with the same recording error, as the model has it."""
    signs = {"brier": set(), "accuracy": set()}
    for t, base in ((0.2, 2.5), (0.7, -1.0)):
        rng = np.random.default_rng(3)
        x = rng.normal(size=200_000)
        risk = expit(base + 1.2 * x)
        y = rng.random(200_000) < risk
        s = y & (rng.random(200_000) < 0.5)
        a, b = (
            estimates(count(pl.DataFrame({"y": v.astype(int), "s": risk}), "y", "s"), list(signs), Settings(at=t))[0]
            for v in (y, s)
        )
        for name, seen in signs.items():
            seen.add(np.sign(b[name].value - a[name].value))
    assert all(len(v) == 2 for v in signs.values())


def test_the_table_is_complete_and_unique():
    keys = [(t.metric, t.error) for t in TRUST]
    assert len(keys) == len(set(keys))
    assert {t.error for t in TRUST} == set(ERRORS)
    assert {"sensitivity", "ppv", "fpr", "auroc", "prevalence", "net_benefit"} <= {t.metric for t in TRUST}
    assert all(r["words"] and r["error_words"] for r in trust_rows())
    assert gap_survives("sensitivity")
    assert not gap_survives("ppv")


def test_unknown_lines_are_refused():
    with pytest.raises(PrimumError, match="no metric 'sensitivty'"):
        trust("sensitivty")
    with pytest.raises(PrimumError, match="no recording error"):
        trust("ppv", "at random")


def test_confusion_of_a_histogram_is_used(million):
    """The cells behind it are the recorded ones."""
    h = histogram(count(million.head(1000), "s", "risk"), 0, T)
    assert float(sum(vars(confusion(h)).values())) == 1000

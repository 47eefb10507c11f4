"""Published and recomputed tables on real data, number by number."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from primum.measure.compare import compare
from primum.measure.curves import decision
from primum.measure.table import Settings, estimates
from primum.tally.count import count

# -- COMPAS, two years, decile ≥ 5 (ProPublica 2016; Dressel & Farid 2018): k, n, Wilson 95 % ------------------------

COMPAS = {
    "African-American": (3696, (
        (805, 1795, 0.4256, 0.4716), (532, 1901, 0.2601, 0.3005), (1369, 2174, 0.6092, 0.6498),
    ), 0.6918, 0.6383),
    "Caucasian": (2454, (
        (349, 1488, 0.2137, 0.2567), (461, 966, 0.4459, 0.5088), (505, 854, 0.5580, 0.6238),
    ), 0.6931, 0.6699),
    "Hispanic": (637, (
        (87, 405, 0.1776, 0.2574), (129, 232, 0.4917, 0.6185), (103, 190, 0.4711, 0.6114),
    ), 0.6379, 0.6609),
    "Other": (377, (
        (36, 244, 0.1085, 0.1975), (90, 133, 0.5932, 0.7503), (43, 79, 0.4350, 0.6495),
    ), 0.6955, 0.6658),
    "Asian": (32, (
        (2, 23, 0.0242, 0.2680), (3, 9, 0.1206, 0.6458), (6, 8, 0.4093, 0.9285),
    ), 0.8575, 0.8438),
    "Native American": (18, (
        (3, 8, 0.1368, 0.6943), (1, 10, 0.0179, 0.4042), (9, 12, 0.4677, 0.9111),
    ), 0.8562, 0.7778),
}  # fmt: skip
FILTERED = {  # n, FPR, FNR, PPV, NPV, prevalence, selected
    "African-American": (3175, 0.4234, 0.2848, 0.6495, 0.6486, 0.5231, 0.5761),
    "Caucasian": (2103, 0.2201, 0.4964, 0.5948, 0.7100, 0.3909, 0.3310),
    "Hispanic": (509, 0.1938, 0.5820, 0.5603, None, 0.3713, 0.2770),
}
DECILES = Settings(at=5)


@pytest.fixture(scope="module")
def compas(data_dir):
    path = data_dir / "compas" / "compas_two_years.csv.gz"
    if not path.exists():
        pytest.skip("the COMPAS file is not among the test data")
    return pl.read_csv(path)


def deciles(frame):
    return count(frame, "two_year_recid", "decile_score", ["race"], thresholds=[5], score_range=(1, 10))


def by_group(view, metrics, how):
    return {g[0] if g else "everyone": e for g, e in zip(view.groups, estimates(view, metrics, how), strict=True)}


@pytest.mark.parametrize("race", COMPAS)
def test_compas(compas, race):
    n, rates, area, accuracy = COMPAS[race]
    view = deciles(compas)
    e = by_group(view, ["n", "fpr", "fnr", "ppv", "auroc", "accuracy"], DECILES)[race]
    assert e["n"].value == n
    c = view.at(5, "n")
    i = view.groups.index((race,))
    counted = ((c.fp, c.fp + c.tn), (c.fn, c.fn + c.tp), (c.tp, c.tp + c.fp))
    for name, (k, of, low, high), (top, bottom) in zip(("fpr", "fnr", "ppv"), rates, counted, strict=True):
        assert (top[i], bottom[i]) == (k, of)
        assert e[name].value == k / of
        assert (round(e[name].low, 4), round(e[name].high, 4)) == (low, high)
        assert e[name].method == "Wilson"
    assert round(e["auroc"].value, 4) == area
    assert round(e["accuracy"].value, 4) == accuracy


def test_compas_overall_and_apart(compas):
    view = deciles(compas)
    e = by_group(view.by(), ["accuracy", "auroc", "n"], DECILES)["everyone"]
    assert e["n"].value == 7214
    assert round(e["accuracy"].value, 4) == 0.6537
    assert round(e["auroc"].value, 4) == 0.7022
    apart = compare(view, ["fpr", "selection_rate"], DECILES, "Caucasian")
    shown = {(c.group, c.metric.id): c.difference.value for c in apart}
    assert round(shown["African-American", "fpr"], 6) == 0.213925
    assert round(shown["African-American", "selection_rate"], 6) == 0.240200
    share = {(c.group, c.metric.id): c.ratio.value for c in apart}
    assert round(1 / share["African-American", "selection_rate"], 6) == pytest.approx(0.3480 / 0.5882, abs=2e-4)


@pytest.mark.parametrize("race", FILTERED)
def test_compas_with_the_filter_of_propublica(compas, race):
    kept = compas.filter(
        pl.col("days_b_screening_arrest").is_between(-30, 30),
        pl.col("is_recid") != -1,
        pl.col("c_charge_degree") != "O",
        pl.col("score_text") != "N/A",
    )
    assert len(kept) == 6172
    names = ["n", "fpr", "fnr", "ppv", "npv", "prevalence", "selection_rate"]
    e = by_group(deciles(kept), names, DECILES)[race]
    for name, expected in zip(names, FILTERED[race], strict=True):
        if expected is not None:
            assert round(e[name].value, 4) == expected, name


def test_ppv_follows_from_prevalence_and_the_two_error_rates(compas):
    """Kleinberg and Chouldechova: equal PPV with unequal prevalence forces unequal error rates."""
    names = ["prevalence", "sensitivity", "fpr", "ppv"]
    for race, e in by_group(deciles(compas), names, DECILES).items():
        prevalence, tpr, fpr, ppv = (e[k].value for k in names)
        assert ppv == pytest.approx(prevalence * tpr / (prevalence * tpr + (1 - prevalence) * fpr), rel=1e-12)
        forced = prevalence / (1 - prevalence) * (1 - ppv) / ppv * tpr
        assert fpr == pytest.approx(forced, rel=1e-12)
        wanted = {"African-American": 0.448468, "Caucasian": 0.234543}
        if race in wanted:
            assert round(forced, 6) == wanted[race]


def test_deciles_are_not_judged_as_probabilities(compas):
    names = ["brier", "oe_ratio", "calibration_slope", "net_benefit"]
    for e in by_group(deciles(compas), names, DECILES)["Asian"].values():
        assert e.reason == "the score is in points, not a probability"


# -- decision curves (R package dcurves) ------------------------------------------------------------------------------

DCA = {  # threshold: net benefit of the model, of treating everybody
    0.05: (0.105544, 0.094737), 0.10: (0.087407, 0.044444), 0.15: (0.079216, -0.011765),
    0.20: (0.067333, -0.075000), 0.25: (0.064000, -0.146667), 0.35: (0.050154, -0.323077),
}  # fmt: skip


@pytest.fixture(scope="module")
def dca(data_dir):
    path = data_dir / "dca" / "dca.csv"
    if not path.exists():
        pytest.skip("the decision-curve file is not among the test data")
    return pl.read_csv(path)


def test_decision_curves(dca):
    view = count(dca, "cancer", "cancerpredmarker", ["risk_group"])
    points = decision(view.by(), list(DCA))[0]
    for p in points:
        assert (round(p["model"], 6), round(p["treat_all"], 6)) == DCA[p["t"]]
        assert p["low"] < p["model"] < p["high"]
        e = estimates(view.by(), ["net_benefit"], Settings(at=p["t"]))[0]["net_benefit"]
        assert (e.value, e.low, e.high) == pytest.approx((p["model"], p["low"], p["high"]))


def test_decision_curves_by_group_add_up(dca):
    """Net benefit of everyone is the mean of the groups', weighted by their people."""
    view = count(dca, "cancer", "cancerpredmarker", ["risk_group"])
    share = view.people().sum(axis=1) / 750
    for points, everyone in zip(
        zip(*decision(view, list(DCA)), strict=True), decision(view.by(), list(DCA))[0], strict=True
    ):
        assert sum(f * p["model"] for f, p in zip(share, points, strict=True)) == pytest.approx(everyone["model"])
    e = by_group(view, ["n", "prevalence", "auroc"], Settings())
    shown = {g: (v["n"].value, round(v["prevalence"].value, 4)) for g, v in e.items()}
    assert shown == {"high": (21, 0.6190), "intermediate": (335, 0.2060), "low": (394, 0.0584)}
    assert round(estimates(view.by(), ["auroc"], Settings())[0]["auroc"].value, 4) == 0.8606


# -- readmission within 30 days (diabetes in 130 US hospitals) ---------------------------------------------------------

READMISSION = {  # n, prevalence, AUROC, selected, FNR, FPR, PPV, net benefit, observed / expected
    "Caucasian": (26670, 0.0889, 0.5876, 0.4915, 0.3928, 0.4802, 0.1098, 0.01175, 0.993),
    "African American": (6501, 0.0892, 0.5851, 0.3922, 0.4931, 0.3810, 0.1153, 0.01175, 1.063),
    "Hispanic": (761, 0.0762, 0.6731, 0.3798, 0.4138, 0.3627, 0.1176, 0.01235, 0.926),
    "Asian": (242, 0.0744, 0.6283, 0.3967, 0.4444, 0.3839, 0.1042, 0.00704, 0.893),
    "Other": (598, 0.0836, 0.5632, 0.4314, 0.4600, 0.4215, 0.1047, 0.00789, 0.997),
    "Unknown": (986, 0.0720, 0.5066, 0.3692, 0.5915, 0.3661, 0.0797, -0.00336, 0.887),
}
COLUMNS = ("n", "prevalence", "auroc", "selection_rate", "fnr", "fpr", "ppv", "net_benefit", "oe_ratio")


@pytest.fixture(scope="module")
def readmission(data_dir):
    path = data_dir / "readmission" / "readmission.parquet"
    if not path.exists():
        pytest.skip("the readmission file is not among the test data")
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    frame = pl.read_parquet(path).to_pandas()
    numbers = ["duration", "n_previous_visits", "n_diagnoses", "n_procedures", "n_medications"]
    words = ["sex", "age", "admission_source", "blood_glucose", "insurer"]
    x = pd.get_dummies(frame[numbers + words].astype(dict.fromkeys(words, object)), columns=words).astype(float)
    assert x.shape == (71_515, 27)
    y, race = (frame["readmitted"] == "Yes").to_numpy().astype(int), frame["race"].astype(str).to_numpy()
    split = train_test_split(x.to_numpy(), y, race, test_size=0.5, stratify=y, random_state=445)
    x_train, x_test, y_train, y_test, _, race_test = split
    scale = StandardScaler().fit(x_train)
    model = LogisticRegression(max_iter=2000).fit(scale.transform(x_train), y_train)
    score = model.predict_proba(scale.transform(x_test))[:, 1]
    t = float(y_train.mean())
    tested = pl.DataFrame({"y": y_test, "s": score, "race": race_test.astype(object).tolist()})
    return count(tested, "y", "s", ["race"], thresholds=[t]), t


def test_readmission_overall(readmission):
    view, t = readmission
    assert round(t, 6) == 0.087983
    e = estimates(view.by(), ["n", "prevalence", "auroc", "brier"], Settings(at=t, replicates=50))[0]
    assert e["n"].value == 35_758
    assert e["prevalence"].value == pytest.approx(0.08801, abs=5e-6)
    assert e["auroc"].value == pytest.approx(0.586853, abs=1e-4)
    assert e["brier"].value == pytest.approx(0.079761, abs=1e-6)


@pytest.mark.parametrize("race", READMISSION)
def test_readmission_by_race(readmission, race):
    view, t = readmission
    e = by_group(view.select([(race,)]), COLUMNS, Settings(at=t, replicates=50))[race]
    for name, expected in zip(COLUMNS, READMISSION[race], strict=True):
        digits = {"n": 0.5, "auroc": 1.5e-4, "net_benefit": 6e-6, "oe_ratio": 6e-4}
        assert e[name].value == pytest.approx(expected, abs=digits.get(name, 6e-5)), name


def test_an_error_gap_is_not_a_utility_gap(readmission):
    """Two groups with the same net benefit, of whom .39 and .49 are missed."""
    view, t = readmission
    found = {
        (c.group, c.metric.id): c.difference for c in compare(view, ["fnr", "net_benefit"], Settings(at=t), "Caucasian")
    }
    assert found["African American", "fnr"].low > 0.05
    utility = found["African American", "net_benefit"]
    assert abs(utility.value) < 1e-4
    assert utility.low < 0 < utility.high


# -- liver disease (ILPD): women's disease is missed more often --------------------------------------------------------


def test_women_with_liver_disease_are_missed_more_often(data_dir):
    path = data_dir / "ilpd" / "ilpd.csv"
    if not path.exists():
        pytest.skip("the liver file is not among the test data")
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    frame = pl.read_csv(path).to_pandas()
    target, sex = frame.columns[-1], next(c for c in frame.columns if c.lower() in {"gender", "sex"})
    y = (frame[target] == 1).to_numpy().astype(int)
    x = frame.drop(columns=[sex, target]).to_numpy(dtype=float)
    model = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(max_iter=2000))
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    score = cross_val_predict(model, x, y, cv=folds, method="predict_proba")[:, 1]
    view = count(
        pl.DataFrame({"y": y, "s": score, "sex": frame[sex].astype(str).tolist()}), "y", "s", "sex", thresholds=[0.5]
    )
    e = {g[0]: v for g, v in by_group(view, ["auroc", "fnr", "fpr"], Settings(at=0.5)).items()}
    shown = [tuple(round(e[k][m].value, 3) for k in "FM") for m in ("auroc", "fnr", "fpr")]
    np.testing.assert_allclose(shown, [(0.674, 0.773), (0.152, 0.049), (0.740, 0.786)], atol=1.1e-3)

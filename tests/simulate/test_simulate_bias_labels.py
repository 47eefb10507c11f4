"""Label noise, under-diagnosis, testing, proxies: each against its own formula."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from primum.errors import PrimumError
from primum.simulate.noise import LabelNoise
from primum.simulate.proxy import ProxyLabel, SpendingForNeed
from primum.simulate.testing import DisparateTesting, SelectiveLabels
from primum.simulate.underdiagnosis import UnderDiagnosis, UnderDiagnosisBySeverity

N = 200_000


@pytest.fixture(scope="module")
def cohort():
    rng = np.random.default_rng(12)
    sex = rng.choice(["female", "male"], N)
    severity = rng.normal(size=N) + 0.3 * (sex == "male")
    ill = rng.random(N) < 1 / (1 + np.exp(1.5 - severity))
    score = severity + 0.5 * rng.normal(size=N)
    return pl.DataFrame({"sex": sex, "severity": severity, "Y": ill.astype(int), "score": score,
                         "need": np.exp(severity).round(4)})  # fmt: skip


def share(frame, column, **where):
    for name, value in where.items():
        frame = frame.filter(pl.col(name) == value)
    return frame[column].mean(), frame.height


def near(value, p, n):
    assert value == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / n) + 1e-12)


def test_noise_rates_by_class_and_group(cohort):
    got = LabelNoise("Y", {"female": 0.05, "male": 0.02}, {"female": 0.2, "male": 0.5}, "sex", into="S", dose=0.5)
    frame = got.inject(cohort, 1).frame
    for sex, e0, e1 in (("female", 0.05, 0.2), ("male", 0.02, 0.5)):
        near(*_with(share(frame, "S", sex=sex, Y=0), 0.5 * e0))
        near(*_with(share(frame, "S", sex=sex, Y=1), 1 - 0.5 * e1))


def _with(found, p):
    return found[0], p, found[1]


def test_inversion_formulae_hold_on_noisy_labels(cohort):
    """Prevalence, TPR and FPR are recovered from the record with the rates that were injected (D ⊥ S | Y, g)."""
    rng = np.random.default_rng(4)
    frame = cohort.with_columns(D=pl.Series(rng.random(N) < np.where(cohort["Y"] == 1, 0.7, 0.2)).cast(pl.Int8))
    frame = (
        LabelNoise("Y", {"female": 0.05, "male": 0.02}, {"female": 0.2, "male": 0.5}, "sex", into="S")
        .inject(frame, 1)
        .frame
    )
    for sex, e0, e1 in (("female", 0.05, 0.2), ("male", 0.02, 0.5)):
        g = frame.filter(pl.col("sex") == sex)
        pS, pD, pDS = g["S"].mean(), g["D"].mean(), (g["S"] * g["D"]).mean()
        assert (pS - e0) / (1 - e0 - e1) == pytest.approx(g["Y"].mean(), abs=0.012)
        assert (pDS - e0 * pD) / (pS - e0) == pytest.approx(0.7, abs=0.015)
        assert ((1 - e1) * pD - pDS) / ((1 - e1) - pS) == pytest.approx(0.2, abs=0.015)


def test_auc_is_attenuated_by_the_published_amount(cohort):
    from sklearn.metrics import roc_auc_score

    frame = UnderDiagnosis("Y", {"female": 0.55, "male": 0.35}, "sex", into="S").inject(cohort, 1).frame
    for sex, c in (("female", 0.55), ("male", 0.35)):
        g = frame.filter(pl.col("sex") == sex)
        pi = g["Y"].mean()
        rho = pi * (1 - c) / (1 - pi * c)
        true, seen = (roc_auc_score(g[label], g["score"]) for label in ("Y", "S"))
        assert seen == pytest.approx((1 - rho) * true + rho / 2, abs=0.006)


def test_under_diagnosis_at_random(cohort):
    frame = UnderDiagnosis("Y", {"male": 0.4}, "sex", into="S", dose=0.5).inject(cohort, 1).frame
    near(*_with(share(frame, "S", sex="male", Y=1), 0.7))
    assert share(frame, "S", sex="female", Y=1)[0] == 1
    assert share(frame, "S", Y=0)[0] == 0
    cases = frame.filter((pl.col("Y") == 1) & (pl.col("sex") == "male"))
    by = dict(cases.group_by("S").agg(pl.col("severity").mean()).iter_rows())
    assert by[0] == pytest.approx(by[1], abs=0.05)


def test_under_diagnosis_by_severity(cohort):
    bias = UnderDiagnosisBySeverity("Y", "severity", {"female": 0.7, "male": 0.4}, {"male": 2.0}, "sex", into="S")
    frame = bias.inject(cohort, 1).frame
    for sex, c in (("female", 0.7), ("male", 0.4)):
        near(*_with(share(frame, "S", sex=sex, Y=1), c))
    assert share(frame, "S", Y=0)[0] == 0
    cases = frame.filter(pl.col("Y") == 1)
    by = {
        key: m
        for *key, m in cases.group_by("sex", "S").agg(pl.col("severity").mean()).iter_rows()
        for key in [tuple(key)]
    }
    assert by["male", 1] - by["male", 0] > 0.8
    assert by["female", 1] == pytest.approx(by["female", 0], abs=0.05)  # not named: slope 0


def test_slope_of_recording_is_the_one_asked_for(cohort):
    """A logistic regression of S on the standardised severity, among men who are cases, finds slope 2."""
    from sklearn.linear_model import LogisticRegression

    frame = UnderDiagnosisBySeverity("Y", "severity", 0.5, 2.0, "sex", into="S").inject(cohort, 1).frame
    cases = frame.filter(pl.col("Y") == 1)
    z = ((cases["severity"] - cases["severity"].mean()) / cases["severity"].std()).to_numpy()
    men = (cases["sex"] == "male").to_numpy()
    fit = LogisticRegression(C=1e9).fit(z[men, None], cases["S"].to_numpy()[men])
    assert fit.coef_[0, 0] == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("c", [0.0, -0.2, 1.2, float("nan"), "a", True])
@pytest.mark.parametrize("make", [UnderDiagnosis, lambda y, c: UnderDiagnosisBySeverity(y, "severity", c)])
def test_sensitivities_outside_the_range(make, c):
    with pytest.raises(PrimumError, match=r"the sensitivity of the record is .*\n.*above 0 and at most 1"):
        make("Y", c)
    with pytest.raises(PrimumError, match="the sensitivity of the record for 'male' is"):
        make("Y", {"male": c})


def test_disparate_testing(cohort):
    bias = DisparateTesting("Y", {"female": 0.9, "male": 0.5}, "sex", into="S", tested_into="T")
    frame = bias.inject(cohort, 1).frame
    assert (frame["S"] == frame["Y"] * frame["T"]).all()
    for sex, p in (("female", 0.9), ("male", 0.5)):
        near(*_with(share(frame, "T", sex=sex), p))
        near(*_with(share(frame, "T", sex=sex, Y=1), p))


def test_testing_on_suspicion_finds_more_cases_with_as_many_tests(cohort):
    plain = DisparateTesting("Y", 0.5, "sex", into="S", tested_into="T").inject(cohort, 1).frame
    keen = DisparateTesting("Y", 0.5, "sex", "severity", 1.5, into="S", tested_into="T").inject(cohort, 1).frame
    for sex in ("female", "male"):
        near(*_with(share(keen, "T", sex=sex), 0.5))
        assert share(keen, "S", sex=sex, Y=1)[0] > share(plain, "S", sex=sex, Y=1)[0] + 0.1


def test_testing_at_dose_0_tests_everybody(cohort):
    frame = DisparateTesting("Y", 0.1, into="S", tested_into="T", dose=0.0).inject(cohort, 1).frame
    assert frame["T"].min() == 1
    assert frame["S"].equals(frame["Y"].rename("S"))


def test_selective_labels_are_missing_for_the_untested(cohort):
    bias = SelectiveLabels("Y", {"female": 0.9, "male": 0.5}, "sex", into="S", tested_into="T")
    frame = bias.inject(cohort, 1).frame
    assert frame["S"].dtype == frame["Y"].dtype
    assert (frame["S"].is_null() == (frame["T"] == 0)).all()
    known = frame.filter(pl.col("S").is_not_null())
    assert (known["S"] == known["Y"]).all()
    assert (
        DisparateTesting("Y", {"female": 0.9, "male": 0.5}, "sex", tested_into="T")
        .inject(cohort, 1)
        .frame["T"]
        .equals(frame["T"])
    )


def test_spending_for_need(cohort):
    bias = SpendingForNeed("need", {"male": 0.5}, "sex", noise=0.4, into="cost", dose=0.5)
    frame = bias.inject(cohort, 1).frame.with_columns(log=(pl.col("cost") / pl.col("need")).log())
    for sex, mean in (("female", 0.0), ("male", 0.5 * np.log(0.5))):
        found = frame.filter(pl.col("sex") == sex)["log"]
        assert found.mean() == pytest.approx(mean, abs=0.004)
        assert found.std() == pytest.approx(0.2, abs=0.004)


def test_proxy_label_lowers_the_share_of_the_group_with_less_care(cohort):
    sick = cohort.with_columns(Y=(pl.col("need") > pl.col("need").quantile(0.9)).cast(pl.Int8))
    spent = SpendingForNeed("need", {"male": 0.5}, "sex", into="cost").inject(sick, 1).frame
    frame = ProxyLabel("Y", "cost", group="sex", into="S").inject(spent, 1).frame
    assert frame["S"].sum() == pytest.approx(sick["Y"].sum(), abs=10)
    cut = frame.filter(pl.col("S") == 1)["cost"].min()
    assert frame.filter(pl.col("S") == 0)["cost"].max() < cut
    assert share(frame, "S", sex="male", Y=1)[0] < 0.6
    assert share(frame, "S", sex="female", Y=1)[0] == 1
    wide = ProxyLabel("Y", "cost", share=0.2, into="S").inject(spent, 1).frame
    assert wide["S"].mean() == pytest.approx(0.2, abs=0.001)


def test_missing_labels_stay_missing(cohort):
    gappy = cohort.head(1000).with_columns(Y=pl.when(pl.int_range(pl.len()) % 5 > 0).then(pl.col("Y")))
    testing = (DisparateTesting("Y", 0.5), SelectiveLabels("Y", 0.5))
    for bias in (LabelNoise("Y", 0.3, 0.3), UnderDiagnosis("Y", 0.5), ProxyLabel("Y", "need"), *testing):
        got = bias.inject(gappy, 1).frame["Y"]
        assert (got.is_null() | gappy["Y"].is_not_null()).all(), bias.name
        assert got.is_null()[0], bias.name


def test_yes_no_labels_stay_yes_no(cohort):
    yes = cohort.head(1000).with_columns(pl.col("Y").cast(pl.Boolean))
    for bias in (LabelNoise("Y", 0.3, 0.3), UnderDiagnosis("Y", 0.5), SelectiveLabels("Y", 0.5)):
        assert bias.inject(yes, 1).frame["Y"].dtype == pl.Boolean


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: LabelNoise("Y", 1.2), "the false-positive rate is 1.2"),
        (lambda: LabelNoise("Y", 0.1, {"male": -0.1}), "the false-negative rate for 'male' is -0.1"),
        (lambda: DisparateTesting("Y", {"male": 1.5}), "the share tested for 'male' is 1.5"),
        (lambda: SelectiveLabels("Y", -1), "the share tested is -1"),
        (lambda: SelectiveLabels("Y", 0.5, slope=99), "the slope is 99"),
        (lambda: SpendingForNeed("need", 0), "access is 0"),
        (lambda: SpendingForNeed("need", 1.0, noise=-1), "noise is -1"),
        (lambda: ProxyLabel("Y", "need", share=1.0), "the share is 1.0"),
    ],
)
def test_settings_outside_their_range(make, told):
    with pytest.raises(PrimumError, match=told):
        make()


def test_mistakes_in_the_data(cohort):
    with pytest.raises(PrimumError, match=r"the two error rates of 'male' add to 1.1"):
        LabelNoise("Y", {"male": 0.6}, {"male": 0.5}, "sex").inject(cohort)
    with pytest.raises(PrimumError, match="the label 'need' has values other than 0 and 1"):
        UnderDiagnosis("need", 0.5).inject(cohort)
    with pytest.raises(PrimumError, match="the column 'sex' holds String, not numbers"):
        UnderDiagnosis("sex", 0.5).inject(cohort)
    with pytest.raises(PrimumError, match="'severity' has values below 0"):
        SpendingForNeed("severity", 0.5).inject(cohort)
    with pytest.raises(PrimumError, match="'flat' has the same value for everybody"):
        UnderDiagnosisBySeverity("Y", "flat", 0.5).inject(cohort.with_columns(flat=pl.lit(1.0)))
    holes = cohort.with_columns(severity=pl.when(pl.col("severity") > 0).then(pl.col("severity")))
    with pytest.raises(PrimumError, match="people who need a 'severity' have none"):
        UnderDiagnosisBySeverity("Y", "severity", 0.5).inject(holes)

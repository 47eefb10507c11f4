"""The algorithms: what each one must do by its definition, and how each fails."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from primum.errors import PrimumError
from primum.stress.arms import ARMS, Case, Rule, arm

AT = Rule(0.08, None, 0.08, 0.005, 0.05)
TOP = Rule(None, 0.1, 0.15, 0.005, 0.05)


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(11)
    n = 24_000
    codes = (rng.random(n) < 0.5).astype(np.int64)
    x = rng.normal(size=(n, 3))
    truth = (rng.random(n) < 1 / (1 + np.exp(2.5 - x @ [1.0, 0.6, 0.3]))).astype(float)
    record = truth * (rng.random(n) < np.where(codes == 1, 0.4, 0.7))
    train = np.arange(n) < n // 2
    return Case(x, codes, ("f", "m"), record, truth, train, ~train, AT, 3)


def found(case, name, on="truth"):
    answer, y = ARMS[name].run(case), getattr(case, on)[case.judged] == 1
    g = case.codes[case.judged]
    return np.array([answer.selected[y & (g == k)].mean() for k in (0, 1)])


def test_uncorrected_is_a_logistic_regression(case):
    from sklearn.linear_model import LogisticRegression

    theirs = LogisticRegression(C=1e6, solver="newton-cholesky", tol=1e-8)
    theirs.fit(case.wide[case.train], case.record[case.train])
    risk = ARMS["uncorrected"].run(case).risk
    np.testing.assert_allclose(risk, theirs.predict_proba(case.wide[case.judged])[:, 1], atol=1e-5)


def test_the_blind_arm_does_not_see_the_group(case):
    other = replace(case, codes=1 - case.codes)
    np.testing.assert_array_equal(ARMS["group-blind"].run(case).risk, ARMS["group-blind"].run(other).risk)


def test_only_the_oracle_learns_from_the_truth(case):
    lie = replace(case, truth=case.truth[::-1].copy())
    for name in ("uncorrected", "group-blind", "equal opportunity", "demographic parity", "reweighing", "PURPLE"):
        np.testing.assert_array_equal(ARMS[name].run(case).selected, ARMS[name].run(lie).selected, err_msg=name)
    assert (ARMS["oracle"].run(case).selected != ARMS["oracle"].run(lie).selected).any()


def test_known_errors_are_those_of_the_training_people(case):
    men = case.train & (case.codes == 1) & (case.truth == 1)
    assert case.errors["m"] == (0.0, pytest.approx(1 - case.record[men].mean()))


def test_dividing_by_c_divides_by_c(case):
    before, after = ARMS["uncorrected"].run(case).risk, ARMS["divided by c"].run(case).risk
    c = 1 - np.array([case.errors[g][1] for g in case.labels])[case.codes[case.judged]]
    np.testing.assert_allclose(after, np.minimum(before / c, 1))


@pytest.mark.parametrize("name", ["surrogate loss", "divided by c"])
def test_corrections_come_back_to_the_oracle_where_the_record_did_not(case, name):
    oracle = found(case, "oracle")
    assert np.abs(found(case, name) - oracle).max() < 0.06
    assert np.abs(found(case, "uncorrected") - oracle).max() > 0.15


def test_parity_on_the_record_is_what_it_says(case):
    at = replace(case, rule=replace(AT, fitted_to="judged"))
    assert np.ptp(found(at, "equal opportunity", "record")) < 0.01
    assert np.ptp(found(at, "equalized odds", "record")) < 0.03
    share = [ARMS["demographic parity"].run(case).selected[case.codes[case.judged] == k].mean() for k in (0, 1)]
    assert np.ptp(share) < 1e-3


@pytest.mark.parametrize("name", list(ARMS))
def test_every_arm_fills_the_capacity_exactly(case, name):
    answer = ARMS[name].run(replace(case, rule=TOP))
    assert answer.selected.sum() == case.judged.sum() // 10
    assert ((answer.risk >= 0) & (answer.risk <= 1)).all()


def test_purple_selects_as_many_as_the_uncorrected_arm_under_a_threshold(case):
    assert ARMS["PURPLE"].run(case).selected.sum() == ARMS["uncorrected"].run(case).selected.sum()


def test_people_without_a_record_do_not_train(case):
    gone = case.train & (np.arange(len(case.record)) % 3 == 0)
    partly = replace(case, record=np.where(gone, np.nan, case.record))
    without = replace(case, train=case.train & ~gone)
    np.testing.assert_array_equal(ARMS["uncorrected"].run(partly).risk, ARMS["uncorrected"].run(without).risk)


def test_an_arm_that_does_not_exist_and_a_record_without_cases():
    with pytest.raises(PrimumError, match="no arm 'group blind'"):
        arm("group blind")
    n = 200
    rng = np.random.default_rng(1)
    half = np.arange(n) < 100
    empty = Case(rng.normal(size=(n, 2)), np.arange(n) % 2, ("a", "b"), np.zeros(n), half * 1.0, half, ~half, AT)
    with pytest.raises(PrimumError, match="0 of 100 training people have the outcome on record"):
        ARMS["uncorrected"].run(empty)

"""Expert rules: what they do to whom, what they leave alone, and which are refused; certified like any repair."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from primum.certify.certificate import certify
from primum.certify.utility import net_benefit
from primum.errors import PrimumError
from primum.learn.calibrate import expit
from primum.learn.prior.expert_rules import ExpertRules
from primum.learn.prior.rules import applies, rule, words
from primum.tally.paired import count_pairs

NAMES = ("age", "marker", "clinic")
LEVELS = {"clinic": ["city", "village"]}


def people(n=2000, seed=0):
    rng = np.random.default_rng([seed, n])
    x = np.column_stack([rng.integers(18, 90, n), rng.normal(size=n), rng.integers(0, 2, n)]).astype(float)
    y = (rng.random(n) < expit(-2 + 0.9 * x[:, 1])).astype(int)
    return x, y, rng.choice(["F", "M"], n)


def model(rules, **more):
    return ExpertRules(LogisticRegression(), rules=rules, names=NAMES, levels=LEVELS, threshold=0.2, **more)


OLD = rule("old age", [{"column": "age", "at_least": 80}], at_least=0.15, reason="a guideline")
VILLAGE = rule("village", [{"column": "clinic", "equals": "village"}, {"column": "age", "below": 30}], at_most=0.1)
CALM = rule("calm village", [*VILLAGE.when, {"column": "marker", "at_most": 1.5}], at_most=0.1)
ALWAYS = rule("high marker", [{"column": "marker", "above": 1.5}], select="always")
NEVER = rule("low marker", [{"column": "marker", "below": -2}], select="never")


def test_risks_under_rules_written_out():
    x, y, g = people()
    fit = model([OLD, CALM, ALWAYS, NEVER]).fit(x, y, group=g)
    base = LogisticRegression().fit(x, y).predict_proba(x)[:, 1]
    by_hand = base.copy()
    by_hand[x[:, 0] >= 80] = np.maximum(by_hand[x[:, 0] >= 80], 0.15)
    young = (x[:, 2] == 1) & (x[:, 0] < 30) & (x[:, 1] <= 1.5)
    by_hand[young] = np.minimum(by_hand[young], 0.1)
    low = x[:, 1] < -2
    by_hand[low] = np.where(by_hand[low] >= 0.2, np.nextafter(0.2, 0), by_hand[low])
    high = x[:, 1] > 1.5
    by_hand[high] = np.maximum(by_hand[high], 0.2)
    np.testing.assert_array_equal(fit.predict_proba(x)[:, 1], by_hand)
    assert (fit.predict(x)[high] == 1).all()
    assert (fit.predict(x)[low] == 0).all()


def test_whom_each_rule_touched_by_group():
    x, y, g = people()
    fit = model([OLD]).fit(x, y, group=g)
    base = LogisticRegression().fit(x, y).predict_proba(x)[:, 1]
    for row in fit.describe()["touched"]:
        own = (g == row["group"]) & (x[:, 0] >= 80)
        assert row["holds"] == own.sum()
        assert row["cases"] == y[own].sum()
        assert row["changed"] == (own & (base < 0.15)).sum()
        assert row["selected_in_addition"] == row["no_longer_selected"] == 0
    assert fit.describe()["rules"][0] == {
        "name": "old age", "words": "When age ≥ 80.0, the risk is at least 0.15.", "reason": "a guideline",
    }  # fmt: skip


def test_a_missing_value_settles_nothing_unless_another_condition_fails():
    x = np.array([[np.nan, 0, 1], [np.nan, 0, 0], [20, 0, np.nan], [40, 0, np.nan], [20, 0, 1]], dtype=float)
    holds, unclear = applies(VILLAGE, x, NAMES, LEVELS)
    assert holds.tolist() == [False, False, False, False, True]
    assert unclear.tolist() == [True, False, True, False, False]
    known = rule("unknown age", [{"column": "age", "known": False}], at_least=0.1)
    assert applies(known, x, NAMES, LEVELS)[0].tolist() == [True, True, False, False, False]


def test_conditions_on_frames_of_numbers_and_text():
    frame = pl.DataFrame({"age": [20, 50, None], "clinic": ["city", None, "village"]})
    both = rule(
        "r", [{"column": "clinic", "one_of": ["city", "village"]}, {"column": "age", "at_most": 30}], at_least=0.1
    )
    assert applies(both, frame, frame.columns)[0].tolist() == [True, False, False]
    none = rule("r", [{"column": "clinic", "none_of": ["city"]}], at_least=0.1)
    assert applies(none, frame, frame.columns)[0].tolist() == [False, False, True]
    fifty = rule("r", [{"column": "age", "equals": 50}], at_least=0.1)
    assert applies(fifty, frame.to_pandas(), ["age", "clinic"])[0].tolist() == [False, True, False]


def test_it_is_certified_like_any_repair_and_refused_where_it_harms():
    """Selecting every woman costs false alarms; a rule that changes nobody loses nothing."""
    x, y, g = people(6000)
    x[:, 2] = g == "F"
    base = LogisticRegression().fit(x, y)
    before = (base.predict_proba(x)[:, 1] >= 0.2).astype(int)
    for consequence, granted in (({"select": "always"}, False), ({"at_least": 0.0}, True)):
        women = rule("all", [{"column": "clinic", "equals": "village"}], **consequence)
        fit = ExpertRules(base, rules=[women], names=NAMES, levels=LEVELS, threshold=0.2, prefit=True)
        after = fit.fit(x, y, group=g).predict(x, group=g)
        pairs = count_pairs(y, before, after, groups={"sex": g})
        found = certify(pairs, utility=net_benefit(0.2), margin=0.01, alpha=0.05)
        assert found.granted == granted
        if not granted:
            assert {v.group for v in found.groups if v.verdict == "harmed"} == {"F"}


def test_it_is_a_scikit_learn_estimator():
    x, y, g = people(500)
    with config_context(enable_metadata_routing=True):
        routed = model([OLD]).set_fit_request(group=True)
        assert routed.fit(x, y, group=g).predict(x).shape == (500,)
    a, b = model([OLD]).fit(x, y), clone(model([OLD])).fit(x, y, sample_weight=np.ones(500))
    np.testing.assert_array_equal(a.predict_proba(x), b.predict_proba(x))
    assert a.touched_[0]["group"] == "everyone"
    assert "do not ask" in a.cost_without_group


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rule("r", [], at_least=0.1), "no condition"),
        (lambda: rule("r", [{"column": "age", "at_least": 3}]), "no consequence"),
        (lambda: rule("r", [{"column": "age", "atleast": 3}], at_least=0.1), "cannot be read"),
        (lambda: rule("r", [{"column": "age", "at_least": 3}], at_least=20), "if this is percent, write 0.2"),
        (lambda: rule("r", [{"column": "age", "at_least": 3}], at_least=0.3, at_most=0.2), "nothing is both"),
        (lambda: rule("r", [{"column": "age", "at_least": 3}], select="sometimes"), "no selection 'sometimes'"),
    ],
)
def test_rules_that_cannot_be(make, message):
    with pytest.raises(PrimumError, match=message):
        make()


def test_rules_that_contradict_each_other_for_somebody():
    x, y, _ = people(500)
    cap = rule("cap", [{"column": "marker", "below": 0}], at_most=0.05)
    with pytest.raises(PrimumError, match="'old age' and 'cap' contradict each other"):
        model([OLD, cap]).fit(x, y)
    with pytest.raises(PrimumError, match="contradicts itself at the threshold"):
        model([rule("r", [{"column": "age", "at_least": 3}], at_least=0.3, select="never")]).fit(x, y)
    with pytest.raises(PrimumError, match="no threshold was declared"):
        model([ALWAYS]).set_params(threshold=None).fit(x, y)
    with pytest.raises(PrimumError, match="no column 'weight'"):
        model([rule("r", [{"column": "weight", "at_least": 3}], at_least=0.3)]).fit(x, y)
    with pytest.raises(PrimumError, match="holds numbers, with 'old'"):
        model([rule("r", [{"column": "age", "equals": "old"}], at_least=0.3)]).fit(x, y)
    with pytest.raises(PrimumError, match="it holds text"):
        model([rule("r", [{"column": "clinic", "above": 1}], at_least=0.3)]).fit(x, y)
    with pytest.raises(PrimumError, match="no expert rules"):
        model([]).fit(x, y)


def test_a_selection_in_words():
    assert words(ALWAYS, 0.2) == "When marker > 1.5, the person is always selected (threshold 0.2)."

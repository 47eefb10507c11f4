"""Strategies for gaps: what each fills, that none sees the outcome of those who are judged, and bias and coverage."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn import set_config
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from primum.errors import PrimumError
from primum.learn.impute.by_group import GroupFiller
from primum.learn.impute.chained import ChainedFiller, shifted
from primum.learn.impute.complete import CompleteCases
from primum.learn.impute.crossfit import cross_fit_filled, fit_filled, learner_of
from primum.learn.impute.indicator import IndicatorFiller
from primum.learn.impute.line import PosteriorLine
from primum.learn.impute.native import NativeFiller
from primum.learn.impute.simple import SimpleFiller
from primum.learn.impute.strategies import OWN, STRATEGIES, checked_draws, strategy
from primum.learn.prepare import Matrix
from primum.measure.pooling import rubin
from primum.usecase_missing import DRAWN, GROUPED
from primum.usecase_missing import STRATEGIES as DECLARED

GAP = np.nan
NAMES, LEVELS = ["a", "b", "c"], {"c": ["x", "y", "z"]}
X = np.array([[1.0, 5.0, 0.0], [2.0, GAP, 1.0], [9.0, 7.0, 1.0], [GAP, 9.0, GAP]])
GROUP = ["f", "f", "m", "m"]


def made(n=600, seed=1, gaps=0.3):
    """Return features with gaps (two numbers, a category), the outcome, and groups."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["f", "m"], n)
    a = rng.normal(size=n)
    b = 0.8 * a + 0.6 * rng.normal(size=n) + (group == "m")
    c = (a + rng.normal(size=n) > 0.5).astype(float)
    y = (rng.random(n) < 1 / (1 + np.exp(1 - a - 0.5 * b))).astype(int)
    x = np.column_stack([a, b, c])
    gone = rng.random(x.shape) < gaps * np.where(group == "m", 1.3, 0.7)[:, None]
    return Matrix(np.where(gone, GAP, x), NAMES, {"c": ["no", "yes"]}), y, group, x


def filler(kind, **options):
    return kind(NAMES, LEVELS, **options)


def test_the_use_case_offers_what_there_is():
    assert set(DECLARED) == set(STRATEGIES)
    assert {s.name for s in STRATEGIES.values() if s.needs_group} == set(GROUPED)
    assert {s.name for s in STRATEGIES.values() if s.several} == set(DRAWN)


def test_simple_fill_by_hand():
    full = filler(SimpleFiller).fit_transform(X)
    assert full.tolist() == [[1, 5, 0], [2, 7, 1], [9, 7, 1], [2, 9, 1]]


def test_group_fill_by_hand_and_everyone_for_strangers():
    fitted = filler(GroupFiller).fit(X, group=GROUP)
    assert fitted.transform(X, group=GROUP)[1, 1] == 5
    assert fitted.transform(X, group=GROUP)[3].tolist() == [9, 9, 1]
    assert fitted.transform([[GAP, 1.0, 0.0]], group=["other"])[0, 0] == 2


def test_indicator_tells_where_it_filled():
    fitted = filler(IndicatorFiller).fit(X)
    assert fitted.get_feature_names_out().tolist() == [*NAMES, *(f"{n} not measured" for n in NAMES)]
    assert fitted.transform(X)[:, 3:].tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0], [1, 0, 1]]


def test_native_leaves_gaps_and_complete_cases_refuse_them():
    assert np.isnan(filler(NativeFiller).fit_transform(X)).sum() == 3
    fitted = filler(CompleteCases).fit(X)
    assert fitted.complete(X).tolist() == [True, False, True, False]
    with pytest.raises(PrimumError, match="2 people have a gap"):
        fitted.transform(X)


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_no_strategy_changes_its_input_or_what_was_measured(name):
    m, y, group, _ = made(200)
    before = m.values.copy()
    one = STRATEGIES[name].make(m, 0, 3)
    rows = ~np.isnan(m.values).any(axis=1) if name == "complete case" else slice(None)
    full = one.fit_transform(m.values[rows], y[rows], group=group[rows])
    assert np.array_equal(m.values, before, equal_nan=True)
    seen = ~np.isnan(m.values[rows])
    assert np.array_equal(full[:, :3][seen], m.values[rows][seen])
    if name not in {"native", "complete case"}:
        assert not np.isnan(full).any()
    assert np.isin(full[:, 2][~np.isnan(full[:, 2])], (0, 1)).all()
    assert clone(one).get_params().keys() == one.get_params().keys()


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_nobody_judged_gives_an_outcome_to_the_filler(name):
    """Change every outcome of those who are judged: no value of theirs, and no score of theirs, changes."""
    m, y, group, _ = made(400)
    train, test = np.arange(250), np.arange(250, 400)
    other = y.copy()
    other[test] = 1 - other[test]
    chosen = STRATEGIES[name]
    kind = learner_of(chosen, "logistic")
    one, two = (fit_filled(chosen, kind, m, o, train, group=group, seed=2) for o in (y, other))
    a, b = m.values[test], group[test]
    assert np.array_equal(one.score(a, b), two.score(a, b), equal_nan=True)
    if name != "complete case":
        assert np.array_equal(one.completed(a, b), two.completed(a, b), equal_nan=True)


def test_the_outcome_of_those_who_train_matters_only_where_it_is_said_to():
    m, y, group, _ = made(300)
    rng = np.random.default_rng(8)
    other = rng.permutation(y)
    for name, differs in (("chained with group", False), ("chained with group and outcome", True)):
        one, two = (STRATEGIES[name].make(m, 0, 1).fit_transform(m.values, o, group=group) for o in (y, other))
        assert np.array_equal(one, two) is not differs


def test_parts_do_not_see_each_other_in_cross_fitting():
    """The scores of a part stay as they are when features, too, of that part's other people change."""
    m, y, *_ = made(300)
    part = np.arange(300) % 3
    base = cross_fit_filled(strategy("simple"), "logistic", m, y, part, seed=1)
    moved = m.values.copy()
    strangers = (part == 0) & (np.arange(300) > 150)
    moved[strangers] += 50
    again = cross_fit_filled(strategy("simple"), "logistic", Matrix(moved, m.names, m.levels), y, part, seed=1)
    same = (part == 0) & ~strangers
    assert np.array_equal(base.score[0][same], again.score[0][same])
    assert base.rescored(m.values, None) == pytest.approx(base.score[0])


def test_a_gap_that_only_one_part_has_is_no_obstacle():
    """The indicator of a column is there only where someone who trained has a gap."""
    m, y, *_ = made(300)
    values, part = m.values.copy(), np.arange(300) % 3
    values[part != 1, 0] = np.nan_to_num(values[part != 1, 0])
    found = cross_fit_filled(strategy("indicator"), "logistic", Matrix(values, m.names, m.levels), y, part, seed=1)
    assert {len(one.filler.get_feature_names_out()) for one in found.fitted[0]} == {5, 6}
    assert found.completed(0, values, None).shape == (300, 3)
    assert np.isfinite(found.score).all()


def test_draws_differ_and_repeat():
    m, _, group, _ = made(200)
    draws = [ChainedFiller(NAMES, m.levels, draw=d, seed=4).fit_transform(m.values) for d in (0, 0, 1)]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
    fitted = ChainedFiller(NAMES, m.levels, with_group=True).fit(m.values, group=group)
    assert np.array_equal(fitted.transform(m.values, group=group), fitted.transform(m.values, group=group))


def test_draws_stay_near_what_was_seen():
    m, *_ = made(200)
    full = ChainedFiller(NAMES, m.levels).fit_transform(m.values)
    low, high = np.nanmin(m.values, axis=0), np.nanmax(m.values, axis=0)
    room = (high - low) / 2 + 1e-6
    assert (full <= high + room).all()
    assert (full >= low - room).all()


def test_long_tailed_positive_values_stay_positive_and_keep_their_median():
    rng = np.random.default_rng(4)
    a = rng.normal(size=2000)
    lab = np.exp(0.8 * a + 0.6 * rng.normal(size=2000))
    gone = rng.random(2000) < 0.4
    fitted = ChainedFiller(rounds=2).fit(np.column_stack([a, np.where(gone, GAP, lab)]))
    full = fitted.transform(np.column_stack([a, np.where(gone, GAP, lab)]))
    assert fitted.logged_.tolist() == [False, True]
    assert full.min(axis=0)[1] > 0
    assert np.median(full[gone, 1]) == pytest.approx(np.median(lab[gone]), rel=0.12)
    assert np.array_equal(full[~gone, 1], lab[~gone])


def test_the_posterior_line_is_the_posterior():
    """Mean and spread of its coefficients over draws are those of ordinary least squares."""
    import statsmodels.api as sm

    rng = np.random.default_rng(5)
    x = rng.normal(size=(60, 2))
    y = 1 + x @ [2.0, -1.0] + rng.normal(size=60)
    theirs = sm.OLS(y, sm.add_constant(x)).fit()
    lines = [PosteriorLine(seed=s).fit(x, y) for s in range(800)]
    slopes = np.array([line.coef_[1:] / line.spread_ for line in lines])
    assert slopes.mean(axis=0) == pytest.approx(theirs.params[1:], abs=0.03)
    assert slopes.std(axis=0) == pytest.approx(theirs.bse[1:], rel=0.12)
    assert np.median([line.sigma_ for line in lines]) == pytest.approx(np.sqrt(theirs.scale), rel=0.05)


def test_shifted_moves_only_the_unmeasured():
    full = np.ones((3, 2))
    assert shifted(full, np.array([True, False, False]), 1, 0.5).tolist() == [[1, 1.5], [1, 1], [1, 1]]
    assert full.sum() == 6


def test_membership_is_routed_through_a_pipeline():
    m, y, group, _ = made(200)
    set_config(enable_metadata_routing=True)
    try:
        fill = GroupFiller(NAMES, m.levels).set_fit_request(group=True).set_transform_request(group=True)
        pipe = make_pipeline(fill, LogisticRegression())
        assert pipe.fit(m.values, y, group=group).predict_proba(m.values, group=group).shape == (200, 2)
    finally:
        set_config(enable_metadata_routing=False)


def test_groups_may_come_as_a_frame():
    m, _, group, _ = made(100)
    frame = pl.DataFrame({"sex": group, "site": ["s"] * 100})
    fitted = GroupFiller(NAMES, m.levels).fit(m.values, group=frame)
    assert set(fitted.fill_) == {"f · s", "m · s"}


def test_native_is_tried_with_trees():
    assert learner_of(strategy("native"), "logistic") == "boosting"
    assert learner_of(strategy("native"), "ebm") == "ebm"
    assert learner_of(OWN, "logistic") == "logistic"


def test_bad_input_is_told():
    with pytest.raises(PrimumError, match="outcome of 1 people is missing, and an outcome is not imputed"):
        filler(SimpleFiller).fit(X, [0, 1, None, 1])
    with pytest.raises(PrimumError, match="outcome of 2 people is missing"):
        filler(ChainedFiller).fit_transform(X, [0, GAP, GAP, 1])
    x = X.copy()
    x[:2, 1] = GAP
    with pytest.raises(PrimumError, match="Nobody of the group 'f' among those who train has b"):
        filler(GroupFiller).fit(x, group=GROUP)
    with pytest.raises(PrimumError, match="fills gaps by group, and membership was not given"):
        filler(GroupFiller).fit(X)
    with pytest.raises(PrimumError, match="fills gaps by group, and membership was not given"):
        filler(ChainedFiller, with_group=True).fit(X)
    with pytest.raises(PrimumError, match="'chained' with 1 draw"):
        checked_draws(strategy("chained"), 1)
    with pytest.raises(PrimumError, match="no strategy for missing values 'chaind'"):
        strategy("chaind")
    with pytest.raises(PrimumError, match="no table of numbers"):
        filler(SimpleFiller).fit([["a", "b", "c"]])
    with pytest.raises(PrimumError, match="infinite"):
        filler(SimpleFiller).fit([[np.inf, 1, 1]])
    with pytest.raises(PrimumError, match="2 columns; it was fitted to 3"):
        filler(SimpleFiller).fit(X).transform(X[:, :2])
    with pytest.raises(PrimumError, match="Nobody who trains is without a gap"):
        filler(CompleteCases).fit([[GAP, 1, 1]])
    m, y, *_ = made(60)
    with pytest.raises(PrimumError, match="'by group' tells groups apart, and membership was not given"):
        cross_fit_filled(strategy("by group"), "logistic", m, y, np.arange(60) % 3)
    with pytest.raises(PrimumError, match="it was not given"):
        ChainedFiller(NAMES, with_outcome=True).fit_transform(m.values)


def recovered(repeats, m, seed, *, n=300):
    """Return bias and coverage of a group's mean under each strategy, and the true value, over repeats.

    Values of b are missing more often the larger a is, and more often in men: a is always there.
    """
    rng = np.random.default_rng(seed)
    told = {name: [] for name in ("simple", "by group", "chained with group")}
    for r in range(repeats):
        male = rng.random(n) < 0.5
        a = rng.normal(size=n)
        b = 0.8 * a + male + 0.6 * rng.normal(size=n)
        gone = rng.random(n) < 1 / (1 + np.exp(1 - a - 0.8 * male))
        x, group = np.column_stack([a, np.where(gone, GAP, b)]), np.where(male, "m", "f")
        for name, into in told.items():
            kind = strategy(name)
            fillers = [kind.make(Matrix(x, ["a", "b"], {}), d, r) for d in range(m if kind.several else 1)]
            full = [f.fit_transform(x, group=group)[male, 1] for f in fillers]
            means, spreads = [v.mean() for v in full], [v.var(ddof=1) / v.size for v in full]
            if len(full) > 1:
                found = rubin(means, spreads, complete_df=male.sum() - 1)
                value, error, df = found.value, found.error, found.df
            else:
                value, error, df = means[0], np.sqrt(spreads[0]), male.sum() - 1
            from scipy.stats import t

            into.append((value - 1.0, abs(value - 1.0) <= t.ppf(0.975, df) * error))
    return {name: (np.mean([b for b, _ in v]), np.mean([c for _, c in v])) for name, v in told.items()}


def test_bias_and_coverage_by_group():
    """Men's mean of b is 1: chained draws find it and cover it, filling by a median does not."""
    found = recovered(40, 4, 21)
    assert abs(found["chained with group"][0]) < 0.05
    assert found["chained with group"][1] > 0.85
    assert found["simple"][0] < -0.2
    assert found["by group"][0] < -0.05
    assert found["simple"][1] < 0.5


@pytest.mark.slow
def test_bias_and_coverage_by_group_closely():
    found = recovered(300, 10, 22)
    assert abs(found["chained with group"][0]) < 0.02
    assert 0.915 < found["chained with group"][1] < 0.985

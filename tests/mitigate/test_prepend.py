"""PREPEND with repair: nobody's loss rises, the list ends, reads the same for everyone, and is certified on others."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from primum.certify.utility import SENSITIVITY
from primum.errors import PrimumError
from primum.mitigate.base import GivenScore
from primum.mitigate.decision_list import Update, grow, readings
from primum.mitigate.membership import membership
from primum.mitigate.no_harm import NoHarm
from primum.mitigate.prepend import Prepend

# -- the list ---------------------------------------------------------------------------------------------------------


@st.composite
def tables(draw):
    """Cells of two overlapping attributes, some more groups, and losses of a few models."""
    rows, columns, models = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    cells = rows * columns
    row, column = np.divmod(np.arange(cells), columns)
    inside = [row == r for r in range(rows)] + [column == c for c in range(columns)]
    inside += [rng.random(cells) < 0.5 for _ in range(draw(st.integers(0, 3)))]
    weight = rng.integers(0, 50, cells).astype(float)
    weight[0] += 1
    loss = weight[:, None] * rng.random((cells, models + 1)).round(draw(st.sampled_from([1, 3])))
    allowed = np.column_stack([np.zeros(len(inside), bool), rng.random((len(inside), models)) < 0.8])
    return loss, weight, np.array(inside), allowed


@given(tables(), st.sampled_from([0.001, 0.05, 0.2]))
def test_no_group_and_not_everybody_ever_gets_worse(table, drop):
    loss, weight, inside, allowed = table
    updates = grow(loss, weight, inside, allowed, drop=drop, smallest=0.01)
    versions = readings(updates, inside)
    lost = loss[np.arange(loss.shape[0])[None], versions]  # (versions, cells)
    everybody, groups = lost.sum(axis=1), lost @ inside.T
    assert (np.diff(everybody) < 1e-9).all()  # every single entry
    ends = [0] + [k for k in range(1, len(updates) + 1) if k == len(updates) or updates[k].round > updates[k - 1].round]
    assert (np.diff(groups[ends], axis=0) <= 1e-9 * max(weight.sum(), 1)).all()  # every group, round by round
    for end in ends:
        assert (groups[end] <= groups[: end + 1].min(axis=0) + 1e-9 * weight.sum()).all()


@given(tables(), st.sampled_from([0.01, 0.05, 0.2]))
def test_the_list_ends_within_its_bound(table, drop):
    loss, weight, inside, allowed = table
    updates = grow(loss, weight, inside, allowed, drop=drop, smallest=0.05)
    accepted = [u for u in updates if u.version < 0]
    assert len(accepted) <= loss[:, 0].sum() / weight.sum() / (drop * 0.05) <= 1 / (drop * 0.05)
    versions = readings(updates, inside)
    lost = loss[np.arange(loss.shape[0])[None], versions].sum(axis=1)
    for k, u in enumerate(updates):
        if u.version < 0:
            assert allowed[u.group, u.model]
            assert lost[k] - lost[k + 1] > drop * 0.05 * weight.sum() * (1 - 1e-9)
    last = loss[np.arange(loss.shape[0]), versions[-1]] @ inside.T  # nothing more to be had
    fall = (last[:, None] - inside @ loss)[:, 1:] - drop * (inside @ weight)[:, None]
    big = inside @ weight >= 0.05 * weight.sum()
    assert not (allowed[:, 1:] & big[:, None] & (fall > 1e-9 * weight.sum())).any()


def test_a_repair_gives_back_what_an_update_took():
    """Model 1 helps women on the whole and hurts old women, so the old, who lose by it, get the base model back."""
    inside = np.array([[True, True], [True, False]])  # women; old: cells old women, young women
    weight = np.array([50.0, 50.0])
    loss = np.array([[10.0, 20.0], [40.0, 5.0]])
    allowed = np.array([[False, True], [False, False]])
    updates = grow(loss, weight, inside, allowed, drop=0.01, smallest=0.1)
    assert updates == [Update(0, 1, -1, 1), Update(1, -1, 0, 1)]
    assert readings(updates, inside).tolist() == [[0, 0], [1, 1], [0, 1]]


@pytest.mark.parametrize("wrong", [{"drop": 0.0, "smallest": 0.1}, {"drop": 0.1, "smallest": 0.0}])
def test_a_list_that_could_grow_for_ever_is_refused(wrong):
    with pytest.raises(PrimumError, match="let the list grow for ever"):
        grow(np.ones((1, 2)), np.ones(1), np.ones((1, 1), bool), np.ones((1, 2), bool), **wrong)


# -- the estimator ----------------------------------------------------------------------------------------------------


def people(n=6000, seed=1):
    """Return features, outcome and overlapping groups: women have more illness than the features say."""
    rng = np.random.default_rng([seed, 41])
    x, sex, age = rng.normal(size=(n, 2)), rng.choice(["women", "men"], n), rng.choice(["old", "young"], n)
    eta = -1.6 + x[:, 0] + np.where(sex == "women", 1.2, -0.3) + np.where(age == "old", 0.8, 0) * x[:, 1]
    return x, (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int), {"sex": sex, "age": age}


@pytest.fixture(scope="module")
def cohort():
    return people()


@pytest.fixture(scope="module", params=["utility", "brier"])
def fitted(cohort, request):
    x, y, g = cohort
    return Prepend(LogisticRegression(), threshold=0.2, loss=request.param).fit(x, y, group=g)


def mean_losses(m, x, y, g, loss):
    """Everybody's and each group's mean loss, from predictions alone."""
    p = m.predict_proba(x, group=g)[:, 1]
    d = p >= 0.2
    lost = (p - y) ** 2 if loss == "brier" else np.where(y == 1, ~d, 0.25 * d)
    return lost.mean(), {f"{a}: {v}": lost[g[a] == v].mean() for a in g for v in np.unique(g[a])}


def test_losses_on_the_people_who_chose_never_rise(cohort, fitted):
    x, y, g = cohort
    assert fitted.rounds_ >= 1
    rows = fitted.split_["select"]
    everybody, groups = mean_losses(fitted, x[rows], y[rows], {k: v[rows] for k, v in g.items()}, fitted.loss)
    last = fitted.history_[-1]
    assert last["everybody"] == pytest.approx(everybody)
    assert last["groups"] == pytest.approx(groups)
    for one, two in zip(fitted.history_, fitted.history_[1:], strict=False):
        assert two["everybody"] < one["everybody"]
        assert all(two["groups"][k] <= one["groups"][k] + 1e-9 for k in groups)


def test_it_helps_other_people_too(cohort, fitted):
    x, y, g = people(20_000, seed=7)
    now, _ = mean_losses(fitted, x, y, g, fitted.loss)
    base = clone(fitted).set_params(drop=1.0).fit(*cohort[:2], group=cohort[2])
    assert base.rounds_ == 0
    before, _ = mean_losses(base, x, y, g, fitted.loss)
    assert now < before - 0.003


def test_without_groups_it_is_the_base_model(cohort, fitted):
    x, _, g = cohort
    base = fitted.estimator_.predict_proba(x)[:, 1]
    assert (fitted.predict_proba(x)[:, 1] == base).all()
    strange = {"sex": ["other"] * len(base), "age": ["unknown"] * len(base)}
    assert (fitted.predict_proba(x, group=strange)[:, 1] == base).all()
    assert (fitted.predict_proba(x, group=g)[:, 1] != base).any()


def test_one_person_gets_the_same_as_in_a_crowd(cohort, fitted):
    x, _, g = cohort
    crowd = fitted.predict_proba(x[:200], group={k: v[:200] for k, v in g.items()})
    for i in range(0, 200, 37):
        alone = fitted.predict_proba(x[i : i + 1], group={k: v[i : i + 1] for k, v in g.items()})
        assert alone == pytest.approx(crowd[i : i + 1])


def test_models_of_ones_own(cohort):
    """A score that ranks well and a model for women that knows more; thresholds as candidates."""
    x, y, g = cohort
    base = LogisticRegression().fit(x[:1000], y[:1000])
    women = np.flatnonzero(g["sex"][:1000] == "women")
    better = LogisticRegression().fit(x[:1000][women], y[:1000][women])
    rest = x[1000:], y[1000:], {k: v[1000:] for k, v in g.items()}
    m = Prepend(
        base, prefit=True, threshold=0.2, offers=(), models={("sex", "women"): [better, 0.1], ("sex", "men"): 0.3}
    )
    m.fit(rest[0], rest[1], group=rest[2])
    assert m.split_["fit"].size == 0
    assert m.split_["select"].size == 5000
    taken = {(u["group"], u["gets"]) for u in m.describe()["updates"] if not u["repair"]}
    assert taken <= {
        ("women", "given for women"),
        ("women", "decided from 0.1 in women"),
        ("men", "decided from 0.3 in men"),
    }
    assert ("women", "given for women") in taken or ("women", "decided from 0.1 in women") in taken
    free = Prepend(base, prefit=True, threshold=0.2, offers=(), models=[better]).fit(rest[0], rest[1], group=rest[2])
    assert [c.group for c in free.candidates_] == [None]


def test_a_threshold_candidate_decides_as_from_that_threshold(cohort):
    x, y, g = cohort
    score = np.clip(1 / (1 + np.exp(1.6 - x[:, 0])), 0.001, 0.999)
    m = Prepend(GivenScore(), prefit=True, threshold=0.2, offers=(), models={("sex", "women"): 0.08}, drop=1e-6)
    m.fit(score, y, group=g)
    assert m.rounds_ == 1
    women = g["sex"] == "women"
    decided = m.predict(score, group=g)
    assert (decided[women] == (score[women] >= 0.08)).all()
    assert (decided[~women] == (score[~women] >= 0.2)).all()


def test_certified_rounds_only_and_on_others(cohort):
    x, y, g = cohort
    m = Prepend(LogisticRegression(), threshold=0.2, certify=True, margin=0.02, alpha=0.05).fit(x, y, group=g)
    parts = list(m.split_.values())
    assert sum(len(p) for p in parts) == len(set(np.concatenate(parts))) == len(y)
    assert m.rounds_ >= 1
    assert m.certificate_.granted
    assert m.certificate_.people == m.split_["certify"].size
    strict = clone(m).set_params(margin=1e-6).fit(x, y, group=g)
    assert strict.rounds_ < m.rounds_ or strict.certificate_.granted
    none = clone(m).set_params(drop=1.0).fit(x, y, group=g)
    assert none.rounds_ == 0
    assert none.certificate_.granted  # nothing changes: by construction


def test_refused_rounds_are_not_used(cohort):
    """A model that is good on the people who choose and bad on those who certify: planted by their features."""
    x, y, g = cohort

    class Planted(LogisticRegression):
        def predict_proba(self, X):
            known = {tuple(r): v for r, v in zip(x[rows].tolist(), y[rows].tolist(), strict=True)}
            p = np.array([known.get(tuple(r), 0.0) for r in np.asarray(X).tolist()], dtype=float)
            return np.column_stack([1 - p, p])

    base = LogisticRegression().fit(x, y)
    plain = Prepend(base, prefit=True, threshold=0.2, offers=(), certify=True, margin=0.01, alpha=0.05)
    rows = clone(plain).set_params(estimator=base).fit(x, y, group=g).split_["select"]
    planted = Planted()
    planted.classes_ = np.array([0, 1])
    m = plain.set_params(models={("sex", "women"): planted}).fit(x, y, group=g)
    assert m.updates_
    assert m.rounds_ == 0
    assert not m.certificate_.granted
    assert (m.predict_proba(x, group=g) == m.predict_proba(x)).all()
    assert m.describe()["found"] == 1


def test_what_an_exception_cannot_reach_is_known(cohort):
    x, y, g = cohort
    m = Prepend(LogisticRegression(), threshold=0.2).fit(x, y, group=g)
    m.updates_, m.rounds_ = [Update(m.groups_.index(("sex", "women")), 1, -1, 1)], 1
    who = membership(g, len(y))
    assert m.unchanged_groups(who, [("sex",), ("age",)]) == {("sex", "men")}
    assert m.unchanged_groups(who, [("sex", "age")]) == {("sex × age", "men · old"), ("sex × age", "men · young")}
    m.updates_ = []
    assert len(m.unchanged_groups(who, [("sex",), ("age",)])) == 4


def test_it_is_the_repair_of_no_harm(cohort):
    x, y, g = cohort
    m = NoHarm(LogisticRegression(), Prepend(None), threshold=0.2, margin=0.02, alpha=0.05).fit(x, y, group=g)
    assert m.lambda_ == 1
    assert m.describe()["full_repair"]["repair"] == "prepend"


def test_cases_only_and_families(cohort):
    x, y, g = cohort
    family = np.arange(len(y)) // 3
    m = Prepend(LogisticRegression(), threshold=0.2, utility=SENSITIVITY, certify=True, margin=0.05, alpha=0.05,
                largest_cluster=3).fit(x, y, group=g, cluster=family)  # fmt: skip
    for a, b in (("fit", "select"), ("select", "certify")):
        assert not set(family[m.split_[a]]) & set(family[m.split_[b]])
    rows = m.split_["select"]
    first = m.history_[0]["everybody"]
    missed = m.estimator_.predict_proba(x[rows])[:, 1] < 0.2
    assert first == pytest.approx(missed[y[rows] == 1].mean())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"threshold": None}, "No threshold was declared"),
        ({"certify": True}, "No margin was declared"),
        ({"certify": True, "margin": 0.02}, "No alpha was declared"),
        ({"offers": ("magic",)}, "no offer 'magic'"),
        ({"loss": "hinge"}, "no loss 'hinge'"),
        ({"drop": 0.0}, "grow for ever"),
        ({"models": {("sex", "other"): 0.1}}, "no group 'sex: other'"),
        ({"models": {("sex", "men"): 1.5}}, "threshold of 1.5 for men"),
    ],
)
def test_what_is_missing_or_wrong_is_explained(cohort, change, said):
    x, y, g = cohort
    with pytest.raises(PrimumError, match=said):
        Prepend(LogisticRegression(), **{"threshold": 0.2} | change).fit(x, y, group=g)


def test_manners(cohort, fitted):
    x, y, g = cohort
    again = clone(fitted).fit(x, y, group=g)
    assert (again.predict_proba(x, group=g) == fitted.predict_proba(x, group=g)).all()
    with config_context(enable_metadata_routing=True):
        m = clone(fitted).set_fit_request(group=True).set_predict_request(group=True)
        pipeline = make_pipeline(StandardScaler(), m).fit(x, y, group=g)
        assert (pipeline.predict(x, group=g) != pipeline.predict(x)).any()
    assert json.loads(json.dumps(fitted.describe(), allow_nan=False))["repair"] == "prepend"
    with pytest.raises(PrimumError, match="Group membership is needed"):
        clone(fitted).fit(x, y)
    with pytest.raises(PrimumError, match="the list was made by"):
        fitted.predict(x, group={"sex": g["sex"]})

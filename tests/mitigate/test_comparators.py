"""The comparators of fairlearn: its numbers, the published table in which every group loses, and clear refusals."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from primum.errors import MissingExtraError, PrimumError
from primum.mitigate.base import GivenScore
from primum.mitigate.comparators import PARITIES, FairlearnReduction, FairlearnThresholds

pytest.importorskip("fairlearn", reason="the comparators are fairlearn's")
T0 = 0.090626  # the threshold that maximises TPR − FPR in training
TABLE = {
    "Caucasian": (0.5641, 0.4397, 0.5553, 0.4312, -0.00004, 0.00018, 0.7734, 0.6774, -0.00230, 0.00090),
    "African American": (0.4707, 0.3422, 0.5414, 0.4465, -0.00286, 0.00141, 0.7655, 0.6739, -0.00284, 0.00212),
    "Hispanic": (0.5517, 0.3186, 0.4828, 0.3016, -0.00374, 0.00429, 0.8103, 0.6842, -0.01287, 0.00642),
    "Asian": (0.5000, 0.3482, 0.2778, 0.1920, -0.00258, 0.00861, 0.7778, 0.6696, -0.00804, 0.01306),
    "Other": (0.5400, 0.3759, 0.5200, 0.3595, -0.00022, 0.00183, 0.7800, 0.6880, -0.00752, 0.00710),
    "Unknown": (0.3662, 0.3333, 0.5070, 0.4831, -0.00326, 0.00344, 0.6761, 0.6885, -0.00949, 0.00507),
}


def people(n=600, seed=0):
    rng = np.random.default_rng([seed, n])
    g = rng.choice(["a", "b", "c"], n)
    x = np.column_stack([rng.normal(size=n), rng.normal(size=n), g == "a"]).astype(float)
    y = (rng.random(n) < 1 / (1 + np.exp(1.2 - x[:, 0] - 0.8 * (g == "a")))).astype(int)
    return x, y, g


@pytest.fixture(scope="module")
def readmission(data_dir):
    """Give the published recipe: the fitted model, the training half and the test half (X, y, race)."""
    import pandas as pd
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    frame = pd.read_parquet(data_dir / "readmission" / "readmission.parquet")
    y = (frame["readmitted"] == "Yes").to_numpy().astype(int)
    x = frame.drop(columns=["readmitted", "race"])
    words = [c for c in x if not pd.api.types.is_numeric_dtype(x[c])]
    x = pd.get_dummies(x.astype(dict.fromkeys(words, object)), columns=words).to_numpy(dtype=float)
    race = frame["race"].astype(str).to_numpy()
    xa, xb, ya, yb, ra, rb = train_test_split(x, y, race, test_size=0.5, stratify=y, random_state=445)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(xa, ya)
    return model, (xa, ya, ra), (xb, yb, rb)


@pytest.mark.parametrize(("constraint", "at"), [("true_positive_rate_parity", 2), ("equalized_odds", 6)])
def test_every_group_of_the_readmission_table_loses(readmission, constraint, at):
    model, (xa, ya, ra), (xb, yb, rb) = readmission
    t = ya.mean()
    w = t / (1 - t)
    repair = FairlearnThresholds(model, threshold=T0, prefit=True, constraint=constraint).fit(xa, ya, group=ra)
    before, after = repair.predict(xb), repair.predict(xb, group=rb)
    assert (before == (model.predict_proba(xb)[:, 1] >= T0)).all()
    for race, row in TABLE.items():
        own = rb == race
        y = yb[own]
        assert (before[own][y == 1].mean(), before[own][y == 0].mean()) == pytest.approx(row[:2], abs=6e-5)
        assert (after[own][y == 1].mean(), after[own][y == 0].mean()) == pytest.approx(row[at : at + 2], abs=6e-5)
        change = (after[own] - before[own]) * (y - w * (1 - y))
        assert change.mean() == pytest.approx(row[at + 2], abs=6e-6)
        assert change.std(ddof=1) / np.sqrt(own.sum()) == pytest.approx(row[at + 3], abs=6e-6)
        assert change.mean() < 0


@pytest.mark.parametrize("constraint", PARITIES)
def test_chances_and_decisions_are_those_of_fairlearn(constraint):
    x, y, g = people()
    base = LogisticRegression().fit(x, y)
    ours = FairlearnThresholds(base, prefit=True, constraint=constraint, random_state=5).fit(x, y, group=g)
    theirs = ours.optimizer_.interpolated_thresholder_
    score = base.predict_proba(x)[:, [1]]
    chance = theirs._pmf_predict(score, sensitive_features=g)
    assert ours.predict_proba(x, group=g) == pytest.approx(chance)
    drawn = theirs.predict(score, sensitive_features=g, random_state=5)
    assert (ours.predict(x, group=g) == drawn).all()
    assert (ours.predict(x, group=g) == ours.predict(x, group=g)).all()
    told = json.loads(json.dumps(ours.describe(), allow_nan=False))
    assert "promises nothing about anybody's loss" in told["comparator"]
    assert [r["group"] for r in told["groups"]] == ["a", "b", "c"]


def test_equalized_odds_are_equal_in_expectation_on_the_fitting_data():
    x, y, g = people(3000)
    model = FairlearnThresholds(LogisticRegression()).fit(x, y, group=g)
    p = model.predict_proba(x, group=g)[:, 1]
    for outcome in (0, 1):
        assert np.ptp([p[(g == name) & (y == outcome)].mean() for name in "abc"]) < 0.01


def test_people_in_no_known_group_have_the_common_threshold():
    x, y, g = people()
    base = LogisticRegression().fit(x, y)
    model = FairlearnThresholds(base, threshold=0.3, prefit=True).fit(x, y, group=g)
    common = base.predict_proba(x)[:, 1] >= 0.3
    assert (model.predict(x) == common).all()
    odd = np.where(np.arange(len(g)) < 300, g, "new")
    assert (model.predict(x, group=odd)[300:] == common[300:]).all()
    with pytest.raises(PrimumError, match="No threshold was declared"):
        FairlearnThresholds(base, prefit=True).fit(x, y, group=g).predict(x)


@pytest.mark.parametrize(
    "constraint",
    ["equalized_odds", *(pytest.param(c, marks=pytest.mark.slow) for c in PARITIES if c != "equalized_odds")],
)
def test_the_reduction_narrows_its_gap_and_needs_no_group_to_predict(constraint):
    x, y, g = people(1000)
    base = LogisticRegression()
    model = FairlearnReduction(base, threshold=0.3, constraint=constraint, rounds=15).fit(x, y, group=g)
    p = model.predict_proba(x)
    assert (p == model.predict_proba(x, group=g)).all()
    assert p == pytest.approx(model.mixture_._pmf_predict(x))
    assert (model.predict(x) == model.mixture_.predict(x, random_state=0)).all()
    own = model._base(x) >= 0.3

    def gap(chance):
        keep = {"demographic_parity": y >= 0, "false_positive_rate_parity": y == 0}.get(constraint, y == 1)
        return np.ptp([chance[keep & (g == name)].mean() for name in "abc"])

    assert gap(p[:, 1]) < 0.5 * gap(own)
    assert json.loads(json.dumps(model.describe(), allow_nan=False))["violation"] < 0.05


def test_mistakes_are_told(monkeypatch):
    x, y, g = people()
    with pytest.raises(PrimumError, match="There is no constraint 'equalised_odds'"):
        FairlearnThresholds(LogisticRegression(), constraint="equalised_odds").fit(x, y, group=g)
    with pytest.raises(PrimumError, match="fairlearn cannot use them"):
        FairlearnThresholds(LogisticRegression()).fit(x, y, group=g, sample_weight=np.ones(len(y)))
    with pytest.raises(PrimumError, match="fairlearn refused: Degenerate labels"):
        FairlearnThresholds(LogisticRegression()).fit(x, y, group=np.where(y == 1, "ill", "well"))
    with pytest.raises(PrimumError, match="random_state is None"):
        FairlearnThresholds(GivenScore(), prefit=True, random_state=None).fit(x[:, 2], y, group=g).predict(x[:, 2])
    with pytest.raises(PrimumError, match="trains the model itself"):
        FairlearnReduction(GivenScore(), threshold=0.3, prefit=True).fit(x, y, group=g)
    with pytest.raises(PrimumError, match="No threshold was declared"):
        FairlearnReduction(LogisticRegression()).fit(x, y, group=g)
    for name in ("fairlearn", "fairlearn.postprocessing", "fairlearn.reductions"):
        monkeypatch.setitem(sys.modules, name, None)
    for repair in (FairlearnThresholds, FairlearnReduction):
        with pytest.raises(MissingExtraError, match=r"pip install 'primum\[comparators\]'"):
            repair(LogisticRegression(), threshold=0.3).fit(x, y, group=g)

"""Learning curves: whose data train what, the share explained, and the promise of its intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from primum.errors import PrimumError
from primum.learn import learning_curve as lc
from primum.learn.prepare import Matrix


def learner(n=240, seed=1, kind="logistic", weight=None):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    y = (rng.random(n) < 1 / (1 + np.exp(0.5 - 1.5 * x[:, 0]))).astype(np.int8)
    piece = rng.permutation(n) % 12
    return lc.Learner(kind, Matrix(x, ["a", "b"], {}), y, piece % 3, weight, 7), piece // 3


def test_nobody_is_scored_by_a_model_that_trained_on_them(monkeypatch):
    subject, quarter = learner()
    seen = []

    def fake(kind, matrix, outcome, rows, *, weight, seed):
        seen.append((matrix.values[rows][:, 0], matrix.values[~rows][:, 0]))
        return np.where(rows, np.nan, 0.5), {}

    monkeypatch.setattr(lc, "train", fake)
    curve = lc.learning_curve(subject, quarter)
    assert {share: len(risks) for share, risks in curve.items()} == {0.25: 2, 0.5: 2, 1.0: 1}
    assert all(np.array_equal(r, np.full(240, 0.5)) for risks in curve.values() for r in risks)
    assert len(seen) == 15
    assert not any(set(trained) & set(scored) for trained, scored in seen)
    sizes = [len(trained) for trained, _ in seen]
    assert sizes == [40] * 6 + [80] * 6 + [160] * 3
    first = [set(trained) for trained, _ in seen]
    for k in range(3):  # the quarter lies in its half, the halves share nobody and make up the whole
        assert first[k] < first[6 + k]
        assert not first[6 + k] & first[9 + k]
        assert first[6 + k] | first[9 + k] == first[12 + k]


@pytest.mark.parametrize("kind", ["logistic", "boosting"])
def test_a_group_alone_is_trained_on_that_group_alone(kind):
    subject, _ = learner(400, kind=kind)
    who = np.arange(400) < 200
    alone = lc.Learner(
        kind, Matrix(subject.matrix.values[who], ["a", "b"], {}), subject.outcome[who], subject.fold[who], None, 7
    )
    inside = subject.left_out_risk(who)
    assert np.allclose(inside[who], alone.left_out_risk(np.ones(200, dtype=bool)), rtol=1e-9)
    assert np.isfinite(inside).all()


def test_weights_reach_the_learner():
    plain, _ = learner(300)
    heavy, _ = learner(300, weight=np.where(plain.outcome == 1, 5.0, 1.0))
    everyone = np.ones(300, dtype=bool)
    assert heavy.left_out_risk(everyone).mean() > plain.left_out_risk(everyone).mean() + 0.2


def test_too_few_people_are_told():
    subject, quarter = learner(60)
    curve = lc.learning_curve(subject, quarter)
    assert 0.25 not in curve
    with pytest.raises(PrimumError, match=r"Only \d people with \(or without\) the outcome"):
        subject.left_out_risk(np.arange(60) < 20)


def test_explained_share_by_hand():
    y, p = np.array([1, 0, 0, 1, 0]), np.array([0.8, 0.1, 0.4, 0.5, 0.9])
    who = np.array([True, True, True, True, False])
    known = lc.explained(y, lc.squared_loss(y, [p]), who)
    assert known.value == pytest.approx(1 - (0.04 + 0.01 + 0.16 + 0.25) / 4 / 0.25)
    assert known.influence[4] == 0
    assert np.isnan(lc.explained(y, lc.squared_loss(y, [p]), np.array([True, False, False, True, False])).value)
    assert lc.log_loss([1, 0], [np.array([0.5, 0.0])]) == pytest.approx([np.log(2), 0], abs=1e-5)
    two = lc.squared_loss(y, [p, 1 - p])
    assert two == pytest.approx(((y - p) ** 2 + (y - 1 + p) ** 2) / 2)


def test_the_influence_is_the_derivative():
    rng = np.random.default_rng(3)
    y, p, w = rng.integers(0, 2, 40), rng.random(40), rng.uniform(0.5, 2, 40)
    who = rng.random(40) < 0.7
    loss = lc.squared_loss(y, [p])
    known = lc.explained(y, loss, who, w)
    for i in np.flatnonzero(who)[:5]:
        more = w.copy()
        more[i] += 1e-6
        step = (lc.explained(y, loss, who, more).value - known.value) / 1e-6
        assert known.influence[i] == pytest.approx(step * w[i], rel=1e-3, abs=1e-7)


def test_the_interval_of_a_mean_is_students_and_units_count_once():
    rng = np.random.default_rng(4)
    x, who = rng.normal(0.3, 1, 50), np.ones(50, dtype=bool)
    oracle = ttest_1samp(x, 0).confidence_interval(0.95)
    assert lc.mean(x, who).limits(0.95) == pytest.approx((oracle.low, oracle.high))
    twice = lc.mean(np.repeat(x, 2), np.ones(100, dtype=bool))
    assert twice.limits(0.95, np.repeat(np.arange(50), 2)) == pytest.approx((oracle.low, oracle.high))
    assert np.isnan(lc.mean(x, np.zeros(50, dtype=bool)).limits(0.95)).all()
    assert set(lc.summary(lc.mean(x, who), 0.9)) == {"value", "low", "high"}


def test_disagreement_of_two_halves_by_hand():
    subject, _ = learner(240)
    rng = np.random.default_rng(6)
    base, noise, who = rng.random(240), rng.normal(size=240), np.ones(240, dtype=bool)
    for k in range(3):
        noise[subject.fold == k] -= noise[subject.fold == k].mean()
    assert lc.disagreement(subject, (base, base + noise), who) == 0  # no more than chance among the people judged
    chance = [noise[subject.fold == k].var(ddof=1) / 80 for k in range(3)]
    expected = (0.3**2 - np.mean(chance)) / 12
    assert lc.disagreement(subject, (base, base + noise + 0.3), who) == pytest.approx(expected)
    known = lc.explained(subject.outcome, base, who, trained=expected)
    spread = subject.outcome.mean() * (1 - subject.outcome.mean())
    assert known.trained == pytest.approx(expected / spread**2)
    wide, narrow = (np.diff(k.limits(0.95))[0] for k in (known, lc.explained(subject.outcome, base, who)))
    assert wide > narrow


def test_the_difference_in_explained_share_covers_what_it_should():
    """Two known risks, many samples: the true gain lies in the 95 % interval about as often as promised."""
    rng = np.random.default_rng(5)
    big = rng.normal(size=400_000)
    truth = 1 / (1 + np.exp(2 - big))
    poor = 0.5 * truth + 0.5 * truth.mean()
    spread = truth.mean() * (1 - truth.mean())
    gain = ((poor - truth) ** 2).mean() / spread
    covered = 0
    for _ in range(400):
        rows = rng.integers(0, big.size, 300)
        y, who = (rng.random(300) < truth[rows]).astype(int), np.ones(300, dtype=bool)
        better, worse = (lc.explained(y, lc.squared_loss(y, [r[rows]]), who) for r in (truth, poor))
        low, high = (better - worse).limits(0.95)
        covered += low <= gain <= high
    assert 0.915 <= covered / 400 <= 0.985

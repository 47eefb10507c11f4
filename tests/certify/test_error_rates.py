"""How often a certificate is false, and how often it is given: seeded simulations against the expected tables.

Differences in net benefit at threshold .2 (a false alarm costs w = .25), margin ε = .01, level .05, prevalence .12. The
larger version, with more bounds and sizes, is written to docs/evidence/no-harm.md by scripts/evidence_no_harm.py.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from primum.certify import betting, gaffke, phan, student
from primum.certify.bound import BOUNDS
from primum.certify.eprocess import wealth
from primum.certify.sample import sample

W, EPS, ALPHA = 0.25, 0.01, 0.05
VALUES = np.array([-1, -W, 0, W, 1])
LIMITS = (-1.0, 1.0)
VALID = {"gaffke": gaffke, "phan": phan, "betting": betting}
GROUPS = ((3000, 0.12), (1500, 0.10), (600, 0.15), (250, 0.12))


def world(name, prevalence=0.12):
    """Chance of a case lost, an alarm added, no change, an alarm spared, a case found."""
    found, lost, alarmed, spared = {
        "sensitivity harm": (0.02, 0.02 + EPS / prevalence, 0, 0),
        "false-positive harm": (0, 0, EPS / ((1 - prevalence) * W), 0),
        "good": (0.10, 0.01, 0.01, 0.01),
        "neutral": (0.01, 0.01, 0.005, 0.005),
    }[name]
    p = np.array([prevalence * lost, (1 - prevalence) * alarmed, 0, (1 - prevalence) * spared, prevalence * found])
    p[2] = 1 - p.sum()
    return p


def draw(name, n, repeats, seed, prevalence=0.12):
    return np.random.default_rng([seed, n]).multinomial(n, world(name, prevalence), size=repeats)


def passed(counts, room, alpha=ALPHA):
    return room.p_many(counts, VALUES, LIMITS, -EPS) < alpha


def near(expected, repeats, said_repeats):
    """Four standard errors of the difference of two simulated shares, and a little where both are 0 or 1."""
    spread = max(expected * (1 - expected), 0.003)
    return pytest.approx(expected, abs=4 * math.sqrt(spread * (1 / repeats + 1 / said_repeats)))


def at_most(level, repeats):
    return level + 3 * math.sqrt(level * (1 - level) / repeats)


@pytest.mark.parametrize("harm", ["sensitivity harm", "false-positive harm"])
def test_the_boundary_is_the_boundary(harm):
    assert world(harm) @ VALUES == pytest.approx(-EPS, abs=1e-12)
    assert world("good") @ VALUES == pytest.approx(0.0108, abs=1e-12)
    assert world("neutral") @ VALUES == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("n", [100, 250, 600, 1500, 5000])
@pytest.mark.parametrize("harm", ["sensitivity harm", "false-positive harm"])
@pytest.mark.parametrize(("name", "repeats"), [("gaffke", 3000), ("phan", 3000), ("betting", 150)])
def test_no_more_than_five_in_a_hundred_certificates_are_false(name, repeats, harm, n):
    assert passed(draw(harm, n, repeats, 5), VALID[name]).mean() <= at_most(ALPHA, repeats)


@pytest.mark.parametrize("n", [100, 250, 600, 1500, 5000])
def test_nor_at_another_level(n):
    assert passed(draw("sensitivity harm", n, 8000, 6), gaffke, 0.01).mean() <= at_most(0.01, 8000)


def test_student_certifies_harm_in_small_groups_as_often_as_expected():
    """29 % at n = 100: the reason for all of this."""
    expected = {100: 0.292, 250: 0.105, 600: 0.077, 1500: 0.076, 5000: 0.052}
    for n, said in expected.items():
        assert passed(draw("sensitivity harm", n, 8000, 7), student).mean() == near(said, 8000, 3000)
    for n, said in {100: 0.0995, 250: 0.059, 600: 0.0905, 1500: 0.0625}.items():
        assert passed(draw("false-positive harm", n, 8000, 7), student).mean() == near(said, 8000, 2000)


def test_gaffke_errs_as_often_as_expected():
    expected = {100: 0.0, 250: 0.024, 600: 0.032, 1500: 0.038, 5000: 0.037}
    for n, said in expected.items():
        assert passed(draw("sensitivity harm", n, 8000, 8), gaffke).mean() == near(said, 8000, 3000)
    for n, said in {100: 0.0, 250: 0.0, 600: 0.0005, 1500: 0.008}.items():
        assert passed(draw("false-positive harm", n, 8000, 8), gaffke).mean() == near(said, 8000, 2000)


@pytest.mark.parametrize(
    ("name", "n", "student_said", "gaffke_said", "said_repeats"),
    [
        ("good", 100, 0.775, 0.069, 1500), ("good", 250, 0.955, 0.749, 1500),
        ("good", 600, 0.999, 0.997, 1500), ("good", 1500, 1.0, 1.0, 1500),
        ("neutral", 100, 0.832, 0.001, 1000), ("neutral", 250, 0.827, 0.167, 1000),
        ("neutral", 600, 0.980, 0.910, 1000), ("neutral", 1500, 1.0, 0.999, 1000), ("neutral", 3000, 1.0, 1.0, 1000),
    ],
)  # fmt: skip
def test_power_is_as_expected(name, n, student_said, gaffke_said, said_repeats):
    counts = draw(name, n, 8000, 9)
    assert passed(counts, gaffke).mean() == near(gaffke_said, 8000, said_repeats)
    assert passed(counts, student).mean() == near(student_said, 8000, said_repeats)


def test_power_of_betting_and_phan():
    """Betting as expected; Phan, proven too, has much less in small groups and nearly all of it in large ones."""
    for name, n, said in (("good", 250, 0.498), ("good", 600, 0.977), ("neutral", 600, 0.755)):
        assert passed(draw(name, n, 400, 10), betting).mean() == near(said, 400, 1000)
    assert passed(draw("good", 250, 1000, 10), phan).mean() < 0.05
    assert passed(draw("good", 1500, 1000, 10), phan).mean() > 0.95
    assert passed(draw("neutral", 1500, 1000, 10), phan).mean() > 0.85


def four_groups(worlds, repeats, seed):
    """Each rule's decisions for each group, shape (4, repeats), patient by patient."""
    rng, rules = np.random.default_rng(seed), {}
    for (n, prevalence), name in zip(GROUPS, worlds, strict=True):
        order = rng.choice(5, size=(repeats, n), p=world(name, prevalence))
        counts = np.stack([(order == j).sum(1) for j in range(5)], axis=1)
        mean = counts @ VALUES / n
        path = wealth((VALUES[order] + 1) / 2, (1 - EPS) / 2, ALPHA, n)
        for rule, hit in {
            "not below 0": mean >= 0,
            "above −ε": mean > -EPS + 1e-12,
            "student": passed(counts, student),
            "student / 4": passed(counts, student, ALPHA / 4),
            "gaffke": passed(counts, gaffke),
            "phan": passed(counts, phan),
            "betting": path[:, -1] >= -math.log(ALPHA),
            "at any time": path.max(1) >= -math.log(ALPHA),
        }.items():
            rules.setdefault(rule, []).append(hit)
    return {rule: np.all(hits, axis=0).mean() for rule, hits in rules.items()}


def test_certificate_over_four_groups():
    """The first two worlds are harmful: every valid rule certifies at most 5 %, with no correction for four groups."""
    good, repeats = ["good"] * 4, 250
    smallest = four_groups([*good[:3], "sensitivity harm"], repeats, 1)
    largest = four_groups(["sensitivity harm", *good[:3]], repeats, 2)
    helpful = four_groups(good, repeats, 3)
    neutral = four_groups(["neutral"] * 4, repeats, 4)
    expected = {
        "not below 0": (0.142, 0.0, 0.946, 0.075),
        "above −ε": (0.520, 0.482, 0.998, 0.991),
        "student": (0.111, 0.060, 0.942, 0.781),
        "student / 4": (0.042, 0.021, 0.846, 0.676),
        "betting": (0.0008, 0.004, 0.513, 0.005),
        "at any time": (0.0015, 0.026, 0.553, 0.006),
    }
    for rule, said in expected.items():
        for found, each in zip((smallest, largest, helpful, neutral), said, strict=True):
            assert found[rule] == near(each, repeats, 2000), rule
    for rule in ("gaffke", "phan", "betting", "at any time"):
        assert max(smallest[rule], largest[rule]) <= at_most(ALPHA, repeats)
    assert helpful["gaffke"] > 0.65
    assert smallest["above −ε"] > 0.4


def test_rollback_needs_a_smaller_level():
    """Keeping the repair where a group passes: with four harmed groups levels add up; a quarter of each suffices."""
    p = gaffke.p_many(draw("sensitivity harm", 1500, 8000, 11), VALUES, LIMITS, -EPS).reshape(-1, 4)
    assert (p < ALPHA).any(axis=1).mean() > 0.10
    assert (p < ALPHA / 4).any(axis=1).mean() <= at_most(ALPHA, 2000)


@pytest.mark.parametrize(
    ("shape", "mean"),
    [
        (lambda rng: rng.uniform(size=20), 0.5),
        (lambda rng: rng.beta(8, 0.5, size=20), 8 / 8.5),
        (lambda rng: rng.beta(0.5, 8, size=20), 0.5 / 8.5),
        (lambda rng: 1.0 * (rng.random(20) > 0.02), 0.98),
        (lambda rng: rng.choice([0, 0.9, 1], 20, p=[0.1, 0.8, 0.1]), 0.82),
    ],
)
def test_coverage_for_other_shapes(shape, mean):
    rng = np.random.default_rng(12)
    for name, repeats in (("gaffke", 200), ("phan", 60), ("betting", 60)):
        misses = [BOUNDS[name].p_value(sample(shape(rng), low=0, high=1), mean) < ALPHA for _ in range(repeats)]
        assert np.mean(misses) <= at_most(ALPHA, repeats), name


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 250, 600, 1500, 5000])
@pytest.mark.parametrize("harm", ["sensitivity harm", "false-positive harm"])
def test_no_more_than_five_in_a_hundred_in_many_repeats(harm, n):
    """200,000 for Gaffke and Phan, 4,000 for betting: the standard errors are .0005 and .0034."""
    for name, repeats in (("gaffke", 200_000), ("phan", 200_000), ("betting", 4000)):
        assert passed(draw(harm, n, repeats, 13), VALID[name]).mean() <= at_most(ALPHA, repeats), name


@pytest.mark.slow
def test_gaffke_holds_in_a_sweep_of_harms():
    """Its validity is conjectured: 200 random distributions at the boundary, of three to five values, 4,000 each."""
    rng = np.random.default_rng(14)
    for _ in range(200):
        k, n = int(rng.integers(2, 5)), int(rng.choice([5, 20, 60, 200]))
        values = np.sort(np.append(rng.uniform(-1, 1, k), -1.0))
        p = rng.dirichlet(np.full(k + 1, 0.3))
        counts = rng.multinomial(n, p, size=4000)
        null = float(np.clip(p @ values, -1 + 1e-9, 1))
        assert (gaffke.p_many(counts, values, LIMITS, null) < ALPHA).mean() <= ALPHA + 4 * math.sqrt(0.0475 / 4000)

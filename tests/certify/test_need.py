"""How many more people: the published sizes, the floor without any change, and never where the estimate says harm."""

from __future__ import annotations

import numpy as np
import pytest

from primum.certify.bound import bound
from primum.certify.need import AT_OR_BEYOND, need, units_needed, units_without_change
from primum.certify.sample import sample

GAFFKE = bound("gaffke")


def good(n, prevalence):
    """The science page's good scenario: a = .10, b = c = e = .01, w = .25."""
    shares = np.array(
        [prevalence * 0.01, (1 - prevalence) * 0.01, 0, (1 - prevalence) * 0.01, prevalence * 0.10], dtype=float
    )
    counts = np.round(shares * n)
    counts[2] = n - counts.sum()
    return sample([-1, -0.25, 0, 0.25, 1], counts, low=-1, high=1)


@pytest.mark.parametrize(("prevalence", "n"), [(0.12, 203), (0.10, 207), (0.15, 195)])
def test_published_sizes(prevalence, n):
    assert np.ceil(units_needed(good(10**8, prevalence), -0.01, 0.05)) == n


def test_without_any_change():
    floor = units_without_change(-1, -0.01, 0.0, 0.05)
    assert floor == pytest.approx(np.log(0.05) / np.log(0.99))
    for n, enough in ((int(floor), False), (int(floor) + 1, True)):
        assert (GAFFKE.lower(sample([0], [n], low=-1, high=1), 0.05) > -0.01) is enough
    few = sample([0.0], [10], low=-1, high=1)
    assert need(few, -0.01, 0.05, GAFFKE) == (289, "")
    assert need(sample([], low=-1, high=1), -0.01, 0.05, GAFFKE) == (299, "")


@pytest.mark.parametrize(
    ("now", "above"),
    [(good(100, 0.12), 0.95), (sample([-1, 0, 1], [2, 195, 3], low=-1, high=1), 0.86)],
    ids=["good", "nearly neutral"],
)
def test_it_is_enough_in_simulation(now, above):
    more, _ = need(now, -0.01, 0.05, GAFFKE)
    n = now.n + more
    assert n > units_needed(now, -0.01, 0.05)  # the normal approximation is too hopeful
    samples = np.random.default_rng(8).multinomial(n, now.counts / now.n, size=200)
    passed = [GAFFKE.lower(sample(now.values, s, low=-1, high=1), 0.05) > -0.01 for s in samples]
    assert 0.74 <= np.mean(passed) <= above  # 80 %; more where few people must foretell it


def test_student_needs_what_the_formula_says():
    x = sample([-1, 0, 1], [3, 140, 6], low=-1, high=1)
    more, _ = need(x, -0.01, 0.05, bound("student"))
    assert x.n + more == pytest.approx(units_needed(x, -0.01, 0.05), rel=0.03)


def test_a_bound_that_is_too_wide_says_so():
    x = sample([0.0], [50], low=-1, high=1)
    assert need(x, -1e-12, 0.05, GAFFKE)[0] > 1e8
    wide = sample([-1, 1], [500_000, 500_001], low=-1, high=1)
    assert need(wide, -1e-6, 0.05, GAFFKE) == (None, "this bound is too wide for any realistic number")


@pytest.mark.parametrize("lost", [2, 5])
def test_no_number_helps_where_the_estimate_is_beyond_the_margin(lost):
    x = sample([-1, 0], [lost, 200 - lost], low=-1, high=1)
    assert need(x, -0.01, 0.05, GAFFKE) == (None, AT_OR_BEYOND)
    assert "not expected to help" in AT_OR_BEYOND


def test_one_false_alarm_among_few_does_not_make_a_dozen_enough():
    """With 130 people and no change at all it would take 299: with one harm among them it takes more, not 142."""
    x = sample([-1 / 9, 0.0], [1, 129], low=-1, high=1)
    more, _ = need(x, -0.01, 0.05, GAFFKE)
    assert 299 < x.n + more < 600


def test_a_bound_just_short_of_the_null_needs_more_than_one_more():
    x = sample([-0.0965, 0.0], [10, 737], low=-1, high=1)
    assert -0.0060 < GAFFKE.lower(x, 0.05) < -0.005
    more, _ = need(x, -0.005, 0.05, GAFFKE)
    assert 60 < more < 400
    larger = sample(x.values, np.round(x.counts * (x.n + more) / x.n), low=-1, high=1)
    assert GAFFKE.lower(larger, 0.05) > -0.005

"""Lower bounds on a bounded mean: against formulae, other programs, other ways of computing, and their own promises."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import special, stats

from primum.certify import betting, gaffke, gamma_sum, phan, student
from primum.certify.bound import BOUNDS, bound
from primum.certify.eprocess import wealth
from primum.certify.sample import sample
from primum.errors import PrimumError

NAMES = list(BOUNDS)
ROOMS = {"gaffke": gaffke, "phan": phan, "betting": betting, "student": student}
VALUES = np.array([-1, -0.25, 0, 0.25, 1])
counts_of_five = st.lists(st.integers(0, 60), min_size=5, max_size=5).filter(lambda c: sum(c) > 0)


def five(counts):
    return sample(VALUES, counts, low=-1, high=1)


def test_gaffke_of_two_values_is_clopper_pearson():
    """7 of 50 is .067597; and wherever the data are the least possible value or one other."""
    assert gaffke.lower(sample([0, 1], [43, 7], low=0, high=1), 0.05) == pytest.approx(0.067597, abs=5e-7)
    for n in (1, 2, 7, 50, 999, 10**6):
        for k in {1, n // 3, n - 1, n} - {0}:
            for alpha in (0.2, 0.05, 0.01, 1e-6):
                found = gaffke.lower(sample([0, 1], [n - k, k], low=0, high=1), alpha)
                assert found == pytest.approx(special.betaincinv(k, n - k + 1, alpha), rel=1e-6)
    theirs = stats.binomtest(333, 999, alternative="greater").proportion_ci(0.95, "exact").low
    assert gaffke.lower(sample([0, 1], [666, 333], low=0, high=1), 0.05) == pytest.approx(theirs, abs=1e-9)
    shifted = gaffke.lower(sample([-3, 1], [43, 7], low=-3, high=1), 0.05)
    assert shifted == pytest.approx(-3 + 4 * 0.06759669900355719, abs=1e-10)


def test_p_value_of_two_values_is_the_binomial_tail():
    """P(X ≥ k), to many digits also where it is tiny."""
    for k, n, null in ((7, 50, 0.1), (30, 50, 0.1), (50, 50, 0.1), (1, 1000, 0.0005), (400, 1000, 0.1)):
        found = gaffke.p_value(sample([0, 1], [n - k, k], low=0, high=1), null)
        assert found == pytest.approx(stats.binom.sf(k - 1, n, null), rel=1e-7)


def test_gaffke_is_the_quantile_of_dirichlet_weights():
    """Against 300,000 draws of Gamma(count) a value and one worst case, normalised."""
    rng = np.random.default_rng(1)
    for counts, low in (([3, 20, 300, 20, 7], -1), ([0, 1, 2, 0, 1], -1), ([0, 0, 9, 1, 0], -6)):
        draws = rng.standard_gamma([1.0, *np.maximum(counts, 1e-300)], size=(300_000, 6))
        means = draws @ np.array([low, *VALUES]) / draws.sum(1)
        one = sample(VALUES, counts, low=low, high=1)
        for alpha in (0.05, 0.01):
            found = gaffke.lower(one, alpha)
            assert (means <= found).mean() == pytest.approx(alpha, abs=4 * math.sqrt(alpha / 300_000))
            assert gaffke.p_value(one, found) == pytest.approx(alpha, rel=1e-8)


def test_gaffke_of_uniform_weights_is_a_spline():
    """One observation: the weight is uniform. Two: the chance is a ratio of areas (Curry & Schoenberg)."""
    assert gaffke.lower(sample([0.5], low=-1, high=1), 0.05) == pytest.approx(-1 + 1.5 * 0.05, abs=1e-10)
    a, b, m = 0.3, 0.9, 0.2  # P(W·(0, a, b) ≤ m) over the triangle, for m < a
    assert gaffke.p_value(sample([a, b], low=0, high=1), m) == pytest.approx(m**2 / (a * b), rel=1e-9)


def test_gaffke_is_accurate_wherever_the_scales_lie_apart():
    """A thousandth beside a hundred, few beside a million: against the same with far more nodes."""
    rng = np.random.default_rng(7)
    grid = np.array([-1, -1 + 1e-4, -0.9, -0.25, -1e-3, 0, 0.25, 0.99, 1, 5, 100])
    for _ in range(150):
        k = rng.integers(1, 8)
        one = sample(rng.choice(grid, k, replace=False), np.floor(10 ** rng.uniform(0, 6, k)), low=-1, high=100)
        alpha = 10 ** rng.uniform(-6, -0.2)
        low = gaffke.lower(one, alpha)
        if low - one.low > 1e-5:  # closer, a p-value is steep in the last digits of the null
            assert gaffke.p_value(one, low) == pytest.approx(alpha, rel=1e-6)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(gamma_sum, "AGREED", 1e-12)
                assert gaffke.p_value(one, low) == pytest.approx(alpha, rel=1e-5)


def test_a_quadrature_that_does_not_converge_certifies_nothing(monkeypatch):
    monkeypatch.setattr(gamma_sum, "MOST", 16)
    assert gaffke.p_value(five([0, 1, 500, 0, 9]), -0.02) == 1


def test_gaffke_takes_many_values_and_many_people():
    """Distinct values by the thousand; people by the hundred million, where the normal limit holds."""
    x = np.random.default_rng(2).normal(0, 0.2, 3000).clip(-1, 1)
    many = sample(x, low=-1, high=1)
    draws = np.random.default_rng(3).standard_exponential((4000, 3001))
    means = draws @ np.append(x, -1) / draws.sum(1)
    assert gaffke.lower(many, 0.05) == pytest.approx(np.quantile(means, 0.05), abs=5e-4)
    vast = five([10**6, 10**6, 5 * 10**8, 10**6, 2 * 10**6])
    assert gaffke.lower(vast, 0.05) == pytest.approx(student.lower(vast, 0.05), abs=1e-8)


def test_gaffke_is_quick():
    """A few milliseconds for what a certificate asks; the best of several, for other work goes on here."""
    one = sample(np.linspace(-1, 1, 8), [3, 5, 10, 400, 90, 20, 10, 5], low=-1, high=1)
    gaffke.lower(one, 0.05)
    spent = []
    for _ in range(20):
        start = time.process_time()
        gaffke.lower(one, 0.05)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.005


def test_student_is_the_t_test():
    """Against scipy; the rule for equal observations; nothing below two."""
    x = np.repeat(VALUES, [1, 3, 50, 4, 6])
    one = sample(x, low=-1, high=1)
    test = stats.ttest_1samp(x, -0.01, alternative="greater")
    assert student.p_value(one, -0.01) == pytest.approx(test.pvalue, rel=1e-10)
    assert student.lower(one, 0.05) == pytest.approx(test.confidence_interval(0.95).low, abs=1e-12)
    equal = five([0, 0, 9, 0, 0])
    assert (student.lower(equal, 0.05), student.p_value(equal, -0.01), student.p_value(equal, 0.0)) == (0, 0, 1)
    assert (student.lower(five([0, 0, 1, 0, 0]), 0.05), student.p_value(five([0, 0, 1, 0, 0]), -0.9)) == (-1, 1)


def test_betting_is_the_bet_written_out():
    """Equal observations have one order only, so the wealth follows from the formula patient by patient."""
    n, m, e, total, squares = 40, 0.4, 1.0, 0.0, 0.0
    variance = 0.25
    for t in range(1, n + 1):
        e *= 1 + min(math.sqrt(2 * math.log(20) / (n * variance)), 0.75 / m) * (0.6 - m)
        total, squares = total + 0.6, squares + 0.36
        mean = (0.5 + total) / (t + 1)
        variance = (0.25 + squares - 2 * mean * total + t * mean**2) / (t + 1)
    assert betting.p_value(sample([0.6], [n], low=0, high=1), m) == pytest.approx(1 / e, rel=1e-9)


def test_betting_e_value_is_the_inverse_of_p():
    one = five([2, 5, 300, 6, 12])
    e = betting.evidence(one, seed=1)
    for null in (-0.3, -0.05, -0.01):
        assert e(null) == betting.e_value(one, null, seed=1)
        assert betting.p_value(one, null, seed=1) == pytest.approx(min(1, 1 / e(null)), rel=1e-9)
    assert (e(-2), e(1), betting.e_value(sample([], low=-1, high=1), 0)) == (math.inf, 1, 1)


def test_betting_in_blocks_counts_everyone_once():
    """Blocks add up to the sample, whatever their order; half a billion are bet on in a moment."""
    counts = np.array([[1, 5, 4000, 7, 9], [0, 4011, 0, 11, 0]])
    sizes = betting._block_sizes(4022)
    blocks = betting._ordered(counts, sizes, np.random.default_rng(1))
    assert (blocks.sum(2) == counts[:, None, :]).all()
    assert (blocks.sum(-1) == sizes).all()
    assert len(betting._block_sizes(5 * 10**8)) < 1000
    assert betting.lower(five([10**6, 10**6, 5 * 10**8, 10**6, 2 * 10**6]), 0.05) == pytest.approx(1 / 505, abs=1e-4)


def test_betting_agrees_with_bets_patient_by_patient():
    """Stakes renewed in blocks, averaged over orders, lose nothing against one order of single patients."""
    rng = np.random.default_rng(4)
    order = rng.choice(5, p=[0.0012, 0.0044, 0.9888, 0.0044, 0.0012], size=(800, 600))
    singles = wealth((VALUES[order] + 1) / 2, 0.495, 0.05, 600)[:, -1]
    counts = np.stack([(order == j).sum(1) for j in range(5)], axis=1)
    blocks = -np.log(betting.p_many(counts, VALUES, (-1, 1), -0.01))
    decided, single = blocks > math.log(20), singles > math.log(20)
    assert 0.65 < single.mean() < 0.85
    assert (decided != single).mean() < 0.05
    assert decided.mean() >= single.mean() - 0.02
    assert np.median(np.abs(blocks - singles)) < 0.2


def test_phan_never_exceeds_the_exact_bound_of_two_values():
    """With two values the exact bound is the best that any monotone bound can be, up to the draws."""
    for k, n in ((7, 50), (47, 50), (0, 20), (20, 20), (140, 1000)):
        exact = gaffke.lower(sample([0, 1], [n - k, k], low=0, high=1), 0.05)
        found = phan.lower(sample([0, 1], [n - k, k], low=0, high=1), 0.05)
        assert 0 <= found <= exact + 0.002
        assert found > exact - 2.5 * math.sqrt(0.25 / n)


def test_phan_is_the_worst_sample_among_all_samples():
    """Its minimum, against a linear programme over every sorted sample of eight values that looks as good."""
    from scipy.optimize import linprog

    n, x = 8, np.sort(np.random.default_rng(5).uniform(size=8))
    weight, above = phan._blocks(n, 0)
    assert len(weight) == n + 1  # small samples are not held in blocks
    levels = stats.beta.ppf(phan.BETA, n - np.arange(n), np.arange(n) + 1.0)
    np.testing.assert_allclose(weight[:-1], levels, rtol=1e-9)
    seen = np.diff(x, prepend=0) @ levels
    found = phan._least_means(n, phan._order(np.ones((1, n), dtype=int), x, 0, 1)[0], 0)
    share = levels - np.append(levels[1:], 0)  # T(z) = Σ z_(i) share_i
    sort = np.eye(n)[:-1] - np.eye(n)[1:]
    for r in range(25):
        gaps = above[r, :-1] - above[r, 1:]  # m(z, U) = Σ z_(i) gaps_i
        worst = linprog(gaps, np.vstack([sort, -share]), [*np.zeros(n - 1), -seen], bounds=(0, 1))
        assert found[r] == pytest.approx(worst.fun, abs=1e-9)


def test_phan_draws_are_uniform_order_statistics():
    """1 − U_(i+1) is Beta(n − i, i + 1); in blocks too, held as their worst corner."""
    _, above = phan._blocks(30, 1)
    for i in (0, 10, 29):
        assert stats.kstest(above[:, i], stats.beta(30 - i, i + 1).cdf).pvalue > 1e-3
    weight, above = phan._blocks(5000, 1)
    assert len(weight) < 1000
    assert (np.diff(weight) < 0).all()
    assert (np.diff(above, axis=1) < 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_known_without_people(name):
    none = sample([], low=-2, high=1)
    b = bound(name)
    assert b.lower(none, 0.05) == -2
    assert (b.p_value(none, 0.0), b.p_value(none, -2.5), b.p_value(none, -2)) == (1, 0, 1)


@pytest.mark.parametrize("name", NAMES)
def test_everyone_fared_as_badly_as_possible(name):
    worst = five([30, 0, 0, 0, 0])
    assert bound(name).lower(worst, 0.05) == -1
    assert bound(name).p_value(worst, -1.0) == 1
    assert bound(name).p_value(five([0, 0, 30, 0, 0]), 1.0) == 1
    assert bound(name).p_value(five([0, 0, 0, 0, 30]), 1.5) == 1


@pytest.mark.parametrize("name", ["gaffke", "phan", "betting"])
def test_nobody_harmed_is_no_proof_in_few(name):
    """No change in anyone: the bound lies below 0, near the rule of three for the exact one, and rises with n."""
    found = [bound(name).lower(five([0, 0, n, 0, 0]), 0.05) for n in (10, 100, 1000)]
    assert found[0] < found[1] < found[2] < 0
    assert gaffke.lower(five([0, 0, 100, 0, 0]), 0.05) == pytest.approx(0.05**0.01 - 1, abs=1e-10)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12)
@given(counts=counts_of_five, alpha=st.floats(0.002, 0.4), where=st.floats(-1, 1), seed=st.integers(0, 1))
def test_the_limit_is_above_the_null_exactly_where_p_is_below_alpha(name, counts, alpha, where, seed):
    b, one = bound(name), five(counts)
    low, p = b.lower(one, alpha, seed=seed), b.p_value(one, where, seed=seed)
    assert -1 <= low <= max(one.mean, -1) + 1e-12 or name == "phan"
    assume(abs(low - where) > 1e-9)
    assert (low > where) == (p < alpha)
    for near in (low - 1e-6, low + 1e-6):
        if near > -1:
            assert (low > near) == (b.p_value(one, near, seed=seed) < alpha)


@pytest.mark.parametrize("name", ["gaffke", "phan"])
@settings(max_examples=25)
@given(counts=counts_of_five, at=st.integers(0, 3), alpha=st.sampled_from([0.01, 0.05, 0.3]))
def test_a_patient_who_fares_better_never_lowers_the_bound(name, counts, at, alpha):
    assume(counts[at] > 0)
    better = list(counts)
    better[at], better[at + 1] = better[at] - 1, better[at + 1] + 1
    assert bound(name).lower(five(better), alpha) >= bound(name).lower(five(counts), alpha) - 1e-9


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12)
@given(counts=counts_of_five, a=st.floats(0.002, 0.49), b=st.floats(0.002, 0.49))
def test_a_larger_alpha_gives_a_higher_bound(name, counts, a, b):
    one = five(counts)
    assert bound(name).lower(one, min(a, b)) <= bound(name).lower(one, max(a, b)) + 1e-9


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12)
@given(counts=counts_of_five, scale=st.floats(0.1, 50), shift=st.floats(-20, 20))
def test_units_do_not_matter(name, counts, scale, shift):
    moved = sample(VALUES * scale + shift, counts, low=shift - scale, high=shift + scale)
    expected = bound(name).lower(five(counts), 0.05) * scale + shift
    assert bound(name).lower(moved, 0.05) == pytest.approx(expected, abs=1e-7 * (scale + abs(shift)))


@given(counts=counts_of_five, alpha=st.sampled_from([0.001, 0.05, 0.3]))
def test_a_worse_possible_value_never_raises_the_bound(counts, alpha):
    wider = sample(VALUES, counts, low=-3, high=1)
    assert gaffke.lower(wider, alpha) <= gaffke.lower(five(counts), alpha) + 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_number_and_the_seed_reaches_the_draws(name):
    one, b = five([2, 5, 100, 6, 9]), bound(name)
    found = {b.lower(one, 0.05, seed=s) for s in (0, 0, 1, 2)}
    assert len(found) == (1 if name in {"gaffke", "student"} else 3)
    assert max(found) - min(found) < 0.02


@pytest.mark.parametrize("name", NAMES)
def test_many_samples_at_once_are_each_alone(name):
    rng = np.random.default_rng(6)
    counts = rng.multinomial(300, [0.02, 0.05, 0.8, 0.06, 0.07], size=6)
    counts[0] = [0, 0, 300, 0, 0]
    for null in (-0.2, -0.01, 0.0):
        together = ROOMS[name].p_many(counts, VALUES, (-1, 1), null)
        alone = [bound(name).p_value(five(c), null) for c in counts]
        if name == "betting":  # only the first has the same orders
            assert together[0] == pytest.approx(alone[0], rel=1e-9)
            assert np.median(np.log(together) - np.log(alone)) == pytest.approx(0, abs=1.5)
        else:
            np.testing.assert_allclose(together, alone, rtol=1e-9)
    if name == "gaffke":
        alone = [gaffke.lower(five(c), 0.05) for c in counts]
        np.testing.assert_allclose(gaffke.lower_many(counts, VALUES, (-1, 1), 0.05), alone, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_bad_levels_and_nulls_are_refused(name):
    one = five([1, 1, 1, 1, 1])
    for alpha in (0, 1, -0.1, float("nan"), "0.05", None):
        with pytest.raises(PrimumError, match="The level alpha is"):
            bound(name).lower(one, alpha)
    with pytest.raises(PrimumError, match="null value is nan"):
        bound(name).p_value(one, float("nan"))


def test_an_unknown_bound_is_refused_by_name():
    with pytest.raises(PrimumError, match="There is no bound 'gafke' in certify") as error:
        bound("gafke")
    assert "did you mean 'gaffke'" in str(error.value)


def test_each_bound_says_what_it_guarantees():
    assert NAMES == ["gaffke", "phan", "betting", "student"]
    assert [b.proven for b in BOUNDS.values()] == [False, True, True, False]
    assert "conjectured" in BOUNDS["gaffke"].guarantee
    assert "Exact" in BOUNDS["gaffke"].guarantee
    assert all(BOUNDS[b].guarantee.startswith("Proven") for b in ("phan", "betting"))
    assert BOUNDS["student"].guarantee.startswith("None")
    assert all(b.guarantee.endswith(".") and b.name == key for key, b in BOUNDS.items())

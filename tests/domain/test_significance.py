"""The mathematics of the verdict, checked exactly: sums over all outcomes and all paths, no simulation."""

from itertools import product
from math import exp, log

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from orchestrator.domain.significance import (
    FRACTIONS,
    LOG_FRACTION_WEIGHTS,
    LOG_RATIO_WEIGHTS,
    RATIO_WEIGHTS,
    RATIOS,
    Alarm,
    Counts,
    Sums,
    alarm_terms,
    log_add,
    log_share_tail,
    log_sum,
    proof_terms,
)

ROUNDING = 1e-9
arms = st.integers(min_value=1, max_value=60)
ratios = st.sampled_from(RATIOS) | st.floats(min_value=1.05, max_value=1e4)
rhos = st.floats(min_value=1, max_value=5)
deltas = st.sampled_from([0.0, 0.0005, 0.02]) | st.floats(min_value=0, max_value=0.5)
rates = st.integers(min_value=0, max_value=10**6).map(lambda millionths: millionths / 10**6)


def alarm_factors(n: int, big_n: int, ratio: float, rho: float, delta: float) -> np.ndarray:
    """Return e for every outcome: rows are canary failures 0..n, columns baseline failures 0..N."""
    in_canary, slope = alarm_terms(Counts(n, 1, big_n, 0), ratio, rho)
    in_baseline, _ = alarm_terms(Counts(n, 0, big_n, 1), ratio, rho)
    return np.exp(np.add.outer(np.arange(n + 1) * in_canary, np.arange(big_n + 1) * in_baseline) - delta * slope)


def proof_factors(n: int, big_n: int, rho: float, delta: float) -> list[np.ndarray]:
    """Return e for every outcome, one table per alternative of the proof."""
    in_canary, slopes = proof_terms(Counts(n, 1, big_n, 0), rho)
    in_baseline, _ = proof_terms(Counts(n, 0, big_n, 1), rho)
    return [
        np.exp(np.add.outer(np.arange(n + 1) * c, np.arange(big_n + 1) * b) + delta * s)
        for c, b, s in zip(in_canary, in_baseline, slopes, strict=True)
    ]


def binomial_mean(table: np.ndarray, p_canary: float, p_baseline: float) -> float:
    n, big_n = table.shape[0] - 1, table.shape[1] - 1
    canary = stats.binom.pmf(np.arange(n + 1), n, p_canary)
    baseline = stats.binom.pmf(np.arange(big_n + 1), big_n, p_baseline)
    return float(canary @ table @ baseline)


def routed_mean(table: np.ndarray, errors: int) -> float:
    """Mean when ``errors`` failures, of whatever cause, fall on the versions only by the routing coin."""
    n, big_n = table.shape[0] - 1, table.shape[1] - 1
    hits = np.arange(max(0, errors - big_n), min(n, errors) + 1)
    pmf = stats.hypergeom.pmf(hits, n + big_n, errors, n)
    return float(np.sum(pmf * table[hits, errors - hits]))


@settings(max_examples=150, deadline=None)
@given(n=arms, big_n=arms, ratio=ratios, rho=rhos, delta=deltas, p_baseline=rates)
def test_the_alarm_has_mean_at_most_one_on_and_inside_the_boundary(*, n, big_n, ratio, rho, delta, p_baseline):
    """Invariant 1, independent failures: at the boundary and below it, for every baseline rate."""
    table = alarm_factors(n, big_n, ratio, rho, delta)
    boundary = min(1.0, rho * p_baseline + delta)
    assert binomial_mean(table, boundary, p_baseline) <= 1 + ROUNDING
    assert binomial_mean(table, boundary / 2, p_baseline) <= 1 + ROUNDING


@settings(max_examples=150, deadline=None)
@given(n=arms, big_n=arms, ratio=ratios, rho=rhos, delta=deltas, part=rates)
def test_the_alarm_has_mean_at_most_one_however_failures_are_correlated(*, n, big_n, ratio, rho, delta, part):
    """Invariant 1, random routing: for every number of failures in the period."""
    table = alarm_factors(n, big_n, ratio, rho, delta)
    for errors in {0, 1, n, big_n, n + big_n, round(part * (n + big_n))}:
        assert routed_mean(table, errors) <= 1 + ROUNDING


@settings(max_examples=150, deadline=None)
@given(arms, arms, rhos, deltas, rates)
def test_every_bet_of_the_proof_has_mean_at_most_one_on_and_beyond_its_boundary(n, big_n, rho, delta, p_baseline):
    """Invariant 1 for the acceptance, all ten bets."""
    boundary = rho * p_baseline + delta
    if boundary > 1:
        return
    for table in proof_factors(n, big_n, rho, delta):
        assert binomial_mean(table, boundary, p_baseline) <= 1 + ROUNDING
        assert binomial_mean(table, (1 + boundary) / 2, p_baseline) <= 1 + ROUNDING


@given(arms, arms, ratios, rhos, rates)
def test_with_poisson_counts_the_boundary_mean_is_one_for_every_baseline_rate(n, big_n, ratio, rho, p_baseline):
    """Invariant 1, exactness: log E = n p_C (a - 1) + N p_B (b - 1) - n delta (a - 1) vanishes."""
    delta = 0.03
    log_a, slope = alarm_terms(Counts(n, 1, big_n, 0), ratio, rho)
    log_b, _ = alarm_terms(Counts(n, 0, big_n, 1), ratio, rho)
    p_canary = rho * p_baseline + delta
    log_mean = n * p_canary * (exp(log_a) - 1) + big_n * p_baseline * (exp(log_b) - 1) - delta * slope
    assert log_mean == pytest.approx(0, abs=1e-9 * (1 + n * p_canary * exp(log_a)))


@given(arms, arms, ratios, rhos)
def test_the_algebra_of_the_alarm(n, big_n, ratio, rho):
    """Invariant 2: n rho (a - 1) + N (b - 1) = 0 and a >= 1 >= b."""
    a, b = (exp(alarm_terms(counts, ratio, rho)[0]) for counts in (Counts(n, 1, big_n, 0), Counts(n, 0, big_n, 1)))
    assert n * rho * (a - 1) + big_n * (b - 1) == pytest.approx(0, abs=1e-9 * n * rho * a)
    assert a >= 1 >= b


@given(arms, arms, ratios, st.integers(min_value=0, max_value=20), st.integers(min_value=0, max_value=20))
def test_without_margins_the_alarm_is_the_conditional_likelihood_ratio(n, big_n, ratio, x, big_x):
    """Invariant 2: given an error, it came from the canary with probability n r / (n r + N)."""
    value, _ = alarm_terms(Counts(n, x, big_n, big_x), ratio, 1.0)
    share, null = n * ratio / (n * ratio + big_n), n / (n + big_n)
    expected = x * log(share / null) + big_x * log((1 - share) / (1 - null))
    assert value == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_one_canary_request_among_a_billion_keeps_its_digits():
    """The factor of a rare alternative is not lost to rounding."""
    value, slope = alarm_terms(Counts(1, 1, 1e9, 0), 2.0, 1.0)
    assert value == pytest.approx(log(2), rel=1e-8)
    assert slope == pytest.approx(1.0, rel=1e-8)


def test_the_mean_over_all_paths_is_one_with_starts_and_alternatives():
    """The whole alarm, not only one factor: 2^10 paths of one routed error each, weights changing."""
    shares = [1, 1, 5, 5, 5, 2, 9, 9, 5, 1]
    mean = 0.0
    for path in product((0, 1), repeat=len(shares)):
        alarm, probability = Alarm(), 1.0
        for hit, tenths in zip(path, shares, strict=True):
            counts = Counts(tenths, hit, 10 - tenths, 1 - hit)
            alarm = alarm.folded([alarm_terms(counts, ratio, 1.0) for ratio in RATIOS], 0.0, 0.7)
            probability *= tenths / 10 if hit else 1 - tenths / 10
        mean += probability * exp(alarm.log_value(0.7))
    assert mean == pytest.approx(1, rel=1e-9)


def crossing_probability(share: float, alpha: float, rho: float, errors: int) -> float:
    """Return the exact P(the alarm ever fires) when each error hits the canary with probability ``share``.

    A look after every error, all prior mass on the first period (else the state is the whole path).
    """
    coefficients = [
        (
            alarm_terms(Counts(share, 1, 1 - share, 0), ratio, rho)[0],
            alarm_terms(Counts(share, 0, 1 - share, 1), ratio, rho)[0],
        )
        for ratio in RATIOS
    ]
    alive, fired = np.array([1.0]), 0.0
    for total in range(1, errors + 1):
        alive = np.append(alive, 0) * (1 - share) + np.insert(alive, 0, 0) * share
        hits = np.arange(total + 1)
        logs = np.array(
            [w + hits * a + (total - hits) * b for w, (a, b) in zip(LOG_RATIO_WEIGHTS, coefficients, strict=True)]
        )
        over = np.logaddexp.reduce(logs) >= -log(alpha)
        fired += float(alive[over].sum())
        alive[over] = 0
    return fired


@pytest.mark.parametrize("alpha", [0.01, 0.05])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_false_alarms_stay_below_alpha_exactly(share, alpha):
    """Dynamic programming, a look after each of 1500 errors, no margin at all: no Monte Carlo noise."""
    probability = crossing_probability(share, alpha, 1.0, 1500)
    assert alpha / 10 < probability <= alpha


def test_mixtures_are_averages():
    """The weights sum to 1: an average of e-values is an e-value."""
    assert sum(RATIO_WEIGHTS) == pytest.approx(1)
    assert sum(exp(w) for w in LOG_FRACTION_WEIGHTS) == pytest.approx(1)
    assert len(LOG_FRACTION_WEIGHTS) == 2 * len(FRACTIONS)


def test_starts_are_a_prior():
    """Without evidence the wealth stays 1 at every look, whatever the first mass."""
    for first_mass in (0.2, 0.7, 1.0):
        alarm = Alarm()
        for _ in range(50):
            alarm = alarm.folded([(0.0, 0.0)] * len(RATIOS), 0.01, first_mass)
            assert alarm.log_value(first_mass) == pytest.approx(0, abs=1e-12)


@given(st.lists(st.floats(min_value=-700, max_value=700), min_size=2, max_size=6))
def test_sums_in_logs_agree_with_plain_sums(values):
    """log_sum and log_add against numpy."""
    assert log_sum(values) == pytest.approx(float(np.logaddexp.reduce(values)), abs=1e-9)
    assert log_add(values[0], values[1]) == pytest.approx(float(np.logaddexp(values[0], values[1])), abs=1e-9)


@given(st.integers(1, 3000), st.floats(0, 1), st.floats(min_value=0.001, max_value=0.999))
def test_the_tail_bound_is_never_below_the_exact_tail(total, part, share):
    """Chernoff against scipy's binomial, on both sides."""
    hits = round(part * total)
    exact = (
        stats.binom.logsf(hits - 1, total, share) if hits >= share * total else stats.binom.logcdf(hits, total, share)
    )
    assume(exact > -700)  # beyond, scipy takes the logarithm of a number that has lost its digits
    assert log_share_tail(hits, total, share) >= exact - 1e-6 * (1 + abs(exact))


def test_the_tail_of_an_impossible_share_is_nothing():
    """One request where the weight is 0 is proof by itself; none is no proof."""
    assert log_share_tail(1, 10, 0.0) < -1e6
    assert log_share_tail(0, 0, 0.5) == 0


@settings(max_examples=60, deadline=None)
@given(arms, arms, st.data())
def test_bounds_are_the_margins_that_the_evidence_refutes(n, big_n, data):
    """lower_bound and upper_bound invert the mixtures in delta."""
    counts = Counts(n, data.draw(st.integers(0, n)), big_n, data.draw(st.integers(0, big_n)))
    low_sums, high_sums = Sums.alarms().with_alarm(counts, 1.0), Sums.proofs().with_proof(counts, 1.0)
    low, high = low_sums.lower_bound(0.01), high_sums.upper_bound(0.05)
    assert 0 <= low <= high <= 1
    if low > 0:
        assert low_sums.log_alarm(low) >= log(100)
        assert low_sums.log_alarm(low + 1e-9) < log(100) + 1e-6
    if 0 < high < 1:
        assert high_sums.log_proof(high) >= log(20)
        assert high_sums.log_proof(high - 1e-9) < log(20) + 1e-6

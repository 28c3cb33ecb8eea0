"""The promise, measured: false rollbacks stay below alpha with certainty, and the rule is not merely asleep.

The simulator's vectorised rule is held to ``decide`` in ``tests/bench/verdict/test_verdict_agreement.py``.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from orchestrator.domain.comparison import Arm, ComparisonSettings, Decision, Period, StepView, decide
from tests.bench.verdict.ours import NEVER, AlarmBatch, StepBatch, crossing
from tests.bench.verdict.traces import Cells, minute, on_the_clock

TRACES = 12_000
CONFIDENCE = 0.999
NO_MARGIN = ComparisonSettings(rho=1, delta=0)
RAMP = (1.0,) * 10 + (5.0,) * 10 + (10.0,) * 10 + (50.0,) * 15 + (90.0,) * 15


def upper_limit(hits: int, trials: int) -> float:
    """Return the Clopper-Pearson upper limit of a probability."""
    return float(stats.beta.ppf(CONFIDENCE, hits + 1, trials - hits))


def design(requests_per_second: float, base: float, *, shared: bool, traces: int = TRACES) -> Cells:
    ones = np.ones(traces)
    return Cells(
        requests_per_second, np.zeros(traces, int), base * ones, 0 * ones, np.full(traces, shared), ones.astype(int)
    )


def false_rollbacks(at: Cells, weights, settings: ComparisonSettings, seed: int, margin=None) -> int:
    """Count traces that ever roll back over all minutes, a look at each; ``margin`` adds (rho, delta) to the canary."""
    rng, alarm = np.random.default_rng(seed), AlarmBatch(at.size, settings)
    for weight in weights:
        n, x, big_n, big_x, _, p_baseline = minute(at, np.full(at.size, weight / 100), rng)
        if margin is not None:
            x = rng.binomial(n, np.minimum(1, margin[0] * p_baseline + margin[1]))
        alarm.fold(n, x, big_n, big_x)
    return int((alarm.peak >= -np.log(settings.alpha)).sum())


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(
    ("requests_per_second", "base", "weights"),
    [
        (1.0, 0.01, (10.0,) * 60),
        (10.0, 0.001, RAMP),
        (10.0, 0.02, (50.0,) * 60),
        (100.0, 0.01, RAMP),
        (100.0, 0.001, (1.0,) * 60),
        (1000.0, 0.01, RAMP),
    ],
)
def test_good_releases_are_rolled_back_less_often_than_alpha(requests_per_second, base, weights, shared):
    """Sixty looks, no margin to lean on, weights held or changing, with and without incidents on both versions."""
    at = design(requests_per_second, base, shared=shared)
    hits = false_rollbacks(at, weights, NO_MARGIN, seed=int(requests_per_second * 1000) + shared)
    assert upper_limit(hits, TRACES) < NO_MARGIN.alpha


@pytest.mark.parametrize("base", [0.001, 0.01])
def test_releases_just_within_the_margins_are_rolled_back_less_often_than_alpha(base):
    """Exactly at canary = rho x baseline + delta, the worst that is tolerated."""
    settings = ComparisonSettings()
    at = design(100.0, base, shared=False)
    hits = false_rollbacks(at, RAMP, settings, seed=7, margin=(settings.rho, settings.delta))
    assert upper_limit(hits, TRACES) < settings.alpha


def test_version_specific_clusters_need_the_cluster_setting():
    """Failures that come in pairs on one version break the promise; cluster = 2 restores it."""
    rng = np.random.default_rng(8)
    plain, clustered = (AlarmBatch(TRACES, NO_MARGIN), AlarmBatch(TRACES, NO_MARGIN))
    for _ in range(60):
        n, big_n = rng.binomial(6000, 0.1, TRACES), rng.binomial(6000, 0.9, TRACES)
        x, big_x = 2 * rng.binomial(n // 2, 0.005), 2 * rng.binomial(big_n // 2, 0.005)
        plain.fold(n, x, big_n, big_x)
        clustered.fold(n / 2, x / 2, big_n / 2, big_x / 2)
    fired = [int((alarm.peak >= -np.log(NO_MARGIN.alpha)).sum()) for alarm in (plain, clustered)]
    assert fired[0] / TRACES > NO_MARGIN.alpha
    assert upper_limit(fired[1], TRACES) < NO_MARGIN.alpha


@pytest.mark.parametrize("requests_per_second", [10.0, 100.0])
def test_releases_worse_than_the_acceptance_margin_advance_less_often_than_beta(requests_per_second):
    """Exactly at the margin that the risk budget allows, a look each minute for half an hour."""
    settings, rng = ComparisonSettings(), np.random.default_rng(9)
    at = design(requests_per_second, 0.001, shared=False, traces=4000)
    margin = np.clip(25 / (requests_per_second * 0.5 * 300), 0.0005, 0.5)
    here, proven = StepBatch(at.size, settings), np.zeros(at.size, dtype=bool)
    for _ in range(30):
        n, x, big_n, big_x, _, p_baseline = minute(at, np.full(at.size, 0.1), rng)
        x = rng.binomial(n, 1.5 * p_baseline + margin)
        here.fold(n, x, big_n, big_x, np.ones(at.size, dtype=bool))
        proven |= here.log_accept(np.full(at.size, 50.0)) >= -np.log(settings.beta)
    assert upper_limit(int(proven.sum()), at.size) < settings.beta


def test_five_percentage_points_at_ten_requests_per_second_are_caught_before_full_traffic():
    """So that the promise cannot be kept by never firing."""
    rng = np.random.default_rng(10)
    bad = design(10.0, 0.001, shared=False, traces=1000)
    bad = replace(bad, effect=np.full(1000, 0.05), lag=rng.integers(1, 4, 1000))
    stops = crossing(on_the_clock(bad, rng), ComparisonSettings()) + bad.lag
    assert (stops <= 10).mean() >= 0.99
    assert (stops < NEVER).all()


def test_latency_keeps_the_promise_and_catches_a_slow_canary():
    """Slow shares beside errors, through decide itself: 300 good and 40 bad releases of ten minutes."""
    rng, view = (
        np.random.default_rng(11),
        StepView(index=0, weight=10, next_weight=50, periods_visible=9, seconds_in_step=540),
    )

    def release(canary_slow: float):
        for index in range(10):
            n, big_n = rng.binomial(6000, 0.1), rng.binomial(6000, 0.9)
            arms = [
                Arm(invocations=int(size), errors=int(rng.binomial(size, 0.001)), slow=int(rng.binomial(size, share)))
                for size, share in ((n, canary_slow), (big_n, 0.1))
            ]
            yield Period(
                start=60 * index, seconds=60, weight=10, since_weight_change=index, canary=arms[0], baseline=arms[1]
            )

    good = [decide(release(0.1), view).decision for _ in range(300)]
    bad = [decide(release(0.25), view).decision for _ in range(40)]
    assert good.count(Decision.ROLLBACK) == 0
    assert bad.count(Decision.ROLLBACK) == 40

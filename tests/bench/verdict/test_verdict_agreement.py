"""The vectorised rule is the shipped rule: minute by minute and decision by decision."""

import numpy as np
import pytest
from scipy import stats

from orchestrator.domain.comparison import Arm, ComparisonSettings, Decision, Period, StepView, decide
from tests.bench.verdict import kayenta
from tests.bench.verdict.ours import NEVER, AlarmBatch, crossing, gated
from tests.bench.verdict.traces import CLOCK, cells, on_the_clock


def period(index, weight, counts) -> Period:
    n, x, big_n, big_x = (int(value) for value in counts)
    return Period(
        start=60 * index,
        seconds=60,
        weight=weight,
        since_weight_change=1,
        canary=Arm(invocations=n, errors=x),
        baseline=Arm(invocations=big_n, errors=big_x),
    )


def view(weight, next_weight=100.0, visible=1, seconds=60.0) -> StepView:
    return StepView(
        index=0,
        weight=weight,
        next_weight=next_weight,
        periods_visible=visible,
        seconds_in_step=seconds,
        limit_seconds=900,
    )


@pytest.mark.parametrize("requests_per_second", [0.1, 10.0])
def test_the_timed_rule_rolls_back_in_the_same_minute(requests_per_second):
    """Three traces of each kind, all 15 minutes."""
    rng, settings = np.random.default_rng(1), ComparisonSettings()
    minutes = on_the_clock(cells(requests_per_second, 3, rng), rng)
    found = crossing(minutes, settings)
    alarm = AlarmBatch(minutes.n.shape[1], settings)
    for index in range(len(CLOCK)):
        alarm.fold(minutes.n[index], minutes.x[index], minutes.big_n[index], minutes.big_x[index])
    for trace in range(0, minutes.n.shape[1], 2):
        history = [
            period(
                i, weight, (minutes.n[i, trace], minutes.x[i, trace], minutes.big_n[i, trace], minutes.big_x[i, trace])
            )
            for i, weight in enumerate(CLOCK)
        ]
        judged = decide(history, view(100.0), settings)
        assert np.log(judged.e_value) == pytest.approx(min(alarm.peak[trace], 690), abs=1e-9)
        if found[trace] != NEVER:
            at = int(found[trace])
            assert decide(history[:at], view(CLOCK[at - 1]), settings).decision is Decision.ROLLBACK
            assert decide(history[: at - 1], view(CLOCK[at - 2]), settings).decision is not Decision.ROLLBACK


@pytest.mark.parametrize("requests_per_second", [1.0, 50.0])
def test_the_gated_ramp_takes_the_same_decisions(requests_per_second):
    """One trace of each kind, replayed through decide at every minute with its own lag."""
    rng, settings = np.random.default_rng(2), ComparisonSettings()
    design, weights = cells(requests_per_second, 1, rng), (10.0, 50.0, 100.0)
    outcome = gated(design, weights, settings, rng, horizon=40, longest_step=15)
    decisions = set()
    for trace in range(design.size):
        step, began = 0, 0
        for t in range(1, len(outcome.history) + 1):
            if t > outcome.rolled_back[trace] or t >= outcome.full_at[trace]:
                break
            assert outcome.history[t - 1][4][trace] == step
            visible = outcome.history[: max(0, t - int(design.lag[trace]))]
            periods = [
                period(i, weights[minute[4][trace]], [minute[column][trace] for column in range(4)])
                for i, minute in enumerate(visible)
            ]
            at_weight = sum(minute[4][trace] == step for minute in visible)
            where = view(weights[step], weights[min(step + 1, 2)], int(at_weight), 60.0 * (t - began))
            judged = decide(periods, where, settings)
            assert (judged.decision is Decision.ROLLBACK) == (outcome.rolled_back[trace] == t)
            decisions.add(judged.decision)
            overdue = judged.decision is Decision.INCONCLUSIVE and judged.evidence and not judged.suspicious
            if step < 2 and (judged.decision is Decision.ADVANCE or overdue):
                step, began = step + 1, t
                assert (outcome.full_at[trace] == t) == (step == 2)
    assert decisions >= {Decision.ROLLBACK, Decision.ADVANCE, Decision.WAIT}


def test_the_rank_statistic_is_that_of_scipy():
    """Kayenta's judge rests on it: normal approximation with tie and continuity correction."""
    rng = np.random.default_rng(3)
    for _ in range(50):
        canary, baseline = rng.integers(0, 6, 5) / 1.0, rng.integers(0, 6, 5) / 1.0
        ours = kayenta._statistic(canary[:, None], baseline[:, None], np.zeros(1))[0]
        if len(set(canary) | set(baseline)) == 1 or ours == 0:
            continue
        theirs = stats.mannwhitneyu(canary, baseline, alternative="two-sided", method="asymptotic").pvalue
        assert 2 * stats.norm.sf(abs(ours)) == pytest.approx(theirs, abs=1e-9)

"""The verdict's invariants, as properties of ``decide`` over arbitrary releases."""

from functools import reduce
from itertools import pairwise
from math import isfinite

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from orchestrator.domain.comparison import (
    Arm,
    ComparisonSettings,
    Decision,
    Evidence,
    Judgement,
    Period,
    StepView,
    decide,
    fold,
    judge,
)

quick = settings(max_examples=80, deadline=None)
STRICT = ComparisonSettings(rho=1, delta=0, accept_rho=1)


def step(weight=10.0, next_weight=50.0, periods_visible=5, seconds=300.0) -> StepView:
    return StepView(
        index=0,
        weight=weight,
        next_weight=next_weight,
        periods_visible=periods_visible,
        seconds_in_step=seconds,
        limit_seconds=1800,
    )


def period(index, canary, baseline, weight=10.0, since=None) -> Period:
    """Build one minute; arms are (invocations, errors[, slow]) or None."""

    def arm(values):
        return None if values is None else Arm(**dict(zip(("invocations", "errors", "slow"), values, strict=False)))

    return Period(
        start=60 * index,
        seconds=60,
        weight=weight,
        since_weight_change=index if since is None else since,
        canary=arm(canary),
        baseline=arm(baseline),
    )


@st.composite
def arms(draw, limit=400, slow=True):
    invocations = draw(st.integers(0, limit))
    errors = draw(st.integers(0, invocations) | st.just(0))
    return Arm(
        invocations=invocations, errors=errors, slow=draw(st.none() | st.integers(0, invocations)) if slow else None
    )


@st.composite
def releases(draw, max_size=12, slow=True):
    """Draw periods of a release whose weight never falls, some of them empty or one-sided."""
    size = draw(st.integers(0, max_size))
    weights = sorted(draw(st.lists(st.sampled_from([1.0, 5.0, 10.0, 50.0, 90.0]), min_size=size, max_size=size)))
    periods, since = [], 0
    for index, weight in enumerate(weights):
        since = since + 1 if index and weight == weights[index - 1] else 0
        canary, baseline = (draw(st.none() | arms(slow=slow)) for _ in range(2))
        periods.append(
            Period(
                start=60 * index,
                seconds=60,
                weight=weight,
                since_weight_change=since,
                canary=canary,
                baseline=baseline,
            )
        )
    return periods


configurations = st.builds(
    ComparisonSettings,
    alpha=st.sampled_from([0.001, 0.01, 0.05]),
    rho=st.sampled_from([1.0, 1.1]),
    delta=st.sampled_from([0.0, 0.0005]),
    latency_share=st.sampled_from([0.0, 0.2, 0.5]),
    cluster=st.sampled_from([1, 2]),
    first_mass=st.sampled_from([0.3, 0.7, 1.0]),
    warmup_periods=st.integers(0, 2),
)


def steps_of(periods):
    return step(weight=periods[-1].weight if periods else 10.0)


def numbers(judgement: Judgement) -> dict:
    return judgement.model_dump(include={"e_value", "p_value", "e_current", "e_errors", "e_latency", "e_accept"})


def with_arm(periods, index, side, **changes):
    changed = list(periods)
    arm = getattr(changed[index], side)
    changed[index] = changed[index].model_copy(update={side: arm.model_copy(update=changes)})
    return changed


# Invariant 3: no data


@pytest.mark.parametrize(
    "periods",
    [
        [],
        [period(0, None, None)],
        [period(0, (5, 5), None), period(1, None, (900, 9)), period(2, (0, 0), (10, 10)), period(3, (10, 10), (0, 0))],
    ],
)
def test_no_comparable_data_is_no_evidence(periods):
    """E = 1, p = 1, WAIT: neither a pass nor a failure."""
    judgement = decide(periods, step())
    assert judgement.decision is Decision.WAIT
    assert (judgement.e_value, judgement.p_value, judgement.e_accept) == (1, 1, 1)
    assert not judgement.evidence
    assert not judgement.suspicious
    assert "nothing to compare" in judgement.sentence


def test_no_data_until_the_longest_hold_is_inconclusive():
    """Silence never advances."""
    assert decide([], step(seconds=1800)).decision is Decision.INCONCLUSIVE


@quick
@given(releases(), st.lists(arms(), max_size=4), st.booleans())
def test_periods_of_one_version_only_change_no_factor(periods, extra, on_canary):
    """Invariant 3: appended empty minutes leave every number as it was."""
    silent = [
        Period(
            start=60 * (100 + index),
            seconds=60,
            weight=steps_of(periods).weight,
            since_weight_change=50 + index,
            canary=arm if on_canary else None,
            baseline=None if on_canary else arm,
        )
        for index, arm in enumerate(extra)
    ]
    before, after = decide(periods, steps_of(periods)), decide([*periods, *silent], steps_of(periods))
    for name in ("e_value", "e_current", "e_errors", "e_latency", "excess_low", "excess_high", "samples"):
        assert getattr(after, name) == getattr(before, name)


# Invariant 4: monotone


@quick
@given(releases(slow=False), st.data())
def test_one_more_canary_error_never_helps(periods, data):
    """It never lowers the evidence against the canary, nor raises the proof for it."""
    candidates = [i for i, p in enumerate(periods) if p.canary and p.canary.errors < p.canary.invocations]
    assume(candidates)
    index = data.draw(st.sampled_from(candidates))
    worse = with_arm(periods, index, "canary", errors=periods[index].canary.errors + 1)
    before, after = decide(periods, steps_of(periods)), decide(worse, steps_of(periods))
    assert after.e_current >= before.e_current * (1 - 1e-9)
    assert after.e_value >= before.e_value * (1 - 1e-9)
    assert after.e_accept <= before.e_accept * (1 + 1e-9)


@quick
@given(releases(slow=False), st.data())
def test_one_more_baseline_error_never_hurts(periods, data):
    """It never raises the evidence against the canary, nor lowers the proof for it."""
    candidates = [i for i, p in enumerate(periods) if p.baseline and p.baseline.errors < p.baseline.invocations]
    assume(candidates)
    index = data.draw(st.sampled_from(candidates))
    worse = with_arm(periods, index, "baseline", errors=periods[index].baseline.errors + 1)
    before, after = decide(periods, steps_of(periods)), decide(worse, steps_of(periods))
    assert after.e_current <= before.e_current * (1 + 1e-9)
    assert after.e_accept >= before.e_accept * (1 - 1e-9)


@quick
@given(releases(slow=False), st.floats(1, 3), st.floats(1, 3))
def test_a_wider_margin_never_raises_the_evidence(periods, first, second):
    """With delta 0 the alarm falls as rho grows."""
    low, high = sorted((first, second))
    narrow, wide = (
        decide(periods, steps_of(periods), ComparisonSettings(rho=rho, delta=0, accept_rho=3)) for rho in (low, high)
    )
    assert wide.e_current <= narrow.e_current * (1 + 1e-9)


# Invariants 5 and 6: latch, order, streaming


@quick
@given(releases(), configurations)
def test_a_rollback_stays_and_the_p_value_never_rises(periods, config):
    """Invariant 5, over all prefixes."""
    prefixes = [decide(periods[:end], steps_of(periods[:end]), config) for end in range(len(periods) + 1)]
    for earlier, later in pairwise(prefixes):
        assert later.p_value <= earlier.p_value
        if earlier.decision is Decision.ROLLBACK:
            assert later.decision is Decision.ROLLBACK


@quick
@given(releases(), configurations, st.randoms(use_true_random=False))
def test_order_does_not_matter_and_batch_equals_streaming(periods, config, random):
    """Invariant 6: bitwise on one host."""
    shuffled = list(periods)
    random.shuffle(shuffled)
    streamed = judge(reduce(lambda seen, one: fold(seen, one, config), periods, Evidence()), steps_of(periods), config)
    assert decide(shuffled, steps_of(periods), config) == decide(periods, steps_of(periods), config) == streamed


@quick
@given(releases(), configurations)
def test_evidence_and_judgement_survive_json(periods, config):
    """A heartbeat or a history holds them unchanged: all numbers are finite."""
    evidence = reduce(lambda seen, one: fold(seen, one, config), periods, Evidence())
    adapter = TypeAdapter(Evidence)
    assert adapter.validate_json(adapter.dump_json(evidence)) == evidence
    judgement = judge(evidence, steps_of(periods), config)
    assert Judgement.model_validate_json(judgement.model_dump_json()) == judgement


# Invariant 7: clusters


@quick
@given(releases(slow=False), st.integers(2, 5))
def test_a_cluster_divides_all_counts(periods, cluster):
    """Counts c times as large with cluster c are the counts themselves with cluster 1."""

    def larger(arm):
        return arm and Arm(invocations=arm.invocations * cluster, errors=arm.errors * cluster)

    grown = [p.model_copy(update={"canary": larger(p.canary), "baseline": larger(p.baseline)}) for p in periods]
    plain = decide(periods, steps_of(periods))
    clustered = decide(grown, steps_of(periods), ComparisonSettings(cluster=cluster))
    for name in ("e_value", "e_current", "e_errors"):
        assert getattr(clustered, name) == pytest.approx(getattr(plain, name), rel=1e-9)


# Invariants 8, 9, 11: decisions and bounds


@quick
@given(releases(), configurations)
def test_decisions_follow_from_the_numbers(periods, config):
    """Invariant 8: no advance while suspicious or held, no rollback below 1/alpha, bounds within [0, 1]."""
    judgement = decide(periods, steps_of(periods), config)
    assert (judgement.decision is Decision.ROLLBACK) == (judgement.e_value >= (1 - 1e-12) / config.alpha)
    if judgement.decision is Decision.ADVANCE:
        assert judgement.e_current < config.hold_at
        assert judgement.e_accept >= (1 - 1e-9) / config.beta
        assert judgement.accept_bound <= judgement.accept_margin + 1e-9
        assert not judgement.hold
    for bound in (judgement.excess_low, judgement.excess_high, judgement.accept_bound):
        assert 0 <= bound <= 1
    assert judgement.excess_low <= judgement.excess_high or any("changed over time" in w for w in judgement.warnings)


@quick
@given(releases(), configurations)
def test_the_combination_lies_between_its_parts(periods, config):
    """Invariant 9, latency counted throughout: at most the larger e-process, at least each times its share."""
    comparable = [p for p in periods if p.errors.comparable]
    judgement = decide(periods, steps_of(periods), config)
    if not comparable or all(p.latency is None for p in comparable) or config.latency_share == 0:
        assert judgement.e_latency == 1
        assert judgement.e_current == pytest.approx(judgement.e_errors)
    elif comparable[0].latency is not None:
        largest = max(judgement.e_errors, judgement.e_latency)
        assert judgement.e_current <= largest * (1 + 1e-9)
        assert judgement.e_current >= (1 - config.latency_share) * judgement.e_errors * (1 - 1e-9)
        assert judgement.e_current >= config.latency_share * judgement.e_latency * (1 - 1e-9)


def test_slow_counts_that_begin_late_take_their_share_without_a_jump():
    """The combined evidence is continuous when a stream appears, so the promise holds."""
    late = [period(0, (100, 2), (900, 0)), period(1, (100, 0, 10), (900, 0, 90), since=0)]
    without = decide(late[:1], step(), ComparisonSettings())
    admitted = decide(late, step(), ComparisonSettings(warmup_periods=5))
    errors_only = decide(late, step(), ComparisonSettings(latency_share=0))
    change = errors_only.e_current / without.e_current
    assert admitted.e_current == pytest.approx(without.e_current * (0.8 * change + 0.2))


@pytest.mark.parametrize(
    ("canary", "baseline"),
    [
        ((10**9, 10**9), (10**9, 0)),
        ((10**9, 0), (10**9, 10**9)),
        ((1, 1), (10**9, 0)),
        ((10**9, 10**9, 10**9), (1, 0, 0)),
        ((10**15, 10**15), (10**15, 10**15)),
    ],
)
def test_extreme_counts_stay_finite(canary, baseline):
    """Invariant 11: finite logarithms and no NaN, also over several periods."""
    judgement = decide([period(index, canary, baseline) for index in range(3)], step())
    assert all(isfinite(value) for value in numbers(judgement).values())


# Invariant 10: the floor


def fewest_failures(weight, slow=None):
    """Return how few failing canary requests, with a clean baseline, roll back within one period."""
    for failures in range(1, 100):
        others = round(failures * (100 - weight) / weight)
        counted = () if slow is None else (slow,)
        one = period(0, (failures, failures, *counted), (others, 0, *counted), weight=weight)
        if decide([one], step(weight)).decision is Decision.ROLLBACK:
            return failures
    return None


def test_the_fewest_failures_that_roll_back():
    """Invariant 10: small weights prove a gross failure with very few failed requests."""
    weights = (1, 5, 10, 25, 50, 90)
    assert [fewest_failures(weight) for weight in weights] == [2, 3, 3, 5, 9, 59]
    assert [fewest_failures(weight, slow=0) for weight in weights] == [2, 3, 3, 5, 10, 59]

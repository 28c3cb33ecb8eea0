"""The verdict: is the canary worse than the version beside it, proven harmless, or neither?

``decide`` takes all closed periods of a release and says ROLLBACK, ADVANCE, WAIT or INCONCLUSIVE, with the evidence
and one sentence. ``fold`` and ``judge`` do the same period by period and agree with it exactly. This module is the
only door to the comparison: everything public is importable from here. Pure: no clock, no I/O, no state; run it in an
activity, since the last digit of a logarithm may differ between hosts and must not enter a workflow's replay.

**Source:** method and promise in ``docs/explanation/verdict.md``, measurements in ``docs/verdict-benchmark.md``.
"""

from collections.abc import Iterable
from functools import reduce
from itertools import pairwise
from math import exp, inf, log

from orchestrator.domain.comparison_evidence import Evidence, Here, Stream, fold, total_failure_log_value
from orchestrator.domain.comparison_models import (
    Arm,
    Decision,
    InvalidPeriods,
    Judgement,
    Period,
    Samples,
    StepView,
    read_periods,
)
from orchestrator.domain.comparison_sentence import describe
from orchestrator.domain.comparison_settings import ComparisonSettings
from orchestrator.domain.comparison_weights import auto_weights, first_weight
from orchestrator.domain.significance import Counts, log_share_tail

__all__ = [
    "Arm",
    "ComparisonSettings",
    "Decision",
    "Evidence",
    "InvalidPeriods",
    "Judgement",
    "Period",
    "Samples",
    "StepView",
    "auto_weights",
    "decide",
    "first_weight",
    "fold",
    "judge",
    "ordered",
    "read_periods",
]

SPLIT_LIMIT = 1e-6
"""Tail probability below which requests were not split by the weight: a false warning in fewer than one of 500 releases
of 1440 looks."""

SPLIT_STRAGGLERS = 0.001
"""Share of requests that may reach the other version at a weight of 0 or 100 % (those in flight when it changed)."""

HIGHEST_MARGIN = 0.5
_LARGEST_LOG = 690.0


def decide(
    periods: Iterable[Period], step: StepView, settings: ComparisonSettings | None = None, *, now: int | None = None
) -> Judgement:
    """Judge a release by all its closed periods.

    Call it at every look with everything visible so far; late data simply enter at the next look. The promise (at
    most ``alpha`` false rollbacks) holds for any number of looks at complete periods.

    Args:
        periods: any order, of any length each; empty gives WAIT without evidence.
        step: where the release stands; only periods at ``step.weight`` can prove an advance.
        settings: ``None`` for the defaults.
        now: epoch seconds; given, periods that end later are refused.

    Raises:
        InvalidPeriods: periods coincide, overlap, or lie in the future.
    """
    settings = settings or ComparisonSettings()
    evidence = reduce(lambda seen, period: fold(seen, period, settings), ordered(periods, now=now), Evidence())
    return judge(evidence, step, settings)


def ordered(periods: Iterable[Period], *, now: int | None = None) -> tuple[Period, ...]:
    """Return the periods oldest first.

    Raises:
        InvalidPeriods: two of them coincide or overlap, or one ends after ``now``.
    """
    result = tuple(sorted(periods, key=lambda period: period.start))
    for earlier, later in pairwise(result):
        if later.start == earlier.start:
            raise InvalidPeriods(f"two periods start at {later.start}; each may be given once")
        if later.start < earlier.end:
            raise InvalidPeriods(f"period at {later.start} begins before the one before it ended at {earlier.end}")
    if result and now is not None and result[-1].end > now:
        raise InvalidPeriods(
            f"period at {result[-1].start} ends at {result[-1].end}, after now ({now}): not closed yet"
        )
    return result


def judge(evidence: Evidence, step: StepView, settings: ComparisonSettings) -> Judgement:
    """Judge by evidence folded so far; the streaming form of ``decide``."""
    here = evidence.here if evidence.here.weight == step.weight else Here(weight=step.weight)
    margin = _accept_margin(here, step, settings)
    log_accept = here.proof.log_proof(margin)
    suspicious = evidence.log_value >= log(settings.hold_at)
    warnings, hold = _warnings(here, evidence, settings)
    proven = log_accept >= -log(settings.beta) and here.span.periods > 0
    ready = step.periods_visible >= settings.min_periods and not suspicious and not hold
    decision = Decision.WAIT
    if evidence.log_peak >= -log(settings.alpha):
        decision = Decision.ROLLBACK
    elif proven and ready:
        decision = Decision.ADVANCE
    elif step.limit_seconds is not None and step.seconds_in_step >= step.limit_seconds:
        decision = Decision.INCONCLUSIVE
    errors, latency = (evidence.streams.get(name, Stream()) for name in ("errors", "latency"))
    low, high = evidence.low.lower_bound(settings.alpha), evidence.high.upper_bound(settings.beta)
    if low > high:
        warnings = (*warnings, "the difference between the versions changed over time")
    judgement = Judgement(
        decision=decision,
        sentence="",
        e_value=_finite_exp(evidence.log_peak),
        p_value=1 / _finite_exp(evidence.log_peak),
        e_current=_finite_exp(evidence.log_value),
        e_errors=_finite_exp(errors.log_value),
        e_latency=_finite_exp(latency.log_value),
        e_accept=_finite_exp(log_accept),
        accept_margin=margin,
        accept_bound=here.proof.upper_bound(settings.beta),
        excess_low=low,
        excess_high=high,
        canary=_arm(errors.span.counts, latency.span.counts, canary=True),
        baseline=_arm(errors.span.counts, latency.span.counts, canary=False),
        samples=Samples(
            periods=here.span.periods,
            seconds=here.span.seconds,
            canary=int(here.span.counts.canary),
            baseline=int(here.span.counts.baseline),
        ),
        evidence=total_failure_log_value(here, settings) >= -log(settings.alpha),
        suspicious=suspicious,
        hold=hold,
        warnings=warnings,
    )
    name, stream = _loudest(evidence)
    sentence = describe(judgement, step, settings, (name, stream.peak), here.span)
    return judgement.model_copy(update={"sentence": sentence})


def _accept_margin(here: Here, step: StepView, settings: ComparisonSettings) -> float:
    """Return the excess error rate that costs the risk budget before it would be caught in the next step."""
    next_weight = 100.0 if step.next_weight is None else step.next_weight
    rate = here.requests / here.seconds if here.seconds else 0.0
    exposed = rate * next_weight / 100 * settings.reaction_seconds
    allowed = settings.risk_budget / exposed if exposed > 0 else inf
    return min(max(allowed, settings.accept_floor), HIGHEST_MARGIN)


def _warnings(here: Here, evidence: Evidence, settings: ComparisonSettings) -> tuple[tuple[str, ...], bool]:
    warnings = []
    hold = _split_is_off(here, settings)
    if hold:
        share = 100 * here.canary / here.requests
        warnings.append(
            f"the canary served {share:.2f}% of {here.requests:,} requests at a weight of {here.weight:g}%: "
            "throttling, spill-over, or calls that name a version"
        )
    if evidence.one_sided:
        warnings.append(f"requests on one version only in {evidence.one_sided} of the periods: not compared")
    return tuple(warnings), hold


def _split_is_off(here: Here, settings: ComparisonSettings) -> bool:
    if here.weight is None or not here.requests:
        return False
    weight, slack = here.weight / 100, 1 + settings.split_tolerance
    lowest = max(0.0, min(weight / (weight + (1 - weight) * slack), weight - SPLIT_STRAGGLERS))
    highest = min(1.0, max(weight * slack / (weight * slack + (1 - weight)), weight + SPLIT_STRAGGLERS))
    seen = here.canary / here.requests
    if lowest <= seen <= highest:
        return False
    return log_share_tail(here.canary, here.requests, lowest if seen < lowest else highest) < log(SPLIT_LIMIT)


def _loudest(evidence: Evidence) -> tuple[str, Stream]:
    """Return the stream whose largest value carries more of the wealth; errors when nothing was compared."""
    ranked = sorted(evidence.streams.items(), key=lambda item: -(item[1].log_scale + item[1].log_peak))
    return ranked[0] if ranked else ("errors", Stream())


def _arm(errors: Counts, latency: Counts, *, canary: bool) -> Arm:
    slow_known = latency.comparable
    if canary:
        slow = int(latency.canary_bad) if slow_known else None
        return Arm.model_construct(invocations=int(errors.canary), errors=int(errors.canary_bad), slow=slow)
    slow = int(latency.baseline_bad) if slow_known else None
    return Arm.model_construct(invocations=int(errors.baseline), errors=int(errors.baseline_bad), slow=slow)


def _finite_exp(log_value: float) -> float:
    return exp(min(log_value, _LARGEST_LOG))

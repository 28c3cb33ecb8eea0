"""The evidence of a release, folded one period at a time: the streaming form behind ``decide``.

Each *stream* counts one kind of failure on both versions (errors, slow requests) and owns an alarm and a share of
alpha. A stream that appears late takes its share of the wealth of the others from then on; the sum stays an e-process.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import log

from orchestrator.domain.comparison_models import InvalidPeriods, Period
from orchestrator.domain.comparison_settings import ComparisonSettings
from orchestrator.domain.significance import (
    LOG_RATIO_WEIGHTS,
    LOG_ZERO,
    RATIOS,
    Alarm,
    Counts,
    Sums,
    alarm_terms,
    log_sum,
)


@dataclass(frozen=True, slots=True)
class Span:
    """Counts of both versions over some compared periods, ``seconds`` long in all."""

    counts: Counts = field(default_factory=Counts)
    seconds: int = 0
    periods: int = 0

    def plus(self, counts: Counts, seconds: int) -> "Span":
        """Add one period."""
        return Span(self.counts.plus(counts), self.seconds + seconds, self.periods + 1)

    def after(self, origin: "Span") -> "Span":
        """Return the part that came after ``origin``, an earlier state of the same span."""
        return Span(self.counts.minus(origin.counts), self.seconds - origin.seconds, self.periods - origin.periods)


@dataclass(frozen=True, slots=True)
class Suspect:
    """The stretch that speaks loudest for one alternative: a cumulative sum restarted at 0 (Page, Biometrika 1954)."""

    score: float = 0.0
    origin: Span = field(default_factory=Span)


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of failure: its alarm, its part of the wealth, and the stretch that explains it."""

    alarm: Alarm = field(default_factory=Alarm)
    log_value: float = 0.0
    log_scale: float = 0.0
    """Logarithm of the wealth it began with; its wealth now is ``log_scale + log_value``."""
    span: Span = field(default_factory=Span)
    suspects: tuple[Suspect, ...] = field(default_factory=lambda: (Suspect(),) * len(RATIOS))
    log_peak: float = 0.0
    peak: Span = field(default_factory=Span)
    """The loudest stretch when its value was largest."""


@dataclass(frozen=True, slots=True)
class Here:
    """What was seen, in complete periods, since the weight last changed; only this can prove an advance."""

    weight: float | None = None
    requests: int = 0
    canary: int = 0
    seconds: int = 0
    span: Span = field(default_factory=Span)
    proof: Sums = field(default_factory=Sums.proofs)
    total_failure: Sums = field(default_factory=Sums.alarms)
    """The alarm as if every canary request had failed: whether silence means anything."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a judgement needs of the past. Starts empty; grows by ``fold``; does not grow with time."""

    end: int = 0
    """First second not yet seen."""
    streams: Mapping[str, Stream] = field(default_factory=dict)
    log_value: float = 0.0
    log_peak: float = 0.0
    """Largest combined log E so far, at least 0."""
    here: Here = field(default_factory=Here)
    low: Sums = field(default_factory=Sums.alarms)
    high: Sums = field(default_factory=Sums.proofs)
    one_sided: int = 0
    """Periods in which only one version served requests, though the weight gave some to both."""


@dataclass(frozen=True, slots=True)
class _Rule:
    rho: float
    delta: float
    skipped_periods: int
    counts: Callable[[Period], Counts | None]


def _rules(settings: ComparisonSettings) -> dict[str, _Rule]:
    rules = {
        "errors": _Rule(settings.rho, settings.delta, 0, lambda period: period.errors),
        "latency": _Rule(
            settings.slow_rho, settings.slow_delta, settings.warmup_periods, lambda period: period.latency
        ),
    }
    return {name: rule for name, rule in rules.items() if settings.shares[name] > 0}


def fold(evidence: Evidence, period: Period, settings: ComparisonSettings) -> Evidence:
    """Return the evidence after one more period, which must lie after all earlier ones.

    A period in which either version served nothing changes no factor.

    Raises:
        InvalidPeriods: the period begins before the last one ended.
    """
    if period.start < evidence.end:
        raise InvalidPeriods(f"period at {period.start} begins before the one before it ended at {evidence.end}")
    errors = period.errors
    here = _here(evidence.here, period, settings)
    if not errors.comparable:
        one_sided = evidence.one_sided + (0 < period.weight < 100 and bool(errors.canary + errors.baseline))
        return replace(evidence, end=period.end, here=here, one_sided=one_sided)
    rules = _rules(settings)
    seen = {name: counts for name, rule in rules.items() if (counts := rule.counts(period)) is not None}
    streams = _admitted(evidence, [name for name in seen if name not in evidence.streams], settings)
    for name, counts in seen.items():
        if period.since_weight_change >= rules[name].skipped_periods:
            streams[name] = _heard(streams[name], counts, period.seconds, rules[name], settings)
    log_value = log_sum(stream.log_scale + stream.log_value for stream in streams.values())
    whole = errors.divided(settings.cluster)
    return Evidence(
        end=period.end,
        streams=streams,
        log_value=log_value,
        log_peak=max(evidence.log_peak, log_value),
        here=here,
        low=evidence.low.with_alarm(whole, 1.0),
        high=evidence.high.with_proof(whole, 1.0),
        one_sided=evidence.one_sided,
    )


def _admitted(evidence: Evidence, newcomers: list[str], settings: ComparisonSettings) -> dict[str, Stream]:
    """Give streams that appear now their share of the wealth; those already there keep the rest."""
    streams = dict(evidence.streams)
    if not newcomers:
        return streams
    shares = {name: settings.shares[name] for name in newcomers}
    if not streams:  # the first to come share everything, in proportion
        total = sum(shares.values())
        return {name: Stream(log_scale=log(share / total) if total > 0 else 0.0) for name, share in shares.items()}
    kept = log(1 - sum(shares.values()))
    streams = {name: replace(stream, log_scale=stream.log_scale + kept) for name, stream in streams.items()}
    for name, share in shares.items():
        streams[name] = Stream(log_scale=evidence.log_value + log(share))
    return streams


def _heard(stream: Stream, counts: Counts, seconds: int, rule: _Rule, settings: ComparisonSettings) -> Stream:
    """Fold one comparable period into one stream."""
    whole = counts.divided(settings.cluster)
    terms = [alarm_terms(whole, ratio, rule.rho) for ratio in RATIOS]
    alarm = stream.alarm.folded(terms, rule.delta, settings.first_mass)
    log_value = alarm.log_value(settings.first_mass)
    span = stream.span.plus(counts, seconds)
    suspects = tuple(
        Suspect(
            max(0.0, suspect.score) + value - rule.delta * slope, suspect.origin if suspect.score > 0 else stream.span
        )
        for suspect, (value, slope) in zip(stream.suspects, terms, strict=True)
    )
    grown = replace(stream, alarm=alarm, log_value=log_value, span=span, suspects=suspects)
    if log_value <= stream.log_peak:
        return grown
    scores = [weight + suspect.score for weight, suspect in zip(LOG_RATIO_WEIGHTS, suspects, strict=True)]
    loudest = suspects[scores.index(max(scores))]
    return replace(grown, log_peak=log_value, peak=span.after(loudest.origin))


def _here(here: Here, period: Period, settings: ComparisonSettings) -> Here:
    if here.weight != period.weight:
        here = Here(weight=period.weight)
    if not period.complete:  # errors of calls that still run arrive later, under the minute in which they began
        return here
    errors = period.errors
    requests, canary = int(errors.canary + errors.baseline), int(errors.canary)
    seconds = here.seconds + period.seconds
    here = replace(here, requests=here.requests + requests, canary=here.canary + canary, seconds=seconds)
    if not errors.comparable:
        return here
    whole = errors.divided(settings.cluster)
    worst = replace(whole, canary_bad=whole.canary)
    return replace(
        here,
        span=here.span.plus(errors, period.seconds),
        proof=here.proof.with_proof(whole, settings.accept_rho),
        total_failure=here.total_failure.with_alarm(worst, settings.rho),
    )


def total_failure_log_value(here: Here, settings: ComparisonSettings) -> float:
    """Return the log E that the errors at this weight would have, had every canary request failed."""
    if here.span.periods == 0:
        return LOG_ZERO
    return log(settings.first_mass) + here.total_failure.log_alarm(settings.delta)

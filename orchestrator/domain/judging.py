"""From observations to measurements, and from measurements to what a bake does next. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from orchestrator.domain.analysis import (
    AlarmReading,
    Alarms,
    ArmReading,
    Check,
    Compare,
    Limit,
    Measurement,
    Observation,
    Query,
    QueryReading,
    Verdict,
    worst,
)
from orchestrator.domain.comparison import Arm, Decision, Judgement, Period, StepView, decide
from orchestrator.domain.journal import MAX_TEXT, cut
from orchestrator.domain.plan import Bake
from orchestrator.domain.traffic import Frozen

Action = Literal["wait", "advance", "rollback", "pause", "hold"]


class Conclusion(Frozen):
    """What the bake does now, and the sentence that explains it."""

    action: Action
    sentence: str


def compare(
    check: Compare,
    observations: Sequence[Observation],
    *,
    step: int,
    weight: float,
    next_weight: float | None,
    seconds_in_step: float,
    slow: str | None,
    limit_seconds: float | None = None,
    alpha_share: float = 1,
) -> Measurement:
    """Judge canary against stable over every period of the release.

    `limit_seconds` is how long the step may last; `alpha_share` the part of the settings' alpha that this check has.

    Bad numbers count as soon as they are visible; a PASS rests on complete periods of this step alone, on at least
    `min_samples` canary invocations, and never on silence. `slow` names the threshold of the slow counts.
    """
    here = [o for o in observations if o.step == step and o.complete]
    view = StepView(
        index=step,
        weight=weight,
        next_weight=next_weight,
        periods_visible=len(here),
        seconds_in_step=seconds_in_step,
        limit_seconds=limit_seconds,
    )
    settings = check.settings.model_copy(update={"alpha": check.settings.alpha * alpha_share})
    judgement = decide([_period(o, slow) for o in observations], view, settings)
    samples = sum(o.canary.invocations for o in here if o.canary)
    return _measured(
        check,
        _verdict(check, judgement, samples),
        _sentence(check, judgement, samples),
        value=_percent(judgement.canary),
        baseline=_percent(judgement.baseline),
        unit=" %",
        samples=judgement.canary.invocations,
        baseline_samples=judgement.baseline.invocations,
        **_span(observations),
        proven=judgement.decision is Decision.ADVANCE and samples >= check.min_samples,
    )


def alpha_share(checks: Iterable[Check]) -> float:
    """Return the part of its alpha that each comparison of a plan has: equal parts over those that may act.

    So the promise of at most alpha needless rollbacks holds for the release, not for each check. In (0, 1].
    """
    return 1 / max(1, sum(isinstance(c, Compare) and c.mode == "enforce" for c in checks))


def limit(check: Limit, observations: Sequence[Observation], *, step: int) -> Measurement:
    """Judge one number of the canary in this step against its maximum.

    Where the stable version is over the maximum too, the environment is to blame and nothing is gained by going
    back: INCONCLUSIVE. A breach needs `min_samples` like a pass does.
    """
    here = [o for o in observations if o.step == step]
    canary = _value(check, [o.canary for o in here if o.canary])
    stable = _value(check, [o.baseline for o in here if o.baseline])
    complete = sum(o.canary.invocations for o in here if o.canary and o.complete)
    verdict, sentence = _limit_verdict(check, canary, stable, complete)
    return _measured(
        check,
        verdict,
        sentence,
        value=canary[0],
        baseline=stable[0],
        limit=check.maximum,
        unit=check.unit,
        samples=canary[1],
        baseline_samples=stable[1],
        **_span(here),
        query=f"{check.metric} of the canary over step {step + 1}",
    )


def alarms(
    check: Alarms, readings: Sequence[AlarmReading], red_at_start: Mapping[str, float], *, since: float
) -> Measurement:
    """Judge CloudWatch alarms. One that was red before the release (and was overridden) counts once it turns anew."""
    found = {r.name: r for r in readings}
    missing = [n for n in check.names if n not in found]
    red = [
        r for r in readings if r.state == "ALARM" and not (r.name in red_at_start and r.since <= red_at_start[r.name])
    ]
    unsure = [r.name for r in readings if r.state == "INSUFFICIENT_DATA"]
    verdict, sentence = Verdict.PASS, f"{len(found)} of {len(check.names)} alarms read, none is red"
    if red:
        told = "; ".join(f"{r.name} ({r.reason or 'no reason given'})" for r in red)
        verdict, sentence = Verdict.FAIL, f"alarm is red: {told}"
    elif missing:
        verdict, sentence = Verdict.ERROR, f"alarm no longer exists: {', '.join(missing)}"
    elif unsure and check.on_insufficient_data != "ignore":
        verdict = Verdict.FAIL if check.on_insufficient_data == "fail" else Verdict.INCONCLUSIVE
        sentence = f"alarm without data: {', '.join(unsure)}"
    return _measured(
        check,
        verdict,
        sentence,
        value=float(len(red)),
        limit=0,
        samples=len(found),
        window_start=int(since),
        query=cut(", ".join(check.names), MAX_TEXT),
    )


def query(check: Query, reading: QueryReading | None) -> Measurement:
    """Judge a provider's number against its bounds; None: no period of this step is complete yet.

    Where the stable version is out of bounds too, the environment is to blame: INCONCLUSIVE. A number that the
    provider warns of may be incomplete: it can fail, and it cannot pass.
    """
    if reading is None:
        return _measured(check, Verdict.INCONCLUSIVE, "waiting for the first complete period at this weight")
    verdict, sentence = _query_verdict(check, reading)
    remarks = [f"{check.provider} warns: {w}" for w in reading.warnings]
    remarks += [f"{check.provider} notes: {i}" for i in reading.infos]
    if verdict is Verdict.PASS and reading.warnings:
        verdict, sentence = Verdict.INCONCLUSIVE, f"a number that may be incomplete is not a pass: {sentence}"
    return _measured(
        check,
        verdict,
        "; ".join((sentence, *remarks)),
        value=_finite(reading.value),
        baseline=_finite(reading.baseline),
        limit=check.maximum,
        unit=check.unit,
        samples=round(_finite(reading.samples) or 0),
        window_end=reading.at,
        query=cut(reading.query, MAX_TEXT),
    )


def unreadable(check: Check, why: str) -> Measurement:
    """The numbers could not be read: neither a pass nor a failure."""
    return _measured(check, Verdict.ERROR, why)


def conclude(bake: Bake, measurements: Iterable[Measurement], *, elapsed: float, waits: bool = True) -> Conclusion:
    """Say what a bake does `elapsed` seconds after its weight was confirmed. The first rollback wins.

    `waits` False means that nothing ends by its time, as during a pause: only bad numbers speak.
    """
    acting = [m for m in measurements if m.mode == "enforce"]
    failed = [m for m in acting if m.verdict is Verdict.FAIL]
    for action in ("rollback", "pause"):
        reasons = [m for m in failed if m.on_failure == action]
        if reasons:
            return Conclusion(action=action, sentence="; ".join(_told(m) for m in reasons))
    voting = [m for m in acting if m not in failed]
    verdict = worst(m.verdict for m in voting) if voting else Verdict.PASS
    proven = any(m.proven for m in voting)
    early = bake.advance == "on_evidence" and proven and elapsed >= bake.minimum.total_seconds()
    timely = elapsed >= bake.duration.total_seconds() and (bake.advance == "on_time" or proven or not _compared(voting))
    sentence = "; ".join(_told(m) for m in voting) or "no check applies at this step"
    if verdict is Verdict.PASS and (early or timely):
        by_time = _compared(voting) and not proven and not failed
        return Conclusion(
            action="advance", sentence=f"bake over, nothing worse shown; {sentence}" if by_time else sentence
        )
    if waits and elapsed >= (bake.duration + bake.max_hold).total_seconds():
        return _out_of_time([m for m in voting if m.verdict is not Verdict.PASS] or voting)
    return Conclusion(action="wait", sentence=sentence)


def _told(m: Measurement) -> str:
    """The sentence under its check's name; a comparison's own begins with the stream that speaks loudest."""
    return m.sentence if m.sentence.startswith(f"{m.check}: ") else f"{m.check}: {m.sentence}"


def _out_of_time(unsure: Sequence[Measurement]) -> Conclusion:
    """The strictest `on_inconclusive` of the checks that cannot tell; unread numbers always hold."""
    wishes = {"hold" if m.verdict is Verdict.ERROR else m.on_inconclusive for m in unsure}
    action: Action = next((a for a in ("rollback", "hold", "advance") if a in wishes), "hold")
    reasons = "; ".join(_told(m) for m in unsure)
    return Conclusion(action=action, sentence=f"still undecided at the end of the hold; {reasons}")


def _measured(check: Check, verdict: Verdict, sentence: str, **numbers: Any) -> Measurement:
    return Measurement(
        check=check.name,
        kind=check.kind,
        verdict=verdict,
        sentence=cut(sentence, MAX_TEXT),
        on_failure=check.on_failure,
        on_inconclusive=check.on_inconclusive,
        mode=check.mode,
        **numbers,
    )


def _compared(measurements: Sequence[Measurement]) -> bool:
    return any(m.kind == "compare" for m in measurements)


def _period(o: Observation, slow: str | None) -> Period:
    return Period(
        start=o.start,
        seconds=o.seconds,
        weight=o.weight,
        since_weight_change=o.since_change,
        complete=o.complete,
        canary=_arm(o.canary, slow),
        baseline=_arm(o.baseline, slow),
    )


def _arm(reading: ArmReading | None, slow: str | None) -> Arm | None:
    if reading is None:
        return None
    # CloudWatch sums the series one by one: errors may be visible a moment before the invocations that they are of
    return Arm(
        invocations=reading.invocations,
        errors=min(reading.errors, reading.invocations),
        slow=None if slow not in reading.slow else min(reading.slow[slow], reading.invocations),
    )


def _verdict(check: Compare, judgement: Judgement, samples: int) -> Verdict:
    if judgement.decision is Decision.ROLLBACK:
        return Verdict.FAIL
    enough = samples >= check.min_samples and judgement.evidence
    return Verdict.PASS if enough and not judgement.suspicious and not judgement.hold else Verdict.INCONCLUSIVE


def _sentence(check: Compare, judgement: Judgement, samples: int) -> str:
    if judgement.decision is Decision.ROLLBACK or samples >= check.min_samples:
        return "; ".join((judgement.sentence, *judgement.warnings))
    if samples == 0 and judgement.canary.invocations == 0:
        return "no invocation of the canary was measured yet: no evidence is not a pass"
    return f"too little data: {samples} canary invocations in complete periods, {check.min_samples} needed"


def _limit_verdict(
    check: Limit, canary: tuple[float | None, int], stable: tuple[float | None, int], complete: int
) -> tuple[Verdict, str]:
    value, samples = canary
    if value is None or samples == 0:
        return Verdict.INCONCLUSIVE, f"no data for {check.metric}: no evidence is not a pass"
    told = f"{check.metric} {value:.3g}{check.unit}, limit {check.maximum:g}{check.unit}, {samples} invocations"
    if samples < check.min_samples:
        return Verdict.INCONCLUSIVE, f"too little data: {told}, {check.min_samples} needed"
    if value > check.maximum:
        if stable[0] is not None and stable[0] > check.maximum and stable[1] >= check.min_samples:
            return (
                Verdict.INCONCLUSIVE,
                f"environment: stable is over the limit too ({stable[0]:.3g}{check.unit}); {told}",
            )
        return Verdict.FAIL, told
    if complete < check.min_samples:
        return Verdict.INCONCLUSIVE, f"waiting for complete periods ({complete} of {check.min_samples}): {told}"
    return Verdict.PASS, told


def _query_verdict(check: Query, reading: QueryReading) -> tuple[Verdict, str]:
    samples = _finite(reading.samples)
    if check.min_samples is not None and (samples is None or samples < check.min_samples):
        counted = "no samples" if samples is None else f"{samples:g} samples"
        return Verdict.INCONCLUSIVE, f"too little data: {counted}, {check.min_samples:g} needed"
    if reading.value is None:
        return Verdict.INCONCLUSIVE, f"no data from {check.provider}: no evidence is not a pass"
    bounds = (("at least", check.minimum), ("at most", check.maximum))
    wished = " and ".join(f"{words} {bound:g}{check.unit}" for words, bound in bounds if bound is not None)
    told = f"{_number(reading.value)}{check.unit}, must be {wished}"
    if _within(check, reading.value):
        return Verdict.PASS, told
    if reading.baseline is not None and not _within(check, reading.baseline):
        both = f"environment: stable is out of bounds too ({_number(reading.baseline)}{check.unit}); {told}"
        return Verdict.INCONCLUSIVE, both
    return Verdict.FAIL, told


def _finite(value: float | None) -> float | None:
    """What a measurement may carry: JSON has no infinity."""
    return value if value is not None and math.isfinite(value) else None


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else ("+Inf" if value > 0 else "-Inf")


def _within(check: Query, value: float) -> bool:
    above = check.minimum is None or value >= check.minimum
    return above and (check.maximum is None or value <= check.maximum)


def _value(check: Limit, readings: Sequence[ArmReading]) -> tuple[float | None, int]:
    samples = sum(r.invocations for r in readings)
    if not samples:
        return None, 0
    if check.metric == "error_rate":
        return 100 * sum(r.errors for r in readings) / samples, samples
    if check.metric == "slow_share":
        name = f"{check.slower_than:g}"
        counted = [r for r in readings if name in r.slow]
        samples = sum(r.invocations for r in counted)
        return (100 * sum(r.slow[name] for r in counted) / samples, samples) if samples else (None, 0)
    statistic = check.metric.removeprefix("duration_")
    measured = [(r.durations[statistic], r.invocations) for r in readings if statistic in r.durations]
    weight = sum(n for _, n in measured)
    return (sum(v * n for v, n in measured) / weight, weight) if weight else (None, 0)


def _percent(arm: Arm) -> float | None:
    return 100 * arm.errors / arm.invocations if arm.invocations else None


def _span(observations: Sequence[Observation]) -> dict[str, int]:
    if not observations:
        return {}
    return {
        "window_start": min(o.start for o in observations),
        "window_end": max(o.start + o.seconds for o in observations),
    }

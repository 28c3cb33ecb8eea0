"""CloudWatch's numbers per executed version, in closed periods only, one batched call per look.

Source: AWS Lambda developer guide, "Types of metrics": `Resource` is `function:alias`, `ExecutedVersion` exists only
for invocations through an alias, a period without invocations has no point, `Errors` may be absent where
`Invocations` is there (then it is zero), and a point is stamped with the *start* of its invocation.
"""

from collections.abc import Mapping, Sequence
from math import ceil, floor

from activities.ports import CloudWatchPort, MetricQuery
from orchestrator.domain.analysis import ArmReading, Check, Compare, Limit, Observation, Window
from orchestrator.domain.percentiles import RANKS, slow_count
from orchestrator.domain.plan import Sampling
from orchestrator.domain.release import Target

DURATION_STATISTICS = {"average": "Average", "samples": "SampleCount", **{name: name for name in RANKS}}


class Wanted:
    """The series that a plan's checks need beside invocations and errors."""

    def __init__(self, checks: Sequence[Check], slow_above: float | None) -> None:
        self.slow: dict[str, float] = {}
        self.interpolated: dict[str, float] = {}
        """Thresholds whose slow invocations are interpolated from percentiles instead of counted."""
        self.durations: set[str] = set()
        for check in checks:
            if isinstance(check, Compare):
                threshold, name = threshold_of(check, slow_above), slow_name(check, slow_above)
                if threshold is None or name is None:
                    continue
                if check.slow_from == "counts":
                    self.slow[name] = threshold
                else:
                    self.interpolated[name] = threshold
                    self.durations |= {"samples", *RANKS}
            elif isinstance(check, Limit) and check.slower_than is not None:
                self.slow[f"{check.slower_than:g}"] = check.slower_than
            elif isinstance(check, Limit) and check.metric.startswith("duration_"):
                self.durations.add(check.metric.removeprefix("duration_"))


def threshold_of(check: Compare, slow_above: float | None) -> float | None:
    """Milliseconds above which an invocation is slow for this check; None when latency is not compared."""
    if not check.latency:
        return None
    return check.slow_above if check.slow_above is not None else slow_above


def slow_name(check: Compare, slow_above: float | None) -> str | None:
    """Name under which the check's slow invocations stand in a reading; None when latency is not compared."""
    threshold = threshold_of(check, slow_above)
    if threshold is None:
        return None
    return f"{threshold:g}" if check.slow_from == "counts" else f"{threshold:g} by percentiles"


async def observe(
    port: CloudWatchPort,
    target: Target,
    *,
    arms: Mapping[str, str],
    windows: Sequence[Window],
    wanted: Wanted,
    sampling: Sampling,
    settle: float,
    now: float,
) -> tuple[Observation, ...]:
    """Read every closed period in which exactly one weight was in force, oldest first.

    `arms` maps `canary` and `baseline` to version numbers. A period is closed `lag` after its end, and complete once
    the longest possible invocation (`settle` seconds) that began in it must have been reported too. Everything is
    read anew at each look, so what arrived late is seen. Raises what the port raises.
    """
    period = max(1, round(sampling.period.total_seconds()))
    lag = sampling.lag.total_seconds()
    start = floor(windows[0].start / period) * period
    end = floor((now - lag) / period) * period
    if end <= start:
        return ()
    queries = [q for arm, version in arms.items() for q in _queries(target, arm, version, wanted)]
    series = await port.metric_data(queries, start=start, end=end, period=period)
    # A version whose invocations were all quick may have no point; if neither has any, nobody counted.
    counted = {n for i, n in enumerate(wanted.slow) if any(series.get(f"{arm}_slow_{i}") for arm in arms)}
    observations = []
    for window in windows:
        first = ceil(window.start / period) * period
        last = min(end, floor((window.end if window.end is not None else now) / period) * period)
        for number, at in enumerate(range(first, last, period)):
            observations.append(
                Observation(
                    start=at,
                    seconds=period,
                    weight=window.weight,
                    step=window.step,
                    since_change=number,
                    complete=at + period + lag + settle <= now,
                    canary=_reading(series, "canary", at, wanted, counted),
                    baseline=_reading(series, "baseline", at, wanted, counted),
                )
            )
    return tuple(observations)


def _queries(target: Target, arm: str, version: str, wanted: Wanted) -> list[MetricQuery]:
    dimensions = {
        "FunctionName": target.function,
        "Resource": f"{target.function}:{target.alias}",
        "ExecutedVersion": version,
    }
    series = [("invocations", "Invocations", "Sum"), ("errors", "Errors", "Sum")]
    series += [(f"slow_{i}", "Duration", f"TC({t:g}:)") for i, t in enumerate(wanted.slow.values())]
    series += [(d, "Duration", DURATION_STATISTICS[d]) for d in sorted(wanted.durations)]
    return [
        MetricQuery(id=f"{arm}_{name}", metric=metric, statistic=statistic, dimensions=dimensions)
        for name, metric, statistic in series
    ]


def _reading(
    series: Mapping[str, Mapping[int, float]], arm: str, at: int, wanted: Wanted, counted: set[str]
) -> ArmReading | None:
    """Return None where there was no invocation: no point is no evidence, not health."""
    invocations = series.get(f"{arm}_invocations", {}).get(at)
    if not invocations:
        return None
    durations = {d: series[f"{arm}_{d}"][at] for d in wanted.durations if at in series.get(f"{arm}_{d}", {})}
    slow = {n: round(series.get(f"{arm}_slow_{i}", {}).get(at, 0)) for i, n in enumerate(wanted.slow) if n in counted}
    samples = round(durations.pop("samples", 0))
    for name, threshold in wanted.interpolated.items():
        count = slow_count(durations, samples, threshold, rounded="down" if arm == "canary" else "up")
        if count is not None:
            slow[name] = count
    return ArmReading(
        invocations=round(invocations),
        errors=round(series.get(f"{arm}_errors", {}).get(at, 0)),
        slow=slow,
        durations=durations,
    )

"""What functions served, and CloudWatch's statistics over it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from activities.ports import MetricQuery

ASYNCHRONOUS = ("AsyncEventAge", "AsyncEventsDropped", "DeadLetterErrors")
"""Metrics of the event queue: only those that a test has put."""
_BOUNDS = re.compile(r"^(TC|PR)\(([\d.]*):([\d.]*)\)$")
_PERCENTILE = re.compile(r"^p(\d+(?:\.\d+)?)$")


@dataclass(frozen=True)
class Served:
    """Invocations of one version through one qualifier that began in one period."""

    function: str
    resource: str
    """`function:alias`, as CloudWatch names it."""
    version: str
    start: int
    invocations: int
    errors: int = 0
    throttles: int = 0
    durations: Mapping[float, int] = field(default_factory=dict)
    """Number of invocations by duration in milliseconds."""

    def fits(self, dimensions: Mapping[str, str]) -> bool:
        own = {"FunctionName": self.function, "Resource": self.resource, "ExecutedVersion": self.version}
        return all(own.get(name) == value for name, value in dimensions.items())


Source = Callable[[int, int], Iterable[Served]]
"""What was served in periods that begin in [start, end), epoch seconds; asked at each query."""


def value(query: MetricQuery, served: Sequence[Served], *, zero_errors: bool) -> float | None:
    """The statistic of one period, or None where CloudWatch has no data point."""
    if query.metric in ASYNCHRONOUS:
        return None
    invocations = sum(s.invocations for s in served)
    if query.metric == "Throttles":
        return float(sum(s.throttles for s in served))
    if not invocations:
        return None
    if query.metric == "Invocations":
        return float(invocations)
    if query.metric == "Errors":
        errors = sum(s.errors for s in served)
        return float(errors) if errors or zero_errors else None
    if query.metric == "Duration":
        return _statistic(query.statistic, _merged(served))
    raise AssertionError(f"the fake has no metric {query.metric}")


def _merged(served: Sequence[Served]) -> list[tuple[float, int]]:
    counts: dict[float, int] = {}
    for one in served:
        for duration, count in one.durations.items():
            counts[duration] = counts.get(duration, 0) + count
    return sorted((d, c) for d, c in counts.items() if c)


def _statistic(name: str, counts: Sequence[tuple[float, int]]) -> float | None:
    total = sum(count for _, count in counts)
    if not total:
        return None
    simple: dict[str, Callable[[], float]] = {
        "SampleCount": lambda: total,
        "Sum": lambda: sum(d * c for d, c in counts),
        "Average": lambda: sum(d * c for d, c in counts) / total,
        "Minimum": lambda: counts[0][0],
        "Maximum": lambda: counts[-1][0],
    }
    if name in simple:
        return float(simple[name]())
    if match := _PERCENTILE.match(name):
        return _percentile(float(match[1]), counts, total)
    match = _BOUNDS.match(name)
    assert match, f"the fake has no statistic {name}"
    low = float(match[2]) if match[2] else float("-inf")
    high = float(match[3]) if match[3] else float("inf")
    within = sum(c for d, c in counts if low < d <= high)  # lower bound exclusive, upper inclusive
    return float(within) if match[1] == "TC" else 100 * within / total


def _percentile(percent: float, counts: Sequence[tuple[float, int]], total: int) -> float:
    reached = 0
    for duration, count in counts:
        reached += count
        if reached >= total * percent / 100:
            return duration
    return counts[-1][0]

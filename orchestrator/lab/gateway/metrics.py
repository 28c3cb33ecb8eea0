"""Data points as CloudWatch keeps them: one series per namespace, name and dimension set, seen after a lag."""

import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

LAMBDA = "AWS/Lambda"
_RETENTION_SECONDS = 3 * 3600.0  # sub-minute data lives three hours on AWS


class SeriesKey(NamedTuple):
    """What tells one metric from another."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


class Sample(NamedTuple):
    """One observation: when it happened, from when it can be read, its value."""

    timestamp: float
    visible: float
    value: float


@dataclass(frozen=True)
class Invocation:
    """One finished invocation. `resource` is `fn:qualifier`; `executed` is set for alias invocations only."""

    function: str
    resource: str | None
    executed: str | None
    started: float
    visible: float
    milliseconds: float
    error: bool


class MetricStore:
    """All series of one account and region."""

    def __init__(self) -> None:
        """Begin empty."""
        self._series: dict[SeriesKey, list[Sample]] = {}

    def clear(self) -> None:
        """Forget all data points."""
        self._series.clear()

    def put(self, key: SeriesKey, sample: Sample) -> None:
        """Add one observation; old ones beyond three hours are dropped."""
        series = self._series.setdefault(key, [])
        bisect.insort(series, sample)
        if series[0].timestamp < sample.timestamp - _RETENTION_SECONDS:
            del series[: bisect.bisect_left(series, (sample.timestamp - _RETENTION_SECONDS,))]

    def record_invocation(self, done: Invocation) -> None:
        """Invocations, Errors (0 when there was none) and Duration, stamped at the start (lambda.md 2)."""
        for dimensions in _dimension_sets(done.function, done.resource, done.executed):
            for name, value in (
                ("Invocations", 1.0),
                ("Errors", float(done.error)),
                ("Throttles", 0.0),
                ("Duration", done.milliseconds),
            ):
                self.put(SeriesKey(LAMBDA, name, dimensions), Sample(done.started, done.visible, value))

    def record_throttle(
        self, function: str, resource: str | None, executed: str | None, started: float, visible: float
    ) -> None:
        """Throttles only: a throttled request is neither an invocation nor an error (lambda.md 2)."""
        for dimensions in _dimension_sets(function, resource, executed):
            self.put(SeriesKey(LAMBDA, "Throttles", dimensions), Sample(started, visible, 1.0))

    def buckets(self, key: SeriesKey, period: int, start: float, end: float, now: float) -> dict[int, list[float]]:
        """Values per period, as visible now, oldest first.

        Args:
            key: the series.
            period: seconds; periods begin at its multiples since the epoch.
            start: first period is the one that contains it.
            end: exclusive; only periods that begin before it.
            now: samples visible later are left out.
        """
        found: dict[int, list[float]] = {}
        series = self._series.get(key, [])
        first = start // period * period
        for sample in series[bisect.bisect_left(series, (first,)) :]:
            begin = int(sample.timestamp // period * period)
            if begin >= end:
                break
            if sample.visible <= now:
                found.setdefault(begin, []).append(sample.value)
        return found

    def listed(self, namespace: str, name: str, dimensions: Mapping[str, str | None]) -> Iterator[SeriesKey]:
        """Series of a namespace; an empty name is any, a dimension without value is any value of it."""
        for key in sorted(self._series, key=lambda key: (key.namespace, key.name, sorted(key.dimensions))):
            has = dict(key.dimensions)
            if namespace not in {"", key.namespace} or name not in {"", key.name}:
                continue
            if all(want in has and value in {None, has[want]} for want, value in dimensions.items()):
                yield key


def _dimension_sets(function: str, resource: str | None, executed: str | None) -> list[frozenset[tuple[str, str]]]:
    """The sets under which Lambda reports; the triple only for invocations through an alias (lambda.md 2)."""
    plain = ("FunctionName", function)
    sets = [frozenset({plain})]
    if resource:
        sets.append(frozenset({plain, ("Resource", resource)}))
        if executed:
            sets.append(frozenset({plain, ("Resource", resource), ("ExecutedVersion", executed)}))
    return sets

"""The CloudWatchPort of the fake."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

from activities.ports import Clock, MetricQuery
from orchestrator.domain.analysis import AlarmReading
from tests.fakes.journal import Journal
from tests.fakes.metrics import Served, Source, value

AlarmState = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]


class FakeCloudWatch:
    """Metrics and alarms of one account and region, as tests set them."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self.lag: float = 0
        """Seconds after the start of a period before its points can be seen."""
        self.zero_errors = True
        """Whether a period without errors has an Errors point of 0; AWS does not promise it."""
        self.sources: list[Source] = []
        self._served: list[Served] = []
        self._points: dict[tuple[str, str, frozenset[tuple[str, str]]], dict[int, float]] = {}
        self._alarms: dict[str, AlarmReading] = {}
        self._journal = journal
        self._clock = clock

    # arranging

    def serve(
        self,
        function: str,
        alias: str,
        version: str,
        start: int,
        *,
        invocations: int,
        errors: int = 0,
        throttles: int = 0,
        durations: Mapping[float, int] | float = 50.0,
    ) -> None:
        """Add invocations that began in the period at `start` (epoch seconds); one duration stands for all."""
        by_duration = {durations: invocations} if isinstance(durations, (int, float)) else durations
        resource = f"{function}:{alias}"
        self._served.append(
            Served(function, resource, version, start, invocations, errors, throttles, dict(by_duration))
        )

    def put(self, query: MetricQuery, points: Mapping[int, float]) -> None:
        """Set raw points for exactly this metric, statistic and dimensions; they go before what was served."""
        self._points[_key(query)] = dict(points)

    def set_alarm(self, name: str, state: AlarmState, *, reason: str = "") -> None:
        """Create an alarm or move it to `state`; `since` changes only when the state does."""
        before = self._alarms.get(name)
        if before is None or before.state != state:
            now = self._clock.now().timestamp()
            self._alarms[name] = AlarmReading(name=name, state=state, since=now, reason=reason)

    def delete_alarm(self, name: str) -> None:
        del self._alarms[name]

    # the port

    async def metric_data(
        self, queries: Sequence[MetricQuery], *, start: int, end: int, period: int
    ) -> Mapping[str, Mapping[int, float]]:
        arguments = {"queries": tuple(queries), "start": start, "end": end, "period": period}
        return await self._journal.perform("metric_data", arguments, lambda: self._data(queries, start, end, period))

    async def alarms(self, names: Sequence[str]) -> Sequence[AlarmReading]:
        found = lambda: [self._alarms[name] for name in names if name in self._alarms]  # noqa: E731
        return await self._journal.perform("alarms", {"names": tuple(names)}, found)

    def _data(self, queries: Sequence[MetricQuery], start: int, end: int, period: int) -> dict[str, dict[int, float]]:
        assert start % period == end % period == 0, "start and end are multiples of the period"
        visible = min(end, int(self._clock.now().timestamp() - self.lag) + 1)
        served = [s for source in self.sources for s in source(start, visible)]
        served += [s for s in self._served if start <= s.start < visible]
        answer: dict[str, dict[int, float]] = {}
        for query in queries:
            raw = self._points.get(_key(query))
            if raw is not None:
                answer[query.id] = {at: v for at, v in sorted(raw.items()) if start <= at < visible}
            else:
                answer[query.id] = self._series(query, served, period)
        return answer

    def _series(self, query: MetricQuery, served: Sequence[Served], period: int) -> dict[int, float]:
        periods: dict[int, list[Served]] = defaultdict(list)
        for one in served:
            if one.fits(query.dimensions):
                periods[one.start // period * period].append(one)
        values = {at: value(query, periods[at], zero_errors=self.zero_errors) for at in sorted(periods)}
        return {at: v for at, v in values.items() if v is not None}


def _key(query: MetricQuery) -> tuple[str, str, frozenset[tuple[str, str]]]:
    return query.metric, query.statistic, frozenset(query.dimensions.items())

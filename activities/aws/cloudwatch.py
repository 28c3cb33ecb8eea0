"""Metrics and alarms of one account and region."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from activities.aws.alarms import AlarmReads
from activities.aws.calls import TOKENS, Answer, Calls
from activities.errors import clean
from activities.ports import MetricQuery
from orchestrator.domain.analysis import AlarmReading
from orchestrator.domain.errors import AccessDenied, SluiceError, Unavailable

T = TypeVar("T")

SERIES_PER_CALL = 500
"""Source: GetMetricData, API reference."""
LONGEST_MESSAGE = 300
"""Characters of what CloudWatch says beside its numbers that are kept."""


class CloudWatch:
    """Fulfils `activities.ports.CloudWatchPort`; raises only errors of `orchestrator.domain.errors`."""

    def __init__(self, calls: Calls, alarms: AlarmReads | None = None) -> None:
        """Take the calls, and the reads of alarms that it shares with others of the same account and region."""
        self._calls = calls
        self._alarms = alarms or AlarmReads(calls)

    async def metric_data(
        self, queries: Sequence[MetricQuery], *, start: int, end: int, period: int
    ) -> Mapping[str, Mapping[int, float]]:
        """Values by query id and period start, oldest first. Raises Unavailable rather than give half of them.

        Source: GetMetricData tells PartialData, InternalError and Forbidden in its body, not as an HTTP status.
        """
        values: dict[str, dict[int, float]] = {}
        for batch in _batches(queries, SERIES_PER_CALL):
            reading = _Reading(batch)
            request = {
                "MetricDataQueries": [_query(f"q{i}", query, period) for i, query in enumerate(batch)],
                "StartTime": datetime.fromtimestamp(start, UTC),
                "EndTime": datetime.fromtimestamp(end, UTC),
                "ScanBy": "TimestampAscending",
            }
            doing = f"read {len(batch)} metrics"
            async for page in self._calls.pages("get_metric_data", doing, names=TOKENS, **request):
                reading.take(page)
            values |= reading.whole(start, end)
        return values

    async def alarms(self, names: Sequence[str]) -> Sequence[AlarmReading]:
        """Metric and composite alarms in the order of `names`; one that does not exist is absent."""
        return await self._alarms.read(names)


class _Reading:
    """The pages of one batch."""

    def __init__(self, queries: Sequence[MetricQuery]) -> None:
        self._names = {f"q{i}": query.id for i, query in enumerate(queries)}
        self._values: dict[str, dict[int, float]] = {query.id: {} for query in queries}
        self._status = dict.fromkeys(self._names, "nothing")

    def take(self, page: Answer) -> None:
        _must_be_silent(page)
        for result in page["MetricDataResults"]:
            key, status = result["Id"], result.get("StatusCode") or "Complete"
            if status in ("Forbidden", "InternalError"):
                raise _refused(status, self._names[key])
            _must_be_silent(result)
            self._status[key] = status
            points = zip(result.get("Timestamps") or (), result.get("Values") or (), strict=True)
            self._values[self._names[key]] |= {int(at.timestamp()): float(value) for at, value in points}

    def whole(self, start: int, end: int) -> dict[str, dict[int, float]]:
        """Everything, once the last page is there. PartialData before it is ordinary paging; after it, a loss."""
        for key, status in self._status.items():
            if status != "Complete":
                raise _refused(status, self._names[key])
        return {
            name: {at: values[at] for at in sorted(values) if start <= at < end}
            for name, values in self._values.items()
        }


def _query(key: str, query: MetricQuery, period: int) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in query.dimensions.items()]
    metric = {"Namespace": "AWS/Lambda", "MetricName": query.metric, "Dimensions": dimensions}
    return {"Id": key, "MetricStat": {"Metric": metric, "Period": period, "Stat": query.statistic}, "ReturnData": True}


def _must_be_silent(answer: Answer) -> None:
    """Raise for a message beside the numbers: AWS sends one only when it did not do all that was asked."""
    for message in answer.get("Messages") or ():
        said = clean(f"{message.get('Code', '')} {message.get('Value', '')}")[:LONGEST_MESSAGE]
        raise Unavailable(f"could not read all metrics: CloudWatch says {said}; it can be tried again later")


def _refused(status: str, name: str) -> SluiceError:
    if status == "Forbidden":
        return AccessDenied(
            f"could not read metric {name}: CloudWatch answers Forbidden; allow cloudwatch:GetMetricData to the role"
        )
    return Unavailable(f"could not read all of metric {name}: CloudWatch answers {status}; it can be tried again later")


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]

"""GetMetricData, GetMetricStatistics, ListMetrics, PutMetricData over the gateway's own data points."""

import base64
import json
from collections.abc import Callable
from typing import Any

from orchestrator.lab.gateway.cloudwatch_wire import at, moment
from orchestrator.lab.gateway.metrics import Sample, SeriesKey
from orchestrator.lab.gateway.statistics import Statistic, statistic
from orchestrator.lab.gateway.wire import AwsError, Document
from orchestrator.lab.gateway.world import World

_MAX_QUERIES = 500
_MAX_DATAPOINTS = 100_800


def get_metric_data(world: World, wanted: Document) -> Document:
    """GetMetricData: start inclusive, end exclusive, newest first unless `ScanBy` says otherwise.

    A period without samples gives no point. A series cut off by `MaxDatapoints` is `PartialData` with a `NextToken`;
    the period is any whole number of seconds (AWS allows 1, 5, 10, 20, 30 and multiples of 60).

    Raises:
        AwsError: `ValidationError` for metric math, more than 500 queries, or an empty range.
    """
    queries = wanted.get("MetricDataQueries") or []
    if not 1 <= len(queries) <= _MAX_QUERIES:
        raise AwsError("ValidationError", f"The collection MetricDataQueries must have 1 to {_MAX_QUERIES} items.")
    start, end = _range(wanted)
    ascending = wanted.get("ScanBy") == "TimestampAscending"
    results = [_series(world, query, start, end, ascending=ascending) for query in queries if _returned(query)]
    return _page(results, int(wanted.get("MaxDatapoints") or _MAX_DATAPOINTS), wanted.get("NextToken"))


def get_metric_statistics(world: World, wanted: Document) -> Document:
    """GetMetricStatistics: all statistics asked for, per period."""
    start, end = _range(wanted)
    key = _key(wanted)
    found = world.metrics.buckets(key, _period(wanted), start, end, world.now())
    points = []
    for begin, values in sorted(found.items()):
        point: Document = {"Timestamp": at(begin), "Unit": "None"}
        point |= {name: statistic(name)(values) for name in wanted.get("Statistics") or []}
        extended = {name: statistic(name)(values) for name in wanted.get("ExtendedStatistics") or []}
        points.append({**point, "ExtendedStatistics": extended} if extended else point)
    return {"Label": key.name, "Datapoints": points}


def list_metrics(world: World, wanted: Document) -> Document:
    """ListMetrics, filtered by namespace, name and dimensions."""
    dimensions = {entry["Name"]: entry.get("Value") for entry in wanted.get("Dimensions") or []}
    listed = world.metrics.listed(str(wanted.get("Namespace", "")), str(wanted.get("MetricName", "")), dimensions)
    return {
        "Metrics": [
            {
                "Namespace": key.namespace,
                "MetricName": key.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in sorted(key.dimensions)],
            }
            for key in listed
        ]
    }


def put_metric_data(world: World, wanted: Document) -> Document:
    """PutMetricData: values, values with counts, or statistic sets; visible at once.

    Raises:
        AwsError: `InvalidParameterValue` for a namespace of AWS' own.
    """
    namespace = str(wanted.get("Namespace", ""))
    if namespace.startswith("AWS/"):
        raise AwsError("InvalidParameterValue", "The value AWS/ for parameter Namespace is invalid.")
    for datum in wanted.get("MetricData") or []:
        key = _key({**datum, "Namespace": namespace})
        timestamp = moment(datum["Timestamp"]) if datum.get("Timestamp") else world.now()
        for value in _values(datum):
            world.metrics.put(key, Sample(timestamp, 0.0, value))
    return {}


def _values(datum: Document) -> list[float]:
    if datum.get("Values"):
        counts = datum.get("Counts") or [1] * len(datum["Values"])
        return [
            float(value) for value, count in zip(datum["Values"], counts, strict=True) for _ in range(int(float(count)))
        ]
    if datum.get("StatisticValues"):
        summary = {name: float(value) for name, value in datum["StatisticValues"].items()}
        count = int(summary["SampleCount"])
        if count <= 2:
            return [summary["Sum"] / count] * count
        middle = (summary["Sum"] - summary["Minimum"] - summary["Maximum"]) / (count - 2)
        return [summary["Minimum"], summary["Maximum"], *[middle] * (count - 2)]
    return [float(datum.get("Value", 0))]


def _returned(query: Document) -> bool:
    return str(query.get("ReturnData", "true")).lower() != "false"


def _series(world: World, query: Document, start: float, end: float, *, ascending: bool) -> Document:
    if "MetricStat" not in query:
        raise AwsError("ValidationError", "The lab does not evaluate metric math: ask for the metrics themselves.")
    asked = query["MetricStat"]
    key = _key(asked["Metric"])
    evaluate: Statistic = statistic(str(asked["Stat"]))
    found = world.metrics.buckets(key, _period(asked), start, end, world.now())
    points = [(begin, evaluate(values)) for begin, values in sorted(found.items(), reverse=not ascending)]
    kept = [(begin, value) for begin, value in points if value is not None]
    return {
        "Id": query["Id"],
        "Label": query.get("Label") or key.name,
        "Timestamps": [at(begin) for begin, _ in kept],
        "Values": [value for _, value in kept],
        "StatusCode": "Complete",
    }


def _page(results: list[Document], size: int, token: str | None) -> Document:
    skip = _read_token(token) if token else 0
    left, passed = size, 0
    for result in results:
        count = len(result["Values"])
        first = max(0, min(count, skip - passed))
        last = min(count, first + left)
        passed += count
        left -= last - first
        result["Timestamps"] = result["Timestamps"][first:last]
        result["Values"] = result["Values"][first:last]
        if last < count:
            result["StatusCode"] = "PartialData"
    shown: Document = {"MetricDataResults": results, "Messages": []}
    if passed > skip + size:
        shown["NextToken"] = base64.b64encode(json.dumps(skip + size).encode()).decode()
    return shown


def _read_token(token: str) -> int:
    try:
        return int(json.loads(base64.b64decode(token)))
    except ValueError:
        raise AwsError("InvalidNextToken", "The next token specified is invalid.") from None


def _range(wanted: Document) -> tuple[float, float]:
    start, end = moment(wanted.get("StartTime")), moment(wanted.get("EndTime"))
    if start >= end:
        raise AwsError("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
    return start, end


def _period(wanted: Document) -> int:
    period = int(wanted.get("Period") or 0)
    if period < 1:
        raise AwsError("ValidationError", "The parameter Period must be at least 1.")
    return period


def _key(metric: Document) -> SeriesKey:
    dimensions = frozenset((str(entry["Name"]), str(entry["Value"])) for entry in metric.get("Dimensions") or [])
    return SeriesKey(str(metric.get("Namespace", "")), str(metric.get("MetricName", "")), dimensions)


HANDLERS: dict[str, Callable[[World, Document], dict[str, Any]]] = {
    "GetMetricData": get_metric_data,
    "GetMetricStatistics": get_metric_statistics,
    "ListMetrics": list_metrics,
    "PutMetricData": put_metric_data,
}

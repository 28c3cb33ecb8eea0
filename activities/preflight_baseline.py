"""What the last hour says of a target, frozen when a release starts: how slow is slow, and how much traffic it has."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import ceil, floor
from statistics import median

from activities.ports import CloudWatchPort, MetricQuery
from orchestrator.domain.analysis import Compare
from orchestrator.domain.release import ReleaseRequest

HOUR = 3600
SHORTEST_OF_AWS = timedelta(seconds=60)
"""Lambda's metrics have one-minute resolution; a plan with shorter periods reads metrics that keep no hours."""


async def slow_above(cloudwatch: CloudWatchPort, request: ReleaseRequest, stable: str, now: datetime) -> float | None:
    """Return milliseconds that nine in ten of stable's invocations through the alias stayed below; one query.

    None when no comparison asks for it, or when there was no traffic. It is the last whole hour's, or else the running
    hour's; where the plan's periods are shorter than a minute, the median over the periods of the last hour.
    """
    if not any(isinstance(c, Compare) and c.latency and c.slow_above is None for c in request.plan.checks):
        return None
    short = request.plan.sampling.period < SHORTEST_OF_AWS
    period = max(1, int(request.plan.sampling.period.total_seconds())) if short else HOUR
    seconds = int(now.timestamp())
    start, end = (seconds - HOUR) // period * period, (seconds // period + 1) * period
    target = request.target
    query = MetricQuery(
        id="stable_p90",
        metric="Duration",
        statistic="p90",
        dimensions={
            "FunctionName": target.function,
            "Resource": f"{target.function}:{target.alias}",
            "ExecutedVersion": stable,
        },
    )
    points = (await cloudwatch.metric_data([query], start=start, end=end, period=period)).get(query.id, {})
    return _typical(points, short=short)


async def requests_per_minute(cloudwatch: CloudWatchPort, request: ReleaseRequest, now: datetime) -> float | None:
    """Return the mean rate of invocations through the alias, over both versions; one query.

    Over complete periods of the plan's `sizing.window`, from the first with an invocation on: an alias that is new, or
    a lab that keeps minutes only, is not taken for a quiet one. 0.0 without an invocation; None when no plan asks.
    """
    sizing, sampling = request.plan.sizing, request.plan.sampling
    if sizing is None:
        return None
    period = max(1, round(sampling.period.total_seconds()))
    seconds = now.timestamp()
    end = floor((seconds - sampling.lag.total_seconds()) / period) * period
    start = end - ceil(sizing.window.total_seconds() / period) * period
    target = request.target
    query = MetricQuery(
        id="invocations",
        metric="Invocations",
        statistic="Sum",
        dimensions={"FunctionName": target.function, "Resource": f"{target.function}:{target.alias}"},
    )
    points = (await cloudwatch.metric_data([query], start=start, end=end, period=period)).get(query.id, {})
    served = {at: count for at, count in points.items() if count > 0}
    return 60 * sum(served.values()) / (end - min(served)) if served else 0.0


def _typical(points: Mapping[int, float], *, short: bool) -> float | None:
    if not points:
        return None
    return float(median(points.values())) if short else float(points[min(points)])

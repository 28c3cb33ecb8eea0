"""The activity `drain`: what a version has still handled after the alias went back to another.

Source: Lambda developer guide: an event in the queue, and a retry of one that failed, goes to the version that the
alias names when it is taken out; an alias write takes a moment to reach every host.
"""

from collections.abc import Iterator

from temporalio import activity

from activities.errors import translated
from activities.ports import Aws, MetricQuery
from orchestrator.domain.work import Drain, Drained


class Draining:
    """Reads CloudWatch through `aws`."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    @activity.defn(name="drain")
    @translated
    async def drain(self, work: Drain) -> Drained:
        """Count once; a second run counts again. Raises TransientError, and AccessDenied for metrics out of reach."""
        series = await self._aws.cloudwatch(work.target).metric_data(
            list(_queries(work)), start=work.start - work.period, end=work.end, period=work.period
        )
        since = {name: [v for at, v in points.items() if at >= work.start] for name, points in series.items()}
        handled, failed, dropped, undelivered = (
            round(sum(since.get(name, ()))) for name in ("handled", "failed", "dropped", "undelivered")
        )
        found = Drained(
            sentence="",
            handled=handled,
            failed=failed,
            unclear=round(series.get("handled", {}).get(work.start - work.period, 0)),
            oldest=max(since["age"]) / 1000 if since.get("age") else None,
            dropped=dropped,
            undelivered=undelivered,
        )
        return found.model_copy(update={"sentence": "; ".join(_told(work, found))})


def _queries(work: Drain) -> Iterator[MetricQuery]:
    """Yield the series. Only invocations are known by version; what waits in the queue has none yet."""
    function = {"FunctionName": work.target.function}
    version = function | {"Resource": str(work.target), "ExecutedVersion": work.version}
    for name, metric, statistic, dimensions in (
        ("handled", "Invocations", "Sum", version),
        ("failed", "Errors", "Sum", version),
        ("age", "AsyncEventAge", "Maximum", function),
        ("dropped", "AsyncEventsDropped", "Sum", function),
        ("undelivered", "DeadLetterErrors", "Sum", function),
    ):
        yield MetricQuery(id=name, metric=metric, statistic=statistic, dimensions=dimensions)


def _told(work: Drain, found: Drained) -> Iterator[str]:
    span = f"in the {work.end - work.start} s after the way back"
    if found.handled:
        yield f"version {work.version} has handled {found.handled:,} more invocations {span}, {found.failed:,} failed"
    else:
        yield f"CloudWatch has counted no invocation of version {work.version} {span}"
    if found.unclear:
        yield f"{found.unclear:,} more began in the {work.period} s in which the alias went back, before it or after"
    if found.oldest is not None:
        yield f"asynchronous events of {work.target.function} waited up to {found.oldest:.3g} s"
    if found.dropped:
        yield f"{found.dropped:,} of them were given up"
    if found.undelivered:
        yield f"{found.undelivered:,} did not reach its dead-letter queue: look there before you send them again"

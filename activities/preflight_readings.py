"""The reads of a preflight, all at once: each gives a value, or the refusal (a TargetError) in its place.

Transient errors are raised, so that Temporal asks again.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

from temporalio import activity

from activities.ports import Aws, Clock, CloudWatchPort, EventSource, FunctionVersion, LambdaPort
from activities.preflight_baseline import requests_per_minute, slow_above
from activities.versions_waking import active
from activities.waiting import Sleep
from orchestrator.domain.analysis import AlarmReading, Alarms
from orchestrator.domain.errors import TargetError
from orchestrator.domain.release import PublishedVersion, ReleaseRequest
from orchestrator.domain.traffic import AliasState

T = TypeVar("T")

WAKE_WITHIN = timedelta(seconds=60)
"""How long one attempt waits for a stable version that wakes up; Temporal's next attempt goes on waiting."""
ALARMS_A_CALL = 100
"""**Source:** CloudWatch DescribeAlarms, `AlarmNames`."""
LATEST = "$LATEST"


@dataclass(frozen=True)
class Readings:
    """What AWS told, or refused to tell, at one moment. None: not asked, because nothing depends on it."""

    latest: FunctionVersion | TargetError
    alias: AliasState | TargetError
    artifact: FunctionVersion | TargetError | None
    alarms: tuple[AlarmReading, ...] | TargetError
    provisioned: Mapping[str, int] | TargetError
    reserved: int | TargetError | None
    sources: Sequence[EventSource] | TargetError
    function_policy: bool | TargetError
    stable: FunctionVersion | TargetError | None = None
    stable_policy: bool | TargetError | None = None
    slow_above: float | TargetError | None = None
    requests_per_minute: float | TargetError | None = None

    @property
    def stable_number(self) -> str | None:
        """The alias' primary version; None when there is no alias, or none that could be returned to."""
        if isinstance(self.alias, AliasState) and self.alias.routing.primary != LATEST:
            return self.alias.routing.primary
        return None

    @property
    def stable_timeout(self) -> float:
        """Seconds that an invocation of stable may take; Lambda's default of 3 where stable could not be read."""
        return float(self.stable.timeout) if isinstance(self.stable, FunctionVersion) else 3.0


async def read(aws: Aws, request: ReleaseRequest, clock: Clock, sleep: Sleep) -> Readings:
    """Ask for everything, first what needs nothing but the target, then what needs the stable version's number."""
    functions, cloudwatch = aws.functions(request.target), aws.cloudwatch(request.target)
    try:
        seen = await _target(functions, cloudwatch, request)
        if seen.stable_number is None:
            return seen
        function = request.target.function
        awake = active(
            functions, function, seen.stable_number, within=WAKE_WITHIN, sleep=sleep, tell=activity.heartbeat
        )
        async with asyncio.TaskGroup() as group:
            stable = group.create_task(_or_refusal(awake))
            policy = group.create_task(_or_refusal(functions.has_policy(function, seen.stable_number)))
            slow = group.create_task(_or_refusal(slow_above(cloudwatch, request, seen.stable_number, clock.now())))
            traffic = group.create_task(_or_refusal(requests_per_minute(cloudwatch, request, clock.now())))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return replace(
        seen,
        stable=stable.result(),
        stable_policy=policy.result(),
        slow_above=slow.result(),
        requests_per_minute=traffic.result(),
    )


async def _target(functions: LambdaPort, cloudwatch: CloudWatchPort, request: ReleaseRequest) -> Readings:
    function, artifact = request.target.function, request.artifact
    async with asyncio.TaskGroup() as group:
        latest = group.create_task(_or_refusal(functions.get_function(function)))
        alias = group.create_task(_or_refusal(functions.get_alias(function, request.target.alias)))
        alarms = group.create_task(_or_refusal(_alarms(cloudwatch, request)))
        provisioned = group.create_task(_or_refusal(functions.provisioned_total(function)))
        reserved = group.create_task(_or_refusal(functions.reserved(function)))
        sources = group.create_task(_or_refusal(functions.event_sources(function)))
        policy = group.create_task(_or_refusal(functions.has_policy(function, None)))
        version = None
        if isinstance(artifact, PublishedVersion):
            version = group.create_task(_or_refusal(functions.get_function(function, artifact.version)))
    return Readings(
        latest=latest.result(),
        alias=alias.result(),
        artifact=version.result() if version else None,
        alarms=alarms.result(),
        provisioned=provisioned.result(),
        reserved=reserved.result(),
        sources=sources.result(),
        function_policy=policy.result(),
    )


async def _alarms(cloudwatch: CloudWatchPort, request: ReleaseRequest) -> tuple[AlarmReading, ...]:
    names = sorted({name for check in request.plan.checks if isinstance(check, Alarms) for name in check.names})
    found: list[AlarmReading] = []
    for first in range(0, len(names), ALARMS_A_CALL):
        found += await cloudwatch.alarms(names[first : first + ALARMS_A_CALL])
    return tuple(found)


async def _or_refusal(reading: Awaitable[T]) -> T | TargetError:
    try:
        return await reading
    except TargetError as refusal:
        return refusal

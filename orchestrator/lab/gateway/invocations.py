"""Invoke: the version is drawn, the emulator runs it, the data points are recorded."""

import asyncio
import base64
import json
from typing import Any
from uuid import uuid4

from orchestrator.lab.gateway.execution import Lanes, Outcome
from orchestrator.lab.gateway.functions import Function, settle
from orchestrator.lab.gateway.metrics import Invocation
from orchestrator.lab.gateway.provisioning import throttle_reason
from orchestrator.lab.gateway.routing import LATEST
from orchestrator.lab.gateway.wire import AwsError, Call, Reply, conflict, not_found
from orchestrator.lab.gateway.world import World

_LOG_TAIL = 4096
_PAYLOAD_BYTES = {False: 6_291_456, True: 1_048_576}  # synchronous, asynchronous; lambda.md 1.11
_THROTTLED_EVENT_WAIT = 0.5


async def invoke(world: World, call: Call) -> Reply:
    """Invoke: 200 with the payload, also for a raised error (then `X-Amz-Function-Error`); 202 for events."""
    function = world.function(call.function)
    kind = call.headers.get("x-amz-invocation-type", "RequestResponse")
    if len(call.body) > _PAYLOAD_BYTES[kind == "Event"]:
        limit = _PAYLOAD_BYTES[kind == "Event"]
        raise AwsError("RequestTooLargeException", f"Request must be smaller than {limit} bytes", 413)
    event = _event(call.body)
    if kind == "DryRun":
        return Reply(204, {"x-amz-executed-version": draw(world, function, call.qualifier)})
    if kind == "Event":
        draw(world, function, call.qualifier)  # refuses an unknown qualifier now; the draw that counts comes later
        world.spawn(_run_event(world, function, call.qualifier, event))
        return Reply(202, {"x-amzn-requestid": str(uuid4())})
    outcome = await run(world, function, call.qualifier, event)
    headers = {
        "content-type": "application/json",
        "x-amz-executed-version": outcome.version,
        "x-amzn-requestid": str(uuid4()),
    }
    if outcome.error:
        headers["x-amz-function-error"] = "Unhandled"
    if call.headers.get("x-amz-log-type") == "Tail":
        headers["x-amz-log-result"] = base64.b64encode(outcome.log.encode()[-_LOG_TAIL:]).decode()
    return Reply(200, headers, outcome.payload)


def draw(world: World, function: Function, qualifier: str | None) -> str:
    """The version that an invocation of this qualifier runs on.

    Raises:
        AwsError: `ResourceNotFoundException`.
    """
    if qualifier is None or qualifier == LATEST:
        return LATEST
    if qualifier in function.aliases:
        drawn = function.aliases[qualifier].in_force(world.now()).draw(world.chance)
        if drawn != LATEST and drawn not in function.versions:
            # An alias' old routing may name a version deleted just after the switch (lambda.md 1.7).
            raise not_found(f"Function not found: {function.arn}:{drawn}")
        return drawn
    function.version_configuration(qualifier)
    return qualifier


async def run(world: World, function: Function, qualifier: str | None, event: Any) -> Outcome:
    """Draw, execute and record one invocation.

    Raises:
        AwsError: the version cannot run now (`ResourceConflictException`), or is throttled (429, with `Reason`).
    """
    version = draw(world, function, qualifier)
    started = world.now()
    await _refuse_unready(world, function, version)
    resource = None if qualifier is None else f"{function.name}:{qualifier}"
    triple = version if qualifier in function.aliases else None
    reason = throttle_reason(function, version)
    if reason:
        world.metrics.record_throttle(function.name, resource, triple, started, started + world.settings.metric_lag)
        raise AwsError("TooManyRequestsException", "Rate Exceeded.", 429, Reason=reason)
    function.in_flight += 1
    try:
        lanes = world.lanes.setdefault(function.name, Lanes())
        outcome = await lanes.run(world.upstream, function, version, qualifier, event)
    finally:
        function.in_flight -= 1
    visible = world.now() + world.settings.metric_lag
    world.metrics.record_invocation(
        Invocation(function.name, resource, triple, started, visible, outcome.milliseconds, outcome.error)
    )
    return outcome


async def _refuse_unready(world: World, function: Function, version: str) -> None:
    """Refuse what is not Active; an Inactive version is woken through Pending by its first invocation.

    Source: lambda.md 1.5.
    """
    configuration = function.version_configuration(version)
    state = configuration["State"]
    if state == "Active":
        return
    if state == "Inactive":
        settle(configuration, "Pending", "The function is being restored.")

        async def wake() -> None:
            settle(configuration, "Active")

        await world.after(world.settings.pending_seconds, wake)
    raise conflict(
        "The operation cannot be performed at this time. The function is currently in the following state: "
        f"{'Pending' if state == 'Inactive' else state}"
    )


async def _run_event(world: World, function: Function, qualifier: str | None, event: Any) -> None:
    """Run one asynchronous event; every attempt draws anew, since the target resolves when dequeued."""
    await asyncio.sleep(world.settings.async_delay)
    retries = list(world.settings.async_retry_delays)
    while world.functions.get(function.name) is function:
        try:
            outcome = await run(world, function, qualifier, event)
        except AwsError as refusal:
            if refusal.code == "ResourceNotFoundException":
                return
            # Throttles and refusals are retried for hours on AWS, apart from the two retries of errors.
            await asyncio.sleep(_THROTTLED_EVENT_WAIT)
            continue
        if not outcome.error or not retries:
            return
        await asyncio.sleep(retries.pop(0))


def _event(body: bytes) -> Any:
    if not body:
        return {}
    try:
        return json.loads(body)
    except ValueError as error:
        raise AwsError(
            "InvalidRequestContentException", f"Could not parse request body into json: {error}", 400
        ) from None


async def refuse_streaming(_: World, __: Call) -> Reply:
    """InvokeWithResponseStream."""
    raise AwsError("InvalidParameterValueException", "The lab does not stream responses; use Invoke.")


HANDLERS = {"Invoke": invoke, "InvokeWithResponseStream": refuse_streaming}

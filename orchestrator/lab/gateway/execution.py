"""Running a version's code in the emulator, which has one worker per version.

Invocations that arrive while the worker is busy are handed over together and run side by side, so that a slow handler
does not make a queue that AWS would not have.
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx2

from orchestrator.lab.gateway.functions import Function
from orchestrator.lab.gateway.packages import runs_on_our_runtime
from orchestrator.lab.gateway.routing import LATEST
from orchestrator.lab.gateway.upstream import Upstream
from orchestrator.lab.gateway.wire import AwsError

_BATCH = 64


@dataclass(frozen=True)
class Outcome:
    """What one invocation gave."""

    version: str
    payload: bytes
    milliseconds: float
    """The handler's own time; neither the start of a worker nor waiting for it."""
    error: bool = False
    log: str = ""


@dataclass
class Lane:
    """The invocations waiting for one version's worker."""

    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: list[tuple[dict[str, Any], "asyncio.Future[Outcome]"]] = field(default_factory=list)


class Lanes:
    """One lane per version of one function."""

    def __init__(self) -> None:
        """Begin without lanes."""
        self._lanes: dict[str, Lane] = {}

    async def run(
        self, upstream: Upstream, function: Function, version: str, qualifier: str | None, event: Any
    ) -> Outcome:
        """Run one invocation of a version.

        Raises:
            AwsError: the emulator refused.
        """
        configuration = function.version_configuration(version)
        if not runs_on_our_runtime(configuration):
            return await _run_alone(upstream, function, version, event)
        lane = self._lanes.setdefault(version, Lane())
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        lane.waiting.append((_told(function, version, qualifier, event), outcome))
        async with lane.busy:
            if not outcome.done():
                batch, lane.waiting = lane.waiting[:_BATCH], lane.waiting[_BATCH:]
                await _run_batch(upstream, function, version, batch)
        return await outcome


async def _run_batch(
    upstream: Upstream, function: Function, version: str, batch: list[tuple[dict[str, Any], "asyncio.Future[Outcome]"]]
) -> None:
    try:
        results: list[Outcome | Exception] = [
            *await _sent(upstream, function, version, [told for told, _ in batch]),
        ]
    except asyncio.CancelledError:
        for _, outcome in batch:
            outcome.cancel()
        raise
    except (AwsError, httpx2.HTTPError) as failure:
        results = [failure] * len(batch)
    for (_, outcome), result in zip(batch, results, strict=True):
        if outcome.done():  # its caller has gone
            continue
        if isinstance(result, Outcome):
            outcome.set_result(result)
        else:
            outcome.set_exception(result)


async def _sent(
    upstream: Upstream, function: Function, version: str, invocations: list[dict[str, Any]]
) -> list[Outcome]:
    clock = asyncio.get_running_loop().time
    began = clock()
    reply = await upstream.functions(
        "POST",
        f"/{function.name}/invocations",
        {"invocations": invocations},
        Qualifier=_backend(function, version),
    )
    if "x-amz-function-error" in reply.headers:  # the worker ended before the runtime could report
        return [Outcome(version, reply.body, (clock() - began) * 1000, error=True)] * len(invocations)
    reports = json.loads(reply.body)
    return [
        _outcome(version, told["aws_request_id"], report) for told, report in zip(invocations, reports, strict=True)
    ]


async def _run_alone(upstream: Upstream, function: Function, version: str, event: Any) -> Outcome:
    clock = asyncio.get_running_loop().time
    began = clock()
    path = f"/{function.name}/invocations"
    reply = await upstream.functions("POST", path, event, Qualifier=_backend(function, version))
    return Outcome(version, reply.body, (clock() - began) * 1000, "x-amz-function-error" in reply.headers)


def _backend(function: Function, version: str) -> str:
    return LATEST if version == LATEST else function.versions[version].backend


def _told(function: Function, version: str, qualifier: str | None, event: Any) -> dict[str, Any]:
    configuration = function.version_configuration(version)
    return {
        "event": event,
        "handler": configuration["Handler"],
        "function_name": function.name,
        "function_version": version,
        "invoked_function_arn": function.arn + (f":{qualifier}" if qualifier else ""),
        "memory_limit_in_mb": configuration.get("MemorySize", 128),
        "aws_request_id": str(uuid4()),
        "timeout": configuration.get("Timeout", 3),
    }


def _outcome(version: str, request: str, report: dict[str, Any]) -> Outcome:
    payload = report.get("error", report.get("payload"))
    log = (
        f"START RequestId: {request} Version: {version}\n{report['log']}END RequestId: {request}\n"
        f"REPORT RequestId: {request}\tDuration: {report['duration']:.2f} ms\t\n"
    )
    return Outcome(version, json.dumps(payload).encode(), float(report["duration"]), "error" in report, log)

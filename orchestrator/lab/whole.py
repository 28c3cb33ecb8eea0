"""The lab with Sluice in it: Temporal, the AWS endpoint, a worker, the sample function and its callers."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aioboto3
from temporalio.client import Client

from orchestrator.aws import aws_clients
from orchestrator.domain.analysis import Check, Compare
from orchestrator.domain.plan import Bake, Limits, Plan, Plugin, Promote, Sampling, Shift
from orchestrator.domain.release import Actor, Artifact, Latest, ReleaseRequest, Target
from orchestrator.domain.traffic import AliasState
from orchestrator.lab import samples
from orchestrator.lab.processes import LabStartError
from orchestrator.lab.stack import Lab, LabOptions
from orchestrator.lab.traffic import BASKET, Traffic
from orchestrator.service import ReleaseService, new_release_id
from orchestrator.settings import (
    ApiSettings,
    AuthSettings,
    AwsOptions,
    Settings,
    TemporalSettings,
    WorkerSettings,
)
from orchestrator.temporal import connect_temporal
from orchestrator.worker import serving

ACCOUNT = "000000000000"
ALIAS = "live"
LAB_SAMPLING = Sampling(period=timedelta(seconds=1), lag=timedelta(seconds=1), interval=timedelta(milliseconds=500))
"""The lab's metrics have one-second resolution; on AWS a period is 60 s."""


@dataclass
class WholeLab:
    """What a demo, a rehearsal, a bench or an end-to-end test works with."""

    lab: Lab
    settings: Settings
    service: ReleaseService
    aws: Any
    """AWS clients as the worker has them (`activities.ports.Aws`)."""
    client: Any
    """Plain Lambda client, to play the owner of the functions."""
    api_url: str | None = None
    """Of the HTTP API; None where it was not asked for."""

    def target(self, function: str) -> Target:
        """The sample alias of `function`."""
        return Target(account=ACCOUNT, region=self.lab.options.region, function=function, alias=ALIAS)

    async def add_function(self, function: str, variant: samples.Variant = "v1") -> Target:
        """Create a function whose alias serves version 1, the good one unless told otherwise."""
        await samples.create(self.client, function, variant=variant, alias=ALIAS, Timeout=2)
        return self.target(function)

    async def upload(self, function: str, variant: samples.Variant) -> None:
        """Put new code on `$LATEST`, unpublished, as a build does."""
        await samples.upload(self.client, function, variant=variant)

    async def alias(self, target: Target) -> AliasState:
        """Read the alias from the endpoint."""
        found: AliasState = await self.aws.functions(target).get_alias(target.function, target.alias)
        return found

    def callers(self, target: Target, rate: float, events: Sequence[Any] = (BASKET,)) -> Traffic:
        """Steady invocations of the alias, `rate` a second with `events` in turn, until the block ends."""
        return Traffic(self.lab.aws_url, target.function, target.alias, rate=rate, events=events)


def plan(*weights: float, bake: float, final: float, checks: tuple[Check, ...] | None = None) -> Plan:
    """A canary plan in the lab's time; `bake` and `final` in seconds. The version is probed before any traffic."""
    shifts = [Shift(weight=w, bake=Bake(duration=timedelta(seconds=bake))) for w in weights]
    probe = Plugin(name="answers", kind="invoke", options={"payload": {"health": True}})
    return Plan(
        strategy="canary",
        steps=(*shifts, Promote(bake=Bake(duration=timedelta(seconds=final)))),
        checks=checks if checks is not None else (Compare(name="errors"),),
        probes=(probe,),
        sampling=LAB_SAMPLING,
        limits=Limits(hold=timedelta(minutes=10), deadline=timedelta(minutes=30)),
    )


def request(target: Target, what: Plan, *, actor: str, reason: str, artifact: Artifact | None = None) -> ReleaseRequest:
    """Release `$LATEST` (or `artifact`) of the target."""
    return ReleaseRequest(
        release_id=new_release_id(),
        target=target,
        artifact=artifact or Latest(),
        plan=what,
        actor=Actor(name=actor, source="lab"),
        reason=reason,
        submitted_at=datetime.now(UTC),
    )


@asynccontextmanager
async def whole_lab(
    options: LabOptions | None = None, *, with_worker: bool = True, api: ApiSettings | None = None
) -> AsyncIterator[WholeLab]:
    """Start everything on loopback and stop it again; with `api`, Sluice's HTTP API too, open to this machine.

    Raises LabStartError, and InvalidSpec for the API's release file.
    """
    async with AsyncExitStack() as stack:
        lab = await stack.enter_async_context(Lab(options))
        os.environ.update(lab.environment())  # the SDK's own chain then finds the lab's credentials, and no others
        settings = Settings(
            temporal=TemporalSettings(address=lab.temporal_address or ""),
            aws=AwsOptions(endpoint_url=lab.aws_url, requests_per_second=15),
            worker=WorkerSettings(places=(f"{ACCOUNT}/{lab.options.region}",), graceful_shutdown=1),
            api=api or ApiSettings(),
            auth=AuthSettings(mode="lab"),
        )
        aws = aws_clients(settings.aws)
        stack.push_async_callback(aws.aclose)
        temporal = await connect_temporal(settings.temporal)
        client = await stack.enter_async_context(aioboto3.Session().client("lambda", endpoint_url=lab.aws_url))
        if with_worker:
            await stack.enter_async_context(serving(temporal, settings, aws))
        url = await stack.enter_async_context(_api(settings, temporal)) if api is not None else None
        yield WholeLab(lab, settings, ReleaseService(temporal), aws, client, url)


@asynccontextmanager
async def _api(settings: Settings, temporal: Client) -> AsyncIterator[str]:
    """Serve the HTTP API and the pages beside the rest; their URL."""
    from orchestrator.api.app import begin_to_stop  # noqa: PLC0415  a lab without API needs none of it
    from orchestrator.api.server import server_of  # noqa: PLC0415
    from orchestrator.serving import application  # noqa: PLC0415

    app = application(settings, temporal)
    server = server_of(settings, app)
    # Signals are for the lab as a whole.
    server.capture_signals = nullcontext  # type: ignore[method-assign, assignment]
    running = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if running.done():
                raise LabStartError(f"the API cannot listen on port {settings.api.port}: is it taken?")
            await asyncio.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://{settings.api.host}:{port}"
    finally:
        begin_to_stop(app)
        server.should_exit = True
        await asyncio.gather(running, return_exceptions=True)

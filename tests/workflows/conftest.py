"""A real Temporal server with time skipping, the real workflow and activities, and AWS in memory."""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from temporalio import activity
from temporalio.client import WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.catalog import aws_activities, restore_activities
from orchestrator.domain.analysis import Check, Compare
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.plan import Bake, Limits, Plan, Promote, Sampling, Shift, Step
from orchestrator.domain.release import Actor, Command, Latest, Order, ReleaseRequest, Target
from orchestrator.service import ReleaseService
from orchestrator.temporal import WORKFLOW_QUEUE, sandbox
from tests.fakes.aws import FakeAws
from workflows.calls import aws_queue_of, restore_queue_of
from workflows.logbook import SEARCH_ATTRIBUTES
from workflows.release import ReleaseWorkflow

BINARIES = Path(sys.executable).parent


class ActivityClock:
    """The release's own clock: under time skipping each workflow has one, and its activities carry it."""

    def __init__(self) -> None:
        self.last = datetime.now(UTC)

    def now(self) -> datetime:
        if activity.in_activity():
            self.last = max(self.last, activity.info().current_attempt_scheduled_time)
        return self.last


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    environment = await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=str(BINARIES / "temporal"),
        data_converter=pydantic_data_converter,
        dev_server_extra_args=[
            "--dynamic-config-value",
            "frontend.WorkflowTimeSkippingEnabled=true",
            "--dynamic-config-value",
            'history.timerProcessorMaxTimeShift="10ms"',
            *[
                part
                for key in SEARCH_ATTRIBUTES
                for part in ("--search-attribute", f"{key.name}={'Int' if key.name == 'SluiceStep' else 'Keyword'}")
            ],
        ],
    )
    async with environment:
        yield environment


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def steps(*weights: float, bake: timedelta = minutes(5), final: timedelta = minutes(5)) -> tuple[Step, ...]:
    shifts = [Shift(weight=w, bake=Bake(duration=bake)) for w in weights]
    return (*shifts, Promote(bake=Bake(duration=final)))


def plan(*parts: Step, checks: tuple[Check, ...] = (Compare(name="errors", latency=False),), **more: Any) -> Plan:
    sampling = Sampling(period=minutes(1), lag=minutes(1), interval=minutes(1))
    return Plan(strategy="canary", steps=parts or steps(10, 50), checks=checks, sampling=sampling, **more)


class Stage:
    """One target in memory with a load on it, and releases of it on the real server."""

    def __init__(self, environment: WorkflowEnvironment, aws: FakeAws, clock: ActivityClock) -> None:
        self.aws = aws
        self.clock = clock
        self.client = environment.client
        self.environment = environment
        self.service = ReleaseService(environment.client)
        self.target = Target(
            account="123456789012", region="eu-west-1", function=f"f{uuid.uuid4().hex[:10]}", alias="live"
        )
        self.function = aws.add_function(self.target)
        self.load = aws.load(self.target, per_period=600)
        self.function.change_code("second")

    def request(self, **changes: Any) -> ReleaseRequest:
        base: dict[str, Any] = {
            "release_id": uuid.uuid4().hex[:12],
            "target": self.target,
            "artifact": Latest(),
            "plan": plan(),
            "actor": Actor(name="anna"),
            "reason": "test",
            "submitted_at": datetime.now(UTC),
        }
        return ReleaseRequest(**(base | changes))

    async def start(self, request: ReleaseRequest) -> WorkflowHandle[ReleaseWorkflow, ReleaseState]:
        """Submit as a user does; time skips while nothing runs."""
        await self.service.submit(request)
        return self.client.get_workflow_handle_for(ReleaseWorkflow.run, request.target.workflow_id)

    async def release(self, **changes: Any) -> ReleaseState:
        """Submit and wait for the end."""
        handle = await self.start(self.request(**changes))
        return await handle.result()

    async def order(self, request: ReleaseRequest, command: Command, *, step: int | None = None, key: str = "") -> Any:
        order = Order(
            command=command, actor=Actor(name="bob"), release_id=request.release_id, reason="because", step=step
        )
        return await self.service.command(order, key=key or uuid.uuid4().hex)

    async def until(self, request: ReleaseRequest, reached: Callable[[ReleaseState], bool]) -> ReleaseState:
        """Look until the release is there."""
        while True:
            state = await self.service.get(request.release_id)
            if reached(state):
                return state
            await asyncio.sleep(0.02)

    def writes(self) -> list[str]:
        """Every alias write that took effect, in order."""
        return [str(c.arguments["routing"]) for c in self.aws.journal.of("update_alias") if c.applied]


@asynccontextmanager
async def workers(
    environment: WorkflowEnvironment, aws: FakeAws, clock: ActivityClock, place: str
) -> AsyncIterator[None]:
    async with (
        httpx2.AsyncClient() as http,
        Worker(
            environment.client,
            task_queue=WORKFLOW_QUEUE,
            workflows=[ReleaseWorkflow],
            workflow_runner=sandbox(),
            disable_eager_activity_execution=True,
        ),
        Worker(environment.client, task_queue=aws_queue_of(place), activities=aws_activities(aws, http, clock)),
        Worker(environment.client, task_queue=restore_queue_of(place), activities=restore_activities(aws, clock)),
    ):
        yield


@pytest.fixture
async def stage(temporal: WorkflowEnvironment) -> AsyncIterator[Stage]:
    clock = ActivityClock()
    aws = FakeAws(clock)
    stage = Stage(temporal, aws, clock)
    async with workers(temporal, aws, clock, stage.target.place):
        yield stage

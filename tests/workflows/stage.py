"""One target in memory with a load on it, and releases of it on a real server whose time the test moves."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from temporalio import activity
from temporalio.client import WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.catalog import aws_activities, restore_activities
from orchestrator.domain.analysis import Check, Compare
from orchestrator.domain.journal import EventKind, ReleaseState
from orchestrator.domain.plan import Bake, Plan, Promote, Sampling, Shift, Step
from orchestrator.domain.release import Actor, Command, Latest, Order, Phase, ReleaseRequest, Target
from orchestrator.domain.traffic import Routing
from orchestrator.lab.processes import search_attribute_arguments
from orchestrator.service import ReleaseService
from orchestrator.temporal import WORKFLOW_QUEUE, sandbox
from tests.fakes.aws import FakeAws
from tests.temporal import BINARY
from workflows.calls import everyday_queues_of, restore_queue_of
from workflows.release import ReleaseWorkflow

replayed = pytest.mark.parametrize("stage", [500, 0], indirect=True, ids=["cached", "replayed"])
"""Run a test twice: with workflows kept in memory, and with every task replaying the whole history."""

Handle = WorkflowHandle[ReleaseWorkflow, ReleaseState]
PATIENCE = 30
"""Real seconds that a test waits for anything."""
AFTER_A_LOOK = timedelta(seconds=20)
"""Added to each `forward`. Looks come at whole minutes; a skip that is to end in the same moment as a look may run on
to the next one (seen in 1 of 70 runs on busy processors: the server's skip and its timer pass each other)."""


class ActivityClock:
    """The release's own clock: under time skipping each workflow has one, and its activities carry it."""

    def __init__(self) -> None:
        self.last = datetime.now(UTC)
        self.ahead = timedelta(0)
        """Time that has passed without the server: what workers that were away find when they come back."""

    def now(self) -> datetime:
        if activity.in_activity():
            self.last = max(self.last, activity.info().current_attempt_scheduled_time + self.ahead)
        return self.last


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


FIVE = minutes(5)


def steps(*weights: float, bake: timedelta = FIVE, final: timedelta = FIVE) -> tuple[Step, ...]:
    shifts = [Shift(weight=w, bake=Bake(duration=bake)) for w in weights]
    return (*shifts, Promote(bake=Bake(duration=final)))


def plan(*parts: Step, checks: tuple[Check, ...] = (Compare(name="errors", latency=False),), **more: Any) -> Plan:
    sampling = Sampling(period=minutes(1), lag=minutes(1), interval=minutes(1))
    return Plan(strategy="canary", steps=parts or steps(10, 50), checks=checks, sampling=sampling, **more)


class Stage:
    """One target with version 1 live and other code in `$LATEST`, under 600 invocations a minute."""

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

    async def start(self, request: ReleaseRequest) -> Handle:
        """Submit as a user does; time skips whenever nothing runs."""
        await self.service.submit(request)
        return self.handle(request)

    async def start_still(self, request: ReleaseRequest) -> Handle:
        """Submit; time moves only by `forward`, `finish` and by itself."""
        with self.environment.with_time_skipping_disabled():
            return await self.start(request)

    async def baking(self, request: ReleaseRequest | None = None) -> tuple[ReleaseRequest, Handle]:
        """Start a release and leave it in its first bake, two minutes before the first verdict."""
        request = request or self.request()
        handle = await self.start_still(request)
        await self.reach(request, Phase.BAKING)
        return request, handle

    async def forward(self, handle: Handle, span: timedelta) -> None:
        """Let so many whole minutes of the release's time pass, and the look at their end; twice in a row at most."""
        async with asyncio.timeout(PATIENCE):
            await self.environment.fast_forward(handle, span + AFTER_A_LOOK)

    async def finish(self, handle: Handle) -> ReleaseState:
        """Let time pass until the release has ended."""
        async with asyncio.timeout(PATIENCE):
            with suppress(RPCError):  # it has ended meanwhile
                await self.environment.fast_forward(handle, None)
            return await handle.result()

    async def release(self, **changes: Any) -> ReleaseState:
        """Submit and wait for the end."""
        handle = await self.start(self.request(**changes))
        async with asyncio.timeout(PATIENCE):
            return await handle.result()

    async def order(self, request: ReleaseRequest, command: Command, *, step: int | None = None, key: str = "") -> Any:
        order = Order(
            command=command, actor=Actor(name="bob"), release_id=request.release_id, reason="because", step=step
        )
        return await self.service.command(order, key=key or uuid.uuid4().hex)

    async def until(self, request: ReleaseRequest, reached: Callable[[ReleaseState], bool]) -> ReleaseState:
        """Look until the release is there."""
        async with asyncio.timeout(PATIENCE):
            while True:
                state = await self.service.get(request.release_id)
                if reached(state):
                    return state
                await asyncio.sleep(0.02)

    async def reach(self, request: ReleaseRequest, phase: Phase, step: int | None = None) -> ReleaseState:
        """Look until the release is in that phase (of that step)."""
        return await self.until(request, lambda s: s.phase is phase and step in (None, s.step))

    def handle(self, request: ReleaseRequest) -> Handle:
        return self.client.get_workflow_handle_for(ReleaseWorkflow.run, request.target.workflow_id)

    @property
    def routing(self) -> Routing:
        return self.aws.routing(self.target)

    def writes(self) -> list[str]:
        """Every alias write that took effect, in order."""
        return [str(c.arguments["routing"]) for c in self.aws.journal.of("update_alias") if c.applied]


def told(state: ReleaseState, kind: EventKind) -> list[str]:
    """The sentences of one kind of event, oldest first."""
    return [e.text for e in state.events if e.kind is kind]


@asynccontextmanager
async def workflow_worker(environment: WorkflowEnvironment, *, cached: int = 500) -> AsyncIterator[None]:
    async with Worker(
        environment.client,
        task_queue=WORKFLOW_QUEUE,
        workflows=[ReleaseWorkflow],
        workflow_runner=sandbox(),
        disable_eager_activity_execution=True,
        max_cached_workflows=cached,
    ):
        yield


@asynccontextmanager
async def aws_worker(stage: Stage) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx2.AsyncClient())
        activities = aws_activities(stage.aws, http, stage.clock)
        for queue in everyday_queues_of(stage.target.place):
            await stack.enter_async_context(Worker(stage.client, task_queue=queue, activities=activities))
        yield


@asynccontextmanager
async def restore_worker(stage: Stage) -> AsyncIterator[None]:
    async with Worker(
        stage.client,
        task_queue=restore_queue_of(stage.target.place),
        activities=restore_activities(stage.aws, stage.clock),
    ):
        yield


@asynccontextmanager
async def server() -> AsyncIterator[WorkflowEnvironment]:
    """A real Temporal server in which every workflow has a clock of its own."""
    environment = await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=BINARY,
        data_converter=pydantic_data_converter,
        dev_server_log_level="error",
        dev_server_extra_args=[
            *("--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"),
            *("--dynamic-config-value", 'history.timerProcessorMaxTimeShift="10ms"'),
            *search_attribute_arguments(),
        ],
    )
    async with environment:
        yield environment


def new_stage(environment: WorkflowEnvironment) -> Stage:
    clock = ActivityClock()
    return Stage(environment, FakeAws(clock), clock)

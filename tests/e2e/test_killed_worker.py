"""Scenario 27: a worker process dies by SIGKILL when AWS has applied an alias write and the answer is still on its way.

Three releases stand one command away from such a write: the first weight, the promotion, the way back. Their answers
are withheld, the real `sluice worker` is killed, and a second one takes over when Temporal has given the first one up
(after 15 s for a write on the way forward, 5 s without a heartbeat on the way back).
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client, WorkflowHandle

from orchestrator.domain.journal import EventKind, ReleaseState
from orchestrator.domain.plan import Approval, Bake, Plan, Promote, Shift, Step
from orchestrator.domain.release import Actor, Cause, Command, Order, Outcome, Phase, ReleaseRequest, Target
from orchestrator.domain.traffic import Routing, split, whole
from orchestrator.lab.gateway.journal import CallRecord
from orchestrator.lab.stack import LabOptions
from orchestrator.lab.whole import LAB_SAMPLING, WholeLab, request, whole_lab
from orchestrator.temporal import connect_temporal
from tests.e2e.conftest import SLUICE
from workflows.release import ReleaseWorkflow

pytestmark = pytest.mark.timeout(120)

WITHHELD = 10.0
"""Seconds: longer than the worker lives on, shorter than Temporal waits for it, so that the journal is in order."""
A_SECOND = Bake(duration=timedelta(seconds=1))
AT_ONCE = Bake(duration=timedelta(0))
A_MINUTE = Bake(duration=timedelta(minutes=1))
START = Approval()


@dataclass(frozen=True)
class Scene:
    """A release that waits in `phase`, and the command that makes it write `write`."""

    steps: tuple[Step, ...]
    phase: Phase
    step: int
    command: Command
    activity: str
    write: Routing


SCENES = {
    "first-weight": Scene(
        steps=(START, Shift(weight=10, bake=A_SECOND), Shift(weight=50, bake=A_SECOND), Promote(bake=AT_ONCE)),
        phase=Phase.AWAITING_APPROVAL,
        step=0,
        command=Command.APPROVE,
        activity="shift",
        write=split("1", "2", 10),
    ),
    "promotion": Scene(
        steps=(Shift(weight=10, bake=A_SECOND), START, Promote(bake=A_SECOND)),
        phase=Phase.AWAITING_APPROVAL,
        step=1,
        command=Command.APPROVE,
        activity="shift",
        write=whole("2"),
    ),
    "way-back": Scene(
        steps=(Shift(weight=10, bake=A_MINUTE), Promote(bake=AT_ONCE)),
        phase=Phase.BAKING,
        step=0,
        command=Command.ABORT,
        activity="restore",
        write=whole("1"),
    ),
}


@dataclass(frozen=True)
class Ending:
    """What one release came to, and every alias write that the endpoint saw of it, oldest first."""

    state: ReleaseState
    routing: Routing
    writes: tuple[CallRecord, ...]
    attempts: tuple[int, ...]
    """Which attempt of each `shift` and `restore` has ended it, in order."""

    @property
    def applied(self) -> list[tuple[str, dict[str, float]]]:
        """Primary version and weights of each write that took effect."""
        return [_written(write) for write in self.writes if write.status == 200 or write.fault == "withhold"]

    @property
    def refused(self) -> list[tuple[tuple[str, dict[str, float]], int | None]]:
        """What the others wished, and their HTTP status."""
        others = [write for write in self.writes if write.status != 200 and write.fault != "withhold"]
        return [(_written(write), write.status) for write in others]


def _written(write: CallRecord) -> tuple[str, dict[str, float]]:
    return write.params["FunctionVersion"], write.params["RoutingConfig"]["AdditionalVersionWeights"]


@dataclass
class Play:
    """One scene on a function of its own."""

    lab: WholeLab
    scene: Scene
    target: Target
    request: ReleaseRequest
    handle: WorkflowHandle[ReleaseWorkflow, ReleaseState]

    async def reach(self) -> None:
        """Start, and wait until one command is missing."""
        await self.lab.service.submit(self.request)

        async def reached() -> bool:
            state = await self.lab.service.get(self.request.release_id)
            assert not state.done, state.sentence
            return (state.phase, state.step) == (self.scene.phase, self.scene.step)

        await until(reached)

    async def write(self) -> None:
        """Give the command, and wait until its write is applied; nobody has been answered yet."""
        await self.lab.lab.admin.inject(
            "UpdateAlias", "withhold", delay=WITHHELD, count=1, function=self.target.function
        )
        step = None if self.scene.command is Command.ABORT else self.scene.step
        order = Order(
            command=self.scene.command,
            actor=Actor(name="anna"),
            release_id=self.request.release_id,
            reason="test",
            step=step,
        )
        await self.lab.service.command(order, key=self.request.release_id)

        async def applied() -> bool:
            return (await self.lab.alias(self.target)).routing.same_as(self.scene.write)

        await until(applied)

    async def waits_for_its_answer(self) -> bool:
        """Whether the first attempt of the write is out at a worker, with nothing recorded of it."""
        described = await self.handle.describe()
        return any(
            pending.activity_type.name == self.scene.activity
            and pending.attempt == 1
            and pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
            for pending in described.raw_description.pending_activities
        )

    async def ended(self) -> Ending:
        """Wait for the end."""
        state = await self.handle.result()
        writes = await self.lab.lab.admin.calls("UpdateAlias", self.target.function)
        history = await self.handle.fetch_history()
        names = {
            event.event_id: event.activity_task_scheduled_event_attributes.activity_type.name
            for event in history.events
            if event.HasField("activity_task_scheduled_event_attributes")
        }
        started = [
            event.activity_task_started_event_attributes
            for event in history.events
            if event.HasField("activity_task_started_event_attributes")
        ]
        attempts = tuple(one.attempt for one in started if names[one.scheduled_event_id] in ("shift", "restore"))
        routing = (await self.lab.alias(self.target)).routing
        return Ending(state, routing, tuple(sorted(writes, key=lambda write: write.time)), attempts)


async def until(reached: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await reached():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def worker(lab: WholeLab, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the real command until the block ends."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")},
        **lab.lab.environment(),
        "SLUICE_TEMPORAL__ADDRESS": lab.settings.temporal.address,
        "SLUICE_WORKER__PLACES": f'["{lab.settings.worker.places[0]}"]',
        "SLUICE_WORKER__GRACEFUL_SHUTDOWN": "1",
    }
    with (folder / "worker.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            SLUICE, "worker", cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=log
        )
    try:
        assert process.stdout is not None
        said = await asyncio.wait_for(process.stdout.readline(), 20)
        assert said.startswith(b"worker is serving"), (folder / "worker.log").read_text()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture(scope="module")
async def endings(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Ending]]:
    """All three at once: they wait for the same two limits, and one kill serves them all."""
    folder = tmp_path_factory.mktemp("killed")
    async with AsyncExitStack() as stack:
        stack.enter_context(patch.dict(os.environ))  # the lab points this process at itself
        lab = await stack.enter_async_context(whole_lab(LabOptions(faults_allowed=True), with_worker=False))
        client = await connect_temporal(lab.settings.temporal)
        plays = {name: await play(lab, client, name, scene) for name, scene in SCENES.items()}
        async with worker(lab, folder) as doomed:
            await asyncio.gather(*(each.reach() for each in plays.values()))
            await asyncio.gather(*(each.write() for each in plays.values()))
            waiting = [await each.waits_for_its_answer() for each in plays.values()]
            doomed.kill()
            await doomed.wait()
        assert waiting == [True] * len(plays), "the worker was not killed between write and record"
        async with worker(lab, folder):
            ended = await asyncio.gather(*(each.ended() for each in plays.values()))
        yield dict(zip(plays, ended, strict=True))


async def play(lab: WholeLab, client: Client, name: str, scene: Scene) -> Play:
    target = await lab.add_function(f"killed-{name}")
    await lab.upload(target.function, "v2")
    plan = Plan(strategy="canary", steps=scene.steps, checks=(), sampling=LAB_SAMPLING)
    handle = client.get_workflow_handle_for(ReleaseWorkflow.run, target.workflow_id)
    return Play(lab, scene, target, request(target, plan, actor="anna", reason=name), handle)


def test_a_first_weight_that_nobody_recorded_is_not_applied_twice_and_the_steps_go_on(
    endings: dict[str, Ending],
) -> None:
    found = endings["first-weight"]
    assert found.state.outcome is Outcome.PROMOTED, found.state.sentence
    assert found.applied == [("1", {"2": 0.1}), ("1", {"2": 0.5}), ("2", {})]
    assert found.refused == [(("1", {"2": 0.1}), 412)]
    assert found.attempts == (2, 1, 1)
    assert [step.status for step in found.state.steps] == ["done"] * 4
    assert [window.weight for window in found.state.windows] == [10, 50, 100]
    assert found.routing.same_as(whole("2"))


def test_a_promotion_that_nobody_recorded_is_not_applied_twice_and_its_bake_goes_on(endings: dict[str, Ending]) -> None:
    found = endings["promotion"]
    assert found.state.outcome is Outcome.PROMOTED, found.state.sentence
    assert found.applied == [("1", {"2": 0.1}), ("2", {})]
    assert found.refused == [(("2", {}), 412)]
    assert found.attempts == (1, 2)
    assert [event.kind for event in found.state.events].count(EventKind.PROMOTED) == 1
    assert found.routing.same_as(whole("2"))


def test_a_way_back_that_nobody_recorded_ends_with_everything_on_stable(endings: dict[str, Ending]) -> None:
    """The second attempt writes once more although the alias reads right: that fences off what may still be out."""
    found = endings["way-back"]
    assert (found.state.outcome, found.state.cause) == (Outcome.ROLLED_BACK, Cause.ABORT), found.state.sentence
    assert found.applied == [("1", {"2": 0.1}), ("1", {}), ("1", {})]
    assert found.refused == []
    assert found.attempts == (1, 2)
    assert found.routing.same_as(whole("1"))
    assert found.state.weight == 0


def test_no_write_was_sent_with_a_revision_that_another_had_used(endings: dict[str, Ending]) -> None:
    """Each applied write carries a revision of its own: what AWS refuses twice cannot take effect twice."""
    for found in endings.values():
        used = [w.params["RevisionId"] for w in found.writes if w.status == 200 or w.fault == "withhold"]
        assert len(used) == len(set(used))

"""The promises of a release under random plans, faults, commands and meddling. The real workflow on a real server."""

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from temporalio.testing import WorkflowEnvironment

from orchestrator.domain.analysis import Compare
from orchestrator.domain.errors import AccessDenied, IllegalCommand, Throttled, TimedOut, Unavailable
from orchestrator.domain.journal import EventKind, ReleaseState
from orchestrator.domain.plan import Approval, Bake, Limits, Plan, Promote, Shift, Step
from orchestrator.domain.release import Command, Outcome, ReleaseRequest
from orchestrator.domain.traffic import Routing, split, whole
from tests.fakes.aws import Hold, Profile
from tests.workflows.stage import Stage, aws_worker, minutes, new_stage, plan, restore_worker, told, workflow_worker

EXAMPLES = int(os.environ.get("SLUICE_TEST_EXAMPLES", "24"))
OPERATIONS = ("update_alias", "get_alias", "metric_data", "publish_version", "get_function")
REFUSALS = (Throttled("429"), Unavailable("503"), TimedOut("no answer"), AccessDenied("not allowed"))
MOVES_ON = frozenset({Command.SKIP, Command.PROMOTE})


@dataclass(frozen=True)
class Fault:
    operation: str
    kind: str
    after: int
    times: int
    refusal: int


@dataclass(frozen=True)
class Told:
    """A command that arrives while the call of that number is under way."""

    call: int
    command: Command
    step: int
    and_never_answers: bool


@dataclass(frozen=True)
class Case:
    plan: Plan
    profile: Profile
    faults: tuple[Fault, ...]
    orders: tuple[Told, ...]
    moved: tuple[int, Routing] | None
    """Somebody else moves the alias when that call begins, or later, once stable is recorded."""


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    steps: list[Step] = []
    for weight in sorted(draw(st.sets(st.sampled_from([1, 10, 50, 90]), max_size=2))):
        steps.append(Shift(weight=weight, bake=Bake(duration=minutes(draw(st.integers(0, 3))), max_hold=minutes(3))))
        if draw(st.integers(0, 3)) == 0:
            steps.append(Approval(timeout=minutes(5)))
    steps.append(Promote(bake=Bake(duration=minutes(draw(st.sampled_from([0, 2]))))))
    check = Compare(name="errors", latency=False, on_inconclusive=draw(st.sampled_from(["hold", "rollback"])))
    return plan(*steps, checks=(check,), limits=Limits(hold=minutes(6), drift=minutes(6), deadline=minutes(40)))


faults = st.builds(
    Fault,
    operation=st.sampled_from(OPERATIONS + ("update_alias",) * 4),
    kind=st.sampled_from(["refuse", "lose_reply", "apply_later"]),
    after=st.integers(0, 3),
    times=st.integers(1, 3),
    refusal=st.integers(0, len(REFUSALS) - 1),
)
orders = st.builds(
    Told,
    call=st.integers(1, 40),
    command=st.sampled_from([*Command, Command.ABORT, Command.ABORT, Command.PROMOTE]),
    step=st.integers(0, 2),
    and_never_answers=st.booleans(),
)
elsewhere = st.sampled_from([whole("0"), split("1", "0", 20), split("1", "2", 33), whole("2"), whole("1")])
cases = st.builds(
    Case,
    plan=plans(),
    profile=st.sampled_from([Profile(), Profile(), Profile(error_share=0.4), Profile(silent=True)]),
    faults=st.lists(faults, max_size=3).map(tuple),
    orders=st.lists(orders, max_size=3, unique_by=lambda o: o.call).map(tuple),
    moved=st.none() | st.none() | st.tuples(st.integers(8, 40), elsewhere),
)


@given(cases)
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
async def test_every_course_keeps_every_promise(temporal: WorkflowEnvironment, case: Case) -> None:
    """I1-I5, I7 and I9 of the design, whatever happens and whenever."""
    stage = new_stage(temporal)
    stage.load.profiles["2"] = case.profile
    stage.function.versions["0"] = stage.function.versions["1"]
    request = stage.request(plan=case.plan)
    holds = arrange(stage, case)
    async with workflow_worker(temporal), aws_worker(stage), restore_worker(stage):
        handle = await stage.start(request)
        driver = asyncio.create_task(drive(stage, request, holds))
        try:
            async with asyncio.timeout(25):
                state = await handle.result()
        finally:
            driver.cancel()
        for hold, _ in holds:  # what was given up for dead is answered now, and must change nothing
            hold.release()
        await asyncio.sleep(0.02)
    note(f"{state.outcome} {state.cause}: {state.sentence}\n{stage.writes()}")
    check_writes(stage, case)
    check_end(stage, case, state)


def arrange(stage: Stage, case: Case) -> list[tuple[Hold, Told]]:
    journal = stage.aws.journal
    holds = [
        (stage.aws.faults.hang("*", when=lambda _, n=order.call: len(journal.calls) == n), order)
        for order in case.orders
    ]
    if case.moved is not None:
        number, routing = case.moved
        moved = False

        def meddle(_: Mapping[str, Any]) -> bool:
            nonlocal moved
            if len(journal.calls) >= number and journal.of("publish_version") and not moved:
                moved = True
                stage.aws.move(stage.target, routing)
            return False

        stage.aws.faults.refuse("*", Throttled("never"), when=meddle)
    for fault in case.faults:
        seen = 0

        def due(_: Mapping[str, Any], fault: Fault = fault) -> bool:
            nonlocal seen
            seen += 1
            return seen > fault.after

        if fault.kind == "refuse":
            stage.aws.faults.refuse(fault.operation, REFUSALS[fault.refusal], times=fault.times, when=due)
        elif fault.kind == "lose_reply":
            stage.aws.faults.lose_reply(fault.operation, times=fault.times, when=due)
        else:
            stage.aws.faults.apply_later(fault.operation, after_calls=fault.after, times=1, when=due)
    return holds


async def drive(stage: Stage, request: ReleaseRequest, holds: list[tuple[Hold, Told]]) -> None:
    """Send each command while its call hangs; a call that an abort overtakes may hang until after the end."""

    async def one(hold: Hold, order: Told) -> None:
        await hold.reached.wait()
        with suppress(IllegalCommand):
            await stage.order(request, order.command, step=order.step)
        call = stage.aws.journal.calls[order.call - 1]
        gone = order.command is Command.ABORT and order.and_never_answers and call.operation == "update_alias"
        if not gone or call.urgent:
            hold.release()

    await asyncio.gather(*(one(hold, order) for hold, order in holds))


def check_writes(stage: Stage, case: Case) -> None:
    """I1, Scenario 3 and the fence: known shapes, never above the step, and nothing forward after a way back."""
    shapes = [split("1", "2", s.weight) for s in case.plan.steps if isinstance(s, Shift)] + [whole("2")]
    highest, back = -1, False
    for call in stage.aws.journal.of("update_alias"):
        routing = call.arguments["routing"]
        assert routing == whole("1") or routing in shapes, f"{routing} is in no step of the plan"
        assert call.urgent == (routing == whole("1"))
        if not call.applied:
            continue
        if routing == whole("1"):
            back = True
            continue
        assert not back, f"{routing} was written after the way back"
        assert shapes.index(routing) >= highest, f"{routing} was written after a higher weight"
        highest = shapes.index(routing)
    if case.moved is None:
        assert all(r.versions <= {"1", "2"} for _, r in stage.aws.routings(stage.target))


def check_end(stage: Stage, case: Case, state: ReleaseState) -> None:
    """I2, I5, I7 and I9, and no foreign version overwritten without an order."""
    commands = " ".join(told(state, EventKind.COMMAND))
    assert len(told(state, EventKind.ENDED)) == 1
    assert state.outcome is not None
    if case.moved is None and state.outcome is not Outcome.FAILED:
        assert stage.routing == whole("2" if state.outcome is Outcome.PROMOTED else "1")
        assert state.stable in ("1", None)
    if state.outcome is Outcome.REJECTED:
        assert stage.writes() == []
    if case.moved is not None and "0" in case.moved[1].versions and "restore by" not in commands:
        foreign = [i for i, (_, r) in enumerate(stage.aws.routings(stage.target)) if "0" in r.versions]
        assert not foreign or foreign[-1] == len(stage.aws.routings(stage.target)) - 1, (
            "a foreign change was overwritten"
        )
    unproven = case.profile.silent or case.profile.error_share > 0.1
    shifts = any(isinstance(s, Shift) for s in case.plan.steps)
    if state.outcome is Outcome.PROMOTED and unproven and shifts:
        assert any(f"{c} by" in commands for c in MOVES_ON), "promoted without evidence"

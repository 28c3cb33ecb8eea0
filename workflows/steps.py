"""Performing one step of the plan: one function per step kind, chosen by an exhaustive match."""

from typing import assert_never

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.journal import EventKind
    from orchestrator.domain.plan import Approval, Gate, Promote, Shift, Step
    from orchestrator.domain.release import Cause, Command, Phase
    from orchestrator.domain.work import AskGate, Confirm, Create
    from workflows import calls
    from workflows.baking import bake, clear_to_go, hold
    from workflows.ground import Ground
    from workflows.intent import Back, told
    from workflows.runtime import note_runtime_change, on_runtime
    from workflows.shifting import write
    from workflows.unwinding import said
    from workflows.waits import drop, race


async def perform(ground: Ground, index: int, step: Step) -> None:
    """Perform step `index`. Raises Back, or ActivityError when an activity gave up."""
    await clear_to_go(ground)
    if ground.intent.promote is not None and not isinstance(step, Promote):
        ground.log.skip_step(index)
        return
    ground.log.begin_step(index)
    match step:
        case Shift():
            await _shift(ground, index, step)
        case Approval():
            await _approval(ground, index, step)
        case Gate():
            await _gate(ground, index, step)
        case Promote():
            await _promote(ground, index, step)
        case _:
            assert_never(step)


async def _shift(ground: Ground, index: int, step: Shift) -> None:
    before = ground.log.state.weight
    ground.log.enter(Phase.SHIFTING, f"shifting from {before:g} to {step.weight:g} %")
    await write(ground, ground.to_weight(step.weight), index, step.weight)
    ground.log.note(
        EventKind.SHIFTED,
        f"weight {before:g} → {step.weight:g} % confirmed",
        data={"weight": step.weight, "revision": ground.revision},
        weight=step.weight,
        windows=ground.windows,
    )
    await bake(ground, index, step.bake, final=False)


async def _promote(ground: Ground, index: int, step: Promote) -> None:
    before = ground.log.state.weight
    ground.log.enter(Phase.PROMOTING, f"promoting version {ground.canary}: {before:g} → 100 %")
    shifted = await write(ground, ground.to_weight(100), index, 100)
    ground.log.note(
        EventKind.PROMOTED,
        f"version {ground.canary} serves 100 %, read back",
        data={"weight": 100, "revision": ground.revision} | on_runtime(shifted.runtime_version),
        weight=100,
        windows=ground.windows,
    )
    note_runtime_change(ground, shifted.runtime_version)
    await _confirm(ground)
    if step.bake.duration:
        await bake(ground, index, step.bake, final=True)


async def _confirm(ground: Ground) -> None:
    """Invoke the alias until the canary has answered a few times in a row, where a probe says how to invoke.

    Whatever comes of it is only told: the alias has been read back, and no write of Sluice's would be quicker.
    """
    probes = tuple(p for p in ground.request.plan.probes if p.kind == "invoke")
    if not probes:
        return
    work = Confirm(target=ground.request.target, version=ground.canary, probe=probes[0])
    try:
        confirmed = await race(calls.confirm(work), lambda: ground.intent.must_return)
    except ActivityError as error:
        ground.log.note(EventKind.WARNING, f"the alias could not be invoked: {said(error)}")
        confirmed = None
    ground.intent.check()
    if confirmed is not None:
        ground.log.note(EventKind.PROBED if confirmed.passed else EventKind.WARNING, confirmed.sentence)


async def first(ground: Ground) -> None:
    """Put the alias on the first version, in one write; every step before it has nothing to compare with."""
    last = len(ground.plan.steps) - 1
    for index in range(last):
        ground.log.skip_step(index)
    ground.log.begin_step(last)
    target, version = ground.request.target, ground.canary
    ground.log.enter(Phase.PROMOTING, f"putting {target} on version {version}: its first release")
    ground.intent.check()
    ground.touched = True
    ground.notes.wish(ground.to_weight(100))
    alias = ground.report.alias
    work = Create(target=target, version=version, revision=alias.revision if alias is not None else None)
    # not raced: without a version to return to, the only known state lies ahead
    created = await calls.create(work)
    ground.found(created.alias.revision)
    ground.log.note(EventKind.PROMOTED, f"version {version} serves 100 %, read back", data={"weight": 100}, weight=100)
    await _confirm(ground)


async def _approval(ground: Ground, index: int, step: Approval) -> None:
    who = f" by {', '.join(step.who)}" if step.who else ""
    ground.log.enter(
        Phase.AWAITING_APPROVAL,
        f"waiting for approval{who} to go beyond {ground.log.state.weight:g} %; without it everything rolls back",
        until=ground.until(step.timeout),
    )
    answered = await hold(
        ground, lambda: index in ground.intent.approvals or ground.intent.promote is not None, step.timeout
    )
    if not answered:
        raise Back(Cause.DEADLINE, f"nobody approved step {index + 1} in time")
    order = ground.intent.approvals.get(index) or ground.intent.promote
    if order is not None and order.command is Command.REJECT:
        raise Back(Cause.ABORT, f"rejected by {told(order)}")


async def _gate(ground: Ground, index: int, step: Gate) -> None:
    ground.log.enter(Phase.PAUSED, f"waiting for gate {step.gate.name} to open", until=ground.until(step.timeout))
    asked = calls.ask_gate(
        AskGate(
            release_id=ground.request.release_id,
            target=ground.request.target,
            step=index,
            version=ground.canary,
            gate=step,
        )
    )

    def left() -> bool:
        return index in ground.intent.skipped or ground.intent.promote is not None

    try:
        opened = await hold(ground, lambda: asked.done() or left(), step.timeout)
    finally:
        drop(asked)
    if left():
        return
    if not opened:
        raise Back(Cause.GATE, f"gate {step.gate.name} did not open in time")
    try:
        answer = await asked
    except ActivityError as error:
        raise Back(Cause.GATE, f"gate {step.gate.name} did not open: {said(error)}") from None
    ground.log.note(EventKind.PROBED, answer.sentence)

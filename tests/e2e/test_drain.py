"""After a rollback, under real traffic: hosts that hear late of the alias go on calling the canary."""

import asyncio
from datetime import timedelta

from orchestrator.domain.journal import EventKind, ReleaseState
from orchestrator.domain.plan import Bake, Limits, Plan, Promote, Shift
from orchestrator.domain.release import Actor, Command, Order, Outcome, Phase
from orchestrator.domain.traffic import whole
from orchestrator.lab.whole import LAB_SAMPLING, WholeLab, request

MINUTE = Bake(duration=timedelta(minutes=1))
PLAN = Plan(
    strategy="canary",
    steps=(Shift(weight=50, bake=MINUTE), Promote(bake=MINUTE)),
    checks=(),
    sampling=LAB_SAMPLING,
    limits=Limits(drain=timedelta(seconds=4)),
)
LATE = 2.5
"""Seconds for which an alias write is not felt."""


async def test_calls_that_reached_the_canary_after_the_way_back_are_counted(lab: WholeLab) -> None:
    """Of 20 calls a second, half go to the canary for 2.5 s more: none at all once in a billion runs."""
    target = await lab.add_function("drained")
    await lab.upload("drained", "v2")
    order = request(target, PLAN, actor="anna", reason="drain")

    async def reached(phase: Phase) -> ReleaseState:
        async with asyncio.timeout(30):
            while (state := await lab.service.get(order.release_id)).phase is not phase:
                await asyncio.sleep(0.05)
        return state

    try:
        async with lab.callers(target, 20):
            await lab.service.submit(order)
            await reached(Phase.BAKING)
            await lab.lab.admin.configure(propagation_delay=LATE)
            abort = Order(command=Command.ABORT, actor=Actor(name="anna"), release_id=order.release_id, reason="enough")
            await lab.service.command(abort, key="abort")
            state = await reached(Phase.DONE)
    finally:
        await lab.lab.admin.configure(propagation_delay=0)
    assert state.outcome is Outcome.ROLLED_BACK, state.sentence
    assert (await lab.alias(target)).routing.same_as(whole("1"))
    (counted,) = [event for event in state.events if event.kind is EventKind.WARNING]
    assert 0 < counted.data["handled"] <= LATE * 20
    assert f"version 2 has handled {counted.data['handled']} more invocations in the 4 s" in counted.text
    assert counted.data["oldest"] is None

"""The main courses of a release, each played to its end: what the recorded histories are of."""

from collections.abc import Awaitable, Callable, Mapping

from orchestrator.domain.plan import Approval, Bake, Limits, Promote, Shift
from orchestrator.domain.release import Command, Outcome, Phase
from orchestrator.domain.traffic import split, whole
from tests.fakes.aws import Profile
from tests.workflows.news import moved, tell
from tests.workflows.stage import Handle, Stage, minutes, plan, steps

SHORT = plan(*steps(10, bake=minutes(3), final=minutes(0)))
APPROVED = plan(Shift(weight=10, bake=Bake(duration=minutes(3))), Approval(), Promote(bake=Bake(duration=minutes(0))))


async def promoted(stage: Stage) -> Handle:
    """Three writes and nothing else."""
    handle = await stage.start(stage.request())
    assert (await handle.result()).outcome is Outcome.PROMOTED
    return handle


async def rolled_back(stage: Stage) -> Handle:
    """A verdict ends the first bake."""
    stage.load.profiles["2"] = Profile(error_share=0.2)
    handle = await stage.start(stage.request())
    assert (await handle.result()).outcome is Outcome.ROLLED_BACK
    return handle


async def aborted(stage: Stage) -> Handle:
    """A command ends the first bake."""
    request, handle = await stage.baking()
    await stage.order(request, Command.ABORT)
    assert (await handle.result()).outcome is Outcome.ROLLED_BACK
    return handle


async def cancelled(stage: Stage) -> Handle:
    """Temporal's own cancellation ends the first bake."""
    _, handle = await stage.baking()
    await handle.cancel(reason="wrong build")
    assert (await handle.result()).outcome is Outcome.ROLLED_BACK
    return handle


async def approved(stage: Stage) -> Handle:
    """A person answers between two weights."""
    request, handle = await stage.baking(stage.request(plan=APPROVED))
    await stage.forward(handle, minutes(5))
    await stage.reach(request, Phase.AWAITING_APPROVAL)
    await stage.order(request, Command.APPROVE, step=1)
    assert (await stage.finish(handle)).outcome is Outcome.PROMOTED
    return handle


async def paused(stage: Stage) -> Handle:
    """Paused and resumed in the first bake."""
    request, handle = await stage.baking(stage.request(plan=SHORT))
    await stage.order(request, Command.PAUSE)
    await stage.reach(request, Phase.PAUSED)
    await stage.forward(handle, minutes(2))
    await stage.order(request, Command.RESUME)
    assert (await stage.finish(handle)).outcome is Outcome.PROMOTED
    return handle


async def skipped(stage: Stage) -> Handle:
    """One wait is skipped, and the rest jumped over."""
    request, handle = await stage.baking()
    await stage.order(request, Command.SKIP, step=0)
    await stage.reach(request, Phase.BAKING, step=1)
    await stage.order(request, Command.PROMOTE, step=1)
    await stage.reach(request, Phase.FINAL_BAKE)
    await stage.order(request, Command.SKIP, step=2)
    assert (await handle.result()).outcome is Outcome.PROMOTED
    return handle


async def drifted(stage: Stage) -> Handle:
    """Somebody moves the alias; an operator overwrites that."""
    stage.function.publish_now()
    stage.function.change_code("third")
    request, handle = await stage.baking()
    stage.aws.move(stage.target, split("1", "2", 20))
    await stage.order(request, Command.SKIP, step=0)
    await stage.until(request, lambda s: s.drifted)
    await stage.order(request, Command.RESTORE)
    assert (await handle.result()).outcome is Outcome.ROLLED_BACK
    return handle


async def told(stage: Stage) -> Handle:
    """Somebody tells of a change that was put back, and of one that was not; an operator adopts that."""
    request, handle = await stage.baking()
    await tell(stage, whole("7"))
    await stage.until(request, lambda s: "going on" in s.events[-1].text)
    await moved(stage, whole("8"))
    await stage.until(request, lambda s: s.drifted)
    await stage.order(request, Command.ADOPT)
    assert (await handle.result()).outcome is Outcome.FAILED
    return handle


async def counted(stage: Stage) -> Handle:
    """After the way back it is counted what the canary still handles."""
    request, handle = await stage.baking(stage.request(plan=plan(limits=Limits(drain=minutes(2)))))
    await stage.order(request, Command.ABORT)
    assert (await stage.finish(handle)).outcome is Outcome.ROLLED_BACK
    return handle


COURSES: Mapping[str, Callable[[Stage], Awaitable[Handle]]] = {
    course.__name__: course
    for course in (promoted, rolled_back, aborted, cancelled, approved, paused, skipped, drifted, told, counted)
}

"""Gates between steps: asked until open, and every other way out of that wait."""

from datetime import timedelta
from typing import Any

from orchestrator.domain.journal import EventKind, ReleaseState
from orchestrator.domain.plan import Bake, Gate, Plugin, Promote, Shift
from orchestrator.domain.release import Cause, Command, Outcome, Phase, ReleaseRequest
from tests.fakes.aws import Profile
from tests.workflows.stage import Handle, Stage, minutes, plan, told


async def at_the_gate(stage: Stage, *, closed_for: timedelta, **gate: Any) -> tuple[ReleaseRequest, Handle]:
    now = stage.clock.now()
    freeze = {"from": (now - minutes(60)).isoformat(), "until": (now + closed_for).isoformat(), "reason": "fair"}
    step = Gate(gate=Plugin(name="freeze", kind="freeze", options={"windows": [freeze]}), interval=minutes(2), **gate)
    first = Shift(weight=10, bake=Bake(duration=minutes(3)))
    request = stage.request(plan=plan(first, step, Promote(bake=Bake(duration=minutes(0)))))
    handle = await stage.start_still(request)
    await stage.reach(request, Phase.BAKING)
    await stage.forward(handle, minutes(5))
    await stage.until(request, lambda s: s.step == 1)
    return request, handle


async def test_release_goes_on_when_the_gate_opens(stage: Stage) -> None:
    """It is asked every interval, and its words are in the journal."""
    _, handle = await at_the_gate(stage, closed_for=minutes(10))
    state = await stage.finish(handle)
    assert state.outcome is Outcome.PROMOTED
    assert any("gate freeze is open" in text for text in told(state, EventKind.PROBED))


async def test_gate_that_stays_closed_rolls_back_at_its_limit(stage: Stage) -> None:
    """Nothing stays split for ever."""
    _, handle = await at_the_gate(stage, closed_for=minutes(600), timeout=minutes(10))
    state = await stage.finish(handle)
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.GATE)
    assert stage.writes() == ["version 1 + 10 % to version 2", "version 1"]


async def test_gate_can_be_skipped(stage: Stage) -> None:
    """The activity that asks is dropped."""
    request, handle = await at_the_gate(stage, closed_for=minutes(600))
    await stage.order(request, Command.SKIP, step=1)
    assert (await handle.result()).outcome is Outcome.PROMOTED


async def test_gate_that_nobody_has_rolls_back_and_says_so(stage: Stage) -> None:
    """It cannot ever open; waiting for the limit would help nobody."""
    gate = Gate(gate=Plugin(name="change board", kind="no_such_gate"))
    state = await stage.release(plan=plan(gate, Promote(bake=Bake(duration=minutes(0)))))
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.GATE)
    assert "gate change board did not open: " in state.sentence
    assert "unknown gate `no_such_gate`" in state.sentence
    assert stage.writes() == []


async def test_canary_is_watched_before_a_closed_gate(stage: Stage) -> None:
    """Bad numbers end the wait."""
    _, handle = await at_the_gate(stage, closed_for=minutes(600))
    stage.load.profiles["2"] = Profile(error_share=0.5)
    state: ReleaseState = await stage.finish(handle)
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.VERDICT)


async def test_abort_does_not_wait_for_a_gate(stage: Stage) -> None:
    """Whatever is asked outside is dropped."""
    request, handle = await at_the_gate(stage, closed_for=minutes(600))
    await stage.order(request, Command.ABORT)
    assert (await handle.result()).outcome is Outcome.ROLLED_BACK


async def test_pause_before_a_gate_outlives_its_opening(stage: Stage) -> None:
    """The gate opens, and the release holds before the next step until it is resumed."""
    request, handle = await at_the_gate(stage, closed_for=minutes(8))
    await stage.order(request, Command.PAUSE)
    await stage.forward(handle, minutes(6))
    state = await stage.until(request, lambda s: s.sentence.startswith("paused by bob"))
    assert (state.phase, state.weight) == (Phase.PAUSED, 10)
    await stage.order(request, Command.RESUME)
    assert (await stage.finish(handle)).outcome is Outcome.PROMOTED

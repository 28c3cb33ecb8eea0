"""Which command fits which state."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain.commands import NEEDS_STEP, refusal
from orchestrator.domain.journal import ReleaseState, StepState
from orchestrator.domain.release import Actor, Command, Order, Outcome, Phase, Target

TARGET = Target(account="123456789012", region="eu-west-1", function="checkout", alias="live")
STEPS = (
    StepState(kind="shift", label="10 %", weight=10),
    StepState(kind="approval", label="approval"),
    StepState(kind="promote", label="100 %", weight=100),
)


def state(phase: Phase, step: int | None = 0, **changes: object) -> ReleaseState:
    base = ReleaseState(
        release_id="r1", target=TARGET, strategy="canary", actor="anna", reason="", started_at=datetime.now(UTC)
    )
    return base.model_copy(update={"phase": phase, "step": step, "steps": STEPS, **changes})


def order(command: Command, step: int | None = 0, release: str = "r1") -> Order:
    return Order(command=command, actor=Actor(name="bob"), release_id=release, step=step)


states = st.builds(
    state,
    phase=st.sampled_from(Phase),
    step=st.sampled_from([None, 0, 1, 2]),
    paused_by=st.sampled_from([None, "anna"]),
    drifted=st.booleans(),
)


@given(states)
@settings(deadline=None)
def test_abort_fits_every_state_but_the_end(found: ReleaseState) -> None:
    """I4: whatever step the sender looked at."""
    for step in (None, 0, 7):
        assert (refusal(found, order(Command.ABORT, step)) is None) == (found.phase is not Phase.DONE)


@given(states, st.sampled_from(Command), st.sampled_from([None, 0, 1, 2]))
@settings(deadline=None)
def test_no_command_moves_on_a_step_that_it_does_not_name(
    found: ReleaseState, command: Command, step: int | None
) -> None:
    """I8: a command against another step than the current one is refused."""
    if command in NEEDS_STEP and step != found.step:
        assert refusal(found, order(command, step))


@given(states, st.sampled_from(Command))
@settings(deadline=None)
def test_no_command_reaches_another_release(found: ReleaseState, command: Command) -> None:
    """I8: the present holder is named."""
    assert "held by release r1" in (refusal(found, order(command, found.step, release="r0")) or "")


@pytest.mark.parametrize(
    ("found", "fits"),
    [
        (state(Phase.PENDING, None), {"abort", "pause"}),
        (state(Phase.PREPARING, None), {"abort", "pause"}),
        (state(Phase.SHIFTING), {"abort", "pause"}),
        (state(Phase.BAKING), {"abort", "pause", "skip", "promote"}),
        (state(Phase.AWAITING_APPROVAL, 1), {"abort", "pause", "approve", "reject", "promote"}),
        (state(Phase.PAUSED, paused_by="anna"), {"abort", "resume", "skip", "promote"}),
        (state(Phase.PROMOTING, 2), {"abort", "pause"}),
        (state(Phase.FINAL_BAKE, 2), {"abort", "pause", "skip"}),
        (state(Phase.ROLLING_BACK), {"abort"}),
        (state(Phase.ROLLING_BACK, drifted=True), {"abort", "adopt", "restore"}),
        (state(Phase.DONE, outcome=Outcome.PROMOTED), set()),
    ],
    ids=lambda value: f"{value.phase}{'-drifted' * value.drifted}" if isinstance(value, ReleaseState) else "",
)
def test_each_phase_takes_these_commands_and_no_other(found: ReleaseState, fits: set[str]) -> None:
    """The whole table."""
    assert {c.value for c in Command if refusal(found, order(c, found.step)) is None} == fits


def test_refusal_names_the_current_step() -> None:
    """People see what has moved on meanwhile."""
    why = refusal(state(Phase.AWAITING_APPROVAL, 1), order(Command.SKIP, 0))
    assert why == "step 1 is not the current one: the release is at step 2 of 3 (approval)"

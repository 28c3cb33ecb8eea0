"""A script pauses and resumes a release for ever; the way out stays open."""

import pytest

from orchestrator.domain.commands import ALWAYS, MAX_COMMANDS, overflow
from orchestrator.domain.errors import IllegalCommand
from orchestrator.domain.release import Actor, Cause, Command, Order, Outcome
from tests.workflows.stage import Stage

ORDERS = [Order(command=c, actor=Actor(name="bot"), release_id="r1", step=0) for c in Command]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.command)
def test_case_19_only_what_ends_a_release_is_taken_past_the_limit(order: Order) -> None:
    """One command below the limit everything is taken."""
    assert overflow(MAX_COMMANDS - 1, order) is None
    assert (overflow(MAX_COMMANDS, order) is None) == (order.command in ALWAYS)
    assert {Command.ABORT, Command.REJECT, Command.ADOPT, Command.RESTORE} == ALWAYS


async def test_case_19_commands_fill_the_history(stage: Stage) -> None:
    """The command after the last is refused in words, and abort still brings everything back."""
    request, handle = await stage.baking()
    for index in range(MAX_COMMANDS):
        await stage.order(request, Command.RESUME if index % 2 else Command.PAUSE)
    with pytest.raises(IllegalCommand, match=rf"has taken {MAX_COMMANDS} commands.*only abort, reject"):
        await stage.order(request, Command.PAUSE)
    await stage.order(request, Command.ABORT)
    state = await stage.finish(handle)
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.ABORT)
    assert stage.writes()[-1] == "version 1"

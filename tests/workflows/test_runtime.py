"""Scenario 46: what the canary ran on when it was published and when it was promoted."""

from typing import Any

from orchestrator.domain.errors import Throttled
from orchestrator.domain.journal import EventKind, ReleaseState
from orchestrator.domain.release import Outcome
from tests.workflows.stage import Stage, minutes, plan, steps, told

OLD, NEW = (f"arn:aws:lambda:eu-west-1::runtime:{digit * 64}" for digit in "ab")


def runs_on(arn: str) -> dict[str, Any]:
    return {"RuntimeVersionConfig": {"RuntimeVersionArn": arn}}


def data(state: ReleaseState, kind: EventKind) -> Any:
    """What the only event of its kind holds for machines."""
    (found,) = [event.data for event in state.events if event.kind is kind]
    return found


async def test_a_runtime_that_aws_changes_during_the_release_is_told_with_both(stage: Stage) -> None:
    """The numbers of the first weights were measured on another runtime than the one that now serves everything."""
    stage.function.latest.configuration |= runs_on(OLD)
    _, handle = await stage.baking()
    stage.function.versions["2"].configuration |= runs_on(NEW)
    state = await stage.finish(handle)
    assert state.outcome is Outcome.PROMOTED, state.sentence
    assert data(state, EventKind.PUBLISHED) == {"runtime_version": OLD}
    assert data(state, EventKind.PROMOTED)["runtime_version"] == NEW
    assert data(state, EventKind.WARNING) == {"runtime_at_publish": OLD, "runtime_at_promote": NEW}
    (warning,) = told(state, EventKind.WARNING)
    assert f"under version 2 during the release, from {OLD} to {NEW}: numbers from before and after" in warning


async def test_a_runtime_that_stays_is_recorded_twice_and_no_reason_to_warn(stage: Stage) -> None:
    stage.function.latest.configuration |= runs_on(OLD)
    state = await stage.release(plan=plan(*steps(final=minutes(0)), checks=()))
    assert data(state, EventKind.PUBLISHED) == {"runtime_version": OLD}
    assert data(state, EventKind.PROMOTED)["runtime_version"] == OLD
    assert told(state, EventKind.WARNING) == []


async def test_a_runtime_that_cannot_be_read_holds_nothing_up(stage: Stage) -> None:
    """The promotion has been read back; what it runs on is for people to know."""
    stage.function.latest.configuration |= runs_on(OLD)
    _, handle = await stage.baking()
    stage.aws.faults.refuse("get_function", Throttled("slow down"), times=None)
    state = await stage.finish(handle)
    assert state.outcome is Outcome.PROMOTED, state.sentence
    assert "runtime_version" not in data(state, EventKind.PROMOTED)
    assert told(state, EventKind.WARNING) == []

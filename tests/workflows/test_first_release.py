"""A function whose alias is missing, or on $LATEST: nothing to compare with, and nothing to return to."""

import asyncio

from orchestrator.domain.errors import TimedOut
from orchestrator.domain.release import Cause, Outcome
from orchestrator.domain.traffic import Routing, whole
from tests.workflows.stage import Stage


def forget_the_alias(stage: Stage) -> None:
    stage.aws.cloudwatch(stage.target).sources.clear()  # nobody can call it
    del stage.function.aliases[stage.target.alias]


async def test_missing_alias_is_created_on_the_probed_version(stage: Stage) -> None:
    """Scenario 11: published, then the alias in one call; no weight is ever set and no rollback target claimed."""
    forget_the_alias(stage)
    state = await stage.release(create=True)
    assert (state.outcome, state.stable, state.canary, state.weight) == (Outcome.PROMOTED, None, "2", 100)
    assert state.sentence == f"version 2 serves 100 % of {stage.target}, its first"
    assert [s.status for s in state.steps] == ["skipped", "skipped", "done"]
    assert stage.aws.routing(stage.target) == whole("2")
    assert len(stage.aws.journal.of("create_alias")) == 1
    assert stage.aws.journal.of("update_alias") == []


async def test_alias_on_latest_is_pointed_to_the_published_version(stage: Stage) -> None:
    """Scenario 11: guarded by the alias' own revision."""
    stage.aws.cloudwatch(stage.target).sources.clear()
    stage.aws.move(stage.target, Routing(primary="$LATEST"))
    state = await stage.release(create=True)
    assert state.outcome is Outcome.PROMOTED
    assert stage.aws.routing(stage.target) == whole("2")


async def test_without_the_option_it_is_refused_and_nothing_is_written(stage: Stage) -> None:
    """The sentence names the option."""
    forget_the_alias(stage)
    state = await stage.release()
    assert (state.outcome, state.cause) == (Outcome.REJECTED, Cause.PREFLIGHT)
    assert "--create" in state.sentence
    assert stage.aws.journal.of("publish_version") == []


async def test_lost_answer_creates_one_alias(stage: Stage) -> None:
    """The next attempt finds its own alias."""
    forget_the_alias(stage)
    stage.aws.faults.lose_reply("create_alias", TimedOut("no answer"))
    state = await stage.release(create=True)
    assert state.outcome is Outcome.PROMOTED
    assert [c.applied for c in stage.aws.journal.of("create_alias")] == [True]


async def test_alias_that_somebody_else_creates_meanwhile_is_left_alone(stage: Stage) -> None:
    """There is no known state to go to: a person must look."""
    forget_the_alias(stage)
    stage.aws.faults.refuse("create_alias", TimedOut("no answer"), times=1)
    handle = await stage.start(stage.request(create=True))
    while not stage.aws.journal.of("publish_version"):
        await asyncio.sleep(0.01)
    stage.aws.move(stage.target, whole("1"))
    state = await handle.result()
    assert (state.outcome, state.cause) == (Outcome.FAILED, Cause.DRIFT)
    assert stage.aws.routing(stage.target) == whole("1")

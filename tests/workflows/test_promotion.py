"""The whole way forward."""

import pytest

from orchestrator.domain.errors import AccessDenied
from orchestrator.domain.journal import EventKind
from orchestrator.domain.plan import Plugin
from orchestrator.domain.release import Cause, Outcome, Phase, PublishedVersion
from orchestrator.domain.traffic import split, whole
from tests.fakes.aws import Code, Pace
from tests.workflows.stage import Stage, minutes, plan, replayed, steps, told

SMOKE = Plugin(name="smoke", kind="invoke", options={})


@replayed
async def test_good_version_is_promoted_with_exactly_three_alias_writes(stage: Stage) -> None:
    """Scenario 1: weight 10, weight 50, then version and empty routing in one call, each with the last revision."""
    state = await stage.release()
    assert (state.outcome, state.sentence) == (Outcome.PROMOTED, f"version 2 serves 100 % of {stage.target}")
    assert stage.writes() == [
        "version 1 + 10 % to version 2",
        "version 1 + 50 % to version 2",
        "version 2",
    ]
    assert [c.outcome for c in stage.aws.journal.of("update_alias")] == ["answered"] * 3
    assert stage.routing == whole("2")
    assert [s.status for s in state.steps] == ["done"] * 3
    assert state.weight == 100


async def test_unchanged_code_is_nothing_to_release(stage: Stage) -> None:
    """Scenario 7: AWS gives the stable number back, and the alias is not written."""
    stage.function.change_code("first")
    state = await stage.release()
    assert (state.outcome, state.cause) == (Outcome.REJECTED, Cause.NOTHING_TO_RELEASE)
    assert stage.writes() == []


async def test_promotion_is_not_done_while_lambda_itself_still_serves_the_old_version(stage: Stage) -> None:
    """Scenario 22: the alias names version 2 and sends everything to 1 until provisioned concurrency is ready."""
    await stage.aws.functions(stage.target).provision(stage.target.function, "live", 2)
    stage.aws.paces.provision = Pace(seconds=400)
    request = stage.request(plan=plan(*steps(final=minutes(0)), checks=()))
    handle = await stage.start_still(request)
    await stage.until(request, lambda _: stage.routing.primary == "2")
    assert stage.routing == split("2", "1", 100)
    await stage.forward(handle, minutes(3))
    state = await stage.service.get(request.release_id)
    assert (state.phase, state.weight, state.drifted) == (Phase.PROMOTING, 0, False)
    assert told(state, EventKind.HOLDING) == [
        "AWS has not confirmed version 2 yet; trying on, and everything rolls back after 1 day, 0:00:00"
    ]
    assert "until provisioned concurrency is ready" in (state.trouble or "")
    state = await stage.finish(handle)
    assert (state.outcome, state.weight) == (Outcome.PROMOTED, 100)
    assert state.ended_at - state.started_at > minutes(6)
    assert stage.routing == whole("2")


async def test_provisioned_concurrency_is_ordered_before_the_weights(stage: Stage) -> None:
    """Scenario 24: on the version, so that the alias may have weights."""
    state = await stage.release(provisioned_concurrency=2)
    assert state.outcome is Outcome.PROMOTED
    order = [c.operation for c in stage.aws.journal if c.operation in ("provision", "update_alias")]
    assert order == ["provision", "update_alias", "update_alias", "update_alias"]
    assert set(stage.function.provisioned) == {"2"}


async def test_promotion_is_confirmed_by_invoking_the_alias(stage: Stage) -> None:
    """Scenario 36: the alias reads right and still answers with the old version a few times."""
    draw, late = stage.function.draw, 3

    def draw_late(qualifier: str):
        nonlocal late
        if qualifier == "live" and late:
            late -= 1
            return stage.function.versions["1"]
        return draw(qualifier)

    stage.function.draw = draw_late
    state = await stage.release(plan=plan(*steps(final=minutes(0)), probes=(SMOKE,)))
    assert state.outcome is Outcome.PROMOTED
    assert "the alias answers with version 2 (8 invocations)" in told(state, EventKind.PROBED)


async def test_alias_that_may_not_be_invoked_is_only_a_warning(stage: Stage) -> None:
    """The promotion has been read back; a probe that cannot ask speaks against nothing."""
    refused = AccessDenied("could not invoke: not allowed")
    stage.aws.faults.refuse("invoke", refused, times=None, when=lambda a: a["qualifier"] == "live")
    state = await stage.release(plan=plan(*steps(final=minutes(0)), probes=(SMOKE,)))
    assert state.outcome is Outcome.PROMOTED
    assert "the alias could not be invoked: could not invoke: not allowed" in told(state, EventKind.WARNING)


async def test_version_that_is_pending_gets_no_weight(stage: Stage) -> None:
    """Scenario 8: the weight is written after the version is Active."""
    stage.aws.paces.publish = Pace(reads=2)
    stage.function.change_code(Code("second"))
    state = await stage.release()
    assert state.outcome is Outcome.PROMOTED
    operations = [c.operation for c in stage.aws.journal]
    active = max(i for i, c in enumerate(stage.aws.journal) if c.arguments.get("qualifier") == "2")
    assert operations.index("update_alias") > active


async def test_promoted_release_can_be_rolled_back_until_another_changes_the_alias(stage: Stage) -> None:
    """A rollback after the end is a release of its own, with one step and no bake."""
    first = stage.request(plan=plan(*steps(final=minutes(0)), checks=()))
    await (await stage.start(first)).result()
    started = await stage.service.rollback(first.release_id, actor=first.actor, reason="")
    state = await stage.handle(first).result()
    assert (state.release_id, state.outcome) == (started.release_id, Outcome.PROMOTED)
    assert stage.routing == whole("1")
    with pytest.raises(Exception, match=f"release {started.release_id} has changed"):
        await stage.service.rollback(first.release_id, actor=first.actor, reason="")


async def test_split_alias_is_adopted_with_its_primary_as_stable(stage: Stage) -> None:
    """Scenario 12: by an explicit option; a failed release leaves it as it was found."""
    stage.function.publish_now()
    stage.aws.move(stage.target, split("1", "2", 20))
    state = await stage.release(adopt=True, artifact=PublishedVersion(version="2"))
    assert (state.outcome, state.stable) == (Outcome.PROMOTED, "1")
    assert stage.routing == whole("2")

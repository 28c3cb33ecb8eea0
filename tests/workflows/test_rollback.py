"""The way back by a verdict: one write, read back, to the recorded version, however long AWS takes."""

import pytest

from orchestrator.domain.analysis import Limit
from orchestrator.domain.errors import Throttled, Unavailable
from orchestrator.domain.journal import EventKind
from orchestrator.domain.plan import Limits, Plugin
from orchestrator.domain.release import Cause, Command, Configuration, Outcome, Phase
from orchestrator.domain.traffic import whole
from tests.fakes.aws import Code, Profile, crash
from tests.workflows.stage import Stage, minutes, plan, replayed, steps, told

ERRORS = Limit(name="errors", metric="error_rate", maximum=5)


@replayed
async def test_bad_version_is_rolled_back_with_one_write(stage: Stage) -> None:
    """Scenario 2: a canary that fails a fifth of its requests never sees the second step."""
    stage.load.profiles["2"] = Profile(error_share=0.2)
    state = await stage.release()
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.VERDICT)
    assert stage.writes() == ["version 1 + 10 % to version 2", "version 1"]
    assert stage.routing == whole("1")


async def test_version_as_bad_as_stable_is_promoted(stage: Stage) -> None:
    """Scenario 15: three in a hundred on both sides speak against neither."""
    stage.load.profiles.update({"1": Profile(error_share=0.03), "2": Profile(error_share=0.03)})
    state = await stage.release()
    assert state.outcome is Outcome.PROMOTED


async def test_version_far_worse_than_stable_is_rolled_back_in_one_look(stage: Stage) -> None:
    """Scenario 15: 20 in 100 against 1 in 1,000, seen at the first look that has a closed period."""
    stage.load.per_period = 1000
    stage.load.profiles.update({"1": Profile(error_share=0.001), "2": Profile(error_share=0.2)})
    request, handle = await stage.baking()
    state = await stage.finish(handle)
    assert state.cause is Cause.VERDICT
    assert (state.ended_at - state.started_at) < minutes(4.1)
    assert request.release_id == state.release_id


async def test_bad_final_bake_returns_to_the_recorded_version(stage: Stage) -> None:
    """Scenario 30: the promotion is done, and two versions lie between."""
    for name in ("second", "third"):
        stage.function.change_code(name)
        stage.function.publish_now()
    stage.function.change_code("fourth")
    request = stage.request(plan=plan(*steps(final=minutes(30)), checks=(ERRORS,)))
    handle = await stage.start_still(request)
    await stage.reach(request, Phase.FINAL_BAKE)
    stage.load.profiles["4"] = Profile(error_share=0.5)
    state = await stage.finish(handle)
    assert (state.outcome, state.cause, state.stable) == (Outcome.ROLLED_BACK, Cause.VERDICT, "1")
    assert stage.writes() == ["version 4", "version 1"]


async def test_restore_that_fails_for_ten_minutes_is_told_and_goes_on(stage: Stage) -> None:
    """Scenario 31: it never says ROLLED_BACK before the alias was read back."""
    request, handle = await stage.baking()
    stage.aws.faults.refuse("update_alias", Throttled("429"), times=4)
    stage.aws.faults.refuse("update_alias", Unavailable("AWS answered 503"), times=None)
    await stage.order(request, Command.ABORT)
    await stage.forward(handle, minutes(10))
    state = await stage.until(request, lambda s: bool(told(s, EventKind.FAILING)))
    assert (state.phase, state.outcome) == (Phase.ROLLING_BACK, None)
    assert state.sentence == f"alias {stage.target} could not be restored yet; still trying"
    assert "AWS answered 503" in (state.trouble or "")
    assert len(stage.aws.journal.of("update_alias")) > 10
    stage.aws.faults.clear()
    state = await stage.finish(handle)
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.ABORT)
    assert stage.routing == whole("1")


async def test_deadline_that_passes_during_a_rollback_disturbs_nothing(stage: Stage) -> None:
    """The release is late already; the way back has no limit."""
    request, handle = await stage.baking(stage.request(plan=plan(limits=Limits(deadline=minutes(2)))))
    stage.aws.faults.refuse("update_alias", Throttled("429"), times=None)
    await stage.order(request, Command.ABORT)
    await stage.forward(handle, minutes(3))
    stage.aws.faults.clear()
    state = await stage.finish(handle)
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.ABORT)


async def test_deleted_rollback_target_is_told_with_both_ways_out(stage: Stage) -> None:
    """Scenario 33: a janitor has deleted the version; no loop of 404, and a person may keep the canary."""
    request = stage.request(plan=plan(*steps(final=minutes(60)), checks=(ERRORS,)))
    handle = await stage.start_still(request)
    await stage.reach(request, Phase.FINAL_BAKE)
    del stage.function.versions["1"]
    await stage.order(request, Command.ABORT)
    state = await stage.until(request, lambda s: s.drifted)
    assert "has no version 1. Sluice tries on; `sluice adopt` leaves the alias as it is" in state.sentence
    await stage.forward(handle, minutes(20))
    assert len(stage.aws.journal.of("update_alias")) <= 6
    await stage.order(request, Command.ADOPT)
    state = await handle.result()
    assert (state.outcome, state.cause) == (Outcome.FAILED, Cause.ERROR)
    assert stage.routing == whole("2")


async def test_canary_whose_provisioned_concurrency_fails_never_gets_traffic(stage: Stage) -> None:
    """Scenario 23: AWS's reason is told, stable keeps its own, and the canary's is given back."""
    await stage.aws.functions(stage.target).provision(stage.target.function, "1", 2)
    stage.function.change_code(Code("second", fails_to_provision="FUNCTION_ERROR_INIT_FAILURE"))
    state = await stage.release(provisioned_concurrency=2)
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.ERROR)
    assert "FUNCTION_ERROR_INIT_FAILURE" in state.sentence
    assert stage.writes() == []
    assert set(stage.function.provisioned) == {"1"}


async def test_provisioned_concurrency_that_fails_on_the_alias_is_told_until_it_is_mended(stage: Stage) -> None:
    """Scenario 23: AWS holds the alias, with all traffic on stable, until somebody deletes that concurrency."""
    functions = stage.aws.functions(stage.target)
    await functions.provision(stage.target.function, "live", 2)
    stage.function.change_code(Code("second", fails_to_provision="FUNCTION_ERROR_INIT_FAILURE"))
    request = stage.request(plan=plan(*steps(final=minutes(5)), checks=()))
    handle = await stage.start_still(request)
    state = await stage.until(request, lambda s: s.drifted)
    assert "FUNCTION_ERROR_INIT_FAILURE" in told(state, EventKind.ROLLING_BACK)[0]
    assert "delete-provisioned-concurrency-config" in state.sentence
    assert (stage.routing.primary, stage.routing.share_of("1")) == ("2", 100)
    await functions.release_provisioned(stage.target.function, "live")
    state = await stage.finish(handle)
    assert state.outcome is Outcome.ROLLED_BACK
    assert stage.routing == whole("1")


@pytest.mark.parametrize(
    ("code", "changes", "why"),
    [
        (Code("second", fails_to_start="init failed"), {}, "init failed"),
        (Code("second", answer=crash), {"probes": True}, "probe smoke"),
        (Code("second"), {"configuration": Configuration(role="arn:aws:iam::123456789012:role/other")}, "role"),
    ],
)
async def test_version_that_is_refused_before_any_traffic_leaves_the_alias_alone(
    stage: Stage, code: Code, changes: dict[str, object], why: str
) -> None:
    """Publish, probe and preflight end the release with their reason; the alias is read, never written."""
    stage.function.change_code(code)
    probes = (Plugin(name="smoke", kind="invoke", options={}),) if changes.pop("probes", False) else ()
    state = await stage.release(plan=plan(probes=probes), **changes)
    assert state.outcome in (Outcome.ROLLED_BACK, Outcome.REJECTED)
    assert why in state.sentence
    assert len(stage.aws.journal.of("update_alias")) == 0

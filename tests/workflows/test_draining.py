"""Scenario 40: what the canary still handles when everything is back, counted where the plan has a time for it."""

from datetime import timedelta

import pytest

from activities.ports import MetricQuery
from orchestrator.domain.errors import Throttled
from orchestrator.domain.journal import Event, EventKind, ReleaseState
from orchestrator.domain.plan import Limits
from orchestrator.domain.release import Cause, Command, Outcome, Phase, ReleaseRequest
from orchestrator.domain.traffic import whole
from tests.workflows.stage import Handle, Stage, minutes, plan, told

LAG = minutes(1)
THREE = Limits(drain=minutes(3))


async def back(stage: Stage) -> tuple[ReleaseRequest, Handle, ReleaseState]:
    """Abort the first bake, and return once the release says that everything is back."""
    request, handle = await stage.baking(stage.request(plan=plan(limits=THREE)))
    await stage.order(request, Command.ABORT)
    return request, handle, await stage.until(request, lambda state: state.outcome is not None)


def counted(state: ReleaseState) -> Event:
    """What the count has come to: the last event before the end."""
    *_, found, ended = state.events
    assert ended.kind is EventKind.ENDED
    return found


def first_period(state: ReleaseState) -> int:
    """When the count begins, in epoch seconds."""
    assert state.waiting_until is not None
    return round((state.waiting_until - LAG - THREE.drain).timestamp())


async def test_the_outcome_is_told_before_anything_is_counted(stage: Stage) -> None:
    """The alias was read back; only the end of the release, and with it its hold of the target, waits."""
    _, handle, state = await back(stage)
    assert (state.phase, state.outcome, state.cause) == (Phase.ROLLING_BACK, Outcome.ROLLED_BACK, Cause.ABORT)
    assert (stage.routing, state.weight, state.done) == (whole("1"), 0, False)
    assert "version 1 serves 100 % again, read back; counting until" in state.sentence
    ended = await stage.finish(handle)
    assert (ended.phase, ended.outcome, ended.cause) == (Phase.DONE, Outcome.ROLLED_BACK, Cause.ABORT)
    assert ended.sentence.endswith("version 1 serves 100 % again, read back")
    assert ended.ended_at is not None
    assert minutes(3) < ended.ended_at - state.events[-1].at <= minutes(3) + LAG + minutes(1.5)


async def test_what_the_canary_handled_after_the_way_back_is_told_with_the_state_of_the_queue(stage: Stage) -> None:
    """Three events of the queue ran on it all the same; one waited for over half a minute, two were lost."""
    _, handle, state = await back(stage)
    metrics, start = stage.aws.cloudwatch(stage.target), first_period(state)
    metrics.serve(stage.target.function, "live", "2", start, invocations=1)
    metrics.serve(stage.target.function, "live", "2", start + 120, invocations=2, errors=1)
    metrics.serve(stage.target.function, "live", "2", start + 180, invocations=50)
    for metric, statistic, value in (
        ("AsyncEventAge", "Maximum", 34_200.0),
        ("AsyncEventsDropped", "Sum", 2.0),
        ("DeadLetterErrors", "Sum", 1.0),
    ):
        dimensions = {"FunctionName": stage.target.function}
        query = MetricQuery(id="q", metric=metric, statistic=statistic, dimensions=dimensions)
        metrics.put(query, {start - 60: 99_999.0, start + 60: value})
    found = counted(await stage.finish(handle))
    assert found.kind is EventKind.WARNING
    assert "version 2 has handled 3 more invocations in the 180 s after the way back, 1 failed" in found.text
    assert f"events of {stage.target.function} waited up to 34.2 s; 2 of them were given up; 1 did not" in found.text
    figures = {name: found.data[name] for name in ("handled", "failed", "oldest", "dropped", "undelivered")}
    assert figures == {"handled": 3, "failed": 1, "oldest": 34.2, "dropped": 2, "undelivered": 1}


async def test_nothing_counted_is_told_as_that(stage: Stage) -> None:
    _, handle, _ = await back(stage)
    found = counted(await stage.finish(handle))
    assert found.kind is EventKind.PROBED
    assert found.text.startswith("CloudWatch has counted no invocation of version 2 in the 180 s after the way back")


async def test_an_abort_ends_the_count_and_frees_the_target(stage: Stage) -> None:
    """The fix need not wait for the figures of the failure."""
    request, handle, state = await back(stage)
    await stage.order(request, Command.ABORT)
    ended = await handle.result()
    assert ended.outcome is Outcome.ROLLED_BACK
    assert counted(ended).text == "an abort ended the count of what version 2 still handles"
    assert ended.ended_at is not None
    assert ended.ended_at - state.events[-1].at < minutes(1)


async def test_numbers_that_cannot_be_read_change_nothing(stage: Stage) -> None:
    _, handle, _ = await back(stage)
    stage.aws.faults.refuse("metric_data", Throttled("slow down"), times=None)
    ended = await stage.finish(handle)
    assert (ended.outcome, ended.cause) == (Outcome.ROLLED_BACK, Cause.ABORT)
    assert counted(ended).text == "what version 2 still handles is unknown: slow down"


async def test_a_release_that_is_terminated_while_it_counts_is_rolled_back_all_the_same(stage: Stage) -> None:
    """It had read the alias back; nobody needs to look at it."""
    request, handle, _ = await back(stage)
    await handle.terminate("gone")
    state = await stage.service.get(request.release_id)
    assert (state.phase, state.outcome) == (Phase.DONE, Outcome.ROLLED_BACK)
    assert state.ended_at is not None


@pytest.mark.parametrize(("span", "weights"), [(timedelta(0), 1), (minutes(3), 0)], ids=["no time", "no canary"])
async def test_without_a_time_or_a_canary_that_has_served_nothing_is_counted(
    stage: Stage, span: timedelta, weights: int
) -> None:
    """The default is to end at once."""
    request = stage.request(plan=plan(limits=Limits(drain=span)))
    if not weights:
        stage.aws.faults.refuse("update_alias", Throttled("slow down"), times=None)
    handle = await stage.start_still(request)
    await stage.reach(request, Phase.BAKING if weights else Phase.SHIFTING)
    await stage.order(request, Command.ABORT)
    stage.aws.faults.clear()
    ended = await handle.result()
    assert ended.outcome is Outcome.ROLLED_BACK
    assert told(ended, EventKind.PROBED) == []
    assert counted(ended).kind in (EventKind.ROLLING_BACK, EventKind.COMMAND)

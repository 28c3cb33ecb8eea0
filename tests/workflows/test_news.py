"""Somebody tells the release that its alias was changed: it looks at once, names who it was, and believes only AWS."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.domain.analysis import Alarms
from orchestrator.domain.drift import MAX_CHANGES
from orchestrator.domain.errors import AccessDenied, Unavailable
from orchestrator.domain.journal import EventKind, ReleaseState
from orchestrator.domain.plan import Approval, Bake, Gate, Plugin, Promote, Sampling, Shift
from orchestrator.domain.release import Cause, Command, Outcome, Phase, ReleaseRequest
from orchestrator.domain.traffic import split, whole
from orchestrator.intake_noting import RunningReleases
from tests.workflows.news import AT, BOB, change, moved, tell
from tests.workflows.stage import (
    Handle,
    Stage,
    aws_worker,
    minutes,
    plan,
    replayed,
    restore_worker,
    steps,
    told,
    workflow_worker,
)

LOOKED = "was looked at and routes to"
BAKE = Shift(weight=10, bake=Bake(duration=minutes(3)))
END = Promote(bake=Bake(duration=minutes(0)))


async def looked(stage: Stage, request: ReleaseRequest) -> ReleaseState:
    return await stage.until(request, lambda s: any(LOOKED in text for text in told(s, EventKind.WARNING)))


async def adopted(stage: Stage, request: ReleaseRequest, handle: Handle) -> ReleaseState:
    await stage.order(request, Command.ADOPT)
    return await handle.result()


@replayed
async def test_a_change_in_a_bake_is_drift_within_one_look_and_names_who_it_was(stage: Stage) -> None:
    """No time passes: neither the next write nor the end of the bake is waited for."""
    stage.function.publish_now()  # 2 is the canary: its code is that of `$LATEST`
    request, handle = await stage.baking()
    stage.function.change_code("third")
    stage.function.publish_now()
    answer = await moved(stage, whole("3"))
    news = f"alias {stage.target} moved by {BOB} at {AT} outside Sluice: version 3"
    assert answer == f"told release {request.release_id}: {news}"
    state = await stage.until(request, lambda s: s.drifted)
    assert (state.phase, state.cause) == (Phase.ROLLING_BACK, Cause.DRIFT)
    assert told(state, EventKind.WARNING) == [news]
    assert [event.actor for event in state.events if event.text == news] == [BOB]
    assert "found version 3" in state.sentence
    assert state.sentence.endswith(f". CloudTrail names {BOB} at {AT}")
    assert told(state, EventKind.DRIFT) == [state.sentence]
    assert stage.writes() == ["version 1 + 10 % to version 2"]
    assert f"CloudTrail names {BOB}" in (await adopted(stage, request, handle)).sentence
    assert stage.routing == whole("3")


async def test_own_writes_are_no_news_and_leave_nothing_behind(stage: Stage) -> None:
    """CloudTrail tells of each of them: the update is refused before it is in the history."""
    request, handle = await stage.baking()
    before = await stage.service.get(request.release_id)
    answer = await tell(stage, split("1", "2", 10.000000149), at=datetime.now(UTC))
    assert answer == f"not taken: release {request.release_id} has written that itself"
    assert await updates(handle) == 0
    assert (await stage.service.get(request.release_id)).events == before.events
    await stage.order(request, Command.SKIP, step=0)
    await stage.reach(request, Phase.BAKING, step=1)
    assert "has written that itself" in await tell(stage, split("1", "2", 10), at=datetime.now(UTC))
    assert "has written that itself" in await tell(stage, split("1", "2", 50), version=None, at=datetime.now(UTC))
    await stage.order(request, Command.ABORT)
    assert told(await handle.result(), EventKind.WARNING) == []


async def test_a_way_back_to_an_earlier_weight_is_not_taken_for_a_write_of_its_own(stage: Stage) -> None:
    """What was wished once is no wish for ever: nobody is told PROMOTED over an alias that is split again."""
    request, handle = await stage.baking(stage.request(plan=plan(*steps(10, final=minutes(30)))))
    await stage.order(request, Command.SKIP, step=0)
    await stage.reach(request, Phase.FINAL_BAKE)
    await moved(stage, split("1", "2", 10))
    state = await stage.until(request, lambda s: s.drifted)
    assert (state.phase, state.cause) == (Phase.ROLLING_BACK, Cause.DRIFT)
    assert "found version 1 + 10 % to version 2, wished version" in state.sentence
    assert BOB in " ".join(told(state, EventKind.WARNING))
    assert stage.routing == split("1", "2", 10)
    await stage.order(request, Command.RESTORE)
    state = await handle.result()
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.DRIFT)
    assert stage.routing == whole("1")


async def test_an_alias_that_was_put_back_is_told_and_the_release_goes_on(stage: Stage) -> None:
    """News may be minutes old; the bake is not begun again."""
    request, handle = await stage.baking()
    await tell(stage, whole("7"))
    state = await looked(stage, request)
    assert told(state, EventKind.WARNING) == [
        f"alias {stage.target} moved by {BOB} at {AT} outside Sluice: version 7",
        f"alias {stage.target} {LOOKED} version 1 + 10 % to version 2, as wished: going on",
    ]
    assert (state.phase, state.sentence) == (Phase.BAKING, "baking at 10 % for 5 min")
    assert (await stage.finish(handle)).outcome is Outcome.PROMOTED
    events = (await handle.fetch_history()).events
    names = [event.activity_task_scheduled_event_attributes.activity_type.name for event in events]
    assert (names.count("bake"), names.count("read_alias")) == (3, 2)  # at the news, and at the end


WAITS = {
    "before anything": plan(Approval(), BAKE, END),
    "approval": plan(BAKE, Approval(), END),
    "gate": plan(
        BAKE,
        Gate(
            gate=Plugin(
                name="freeze",
                kind="freeze",
                options={"windows": [{"from": "2020-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z", "reason": "x"}]},
            )
        ),
        END,
    ),
}


@pytest.mark.parametrize("wait", WAITS)
async def test_a_change_during_any_wait_wakes_it(stage: Stage, wait: str) -> None:
    """Not at the next write, which may be a day away."""
    request, handle = await waiting(stage, wait)
    await tell(stage, whole("7"))
    state = await looked(stage, request)
    assert state.phase in (Phase.AWAITING_APPROVAL, Phase.PAUSED)
    await moved(stage, split("1", "3", 5))
    if wait == "before anything":  # there is nothing to settle: nothing of ours is on the alias
        ended = await handle.result()
        assert (ended.outcome, ended.cause) == (Outcome.REJECTED, Cause.DRIFT)
        assert f"CloudTrail names {BOB}" in ended.sentence
        return
    state = await stage.until(request, lambda s: s.drifted)
    assert f"CloudTrail names {BOB}" in state.sentence
    await adopted(stage, request, handle)
    assert stage.routing == split("1", "3", 5)


async def waiting(stage: Stage, wait: str) -> tuple[ReleaseRequest, Handle]:
    request = stage.request(plan=WAITS[wait])
    handle = await stage.start_still(request)
    if wait == "before anything":
        await stage.reach(request, Phase.AWAITING_APPROVAL)
        return request, handle
    await stage.reach(request, Phase.BAKING)
    await stage.forward(handle, minutes(5))
    await stage.until(request, lambda s: s.step == 1)
    return request, handle


async def test_a_paused_release_looks_too_and_stays_paused(stage: Stage) -> None:
    """Its limit runs on from when it was paused."""
    request, handle = await stage.baking()
    await stage.order(request, Command.PAUSE)
    before = await stage.reach(request, Phase.PAUSED)
    await stage.forward(handle, minutes(2))
    await tell(stage, whole("7"))
    state = await looked(stage, request)
    assert (state.phase, state.waiting_until) == (Phase.PAUSED, before.waiting_until)
    await stage.order(request, Command.RESUME)
    assert (await stage.finish(handle)).outcome is Outcome.PROMOTED


async def test_an_abort_does_not_wait_for_a_look_that_hangs(stage: Stage) -> None:
    """And its cause stands, whatever the look would have found."""
    request, handle = await stage.baking()
    hang = stage.aws.faults.hang("get_alias")
    await moved(stage, split("1", "2", 30))
    await hang.reached.wait()
    await stage.order(request, Command.ABORT)
    state = await handle.result()
    hang.release()
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.ABORT)


async def test_a_verdict_does_not_wait_for_a_look_that_hangs(stage: Stage) -> None:
    """The watch goes on while the alias is read; here it looks every second, and a hanging call stops the clock."""
    often = Sampling(period=minutes(1), lag=minutes(1), interval=timedelta(seconds=1))
    alarm = plan(*steps(10), checks=(Alarms(name="pager", names=("pager",)),)).model_copy(update={"sampling": often})
    cloudwatch = stage.aws.cloudwatch(stage.target)
    cloudwatch.set_alarm("pager", "OK")
    _, handle = await stage.baking(stage.request(plan=alarm))
    hang = stage.aws.faults.hang("get_alias")
    await tell(stage, whole("7"))
    await hang.reached.wait()
    cloudwatch.set_alarm("pager", "ALARM")
    async with asyncio.timeout(8):
        state = await handle.result()
    hang.release()
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.VERDICT)


async def test_a_change_while_preparing_is_only_told(stage: Stage) -> None:
    """The first write is guarded by the revision that was read before it, and finds out."""
    hang = stage.aws.faults.hang("publish_version")
    request = stage.request()
    handle = await stage.start_still(request)
    await hang.reached.wait()
    await tell(stage, whole("7"))
    assert len(told(await stage.service.get(request.release_id), EventKind.WARNING)) == 1
    assert len(stage.aws.journal.of("get_alias")) == 1
    hang.release()
    assert (await stage.finish(handle)).outcome is Outcome.PROMOTED


async def test_a_name_that_comes_late_is_put_into_the_sentence_of_a_drift_that_waits(stage: Stage) -> None:
    """CloudTrail takes minutes: the guarded write often finds the drift first."""
    request, handle = await stage.baking()
    stage.aws.move(stage.target, whole("3"))
    await stage.order(request, Command.SKIP, step=0)
    before = await stage.until(request, lambda s: s.drifted)
    assert BOB not in before.sentence
    await tell(stage, whole("4"), by="arn:aws:iam::123456789012:user/carol")
    await tell(stage, whole("3"))
    state = await stage.service.get(request.release_id)
    assert state.sentence == f"{before.sentence}. CloudTrail names {BOB} at {AT}"
    assert (state.phase, state.drifted, state.waiting_until) == (Phase.ROLLING_BACK, True, before.waiting_until)
    reads = len(stage.aws.journal.of("get_alias"))
    await tell(stage, whole("3"))
    assert (await stage.service.get(request.release_id)).sentence == state.sentence
    assert len(stage.aws.journal.of("get_alias")) == reads
    ended = await adopted(stage, request, handle)
    assert ended.sentence == f"{state.sentence}. Adopted as it is by bob: because"


async def test_a_deleted_alias_is_drift_too(stage: Stage) -> None:
    """Nothing is created again; when somebody else does, the way back goes on."""
    request, handle = await stage.baking()
    del stage.function.aliases["live"]
    await tell(stage, None)
    state = await stage.until(request, lambda s: s.drifted)
    assert state.cause is Cause.DRIFT
    assert f"alias {stage.target} deleted by {BOB} at {AT} outside Sluice" in told(state, EventKind.WARNING)
    (back,) = told(state, EventKind.ROLLING_BACK)
    assert f"alias {stage.target} was deleted by somebody else" in back
    assert f"CloudTrail names {BOB} at {AT}" in back
    assert f"CloudTrail names {BOB} at {AT}. Sluice tries on" in state.sentence
    stage.function.set_alias("live", whole("1"))
    assert (await stage.finish(handle)).outcome is Outcome.ROLLED_BACK


async def test_other_weights_of_both_versions_are_told_and_corrected_by_the_next_write(stage: Stage) -> None:
    """As without news: both are ours."""
    request, handle = await stage.baking()
    await moved(stage, split("1", "2", 80))
    state = await looked(stage, request)
    assert f"{LOOKED} version 1 + 80 % to version 2 instead of version 1 + 10 % to version 2" in state.events[-1].text
    await stage.order(request, Command.SKIP, step=0)
    await stage.reach(request, Phase.BAKING, step=1)
    assert stage.routing == split("1", "2", 50)
    await stage.order(request, Command.ABORT)
    await handle.result()


async def test_a_rollback_by_hand_after_the_promotion_is_never_called_promoted(stage: Stage) -> None:
    """No write would come any more that found it."""
    request, handle = await stage.baking(stage.request(plan=plan(*steps(10))))
    await stage.order(request, Command.PROMOTE, step=0)
    await stage.reach(request, Phase.FINAL_BAKE)
    await moved(stage, whole("1"))
    state = await handle.result()
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.DRIFT)
    assert f"CloudTrail names {BOB}" in state.sentence
    assert stage.routing == whole("1")


async def test_the_end_waits_for_a_look_that_a_skip_has_cut_short(stage: Stage) -> None:
    """Promoted is said only of an alias that is not known to be elsewhere."""
    request, handle = await stage.baking(stage.request(plan=plan(*steps(10))))
    await stage.order(request, Command.PROMOTE, step=0)
    await stage.reach(request, Phase.FINAL_BAKE)
    hang = stage.aws.faults.hang("get_alias")
    await moved(stage, whole("3"))
    await hang.reached.wait()
    await stage.order(request, Command.SKIP, step=1)
    state = await stage.until(request, lambda s: s.drifted)
    hang.release()
    assert f"CloudTrail names {BOB}" in state.sentence
    await adopted(stage, request, handle)


async def test_an_alias_that_cannot_be_read_is_told_and_is_no_reason_to_go_back(stage: Stage) -> None:
    request, handle = await stage.baking()
    stage.aws.faults.refuse("get_alias", AccessDenied("could not read alias: not allowed"))
    await tell(stage, whole("7"))
    text = "the alias could not be looked at after that: could not read alias: not allowed"
    await stage.until(request, lambda s: text in told(s, EventKind.WARNING))
    assert (await stage.finish(handle)).outcome is Outcome.PROMOTED


async def test_the_same_change_is_taken_once_and_an_older_one_not_at_all(stage: Stage) -> None:
    """What happened before the release has read the alias is no change to it: its predecessor's writes, for one."""
    request, handle = await stage.baking()
    releases, news = RunningReleases(stage.client), change(stage, whole("7"))
    assert await releases.tell(news) == await releases.tell(news)
    old = await tell(stage, whole("8"), at=request.submitted_at - timedelta(seconds=2))
    assert old == f"not taken: it is older than release {request.release_id}, which has read the alias since"
    state = await looked(stage, request)
    assert len([text for text in told(state, EventKind.WARNING) if "outside Sluice" in text]) == 1
    await stage.order(request, Command.ABORT)
    await handle.result()
    assert await tell(stage, whole("7")) == f"no release runs on {stage.target}: there is nobody to tell"


async def test_a_flood_of_changes_grows_neither_history_nor_journal_without_limit(stage: Stage) -> None:
    request, handle = await stage.baking()
    answers = [await tell(stage, whole(str(100 + number))) for number in range(2 * MAX_CHANGES)]
    assert sum(answer.startswith("told release") for answer in answers) == MAX_CHANGES
    assert answers[-1].startswith(f"not taken: release {request.release_id} has been told of {MAX_CHANGES} changes")
    assert await updates(handle) == MAX_CHANGES
    assert len((await handle.fetch_history()).events) < 100 + 25 * MAX_CHANGES
    state = await stage.service.get(request.release_id)
    assert len(state.model_dump_json()) < 24_000
    assert (await stage.finish(handle)).outcome is Outcome.PROMOTED


async def test_no_worker_is_no_answer_and_the_news_is_sent_again(unstaffed: Stage) -> None:
    """The activity that tells is retried; nothing is lost and nothing doubled."""
    stage = unstaffed
    async with workflow_worker(stage.environment), aws_worker(stage), restore_worker(stage):
        request, handle = await stage.baking()
    news = change(stage, whole("7"))
    releases = RunningReleases(stage.client)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("orchestrator.intake_noting.ANSWER_SECONDS", 0.5)
        with pytest.raises(Unavailable, match="did not answer"):
            await releases.tell(news)
    async with workflow_worker(stage.environment), aws_worker(stage), restore_worker(stage):
        assert (await releases.tell(news)).startswith("told release")
        state = await looked(stage, request)
        assert len([text for text in told(state, EventKind.WARNING) if "outside Sluice" in text]) == 1
        await stage.order(request, Command.ABORT)
        await handle.result()


async def updates(handle: Handle) -> int:
    """Updates that are in the history."""
    kinds = [event.WhichOneof("attributes") for event in (await handle.fetch_history()).events]
    return kinds.count("workflow_execution_update_accepted_event_attributes")

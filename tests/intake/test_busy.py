"""A target that is held: refuse, abort the other, or wait in line."""

import asyncio
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowHandle

from orchestrator.domain.errors import IllegalCommand
from orchestrator.domain.intake import Submission, SubmissionState
from orchestrator.domain.plan import Approval, Bake, Plan, Promote, Shift
from orchestrator.domain.release import Actor, Cause, Command, Latest, Order, Outcome, Phase, ReleaseRequest
from orchestrator.domain.traffic import split, whole
from orchestrator.readings import Reader
from orchestrator.rows import Row
from orchestrator.service import ReleaseService, new_release_id
from orchestrator.submitting import submit
from tests.intake.world import PATIENCE, World, working
from workflows.submission import SubmissionWorkflow

NOW = Bake(duration=timedelta(0))
SPLIT_AND_HELD = Plan(strategy="t", steps=(Shift(weight=10, bake=NOW), Approval(), Promote(bake=NOW)), checks=())
QUICK = Plan(strategy="t", steps=(Promote(bake=NOW),), checks=())

Handle = WorkflowHandle[SubmissionWorkflow, SubmissionState]


def submission(world: World, plan: Plan, on_busy: str, *, late: float = 0, **more: object) -> Submission:
    request = ReleaseRequest(
        release_id=new_release_id(),
        target=world.target,
        artifact=Latest(),
        plan=plan,
        actor=Actor(name="bob", source="test"),
        reason="newer build",
        submitted_at=datetime.now(UTC) + timedelta(seconds=late),
    )
    request = request.model_copy(update={"idempotency_key": request.release_id})
    return Submission(request=request, on_busy=on_busy, **more)  # type: ignore[arg-type]


def keyed(what: Submission, key: str = "k") -> Submission:
    return what.model_copy(update={"request": what.request.model_copy(update={"idempotency_key": key})})


async def send(world: World, what: Submission) -> Handle:
    assert await submit(world.client, what)
    return world.client.get_workflow_handle_for(SubmissionWorkflow.run, what.workflow_id)


async def holding(world: World) -> str:
    """Leave a release at 10 %, waiting for an approval."""
    held = submission(world, SPLIT_AND_HELD, "reject")
    await send(world, held)
    await world.until(held.request.release_id, lambda s: s.phase is Phase.AWAITING_APPROVAL)
    return held.request.release_id


async def abort(world: World, release_id: str) -> None:
    order = Order(command=Command.ABORT, actor=Actor(name="t"), release_id=release_id)
    await world.releases.command(order, key="t")
    await world.ended(release_id)


async def in_line(world: World, count: int) -> list[str]:
    async with asyncio.timeout(PATIENCE):
        while True:
            line = await world.releases.waiting(world.target)
            if len(line) == count and all(each.status == "queued" for each in line):
                break
            await asyncio.sleep(0.05)
        return [each.release_id for each in line]


async def test_reject_names_the_holder_and_starts_nothing(world: World) -> None:
    holder = await holding(world)
    state = await (await send(world, submission(world, QUICK, "reject"))).result()
    assert state.status == "refused"
    assert f"release {holder} holds {world.target}" in state.release.sentence
    assert await world.count() == 1
    await abort(world, holder)


async def test_supersede_passes_through_stable_at_100_per_cent(world: World) -> None:
    """The other is aborted with actor and reason, and the alias is whole before the new release writes."""
    holder = await holding(world)
    assert world.aws.routing(world.target) == split("1", "2", 10)
    world.function.change_code("third")
    newer = submission(world, SPLIT_AND_HELD, "supersede")
    assert (await (await send(world, newer)).result()).status == "started"
    first = await world.ended(holder)
    assert (first.outcome, first.cause) == (Outcome.ROLLED_BACK, Cause.ABORT)
    assert f"bob: superseded by release {newer.request.release_id}: newer build" in first.sentence
    await world.until(newer.request.release_id, lambda s: s.phase is Phase.AWAITING_APPROVAL)
    routings = [routing for _, routing in world.aws.routings(world.target)]
    assert routings == [whole("1"), split("1", "2", 10), whole("1"), split("1", "3", 10)]
    await abort(world, newer.request.release_id)


async def test_an_older_submission_never_supersedes_a_newer_release(world: World) -> None:
    holder = await holding(world)
    older = submission(world, QUICK, "supersede", late=-60)
    state = await (await send(world, older)).result()
    assert (state.status, state.release.sentence) == (
        "refused",
        f"superseded by release {holder}, which was submitted later",
    )
    await abort(world, holder)


async def test_the_line_is_kept_in_order_of_arrival(world: World) -> None:
    """Visible while they wait, and one after the other once the target is free."""
    holder = await holding(world)
    waiting = [submission(world, SPLIT_AND_HELD, "queue", late=number / 100) for number in range(3)]
    handles = [await send(world, each) for each in reversed(waiting)]
    ids = [each.request.release_id for each in waiting]
    assert await in_line(world, 3) == ids
    previous = holder
    for number, release_id in enumerate(ids):
        world.function.change_code(f"build-{number}")
        await abort(world, previous)
        await world.until(release_id, lambda s: s.phase is Phase.AWAITING_APPROVAL)
        assert await in_line(world, 2 - number) == ids[number + 1 :]
        previous = release_id
    await abort(world, previous)
    assert {(await handle.result()).status for handle in handles} == {"started"}


async def test_the_line_has_an_end(world: World) -> None:
    holder = await holding(world)
    await send(world, submission(world, QUICK, "queue"))
    await in_line(world, 1)
    state = await (await send(world, submission(world, QUICK, "queue", line_limit=1))).result()
    assert state.status == "refused"
    assert "1 releases wait" in state.release.sentence
    await abort(world, holder)
    await in_line(world, 0)


async def test_a_wait_ends_when_patience_does(world: World) -> None:
    holder = await holding(world)
    state = await (await send(world, submission(world, QUICK, "queue", patience=timedelta(seconds=2)))).result()
    assert (state.status, state.release.sentence) == (
        "refused",
        f"{world.target} was not free within 0:00:02: submit it again",
    )
    assert await world.count() == 1
    await abort(world, holder)


async def test_what_waits_can_be_withdrawn(world: World) -> None:
    holder = await holding(world)
    handle = await send(world, submission(world, QUICK, "queue"))
    await in_line(world, 1)
    await handle.cancel()
    assert (await handle.result()).release.sentence == "withdrawn before it started"
    assert await in_line(world, 0) == []
    await abort(world, holder)


async def test_a_queued_release_reads_like_any_other(world: World) -> None:
    """By its id and in the list, with its place in line; then it is the release itself, under the same id."""
    holder = await holding(world)
    waiting = submission(world, QUICK, "queue")
    await send(world, waiting)
    release_id = waiting.request.release_id
    state = await world.until(release_id, lambda s: "next in line" in s.sentence)
    assert (state.phase, state.outcome, state.actor, state.reason) == (Phase.QUEUED, None, "bob", "newer build")
    assert state.sentence == f"next in line; release {holder} (AWAITING_APPROVAL) holds {world.target}"
    assert [step.label for step in state.steps] == ["100 %"]
    service = ReleaseService(world.client)
    listed = [each for each in await service.list() if each.target == world.target]
    assert [(each.release_id, each.phase) for each in listed] == [
        (release_id, Phase.QUEUED),
        (holder, Phase.AWAITING_APPROVAL),
    ]
    world.function.change_code("third")
    await abort(world, holder)
    assert (await world.ended(release_id)).outcome is Outcome.PROMOTED
    listed = [each for each in await service.list() if each.target == world.target]
    assert sorted(each.release_id for each in listed) == sorted([holder, release_id])


async def test_an_abort_withdraws_what_waits_and_says_who(world: World) -> None:
    """Like a command to a release: the same key twice is taken once, and nothing else fits."""
    holder = await holding(world)
    handle = await send(world, waiting := submission(world, QUICK, "queue"))
    await in_line(world, 1)
    release_id = waiting.request.release_id
    pause = Order(command=Command.PAUSE, actor=Actor(name="t"), release_id=release_id)
    with pytest.raises(IllegalCommand, match="has not begun; only abort fits"):
        await world.releases.command(pause, key="p")
    order = Order(command=Command.ABORT, actor=Actor(name="carla"), release_id=release_id, reason="wrong build")
    for _ in range(2):
        await world.releases.command(order, key="w")
    state = (await handle.result()).release
    assert (state.outcome, state.cause) == (Outcome.REJECTED, Cause.ABORT)
    assert state.sentence == "withdrawn before it started by carla: wrong build"
    assert await world.releases.get(release_id) == state
    with pytest.raises(IllegalCommand, match="has ended"):
        await world.releases.command(order, key="x")
    assert (await world.releases.get(holder)).phase is Phase.AWAITING_APPROVAL
    await abort(world, holder)


async def test_a_command_that_meets_the_start_reaches_the_release(world: World) -> None:
    """What was sent to the place in line goes on to the release that has just left it."""
    waiting = submission(world, SPLIT_AND_HELD, "queue")
    handle = await send(world, waiting)
    await handle.result()
    release_id = waiting.request.release_id
    row = await Reader(world.client).of_id(release_id)
    assert row is not None
    assert row.stage == "release"
    late = replace(row, workflow_id=waiting.workflow_id, run_id="", stage="handed_over")

    class Late(Reader):
        async def find(self, *_: object, **__: object) -> Row:
            return late

    service = ReleaseService(world.client)
    service._reader = Late(world.client)
    order = Order(command=Command.ABORT, actor=Actor(name="t"), release_id=release_id)
    await service.command(order, key="late")
    assert (await world.ended(release_id)).cause is Cause.ABORT


async def test_what_was_terminated_has_started_nothing_and_says_so(world: World) -> None:
    holder = await holding(world)
    handle = await send(world, waiting := submission(world, QUICK, "queue"))
    await in_line(world, 1)
    await handle.terminate("by hand")
    state = await world.ended(waiting.request.release_id)
    assert (state.outcome, state.cause) == (Outcome.REJECTED, Cause.ERROR)
    assert state.sentence == "the submission was terminated in Temporal: nothing was started; submit it again"
    await abort(world, holder)


async def test_a_release_that_waited_counts_as_later_than_the_one_it_waited_for(world: World) -> None:
    """The version before the last one cannot come back behind its back, though it was submitted earlier."""
    holder = await holding(world)
    waiting = submission(world, QUICK, "queue", late=-60)
    await send(world, waiting)
    await in_line(world, 1)
    world.function.change_code("third")
    promote = Order(command=Command.APPROVE, actor=Actor(name="t"), release_id=holder, step=1)
    await world.releases.command(promote, key="a")
    await world.ended(holder)
    assert (await world.ended(waiting.request.release_id)).outcome is Outcome.PROMOTED
    with pytest.raises(IllegalCommand, match=f"release {waiting.request.release_id} has changed"):
        await ReleaseService(world.client).rollback(holder, actor=Actor(name="t"), reason="")


async def test_a_long_wait_adds_no_history(world: World) -> None:
    """Some twenty looks later the history is as long as after the first."""
    holder = await holding(world)
    handle = await send(world, submission(world, QUICK, "queue"))
    await in_line(world, 1)
    await asyncio.sleep(0.5)
    before = (await handle.describe()).history_length
    await asyncio.sleep(2)
    assert (await handle.describe()).history_length == before
    await abort(world, holder)
    assert (await handle.result()).status == "started"


async def test_only_an_abort_withdraws_also_before_a_worker_has_seen_it(idle: World) -> None:
    what = submission(idle, QUICK, "queue")
    handle = await send(idle, what)
    pause = Order(command=Command.PAUSE, actor=Actor(name="t"), release_id=what.request.release_id)
    sent = asyncio.create_task(idle.releases.command(pause, key="p"))
    await asyncio.sleep(0.5)
    async with working(idle):
        with suppress(IllegalCommand):  # by then it is the release that is asked, and it may be over
            await sent
        assert (await handle.result()).status == "started"
        with suppress(IllegalCommand):
            await idle.releases.command(pause.model_copy(update={"command": Command.RESUME}), key="r")
        assert (await idle.ended(what.request.release_id)).outcome is Outcome.PROMOTED


@pytest.mark.parametrize("policy", ["queue", "supersede", "reject"])
async def test_a_worker_that_dies_right_after_the_start_has_started_once(idle: World, policy: str) -> None:
    """No attempt is counted of what a lost workflow task has done: the next worker begins at the first."""
    what = keyed(submission(idle, SPLIT_AND_HELD, policy), "")
    address = idle.client.service_client.config.target_host
    dying = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.intake.dying_worker", address), stdout=asyncio.subprocess.PIPE
    )
    assert dying.stdout is not None
    assert await asyncio.wait_for(dying.stdout.readline(), PATIENCE) == b"ready\n"
    handle = await send(idle, what)
    assert b"started\n" in await asyncio.wait_for(dying.stdout.read(), PATIENCE)
    await dying.wait()
    async with working(idle):
        release_id = what.request.release_id
        async with asyncio.timeout(PATIENCE):
            assert (await handle.result()).status == "started"
        await idle.until(release_id, lambda s: s.phase is Phase.AWAITING_APPROVAL)
        await abort(idle, release_id)
        assert await idle.count() == 1
        await idle.quiet()


async def test_one_key_stands_in_line_once_whoever_asks_at_the_same_moment(world: World) -> None:
    holder = await holding(world)
    service = ReleaseService(world.client)
    both = [keyed(submission(world, QUICK, "queue")) for _ in range(2)]
    first, second = await asyncio.gather(*(service.hand_in(each) for each in both))
    assert first.release_id == second.release_id
    await in_line(world, 1)
    world.function.change_code("third")
    await abort(world, holder)
    assert (await world.ended(first.release_id)).outcome is Outcome.PROMOTED
    assert await world.count() == 2


async def test_a_key_that_has_started_another_release_is_told_and_leaves_nothing_waiting(world: World) -> None:
    """Two senders with one key: the second follows nothing that never comes."""
    first, second = (keyed(submission(world, QUICK, "queue")) for _ in range(2))
    assert (await (await send(world, first)).result()).status == "started"
    await world.ended(first.request.release_id)
    state = await (await send(world, second)).result()
    assert state.status == "refused"
    assert f"release {first.request.release_id} was started with the same idempotency key" in state.release.sentence
    assert (await world.releases.get(second.request.release_id)).outcome is Outcome.REJECTED


async def test_an_abort_gets_through_at_whatever_moment_it_comes(world: World) -> None:
    """Also while the workflow task that carries it fails, since the release would have ended with news unread."""
    service = ReleaseService(world.client)
    for number in range(15):
        world.function.change_code(f"build-{number}")
        request = submission(world, SPLIT_AND_HELD, "reject").request
        await service.submit(request)
        await asyncio.sleep(number / 50)
        order = Order(command=Command.ABORT, actor=Actor(name="t"), release_id=request.release_id)
        await service.command(order, key="a")
        assert (await world.ended(request.release_id)).cause is Cause.ABORT

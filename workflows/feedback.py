"""Telling CI systems how a release goes, each state once; and the activities of everything around a release."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.drift import AliasChange
    from orchestrator.domain.intake import Feedback, Follow, Standing, Submission, Submitted, Tell, Turn
    from orchestrator.domain.release import Order
    from workflows.unwinding import said

INTAKE_QUEUE = "sluice-intake"
"""Task queue of submitting, following and telling: none of it may keep a release's own work waiting."""
UNTIRING = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=15))
TELL_FOR = timedelta(hours=1)
TELL_END_FOR = timedelta(hours=24)
"""The last state is what a pipeline waits for."""
LONGEST_RELEASE = timedelta(days=30)


async def submit_release(submission: Submission, left: timedelta) -> Submitted:
    """Try once to start; retried while Temporal is away. Local: one workflow task, and the release has started."""
    done: Submitted = await workflow.execute_local_activity(
        "submit_release",
        submission,
        result_type=Submitted,
        start_to_close_timeout=timedelta(seconds=20),
        schedule_to_close_timeout=left,
        retry_policy=UNTIRING,
        # a release that starts while it is withdrawn must be reported as started
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=f"start release {submission.request.release_id}",
    )
    return done


def await_turn(submission: Submission, left: timedelta) -> workflow.ActivityHandle[Turn]:
    """Start the one activity of the whole wait; a busy target is a retry."""
    return workflow.start_activity(
        "await_turn",
        submission,
        result_type=Turn,
        task_queue=INTAKE_QUEUE,
        start_to_close_timeout=timedelta(seconds=30),
        schedule_to_close_timeout=left,
        retry_policy=UNTIRING,
        summary=f"{submission.on_busy}: wait for {submission.request.target}",
    )


async def send_order(order: Order) -> str:
    """A button is pressed now or never: after ten minutes nobody means it any more."""
    sentence: str = await workflow.execute_activity(
        "send_order",
        order,
        result_type=str,
        task_queue=INTAKE_QUEUE,
        start_to_close_timeout=timedelta(seconds=20),
        schedule_to_close_timeout=timedelta(minutes=10),
        retry_policy=UNTIRING,
        summary=f"{order.command} release {order.release_id}",
    )
    return sentence


async def note_change(change: AliasChange) -> str:
    """News of an hour ago is none: the release has read its alias since, or has ended."""
    sentence: str = await workflow.execute_activity(
        "note_change",
        change,
        result_type=str,
        task_queue=INTAKE_QUEUE,
        start_to_close_timeout=timedelta(seconds=20),
        schedule_to_close_timeout=timedelta(hours=1),
        retry_policy=UNTIRING,
        summary=f"tell the release of {change.target}",
    )
    return sentence


def _follow(release_id: str, seen: str) -> workflow.ActivityHandle[Standing]:
    return workflow.start_activity(
        "follow_release",
        Follow(release_id=release_id, seen=seen),
        result_type=Standing,
        task_queue=INTAKE_QUEUE,
        start_to_close_timeout=timedelta(seconds=20),
        schedule_to_close_timeout=LONGEST_RELEASE,
        retry_policy=UNTIRING,
        summary=f"until release {release_id} stands otherwise",
    )


async def _tell(to: Feedback, standing: Standing) -> None:
    await workflow.execute_activity(
        "tell_ci",
        Tell(to=to, standing=standing),
        task_queue=INTAKE_QUEUE,
        start_to_close_timeout=timedelta(seconds=30),
        schedule_to_close_timeout=TELL_END_FOR if standing.done else TELL_FOR,
        retry_policy=UNTIRING,
        summary=f"{to.kind}: {standing.state}",
    )


class Teller:
    """Tells every destination the newest standing, in order, each at most once; one that is overtaken is left out."""

    def __init__(self, destinations: tuple[Feedback, ...]) -> None:
        self._destinations = destinations
        self._newest: Standing | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._trouble: dict[str, str] = {}
        self._finishing = False

    def tell(self, standing: Standing) -> None:
        """Take the newest standing; nothing waits for it to be told."""
        self._newest = standing
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._serve(to)) for to in self._destinations]

    async def follow(self, release_id: str) -> None:
        """Tell what becomes of the release until it has ended."""
        seen = ""
        while True:
            try:
                standing = await _follow(release_id, seen)
            except ActivityError as error:
                self._trouble["follow"] = said(error)
                return
            seen = standing.key
            self.tell(standing)
            if standing.done:
                return

    async def finish(self) -> str | None:
        """Wait until the newest standing has been told everywhere; return what could not be told, and why."""
        self._finishing = True
        await asyncio.gather(*self._tasks)
        return "; ".join(self._trouble.values()) or None

    async def _serve(self, to: Feedback) -> None:
        told = ""
        while True:
            await workflow.wait_condition(lambda told=told: self._finishing or self._key != told)  # type: ignore[misc]
            standing = self._newest
            if standing is None or standing.key == told:
                return
            told = standing.key
            try:
                await _tell(to, standing)
            except ActivityError as error:
                self._trouble[to.kind] = f"{to.kind} was not told `{standing.state}`: {said(error)}"
            else:
                self._trouble.pop(to.kind, None)

    @property
    def _key(self) -> str:
        return self._newest.key if self._newest else ""

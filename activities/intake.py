"""The activities around a release: start it, wait for its target, follow it, and press its buttons."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.errors import translated
from orchestrator.domain.errors import Conflict, IllegalCommand, NotFound
from orchestrator.domain.intake import (
    SUPERSEDED,
    Follow,
    Standing,
    Submission,
    SubmissionState,
    Submitted,
    Turn,
    standing_of,
)
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Command, Order, Outcome, Phase, ReleaseRequest, Target

WAITING = "Waiting"
"""Temporal error type of an attempt that must look again later."""
LOOK_FIRST = timedelta(seconds=1)
"""Time between two looks of the first in line, and of whoever aborts another."""
LOOK_LATER = timedelta(seconds=5)
"""Time between two looks of the others in line."""
LOOK_RELEASE = timedelta(seconds=2)
"""Time between two looks at a running release."""


class Releases(Protocol):
    """The use cases of releases, as far as an intake needs them. Raises only errors of `orchestrator.domain.errors`."""

    async def submit(self, request: ReleaseRequest) -> ReleaseState:
        """Start the release; the same idempotency key gives the release that it started. Raises Conflict."""
        ...

    async def get(self, ref: str) -> ReleaseState:
        """Read one release. Raises NotFound."""
        ...

    async def command(self, order: Order, *, key: str) -> ReleaseState:
        """Send one command, taken once for the same `key`. Raises IllegalCommand, NotFound, Unavailable."""
        ...

    async def record_superseding(self, abort: Order, target: Target, *, key: str) -> None:
        """Write the abort of the target's holder to the audit, once for the same `key`. Raises Unavailable."""
        ...

    async def holder(self, target: Target) -> ReleaseState | None:
        """Return the newest release of the target, ended or not, strongly consistent; None where there was none."""
        ...

    async def waiting(self, target: Target) -> Sequence[SubmissionState]:
        """Return the submissions with policy `queue` that have not started, in order of arrival."""
        ...


class Intaking:
    """Activities on the queue `sluice-intake`; `pace` scales the time between two looks, 1 but in tests."""

    def __init__(self, releases: Releases, pace: float = 1) -> None:
        self._releases = releases
        self._pace = pace

    @activity.defn(name="submit_release")
    @translated
    async def submit_release(self, work: Submission) -> Submitted:
        """Start the release unless its target is held. A second run finds what the first has started.

        A worker that dies before this is recorded leaves no trace of it, not even an attempt that is counted; so every
        release has a key, by which it is found again.
        """
        request = work.request
        request = request.model_copy(update={"idempotency_key": request.idempotency_key or request.release_id})
        if work.on_busy == "queue" and (before := await self._before(work)):
            holder = await self._releases.holder(request.target)
            if holder is None or holder.release_id != request.release_id:
                return Submitted(status="busy", sentence=f"{len(before)} before it in line for {request.target}")
        try:
            state = await self._releases.submit(request)
        except Conflict as error:
            if work.on_busy == "reject":
                return Submitted(status="refused", sentence=str(error))
            holder = await self._releases.holder(request.target)
            who = f"release {holder.release_id}" if holder is not None else "another release"
            return Submitted(status="busy", sentence=f"{who} holds {request.target}")
        if state.release_id != request.release_id:
            sentence = f"release {state.release_id} was started with the same idempotency key already: follow that one"
            return Submitted(status="refused", sentence=sentence)
        return Submitted(status="started", sentence=f"release {state.release_id} has started")

    @activity.defn(name="await_turn")
    @translated
    async def await_turn(self, work: Submission) -> Turn:
        """Return when the target is free for this submission, or never will be. A second run looks again.

        With `supersede` the holder is aborted, once, and has ended at 100 % stable when this returns.
        """
        holder = await self._releases.holder(work.request.target)
        if work.on_busy == "supersede":
            return await self._superseding(work, holder)
        before = await self._before(work)
        if len(before) >= work.line_limit:
            limit = f"{work.line_limit} releases wait for {work.request.target} already"
            return Turn(refused=f"{limit}: let the line get shorter, or abort what is not needed")
        if before:
            raise _again(f"{len(before) + 1} in line for {work.request.target}", LOOK_LATER * self._pace)
        if holder is not None and not holder.done:
            raise _again(f"next in line; {_holds(holder)}", LOOK_FIRST * self._pace)
        return Turn()

    @activity.defn(name="follow_release")
    @translated
    async def follow_release(self, work: Follow) -> Standing:
        """Return the release's standing once it is another than `seen`. A second run reads again."""
        try:
            standing = standing_of(await self._releases.get(work.release_id))
        except NotFound:
            standing = None  # started this moment and not listed yet
        if standing is not None and standing.key != work.seen:
            return standing
        raise _again(standing.description if standing else "not listed yet", LOOK_RELEASE * self._pace)

    @activity.defn(name="send_order")
    @translated
    async def send_order(self, order: Order) -> str:
        """Send a command and return what became of it. A second run sends the same command."""
        key = f"{order.command}/{order.step}/{order.actor.source}/{order.actor.name}"
        try:
            await self._releases.command(order, key=key)
        except (IllegalCommand, NotFound) as error:
            return f"{order.command} by {order.actor.name} was refused: {error}"
        return f"{order.command} of release {order.release_id} by {order.actor.name} was taken"

    async def _superseding(self, work: Submission, holder: ReleaseState | None) -> Turn:
        request = work.request
        if holder is None or holder.release_id == request.release_id:
            return Turn()
        if holder.started_at > request.submitted_at:
            return Turn(refused=f"{SUPERSEDED}{holder.release_id}, which was submitted later")
        if holder.done:
            if holder.outcome is Outcome.FAILED:
                return Turn(refused=f"{_holds(holder)}: a person must look at {request.target} first")
            return Turn()
        if holder.phase is not Phase.ROLLING_BACK:
            why = f": {request.reason}" if request.reason else ""
            order = Order(
                command=Command.ABORT,
                actor=request.actor,
                release_id=holder.release_id,
                reason=f"{SUPERSEDED}{request.release_id}{why}",
            )
            key = f"supersede/{request.release_id}"  # in the audit with the holder: more than one may be in the way
            await self._releases.record_superseding(order, holder.target, key=f"{key}/{holder.release_id}")
            with suppress(IllegalCommand):  # it has ended meanwhile: the next look finds out how
                await self._releases.command(order, key=key)
        raise _again(f"superseding: {_holds(holder)}", LOOK_FIRST * self._pace)

    async def _before(self, work: Submission) -> list[SubmissionState]:
        own = (work.request.submitted_at, work.request.release_id)
        line = await self._releases.waiting(work.request.target)
        return [each for each in line if each.place_in_line < own]


def _holds(holder: ReleaseState) -> str:
    return f"release {holder.release_id} ({holder.outcome or holder.phase}) holds {holder.target}"


def _again(sentence: str, after: timedelta) -> ApplicationError:
    """Leave the sentence where readers find it, and return what makes the activity look again."""
    activity.heartbeat(sentence)
    return ApplicationError(sentence, type=WAITING, next_retry_delay=after, category=ApplicationErrorCategory.BENIGN)

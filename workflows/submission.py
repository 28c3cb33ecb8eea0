"""One release that is to start, exactly once: now, after another, or instead of it. Then CI is told how it goes."""

import asyncio
from datetime import timedelta
from typing import Any, Literal

from temporalio import workflow
from temporalio.common import TypedSearchAttributes
from temporalio.exceptions import ActivityError, CancelledError, RetryState
from temporalio.exceptions import TimeoutError as TemporalTimeout

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.commands import refusal
    from orchestrator.domain.intake import Submission, SubmissionState, Submitted, refused, waiting
    from orchestrator.domain.journal import Event, EventKind, ReleaseState, record
    from orchestrator.domain.release import Cause, Order, Outcome, Phase
    from workflows import feedback
    from workflows.feedback import Teller
    from workflows.intent import COMMAND_UPDATE, refuse, told
    from workflows.logbook import MEMO_KEY, OUTCOME, PHASE, first_attributes, first_state
    from workflows.unwinding import said
    from workflows.waits import race

MEMO_SUBMISSION = "submission"
STARTED = "STARTED"
"""Search attribute of the phase once the release has a workflow of its own, which is then found instead."""
WITHDRAWN = "withdrawn before it started"
Status = Literal["pending", "queued", "started", "refused"]


def submission_state(submission: Submission) -> SubmissionState:
    """Return the state of a submission that no worker has seen yet."""
    return SubmissionState(release=first_state(submission.request), on_busy=submission.on_busy)


def submission_memo(submission: Submission) -> dict[str, Any]:
    """Return the memo that a submission is started with: readers find it without a worker."""
    return {MEMO_SUBMISSION: submission_state(submission), MEMO_KEY: submission.request.idempotency_key}


def submission_attributes(submission: Submission) -> TypedSearchAttributes:
    """Return the search attributes that a submission is started with: those of the release that it stands for."""
    return first_attributes(submission.request)


class Course:
    """One submission from its arrival to the end of what there is to tell; part of `Intake` and of `Submission`."""

    def __init__(self, submission: Submission) -> None:
        self._submission = submission
        self._state = submission_state(submission)
        self._teller = Teller(submission.feedback)
        self._withdrawal: Order | None = None

    def refusal(self, order: Order) -> str | None:
        """Say why the order does not fit what waits; None when it does."""
        if self._state.status == "started":
            return f"release {order.release_id} has just started: send it again"
        waiting = self._state.release.model_copy(update={"phase": Phase.QUEUED})  # also before a worker has seen it
        return refusal(self._state.release if self._state.release.done else waiting, order)

    def withdraw(self, order: Order) -> ReleaseState:
        """Take an abort: what waits does not start, and what is just starting is aborted. Repeating it is harmless."""
        self._withdrawal = self._withdrawal or order
        data = {"order": order.model_dump(mode="json")}
        self._note(EventKind.COMMAND, f"{order.command} by {told(order)}", actor=order.actor.name, data=data)
        workflow.upsert_memo({MEMO_SUBMISSION: self._state})
        return self._state.release

    async def run(self) -> SubmissionState:
        """Start the release exactly once, or say why not; a cancellation withdraws what still waits."""
        submission, request = self._submission, self._submission.request
        self._note(EventKind.STARTED, f"submitted by {request.actor.name}: {request.reason or '-'}")
        self._teller.tell(waiting(submission, "submitted"))
        try:
            submitted = await self._started()
        except (CancelledError, asyncio.CancelledError):
            submitted = _refused(Cause.ABORT, WITHDRAWN)
        except ActivityError as error:
            submitted = self._why(error)
        if submitted.status == "started":
            await self._follow(submitted.sentence)
        else:
            cause = submitted.cause or Cause.BUSY
            self._publish("refused", Phase.DONE, submitted.sentence, outcome=Outcome.REJECTED, cause=cause)
            self._teller.tell(refused(submission, submitted.sentence))
        if trouble := await self._teller.finish():
            self._trouble(trouble)
        return self._state

    async def _started(self) -> Submitted:
        until = workflow.now() + self._submission.patience
        while self._withdrawal is None:
            left = max(until - workflow.now(), timedelta(seconds=1))
            submitted = await feedback.submit_release(self._submission, left)
            if submitted.status != "busy":
                return submitted
            self._publish("queued", Phase.QUEUED, submitted.sentence)
            self._teller.tell(waiting(self._submission, submitted.sentence))
            left = max(until - workflow.now(), timedelta(seconds=1))
            turn = await race(feedback.await_turn(self._submission, left), lambda: self._withdrawal is not None)
            if turn is not None and turn.refused is not None:
                return _refused(Cause.BUSY, turn.refused)
        return _refused(Cause.ABORT, f"{WITHDRAWN} by {told(self._withdrawal)}")

    async def _follow(self, sentence: str) -> None:
        self._publish("started", self._state.release.phase, sentence)
        if self._withdrawal is not None:  # it came while the release was being started
            await self._abort(self._withdrawal)
        if self._submission.feedback:
            await self._teller.follow(self._submission.request.release_id)

    async def _abort(self, order: Order) -> None:
        """Send on an abort that was taken: until it gets through, since whoever gave it counts on it."""
        while True:
            try:
                await feedback.send_order(order)
            except ActivityError as error:
                self._trouble(f"{order.command} by {told(order)} has not got through yet: {said(error)}")
            else:
                return

    def _why(self, error: ActivityError) -> Submitted:
        if isinstance(error.cause, CancelledError):
            return _refused(Cause.ABORT, WITHDRAWN)
        if error.retry_state is RetryState.TIMEOUT or isinstance(error.cause, TemporalTimeout):
            target, patience = self._submission.request.target, self._submission.patience
            return _refused(Cause.BUSY, f"{target} was not free within {patience}: submit it again")
        return _refused(Cause.ERROR, said(error))

    def _trouble(self, text: str) -> None:
        self._state = self._state.model_copy(update={"trouble": text})
        workflow.upsert_memo({MEMO_SUBMISSION: self._state})

    def _note(self, kind: EventKind, text: str, *, actor: str | None = None, **more: Any) -> None:
        data = more.pop("data", {})
        event = Event(at=workflow.now(), kind=kind, text=text, actor=actor, data=data)
        self._state = self._state.model_copy(update={"release": record(self._state.release, event, **more)})

    def _publish(self, status: Status, phase: Phase, sentence: str, **ending: Any) -> None:
        kind, text = EventKind.WAITING, sentence
        if phase is Phase.DONE:
            kind, text, ending = (
                EventKind.ENDED,
                f"{ending['outcome']}: {sentence}",
                {**ending, "ended_at": workflow.now()},
            )
        self._note(kind, text, phase=phase, sentence=sentence, **ending)
        self._state = self._state.model_copy(update={"status": status})
        workflow.upsert_memo({MEMO_SUBMISSION: self._state})
        pairs = [PHASE.value_set(STARTED if status == "started" else phase.value)]
        if phase is Phase.DONE:
            pairs.append(OUTCOME.value_set(ending["outcome"].value))
        workflow.upsert_search_attributes(pairs)


def _refused(cause: Cause, sentence: str) -> Submitted:
    return Submitted(status="refused", sentence=sentence, cause=cause)


@workflow.defn(name="Submission")
class SubmissionWorkflow:
    """A release that is to start; its input says what to do when the target is held."""

    @workflow.init
    def __init__(self, submission: Submission) -> None:
        self._course = Course(submission)

    @workflow.run
    async def run(self, submission: Submission) -> SubmissionState:
        """Run the course to its end."""
        del submission
        return await self._course.run()

    @workflow.update(name=COMMAND_UPDATE)
    def command(self, order: Order) -> ReleaseState:
        """Take an abort, as a release does. The update id is the idempotency key."""
        return self._course.withdraw(order)

    @command.validator
    def _fits(self, order: Order) -> None:
        refuse(self._course.refusal(order))

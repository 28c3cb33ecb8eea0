"""From a message or a request to a started release: nothing that was accepted is lost, and nothing starts twice.

`Intake` is one delivery of a sender, `Submission` one release that is to start. Both are named so that a second one of
the same is refused by Temporal: by the delivery's id, and by the release's.
"""

from typing import Literal

from temporalio import workflow
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, CancelledError, RetryState, WorkflowAlreadyStartedError
from temporalio.exceptions import TimeoutError as TemporalTimeout

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.intake import Intake, Submission, SubmissionState, Submitted, Taken, refused, waiting
    from workflows import feedback
    from workflows.feedback import Teller
    from workflows.logbook import FUNCTION, PHASE, RELEASE_ID, TARGET
    from workflows.unwinding import said

MEMO_SUBMISSION = "submission"
WITHDRAWN = "withdrawn before it started"
Status = Literal["pending", "queued", "started", "refused"]


def submission_state(submission: Submission) -> SubmissionState:
    """Return the state of a submission that no worker has seen yet."""
    request = submission.request
    return SubmissionState(
        release_id=request.release_id,
        target=request.target,
        on_busy=submission.on_busy,
        submitted_at=request.submitted_at,
        actor=request.actor.name,
    )


def submission_attributes(submission: Submission) -> TypedSearchAttributes:
    """Return the search attributes that a submission is started with."""
    request = submission.request
    return TypedSearchAttributes(
        [
            SearchAttributePair(RELEASE_ID, request.release_id),
            SearchAttributePair(FUNCTION, request.target.function),
            SearchAttributePair(TARGET, str(request.target)),
            SearchAttributePair(PHASE, "PENDING"),
        ]
    )


class Course:
    """One submission from its arrival to the end of what there is to tell; part of `Intake` and of `Submission`."""

    def __init__(self, submission: Submission) -> None:
        self._submission = submission
        self._state = submission_state(submission)
        self._teller = Teller(submission.feedback)

    async def run(self) -> SubmissionState:
        """Start the release exactly once, or say why not; a cancellation withdraws what still waits."""
        submission = self._submission
        self._teller.tell(waiting(submission, "submitted"))
        try:
            submitted = await self._started()
        except CancelledError:
            submitted = Submitted(status="refused", sentence=WITHDRAWN)
        except ActivityError as error:
            submitted = Submitted(status="refused", sentence=self._why(error))
        started = submitted.status == "started"
        self._publish("started" if started else "refused", submitted.sentence)
        if not started:
            self._teller.tell(refused(submission, submitted.sentence))
        elif submission.feedback:
            await self._teller.follow(submission.request.release_id)
        if trouble := await self._teller.finish():
            self._publish(self._state.status, self._state.sentence, trouble=trouble)
        return self._state

    async def _started(self) -> Submitted:
        while True:
            submitted = await feedback.submit_release(self._submission)
            if submitted.status != "busy":
                return submitted
            self._publish("queued", submitted.sentence)
            self._teller.tell(waiting(self._submission, submitted.sentence))
            turn = await feedback.await_turn(self._submission)
            if turn.refused is not None:
                return Submitted(status="refused", sentence=turn.refused)

    def _why(self, error: ActivityError) -> str:
        if isinstance(error.cause, CancelledError):
            return WITHDRAWN
        if error.retry_state is RetryState.TIMEOUT or isinstance(error.cause, TemporalTimeout):
            patience = self._submission.patience
            return f"{self._submission.request.target} was not free within {patience}: submit it again"
        return said(error)

    def _publish(self, status: Status, sentence: str, *, trouble: str | None = None) -> None:
        update = {"status": status, "sentence": sentence, "trouble": trouble}
        self._state = self._state.model_copy(update=update)
        workflow.upsert_memo({MEMO_SUBMISSION: self._state})
        workflow.upsert_search_attributes([PHASE.value_set(status.upper())])


@workflow.defn(name="Intake")
class IntakeWorkflow:
    """One delivery. With one release it is that release's submission; with several, each has a workflow of its own."""

    @workflow.run
    async def run(self, intake: Intake) -> Taken:
        """See that everything which the delivery asks for is started and sent, once."""
        told: list[str | None] = [await self._order(intake, number) for number in range(len(intake.orders))]
        if len(intake.submissions) == 1:
            told.append((await Course(intake.submissions[0]).run()).sentence)
        else:
            told += [await self._submit(submission) for submission in intake.submissions]
        return Taken(
            release_ids=tuple(s.request.release_id for s in intake.submissions),
            sentences=tuple(sentence for sentence in told if sentence),
        )

    async def _submit(self, submission: Submission) -> str | None:
        try:
            await workflow.start_child_workflow(
                SubmissionWorkflow.run,
                submission,
                id=submission.workflow_id,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                memo={MEMO_SUBMISSION: submission_state(submission)},
                search_attributes=submission_attributes(submission),
                static_summary=f"{submission.request.target}: {submission.request.plan.strategy}",
            )
        except WorkflowAlreadyStartedError:
            return f"release {submission.request.release_id} was submitted before by the same event"
        return None

    async def _order(self, intake: Intake, number: int) -> str:
        order = intake.orders[number]
        try:
            return await feedback.send_order(order)
        except ActivityError as error:
            return f"{order.command} of release {order.release_id} did not get through: {said(error)}"


@workflow.defn(name="Submission")
class SubmissionWorkflow:
    """One release that is to start: now, after another, or instead of it. Then CI is told how it goes."""

    @workflow.run
    async def run(self, submission: Submission) -> SubmissionState:
        """Run the course to its end."""
        return await Course(submission).run()

"""From a message or a request to a started release: nothing that was accepted is lost, and nothing starts twice.

`Intake` is one delivery of a sender, `Submission` one release that is to start. Both are named so that a second one of
the same is refused by Temporal: by the delivery's id, and by the release's.
"""

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.drift import AliasChange
    from orchestrator.domain.intake import Intake, Submission, Taken
    from orchestrator.domain.journal import ReleaseState
    from orchestrator.domain.release import Order
    from workflows import feedback
    from workflows.intent import COMMAND_UPDATE, refuse
    from workflows.submission import Course, SubmissionWorkflow, submission_attributes, submission_memo
    from workflows.unwinding import said


@workflow.defn(name="Intake")
class IntakeWorkflow:
    """One delivery. With one release it is that release's submission; with several, each has a workflow of its own."""

    @workflow.init
    def __init__(self, intake: Intake) -> None:
        one = len(intake.submissions) == 1
        self._course = Course(intake.submissions[0]) if one else None

    @workflow.run
    async def run(self, intake: Intake) -> Taken:
        """See that everything which the delivery asks for is started and sent, once."""
        told: list[str | None] = [await self._order(intake, number) for number in range(len(intake.orders))]
        told += [await self._note(change) for change in intake.changes]
        if self._course is not None:
            told.append((await self._course.run()).release.sentence)
        else:
            told += [await self._submit(submission) for submission in intake.submissions]
        return Taken(
            release_ids=tuple(s.request.release_id for s in intake.submissions),
            sentences=tuple(sentence for sentence in told if sentence),
        )

    @workflow.update(name=COMMAND_UPDATE)
    def command(self, order: Order) -> ReleaseState:
        """Take an abort of the release that waits here, as a release does. The update id is the idempotency key."""
        assert self._course is not None
        return self._course.withdraw(order)

    @command.validator
    def _fits(self, order: Order) -> None:
        none = f"nothing waits here as release {order.release_id}"
        refuse(self._course.refusal(order) if self._course is not None else none)

    async def _submit(self, submission: Submission) -> str | None:
        try:
            await workflow.start_child_workflow(
                SubmissionWorkflow.run,
                submission,
                id=submission.workflow_id,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                memo=submission_memo(submission),
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

    async def _note(self, change: AliasChange) -> str:
        try:
            return await feedback.note_change(change)
        except ActivityError as error:
            return f"{change.sentence}, and no release could be told: {said(error)}"

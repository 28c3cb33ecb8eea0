"""Handing in a release that may have to wait for its target, durably: it starts exactly once, or says why not."""

from datetime import timedelta

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.intake import Submission
from orchestrator.domain.release import ReleaseRequest
from orchestrator.settings import HookSettings
from orchestrator.temporal import WORKFLOW_QUEUE
from workflows.submission import SubmissionWorkflow, submission_attributes, submission_memo


async def submit(client: Client, submission: Submission) -> bool:
    """Start the workflow `Submission`; False when the same release was submitted before. Raises Unavailable."""
    try:
        await client.start_workflow(
            SubmissionWorkflow.run,
            submission,
            id=submission.workflow_id,
            task_queue=WORKFLOW_QUEUE,
            memo=submission_memo(submission),
            search_attributes=submission_attributes(submission),
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=summary(submission.request),
            rpc_timeout=timedelta(seconds=5),
        )
    except WorkflowAlreadyStartedError:
        return False
    except RPCError as error:
        raise Unavailable(f"Temporal did not take the submission: {error.message}") from None
    return True


def summary(request: ReleaseRequest) -> str:
    """Return the line that Temporal's own pages show."""
    return f"{request.target}: {request.plan.strategy}"


def limited(submission: Submission, settings: HookSettings) -> Submission:
    """Return the submission with the limits of the settings: how long it may wait, and how long the line may be."""
    limits = {"line_limit": settings.line_limit, "patience": timedelta(hours=settings.patience)}
    return submission.model_copy(update=limits)

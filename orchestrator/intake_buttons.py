"""Buttons of check runs: one commands the release that its own check run tells of, and no other.

A check run names its release in a field that whoever makes one may fill as they like. What binds the two is written in
Temporal: the submission of the release says in which repository, and at which commit, it has a check run.
"""

from typing import Any

from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest
from temporalio.client import Client
from temporalio.service import RPCError

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.intake import GitHubCheck, Intake, Submission
from orchestrator.domain.release import Order
from orchestrator.intake_senders import value_at


async def submission_of(client: Client, release_id: str) -> Submission | None:
    """Return what the release was submitted as; None where that was not by an event, or is no longer kept.

    Raises Unavailable.
    """
    query = f"(WorkflowType = 'Submission' OR WorkflowType = 'Intake') AND SluiceReleaseId = '{release_id}'"
    request = ListWorkflowExecutionsRequest(namespace=client.namespace, page_size=10, query=query)
    try:
        answer = await client.workflow_service.list_workflow_executions(request)
        for info in answer.executions:
            for submission in await _submissions(client, info):
                if submission.request.release_id == release_id:
                    return submission
    except RPCError as error:
        raise Unavailable(f"Temporal did not say whose release {release_id} is: {error.message}") from None
    return None


def refusal(order: Order, payload: dict[str, Any], submission: Submission | None) -> str:
    """Say why the check run that the button is on is not one of this release; empty when it is."""
    repository, sha = value_at(payload, "repository.full_name"), value_at(payload, "check_run.head_sha")
    for told in submission.feedback if submission is not None else ():
        if isinstance(told, GitHubCheck) and (told.repository, told.sha) == (repository, sha):
            return ""
    where = f"{repository} at {sha[:12]}" if isinstance(repository, str) and isinstance(sha, str) else "no repository"
    return (
        f"{order.command} of release {order.release_id} was refused: its check run is not the one of {where} on which "
        "the button was pressed; press it there, or use `sluice`"
    )


async def _submissions(client: Client, info: WorkflowExecutionInfo) -> tuple[Submission, ...]:
    """Return what the workflow was started with; nothing where another version of Sluice wrote it."""
    kind: type[Submission | Intake] = Submission if info.type.name == "Submission" else Intake
    handle = client.get_workflow_handle(info.execution.workflow_id, run_id=info.execution.run_id)
    async for event in handle.fetch_history_events(page_size=1):
        given = event.workflow_execution_started_event_attributes.input.payloads
        try:
            (found,) = await client.data_converter.decode(list(given), [kind])
        except Exception:  # noqa: BLE001 - whatever its words are, it binds no check run
            return ()
        return found.submissions if isinstance(found, Intake) else (found,)
    return ()

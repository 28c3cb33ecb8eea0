"""The audit: who did what, from where, and whether it was allowed. Kept by Temporal, as everything is (ADR 0010)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from pydantic import AwareDatetime
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest
from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.traffic import Frozen
from orchestrator.temporal import WORKFLOW_QUEUE
from workflows.audit import AUDIT_PREFIX, MEMO_ENTRY, AuditWorkflow
from workflows.logbook import FUNCTION, TARGET


class AuditEntry(Frozen):
    """One action of somebody whose credential was accepted."""

    at: AwareDatetime
    principal: str
    method: str
    """How the principal was known: token, oidc, proxy or lab; `webhook` by the signature of a delivery; `supersede`
    where a release of theirs aborts the one that holds its target."""
    action: str
    """`start`, `rollback`, or the command."""
    target: str | None
    """Account, region, function and alias as `123456789012/eu-west-1/checkout:live`; None where none was found."""
    release: str | None
    step: int | None = None
    reason: str = ""
    source_address: str
    """Empty where Sluice itself acts for the principal (`supersede`)."""
    request_id: str
    outcome: Literal["accepted", "refused"]
    """`accepted` is written before the action is carried out. Where the release then refuses what was asked over HTTP
    after all, an entry `refused` of the same request id follows. For `webhook` and `supersede` it means taken, and none
    follows: what became of it stands in the release (one that could not start is listed as REJECTED with its reason),
    and for a button in the result of the workflow `Intake`."""
    why: str = ""
    """Why it was refused."""


class Audit:
    """Writes and lists entries."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def write(self, entry: AuditEntry) -> None:
        """Return once the entry is kept. A second entry of the same request and outcome changes nothing.

        Raises Unavailable when Temporal does not take it: then nothing may be done either.
        """
        try:
            await self._client.start_workflow(
                AuditWorkflow.run,
                id=f"{AUDIT_PREFIX}{entry.request_id}" + ("" if entry.outcome == "accepted" else "/refused"),
                task_queue=WORKFLOW_QUEUE,
                memo={MEMO_ENTRY: entry},
                search_attributes=_attributes(entry),
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                static_summary=f"{entry.principal}: {entry.action} {entry.outcome}",
                rpc_timeout=timedelta(seconds=5),
            )
        except WorkflowAlreadyStartedError:
            return
        except RPCError as error:
            raise Unavailable(
                f"the audit was not written ({error.message}), so nothing was done: send it again"
            ) from None

    async def page(self, query: str, *, limit: int, token: bytes) -> tuple[Sequence[AuditEntry], bytes]:
        """Return the newest entries that fit `query` (Temporal's list filter), and the token of the next page.

        Raises Unavailable; and RPCError with INVALID_ARGUMENT for a token of another query.
        """
        request = ListWorkflowExecutionsRequest(
            namespace=self._client.namespace, page_size=limit, query=query, next_page_token=token
        )
        answer = await self._client.workflow_service.list_workflow_executions(request)
        entries = [entry for info in answer.executions if (entry := await self._entry(info)) is not None]
        return entries, answer.next_page_token

    async def _entry(self, info: WorkflowExecutionInfo) -> AuditEntry | None:
        if MEMO_ENTRY not in info.memo.fields:
            return None
        try:
            (entry,) = await self._client.data_converter.decode([info.memo.fields[MEMO_ENTRY]], [AuditEntry])
        except Exception:  # noqa: BLE001 - written by another version of Sluice: it must not hide the others
            return None
        return entry if isinstance(entry, AuditEntry) else None


def _attributes(entry: AuditEntry) -> TypedSearchAttributes:
    if entry.target is None:
        return TypedSearchAttributes([])
    name = entry.target.rsplit("/", 1)[-1]
    return TypedSearchAttributes(
        [SearchAttributePair(TARGET, name), SearchAttributePair(FUNCTION, name.partition(":")[0])]
    )

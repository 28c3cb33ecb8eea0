"""Releases and submissions as an intake asks for them: fulfils `activities.intake.Releases` on a Temporal client."""

from collections.abc import Sequence
from datetime import UTC, datetime

from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest
from temporalio.client import Client
from temporalio.service import RPCError

from orchestrator.audit import Audit, AuditEntry
from orchestrator.domain.errors import NotFound, Unavailable
from orchestrator.domain.intake import SubmissionState
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Order, ReleaseRequest, Target
from orchestrator.readings import SUBMITTED, Reader
from orchestrator.service import ReleaseService
from workflows.submission import MEMO_SUBMISSION

PAGE = 200
"""Submissions of one target that are looked at; a line is shorter by far."""


class IntakeReleases:
    """The service's use cases, and the line before a target."""

    def __init__(self, client: Client, service: ReleaseService | None = None) -> None:
        self._client = client
        self._service = service or ReleaseService(client)
        self._reader = Reader(client)
        self._audit = Audit(client)

    async def submit(self, request: ReleaseRequest) -> ReleaseState:
        """Start the release. Raises Conflict, Unavailable."""
        return await self._service.submit(request)

    async def get(self, ref: str) -> ReleaseState:
        """Read one release. Raises NotFound, Unavailable."""
        return await self._service.get(ref)

    async def command(self, order: Order, *, key: str) -> ReleaseState:
        """Send one command. Raises IllegalCommand, NotFound, Unavailable."""
        return await self._service.command(order, key=key)

    async def record_superseding(self, abort: Order, target: Target, *, key: str) -> None:
        """Write the abort to the audit, once for the same `key`. Raises Unavailable: then it must not be sent."""
        who = abort.actor
        await self._audit.write(
            AuditEntry(
                at=datetime.now(UTC),
                principal=who.name if who.source.startswith("api/") else f"{who.source}:{who.name}",
                method="supersede",
                action=abort.command.value,
                target=f"{target.place}/{target}",
                release=abort.release_id,
                reason=abort.reason,
                source_address="",
                request_id=key,
                outcome="accepted",
            )
        )

    async def holder(self, target: Target) -> ReleaseState | None:
        """Return the newest release of the target, strongly consistent; None where there was none."""
        try:
            return (await self._reader.holder(target)).state
        except NotFound:
            return None

    async def waiting(self, target: Target) -> Sequence[SubmissionState]:
        """Return the submissions that wait in line for the target, in order of arrival: the first is the next.

        It is read from Temporal's index, so one that came this moment may be missing.
        """
        phases = "(SluicePhase = 'QUEUED' OR SluicePhase = 'PENDING')"
        query = f"{SUBMITTED} AND ExecutionStatus = 'Running' AND SluiceTarget = '{target}' AND {phases}"
        found = [s for s in await self._submissions(query) if s.release.target == target and s.on_busy == "queue"]
        return sorted(found, key=lambda s: s.place_in_line)

    async def submission(self, release_id: str) -> SubmissionState:
        """Return how a submission stands, also after its release has started. Raises NotFound, Unavailable."""
        safe = release_id.replace("'", "")
        found = await self._submissions(f"{SUBMITTED} AND SluiceReleaseId = '{safe}'")
        if not found:
            raise NotFound(f"nothing was submitted as release `{release_id}`")
        return found[0]

    async def _submissions(self, query: str) -> list[SubmissionState]:
        request = ListWorkflowExecutionsRequest(namespace=self._client.namespace, page_size=PAGE, query=query)
        try:
            answer = await self._client.workflow_service.list_workflow_executions(request)
        except RPCError as error:
            raise Unavailable(f"Temporal did not answer: {error.message}; check the address, then repeat") from None
        return [state for info in answer.executions if (state := await self._state(info)) is not None]

    async def _state(self, info: WorkflowExecutionInfo) -> SubmissionState | None:
        if MEMO_SUBMISSION not in info.memo.fields:
            return None
        try:
            (state,) = await self._client.data_converter.decode([info.memo.fields[MEMO_SUBMISSION]], [SubmissionState])
        except Exception:  # noqa: BLE001 - written by another version of Sluice: skip this one alone
            return None
        return state if isinstance(state, SubmissionState) else None

"""Reading releases: from memo, search attributes and pending activities. No worker is needed for any of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.api.common.v1 import Memo
from temporalio.api.enums.v1 import PendingActivityState, WorkflowExecutionStatus
from temporalio.api.workflow.v1 import PendingActivityInfo, WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest, ListWorkflowExecutionsRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.domain.errors import NotFound, Unavailable
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Outcome, Phase, Target
from orchestrator.domain.work import BakeProgress
from workflows.logbook import MEMO_KEY, MEMO_STATE

T = TypeVar("T")

VISIBILITY_SECONDS = 1.0
"""A release that was started this moment may not be listed yet."""
READ_TIMEOUT = timedelta(seconds=5)
UNSERVED_SECONDS = 5
"""A call that no worker has taken for so long is told."""
KEPT_KEYS = 200
"""Releases of one target that are searched for an idempotency key."""
_ENDED_BY_FORCE = {
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED: "was terminated in Temporal",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TIMED_OUT: "timed out in Temporal",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_FAILED: "failed by a bug in Sluice",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CANCELED: "was cancelled in Temporal",
}


@dataclass(frozen=True)
class Row:
    """One release as Temporal knows it."""

    workflow_id: str
    run_id: str
    state: ReleaseState
    key: str


class Reader:
    """Reads through the raw service: one row that the SDK cannot parse must not hide the others."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def find(self, ref: str) -> Row:
        """Return the release of that id, or the newest of a target (`function:alias`). Raises NotFound."""
        safe = ref.replace("'", "")
        attribute = "SluiceTarget" if ":" in safe else "SluiceReleaseId"
        deadline = asyncio.get_running_loop().time() + VISIBILITY_SECONDS
        while True:
            rows = await self._list(f"WorkflowType = 'Release' AND {attribute} = '{safe}'", limit=20)
            if rows:
                return await self._detailed(max(rows, key=_newest))
            if asyncio.get_running_loop().time() >= deadline:
                raise NotFound(f"there is no release `{ref}`: `sluice list` shows those that Temporal still keeps")
            await asyncio.sleep(0.1)

    async def holder(self, target: Target) -> Row:
        """Return the newest release of exactly this target, strongly consistent."""
        return await self._describe(target.workflow_id, "")

    async def by_key(self, target: Target, key: str) -> Row | None:
        """Return the release that this idempotency key has started, ended ones included."""
        rows = await self._list(f"WorkflowType = 'Release' AND WorkflowId = '{target.workflow_id}'", limit=KEPT_KEYS)
        return next((row for row in rows if row.key == key), None)

    async def after(self, state: ReleaseState) -> list[Row]:
        """Return the releases of the same target that were submitted later, in no order."""
        rows = await self._list(
            f"WorkflowType = 'Release' AND WorkflowId = '{state.target.workflow_id}'", limit=KEPT_KEYS
        )
        return [row for row in rows if row.state.started_at > state.started_at]

    async def rows(self, *, limit: int, running: bool) -> list[Row]:
        """Newest first."""
        query = "WorkflowType = 'Release'" + (" AND ExecutionStatus = 'Running'" if running else "")
        return sorted(await self._list(query, limit=limit), key=_newest, reverse=True)

    async def _list(self, query: str, *, limit: int) -> list[Row]:
        rows: list[Row] = []
        token = b""
        while len(rows) < limit:
            request = ListWorkflowExecutionsRequest(
                namespace=self._client.namespace, page_size=min(limit, 100), query=query, next_page_token=token
            )
            try:
                answer = await _asked(self._client.workflow_service.list_workflow_executions, request)
            except RPCError as error:
                raise _unavailable(error) from None
            rows += [row for info in answer.executions if (row := await self._row(info)) is not None]
            token = answer.next_page_token
            if not token:
                break
        return rows[:limit]

    async def _detailed(self, row: Row) -> Row:
        return await self._describe(row.workflow_id, row.run_id)

    async def _describe(self, workflow_id: str, run_id: str) -> Row:
        request = DescribeWorkflowExecutionRequest(namespace=self._client.namespace)
        request.execution.workflow_id, request.execution.run_id = workflow_id, run_id
        try:
            answer = await _asked(self._client.workflow_service.describe_workflow_execution, request)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise NotFound(f"Temporal no longer keeps a release at {workflow_id}") from None
            raise _unavailable(error) from None
        row = await self._row(answer.workflow_execution_info)
        if row is None:
            raise NotFound(f"{workflow_id} is not a release of Sluice's")
        return await self._with_pending(row, list(answer.pending_activities))

    async def _row(self, info: WorkflowExecutionInfo) -> Row | None:
        state = await self._memo(info.memo, MEMO_STATE, ReleaseState)
        if state is None:
            return None
        key = await self._memo(info.memo, MEMO_KEY, str)
        return Row(info.execution.workflow_id, info.execution.run_id, _truthful(state, info), key or "")

    async def _memo(self, memo: Memo, name: str, kind: type[T]) -> T | None:
        if name not in memo.fields:
            return None
        try:
            (value,) = await self._client.data_converter.decode([memo.fields[name]], [kind])
        except Exception:  # noqa: BLE001 - written by another version of Sluice, or by somebody else: skip this row alone
            return None
        return value if isinstance(value, kind) else None

    async def _with_pending(self, row: Row, pending: list[PendingActivityInfo]) -> Row:
        changes: dict[str, object] = {}
        for activity in pending:
            if _nobody_took(activity):
                name, place = activity.activity_type.name, row.state.target.place
                changes["trouble"] = (
                    f"no worker has taken `{name}` yet: is one running with SLUICE_WORKER__PLACES {place}?"
                )
            elif activity.activity_type.name == "bake":
                if activity.HasField("heartbeat_details"):
                    (progress,) = await self._client.data_converter.decode(
                        activity.heartbeat_details.payloads, [BakeProgress]
                    )
                    changes |= {"measurements": progress.measurements, "observed_weight": progress.observed_share}
            elif activity.attempt > 1 and activity.HasField("last_failure"):
                name, text = activity.activity_type.name, activity.last_failure.message
                changes["trouble"] = f"{name}, attempt {activity.attempt}: {text}"
        return Row(row.workflow_id, row.run_id, row.state.model_copy(update=changes), row.key)


async def _asked(call: Callable[..., Awaitable[Any]], request: Any) -> Any:
    """Ask Temporal; its client repeats what it knows to be transient.

    A connection that breaks under a call is reported as cancelled, although nobody has cancelled it: once more.
    """
    try:
        return await call(request, retry=True, timeout=READ_TIMEOUT)
    except RPCError as error:
        if error.status is not RPCStatusCode.CANCELLED:
            raise
        return await call(request, retry=True, timeout=READ_TIMEOUT)


def _nobody_took(activity: PendingActivityInfo) -> bool:
    """Whether a call waits in its queue for so long that nobody seems to serve it."""
    waiting = activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED and activity.attempt <= 1
    return waiting and time.time() - activity.scheduled_time.ToSeconds() > UNSERVED_SECONDS


def _truthful(state: ReleaseState, info: WorkflowExecutionInfo) -> ReleaseState:
    """A run that ended without saying so left the alias in a state that nobody has read."""
    how = _ENDED_BY_FORCE.get(info.status)
    if how is None or state.done:
        return state
    text = f"the release {how} at {state.weight:g} %: the alias may still be split; look at {state.target}"
    return state.model_copy(update={"phase": Phase.DONE, "outcome": Outcome.FAILED, "sentence": text})


def _newest(row: Row) -> float:
    return row.state.started_at.timestamp()


def _unavailable(error: RPCError) -> Unavailable:
    return Unavailable(f"Temporal did not answer: {error.message}; check the address, then repeat")

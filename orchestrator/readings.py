"""Reading releases: from memo, search attributes and pending activities. No worker is needed for any of it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest, ListWorkflowExecutionsRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.domain.errors import NotFound, Unavailable
from orchestrator.domain.intake import SUBMISSION_PREFIX
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Target
from orchestrator.rows import Row, row_of, with_pending

VISIBILITY_SECONDS = 1.0
"""A release that was started this moment may not be listed yet."""
READ_TIMEOUT = timedelta(seconds=5)
SEEN_AT_ONCE = 20
"""Releases of one `function:alias` that are read at once, to find where it is."""
KEPT_KEYS = 200
"""Releases of one target that are searched for an idempotency key."""
SUBMITTED = "(WorkflowType = 'Submission' OR WorkflowType = 'Intake')"
LISTED = (
    f"(WorkflowType = 'Release' OR ({SUBMITTED} AND "
    "(SluicePhase = 'PENDING' OR SluicePhase = 'QUEUED' OR SluicePhase = 'DONE')))"
)
"""Temporal's filter for each release once: what has not started, or never will, is listed as its submission."""
RUNNING = (
    "(ExecutionStatus = 'Running' AND (WorkflowType = 'Release' OR SluicePhase = 'PENDING' OR SluicePhase = 'QUEUED'))"
)
ENDED = f"(ExecutionStatus != 'Running' OR ({SUBMITTED} AND SluicePhase = 'DONE'))"
"""Parts of what is listed. A submission that was refused has ended, and may live on to tell CI systems so."""
ANY = f"(WorkflowType = 'Release' OR {SUBMITTED})"

Visible = Callable[[Target], bool]
"""Whether whoever asks may know of a release on that target."""


def everything(_: Target) -> bool:
    """Hide nothing: who reads Temporal directly may read all of it."""
    return True


class Reader:
    """Reads through the raw service: one row that the SDK cannot parse must not hide the others."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def find(self, ref: str, visible: Visible = everything) -> Row:
        """Return the release of that id, or the newest of a target (`function:alias`) among those that are `visible`.

        An id means one release, whoever asks: it is returned in any case. Raises NotFound, also where the name means
        releases in several accounts or regions.
        """
        look = partial(self._of_target, visible=visible) if ":" in ref else self.of_id
        deadline = asyncio.get_running_loop().time() + VISIBILITY_SECONDS
        while True:
            row = await look(ref)
            if row is not None:
                return row
            if asyncio.get_running_loop().time() >= deadline:
                raise NotFound(f"there is no release `{ref}`: `sluice list` shows those that Temporal still keeps")
            await asyncio.sleep(0.1)

    async def of_id(self, release_id: str) -> Row | None:
        """Return the release of that id, begun or not; does not wait for one that was started this moment."""
        rows = await self._list(f"{ANY} AND SluiceReleaseId = '{_safe(release_id)}'", limit=20)
        if rows:
            return await self._detailed(max(rows, key=lambda row: (row.stage == "release", row.began)))
        try:  # a submission is found by its name before it is listed
            return await self._now(await self._describe(f"{SUBMISSION_PREFIX}{release_id}", ""))
        except NotFound:
            return None

    async def again(self, row: Row) -> Row:
        """Read the same one once more. Raises NotFound, Unavailable."""
        return await self._detailed(row)

    async def holder(self, target: Target) -> Row:
        """Return the newest release of exactly this target, strongly consistent."""
        return await self._describe(target.workflow_id, "")

    async def by_key(self, target: Target, key: str) -> Row | None:
        """Return the release that this idempotency key has started, ended ones included."""
        rows = await self._list(f"WorkflowType = 'Release' AND WorkflowId = '{target.workflow_id}'", limit=KEPT_KEYS)
        return next((row for row in rows if row.key == key), None)

    async def after(self, state: ReleaseState) -> list[Row]:
        """Return the releases of the same target that held it later than this one, which has ended, in no order."""
        ended = state.ended_at
        assert ended is not None
        rows = await self._list(
            f"WorkflowType = 'Release' AND WorkflowId = '{state.target.workflow_id}'", limit=KEPT_KEYS
        )
        return [row for row in rows if row.state.ended_at is None or row.state.ended_at > ended]

    async def rows(self, *, limit: int, running: bool) -> list[Row]:
        """Newest first."""
        query = f"{LISTED} AND {RUNNING}" if running else LISTED
        return sorted(await self._list(query, limit=limit), key=lambda row: row.began, reverse=True)

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

    async def _of_target(self, name: str, visible: Visible) -> Row | None:
        found = [row for row in await self._newest_by_place(name) if visible(row.state.target)]
        if len(found) > 1:
            places = ", ".join(sorted(f"{row.state.target.place} ({row.state.release_id})" for row in found))
            raise NotFound(f"`{name}` has releases in {len(found)} places, {places}: name the one you mean by its id")
        return await self._detailed(found[0]) if found else None

    async def _newest_by_place(self, name: str) -> list[Row]:
        """Return the newest release of each account and region; the many of one place must not hide another's."""
        query = f"WorkflowType = 'Release' AND SluiceTarget = '{_safe(name)}'"
        newest: dict[str, Row] = {}
        while True:
            rows = await self._list(query, limit=SEEN_AT_ONCE)
            for row in sorted(rows, key=lambda row: row.began):
                newest[row.workflow_id] = row
            if len(rows) < SEEN_AT_ONCE:
                return list(newest.values())
            query += "".join(f" AND WorkflowId != '{known}'" for known in {row.workflow_id for row in rows})

    async def _detailed(self, row: Row) -> Row:
        """Return the row with what its running activities know."""
        return await self._now(await self._describe(row.workflow_id, row.run_id))

    async def _now(self, row: Row) -> Row:
        """Return the release that this submission has become; the row itself for anything else."""
        if row.stage != "handed_over":
            return row
        release_id = row.state.release_id
        found = await self._list(f"WorkflowType = 'Release' AND SluiceReleaseId = '{release_id}'", limit=1)
        if found:
            return await self._describe(found[0].workflow_id, found[0].run_id)
        try:  # it is not listed yet
            holder = await self.holder(row.state.target)
        except NotFound:
            return row
        return holder if holder.state.release_id == release_id else row

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
        return await with_pending(self._client.data_converter, row, list(answer.pending_activities))

    async def _row(self, info: WorkflowExecutionInfo) -> Row | None:
        return await row_of(self._client.data_converter, info)


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


def _safe(text: str) -> str:
    return text.replace("'", "")


def _unavailable(error: RPCError) -> Unavailable:
    return Unavailable(f"Temporal did not answer: {error.message}; check the address, then repeat")

"""Use cases: submit, read, list and command releases. The only state is Temporal's."""

import asyncio
import getpass
import hashlib
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.domain.errors import Conflict, IllegalCommand, Unavailable
from orchestrator.domain.intake import Submission
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.memo import fitted
from orchestrator.domain.plan import Bake, Plan, Promote
from orchestrator.domain.release import Actor, Order, Outcome, PublishedVersion, ReleaseRequest
from orchestrator.readings import Reader
from orchestrator.rows import Row
from orchestrator.settings import Settings
from orchestrator.submitting import submit, summary
from orchestrator.temporal import WORKFLOW_QUEUE, connect_temporal
from workflows.intent import COMMAND_UPDATE
from workflows.logbook import MEMO_KEY, MEMO_STATE, first_attributes, first_state
from workflows.release import ReleaseWorkflow

RESEND_SECONDS = 0.1
COMMAND_SECONDS = 10
"""How long a command waits for a worker to take it; with the same key it can be sent again."""


def new_release_id() -> str:
    """Return an id that nobody has used: 12 hexadecimal digits."""
    return uuid.uuid4().hex[:12]


def current_actor(settings: Settings) -> Actor:
    """Who acts on this command line."""
    return Actor(name=settings.actor or getpass.getuser(), source="cli")


class ReleaseService:
    """Implements `orchestrator.cli.client.ReleaseClient` on a Temporal client."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._reader = Reader(client)

    async def hand_in(self, submission: Submission) -> ReleaseState:
        """Start the release, or let it wait for its target as the submission says; returns it as it stands then.

        The same idempotency key on the same target gives the release that it has handed in. Raises Unavailable, and
        Conflict where `on_busy` is `reject` and another release holds the target.
        """
        if submission.on_busy == "reject":
            return await self.submit(submission.request)
        request = _named_by_key(submission.request)
        if request.idempotency_key and (same := await self._reader.by_key(request.target, request.idempotency_key)):
            return same.state
        if await submit(self._client, submission.model_copy(update={"request": request})):
            return first_state(request)
        return await self.get(request.release_id)

    async def submit(self, request: ReleaseRequest) -> ReleaseState:
        """Start the release. The same idempotency key on the same target gives the release that it started.

        Raises Conflict when another release holds the target, Unavailable when Temporal does not answer.
        """
        if request.idempotency_key:
            same = await self._reader.by_key(request.target, request.idempotency_key)
            if same is not None:
                return same.state
        state = first_state(request)
        try:
            await self._client.start_workflow(
                ReleaseWorkflow.run,
                request,
                id=request.target.workflow_id,
                task_queue=WORKFLOW_QUEUE,
                memo={MEMO_STATE: fitted(state), MEMO_KEY: request.idempotency_key},
                search_attributes=first_attributes(request),
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                static_summary=summary(request),
                rpc_timeout=timedelta(seconds=5),
            )
        except WorkflowAlreadyStartedError:
            return await self._held(request)
        except RPCError as error:
            raise Unavailable(f"Temporal did not take the release of {request.target}: {error.message}") from None
        return state

    async def get(self, ref: str) -> ReleaseState:
        """Read one release by id or target, with what a running bake has measured. Needs no worker. Raises NotFound."""
        return (await self._reader.find(ref)).state

    async def list(self, *, limit: int = 50, running: bool = False) -> Sequence[ReleaseState]:
        """Newest first; at most `limit`."""
        return [row.state for row in await self._reader.rows(limit=limit, running=running)]

    async def command(self, order: Order, *, key: str) -> ReleaseState:
        """Send one command; with the same `key` it is taken once. Raises IllegalCommand, NotFound, Unavailable."""
        row = await self._reader.find(order.release_id)
        try:
            return await self._sent(row, order, key)
        except IllegalCommand:
            row, waited = await self._reader.again(row), row.stage != "release"
            if not waited or row.stage != "release":
                raise
            return await self._sent(row, order, key)  # it has started just now

    async def _sent(self, row: Row, order: Order, key: str) -> ReleaseState:
        handle = self._handle(row)
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                return await _taken(handle, order, key)
        except WorkflowUpdateFailedError as error:
            raise _refused(error, row) from None
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            raise Unavailable(
                f"no worker has taken `{order.command}` within {COMMAND_SECONDS} s; it may still be taken later. Start "
                f"a worker (`sluice worker`) and send it again with --key {key}"
            ) from None
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise IllegalCommand(
                    f"release {order.release_id} has ended; nothing is left to {order.command}"
                ) from None
            raise Unavailable(f"Temporal did not take `{order.command}`: {error.message}; send it again") from None

    async def rollback(self, ref: str, *, actor: Actor, reason: str) -> ReleaseState:
        """After the end: go back to the stable version of that release, as a release of its own with one step."""
        state = await self.get(ref)
        if state.outcome is not Outcome.PROMOTED or state.stable is None:
            raise IllegalCommand(
                f"release {state.release_id} is {state.outcome or state.phase}: only a promoted one can be rolled back "
                "(abort a running one instead)"
            )
        for later in await self._reader.after(state):
            if later.state.outcome in (Outcome.PROMOTED, Outcome.FAILED):
                raise IllegalCommand(
                    f"release {later.state.release_id} has changed {state.target} since ({later.state.sentence}): roll "
                    "back that one, or release the version that you want"
                )
        return await self.submit(
            ReleaseRequest(
                release_id=new_release_id(),
                target=state.target,
                artifact=PublishedVersion(version=state.stable),
                expects=state.canary,
                plan=Plan(strategy="rollback", steps=(Promote(bake=Bake(duration=timedelta(0))),), checks=()),
                actor=actor,
                reason=reason or f"roll back release {state.release_id}",
                labels={"rolls_back": state.release_id},
                submitted_at=datetime.now(UTC),
            )
        )

    async def _held(self, request: ReleaseRequest) -> ReleaseState:
        holder = await self._reader.holder(request.target)
        if holder.key and holder.key == request.idempotency_key:
            return holder.state
        raise Conflict(
            f"release {holder.state.release_id} holds {request.target} ({holder.state.sentence}): wait for it, or "
            f"`sluice abort {holder.state.release_id}`"
        )

    def _handle(self, row: Row) -> WorkflowHandle[Any, Any]:
        """Return a handle that cannot hit a later release of the same target: it names the run."""
        return self._client.get_workflow_handle(row.workflow_id, run_id=row.run_id)


@asynccontextmanager
async def connect(settings: Settings | None = None) -> AsyncIterator[ReleaseService]:
    """Connect to the Temporal server of the settings. Raises Unavailable."""
    yield ReleaseService(await connect_temporal((settings or Settings()).temporal))


async def _taken(handle: WorkflowHandle[Any, Any], order: Order, key: str) -> ReleaseState:
    """Send the command until a workflow task that carried it has succeeded.

    A task that would end the release while news has come meanwhile is failed by the server, and what it carried is
    answered with a failed precondition, neither taken nor refused. The same id makes it safe to send again.
    """
    while True:
        try:
            state: ReleaseState = await handle.execute_update(COMMAND_UPDATE, order, id=key, result_type=ReleaseState)
        except RPCError as error:
            if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                raise
            await asyncio.sleep(RESEND_SECONDS)
        else:
            return state


def _named_by_key(request: ReleaseRequest) -> ReleaseRequest:
    """Return the request with the release id that its key gives, so that Temporal refuses a second one of the same."""
    if not request.idempotency_key:
        return request
    name = f"{request.target.workflow_id}\n{request.idempotency_key}"
    return request.model_copy(update={"release_id": hashlib.sha256(name.encode()).hexdigest()[:12]})


def _refused(error: WorkflowUpdateFailedError, row: Row) -> IllegalCommand:
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == IllegalCommand.__name__:
        return IllegalCommand(cause.message)
    return IllegalCommand(f"release {row.state.release_id} did not take the command: {cause}")

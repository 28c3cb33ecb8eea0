"""Every action over HTTP, in one order: find the target, ask for the role, write the audit, then act."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.api.bodies import CommandBody, InlineTarget, ReleaseBody, RollbackBody
from orchestrator.api.listing import Releases
from orchestrator.api.problems import BUSY, KEY_REUSED, ProblemError
from orchestrator.api.recording import Action, Asking, Record, missing
from orchestrator.api.requesting import Targets, encodable, release_id_of, release_request, stored_key
from orchestrator.api.roles import NEEDED, full_name
from orchestrator.audit import Audit
from orchestrator.domain.commands import refusal
from orchestrator.domain.errors import Conflict, IllegalCommand, NotFound, RequestError, Unavailable
from orchestrator.domain.intake import OnBusy, Submission
from orchestrator.domain.journal import EventKind, ReleaseState
from orchestrator.domain.release import Actor, Command, Order, ReleaseRequest, Target
from orchestrator.releasefile.model import ResolvedTarget
from orchestrator.rows import Row
from orchestrator.service import ReleaseService, new_release_id
from orchestrator.settings import Role, Settings
from orchestrator.submitting import limited, submit
from orchestrator.telemetry import Telemetry, redacted
from workflows.logbook import first_state


class _Keyed(ReleaseService):
    """The service for one request: what it starts carries that request's id and key."""

    def __init__(self, client: Client, release_id: str, key: str) -> None:
        super().__init__(client)
        self._given = {"release_id": release_id, "idempotency_key": key}

    async def submit(self, request: ReleaseRequest) -> ReleaseState:
        return await super().submit(request.model_copy(update=self._given))


class Desk:
    """Carries out what principals ask for. A SluiceError or ProblemError says why something was not done."""

    def __init__(self, client: Client, targets: Targets, settings: Settings, telemetry: Telemetry) -> None:
        self._client = client
        self._service = ReleaseService(client)
        self._settings = settings.api
        self._hooks = settings.hooks
        self.targets = targets
        self.releases = Releases(client)
        self.audit = Audit(client)
        self._record = Record(self.audit, telemetry)

    @asynccontextmanager
    async def in_time(self) -> AsyncIterator[None]:
        """Give Temporal so long and no longer. Raises Unavailable."""
        try:
            async with asyncio.timeout(self._settings.temporal_seconds):
                yield
        except TimeoutError:
            raise Unavailable(
                f"Temporal, or a worker, did not answer in {self._settings.temporal_seconds:g} s; it may still be "
                "taken: send it again with the same Idempotency-Key"
            ) from None

    async def find(self, asking: Asking, ref: str) -> Row:
        """Return the release. One that the principal may not view is as good as none: NotFound.

        `function:alias` means only what the principal may view. NotFound too where that is in several places.
        """
        async with self.in_time():
            row = await self.releases.find(ref, asking.visible)
        if not asking.who.may("view", full_name(row.state.target)):
            raise _none(ref)
        return row

    async def plan(self, asking: Asking, body: ReleaseBody) -> ResolvedTarget:
        """Return what a release would do. Needs `view`."""
        encodable(body)
        resolved = await asyncio.to_thread(self.targets.resolve, body.target, asking.who)
        target = full_name(resolved.target)
        if not asking.who.may("view", target):
            raise missing("view", target, asking.who)
        return resolved

    async def start(self, asking: Asking, body: ReleaseBody, key: str | None) -> tuple[ReleaseState, bool]:
        """Start a release; return it, and whether the same request had started it before."""
        encodable(body)
        resolved = await asyncio.to_thread(self.targets.resolve, body.target, asking.who)
        body = body.model_copy(update={"reason": redacted(body.reason)})
        request = release_request(body, resolved, asking.who, request_id=asking.request_id, key=key)
        action = Action(asking, "start", request.release_id, body.reason, target=full_name(request.target))
        on_busy = body.on_busy or resolved.on_busy
        async with self.in_time():
            await self._record.need(action, *self._roles(body))
            newest = await self._newest(request.target)
            if key and (earlier := await self._earlier(request, newest)) is not None:
                return earlier, True
            if on_busy != "reject":
                return await self._handed_in(action, request, on_busy)
            if newest is not None and not newest.state.done:
                await self._record.refused(action, f"release {newest.state.release_id} holds the target")
                raise _busy(newest.state)
            await self._record.accepted(action)
            try:
                state = await self._service.submit(request)
            except RequestError as error:  # anything else may still take effect: the entry stands
                await self._record.refused(action, str(error))
                raise await self._not_started(request, error) from None
        return state, state.started_at != request.submitted_at

    async def _handed_in(self, action: Action, request: ReleaseRequest, on_busy: OnBusy) -> tuple[ReleaseState, bool]:
        await self._record.accepted(action)
        submission = limited(Submission(request=request, on_busy=on_busy), self._hooks)
        if await submit(self._client, submission):
            return first_state(request), False
        earlier = await self.releases.find(request.release_id)  # two requests with one key, at the same time
        return _kept(earlier, request.idempotency_key), True

    async def rollback(
        self, asking: Asking, release_id: str, body: RollbackBody, key: str | None
    ) -> tuple[ReleaseState, bool]:
        """Take an ended release back, as a release of its own; return that one, and whether it had been started."""
        reason = redacted(body.reason)
        row, action = await self._on(Action(asking, "rollback", release_id, reason))
        new_id = release_id_of(asking.who, key) if key else new_release_id()
        kept = stored_key(key, f"rollback {release_id}", body) if key else ""
        async with self.in_time():
            await self._record.need(action, "operate")
            if key and (earlier := await self.releases.of_id(new_id)) is not None:
                return _kept(earlier, kept), True
            await self._record.accepted(action)
            try:
                actor = asking.who.actor(f"api/{asking.request_id}")
                service = _Keyed(self._client, new_id, kept)
                state = await service.rollback(row.state.release_id, actor=actor, reason=reason)
            except RequestError as error:
                await self._record.refused(action, str(error))
                raise
        return state, state.release_id != new_id

    async def command(
        self, asking: Asking, release_id: str, command: Command, body: CommandBody, key: str | None
    ) -> tuple[ReleaseState, bool]:
        """Send a command; return the state right after it was taken, and whether that had happened before."""
        reason = redacted(body.reason)
        row, action = await self._on(Action(asking, command.value, release_id, reason, body.step))
        actor = asking.who.actor(f"api/{asking.request_id}")
        order = Order(command=command, actor=actor, release_id=row.state.release_id, reason=reason, step=body.step)
        async with self.in_time():
            await self._record.need(action, NEEDED[command])
            if key is not None and (taken := await self._taken(row, key)) is not None:
                return _same(taken, order), True
            if (why := refusal(row.state, order)) is not None:
                await self._record.refused(action, why)
                raise IllegalCommand(why)
            await self._record.accepted(action)
            sent = key or asking.request_id
            try:
                state = await self._service.command(order, key=sent)
            except RequestError as error:
                await self._record.refused(action, str(error))
                raise
            except Unavailable:
                raise Unavailable(
                    f"no worker has taken `{command}` yet, and it may still be taken: see that one runs (`sluice "
                    f"worker`), and send it again with `Idempotency-Key: {sent}`"
                ) from None
        return _same(state, order), _order_of(state).actor.source != order.actor.source

    async def _on(self, action: Action) -> tuple[Row, Action]:
        """Return the release that is meant, and the action with its target; refusals are in the audit too."""
        ref = action.release or ""
        async with self.in_time():
            try:
                row = await self.releases.find(ref)
            except NotFound as error:
                await self._record.refused(action, str(error))
                raise
            known = replace(action, target=full_name(row.state.target), release=row.state.release_id)
            if not action.asking.who.may("view", known.target or ""):
                await self._record.refused(known, "the role `view` is missing")
                raise _none(ref)
        return row, known

    def _roles(self, body: ReleaseBody) -> tuple[Role, ...]:
        roles: list[Role] = ["start"]
        if isinstance(body.target, InlineTarget):
            roles.append(self._settings.inline_role)
        if body.options.adopt or body.options.override_red_alarms or body.on_busy == "supersede":
            roles.append("operate")
        return tuple(roles)

    async def _newest(self, target: Target) -> Row | None:
        try:
            return await self.releases.newest(target)
        except NotFound:
            return None

    async def _earlier(self, request: ReleaseRequest, newest: Row | None) -> ReleaseState | None:
        """Return the release that this key has started. The list may be late; the target's newest release is not."""
        mine = newest if newest is not None and newest.state.release_id == request.release_id else None
        row = mine or await self.releases.of_id(request.release_id)
        return _kept(row, request.idempotency_key) if row is not None else None

    async def _taken(self, row: Row, key: str) -> ReleaseState | None:
        """Return what the release has answered to this key; None when it has not taken a command with it."""
        handle: WorkflowHandle[Any, Any] = self._client.get_workflow_handle(row.workflow_id, run_id=row.run_id)
        try:
            state: ReleaseState = await handle.get_update_handle(key, result_type=ReleaseState).result()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise Unavailable(f"Temporal did not answer: {error.message}; send it again") from None
        return state

    async def _not_started(self, request: ReleaseRequest, error: RequestError) -> Exception:
        if not isinstance(error, Conflict):
            return error
        holder = await self.releases.newest(request.target)
        return _reused() if holder.state.release_id == request.release_id else _busy(holder.state)


def _none(ref: str) -> NotFound:
    return NotFound(f"there is no release `{ref}`: `sluice list` shows those that Temporal still keeps")


def _busy(holder: ReleaseState) -> ProblemError:
    return ProblemError(
        BUSY,
        f"release {holder.release_id} holds {holder.target} ({holder.sentence}): wait for it, or abort it",
        release_id=holder.release_id,
        release_url=f"/v1/releases/{holder.release_id}",
    )


def _kept(row: Row, key: str) -> ReleaseState:
    if row.key != key:
        raise _reused()
    return row.state


def _order_of(state: ReleaseState) -> Order:
    """Return the order that led to this state: the answer to a command ends with its event."""
    event = next(event for event in reversed(state.events) if event.kind is EventKind.COMMAND)
    return Order.model_validate(event.data["order"])


def _same(state: ReleaseState, order: Order) -> ReleaseState:
    """Return `state` when it answers an order of the same sender and words. Raises ProblemError for any other."""
    if _words(_order_of(state)) != _words(order):
        raise _reused()
    return state


def _words(order: Order) -> Order:
    """Return the order without the request that brought it."""
    return order.model_copy(update={"actor": Actor(name=order.actor.name, source="")})


def _reused() -> ProblemError:
    return ProblemError(
        KEY_REUSED, "this Idempotency-Key was used for another request: repeat that one exactly, or take a new key"
    )

"""Every action over HTTP, in one order: find the target, ask for the role, write the audit, then act."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.api.bodies import CommandBody, InlineTarget, ReleaseBody, RollbackBody
from orchestrator.api.listing import Releases
from orchestrator.api.problems import BUSY, FORBIDDEN, KEY_REUSED, ProblemError
from orchestrator.api.requesting import Targets, encodable, release_id_of, release_request, stored_key
from orchestrator.api.roles import NEEDED, Principal, full_name
from orchestrator.audit import Audit, AuditEntry
from orchestrator.domain.commands import refusal
from orchestrator.domain.errors import Conflict, IllegalCommand, NotFound, SluiceError, Unavailable
from orchestrator.domain.journal import EventKind, ReleaseState
from orchestrator.domain.release import Actor, Command, Order, ReleaseRequest
from orchestrator.readings import Row
from orchestrator.releasefile.model import ResolvedTarget
from orchestrator.service import ReleaseService, new_release_id
from orchestrator.settings import ApiSettings, Role
from orchestrator.telemetry import Telemetry, redacted
from workflows.release import ReleaseWorkflow

log = structlog.get_logger("sluice.audit")


@dataclass(frozen=True)
class Asking:
    """Who asks, and from where."""

    who: Principal
    request_id: str
    address: str


@dataclass(frozen=True)
class Action:
    """What is asked for, as the audit tells it."""

    asking: Asking
    name: str
    target: str | None
    release: str | None
    reason: str = ""
    step: int | None = None


class _Keyed(ReleaseService):
    """The service for one request: what it starts carries that request's id and key."""

    def __init__(self, client: Client, release_id: str, key: str) -> None:
        super().__init__(client)
        self._given = {"release_id": release_id, "idempotency_key": key}

    async def submit(self, request: ReleaseRequest) -> ReleaseState:
        return await super().submit(request.model_copy(update=self._given))


class Desk:
    """Carries out what principals ask for. A SluiceError or ProblemError says why something was not done."""

    def __init__(self, client: Client, targets: Targets, settings: ApiSettings, telemetry: Telemetry) -> None:
        self._client = client
        self._service = ReleaseService(client)
        self._settings = settings
        self._telemetry = telemetry
        self.targets = targets
        self.releases = Releases(client)
        self.audit = Audit(client)

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
        """Return the release. One that the principal may not view is as good as none: NotFound."""
        async with self.in_time():
            row = await self.releases.find(ref)
        if not asking.who.may("view", full_name(row.state.target)):
            raise NotFound(f"there is no release `{ref}`: `sluice list` shows those that Temporal still keeps")
        return row

    async def plan(self, asking: Asking, body: ReleaseBody) -> ResolvedTarget:
        """Return what a release would do. Needs `view`."""
        encodable(body)
        resolved = await asyncio.to_thread(self.targets.resolve, body.target, asking.who)
        target = full_name(resolved.target)
        if not asking.who.may("view", target):
            raise _missing("view", target, asking.who)
        return resolved

    async def start(self, asking: Asking, body: ReleaseBody, key: str | None) -> tuple[ReleaseState, bool]:
        """Start a release; return it, and whether the same request had started it before."""
        encodable(body)
        resolved = await asyncio.to_thread(self.targets.resolve, body.target, asking.who)
        body = body.model_copy(update={"reason": redacted(body.reason)})
        request = release_request(body, resolved, asking.who, request_id=asking.request_id, key=key)
        action = Action(asking, "start", full_name(request.target), request.release_id, body.reason)
        await self._need(action, *self._roles(body))
        found = await self._earlier(request) if key else None
        if found is not None:
            return found, True
        await self._accept(action)
        try:
            async with self.in_time():
                state = await self._service.submit(request)
        except SluiceError as error:
            raise await self._not_started(action, request, error) from None
        return state, state.started_at != request.submitted_at

    async def rollback(
        self, asking: Asking, release_id: str, body: RollbackBody, key: str | None
    ) -> tuple[ReleaseState, bool]:
        """Take an ended release back, as a release of its own; return that one, and whether it had been started."""
        row = await self.find(asking, release_id)
        new_id = release_id_of(asking.who, key) if key else new_release_id()
        kept = stored_key(key, f"rollback {release_id}", body) if key else ""
        reason = redacted(body.reason)
        action = Action(asking, "rollback", full_name(row.state.target), release_id, reason)
        await self._need(action, "operate")
        if key and (earlier := await self._of_key(new_id, kept)) is not None:
            return earlier, True
        await self._accept(action)
        try:
            async with self.in_time():
                service = _Keyed(self._client, new_id, kept)
                actor = asking.who.actor(f"api/{asking.request_id}")
                return await service.rollback(release_id, actor=actor, reason=reason), False
        except SluiceError as error:
            await self._refuse(action, str(error))
            raise

    async def command(
        self, asking: Asking, release_id: str, command: Command, body: CommandBody, key: str | None
    ) -> tuple[ReleaseState, bool]:
        """Send a command; return the state right after it was taken, and whether that had happened before."""
        row = await self.find(asking, release_id)
        order = Order(
            command=command,
            actor=asking.who.actor(f"api/{asking.request_id}"),
            release_id=row.state.release_id,
            reason=redacted(body.reason),
            step=body.step,
        )
        action = Action(asking, command.value, full_name(row.state.target), order.release_id, order.reason, body.step)
        await self._need(action, NEEDED[command])
        if key is not None and (taken := await self._taken(row, key)) is not None:
            return _same(taken, order), True
        if (why := refusal(row.state, order)) is not None:
            await self._refuse(action, why)
            raise IllegalCommand(why)
        await self._accept(action)
        try:
            async with self.in_time():
                state = await self._service.command(order, key=key or asking.request_id)
        except SluiceError as error:
            await self._refuse(action, str(error))
            raise
        return _same(state, order), _order_of(state).actor.source != order.actor.source

    def _roles(self, body: ReleaseBody) -> tuple[Role, ...]:
        roles: list[Role] = ["start"]
        if isinstance(body.target, InlineTarget):
            roles.append(self._settings.inline_role)
        if body.options.adopt or body.options.override_red_alarms:
            roles.append("operate")
        return tuple(roles)

    async def _need(self, action: Action, *roles: Role) -> None:
        who, target = action.asking.who, action.target or ""
        lacking = next((role for role in roles if not who.may(role, target)), None)
        if lacking is not None:
            problem = _missing(lacking, target, who)
            await self._refuse(action, problem.detail)
            raise problem

    async def _accept(self, action: Action) -> None:
        """Write the entry. Whatever hinders that hinders the action too."""
        await self._write(action, "accepted", "")

    async def _refuse(self, action: Action, why: str) -> None:
        await self._write(action, "refused", why)

    async def _write(self, action: Action, outcome: Literal["accepted", "refused"], why: str) -> None:
        asking = action.asking
        entry = AuditEntry(
            at=datetime.now(UTC),
            principal=asking.who.actor("").name,
            method=asking.who.method,
            action=action.name,
            target=action.target,
            release=action.release,
            step=action.step,
            reason=action.reason,
            source_address=asking.address,
            request_id=asking.request_id,
            outcome=outcome,
            why=redacted(why),
        )
        async with self.in_time():
            await self.audit.write(entry)
        self._telemetry.actions.labels(action.name, outcome).inc()
        log.info("audit", **entry.model_dump(mode="json"))

    async def _earlier(self, request: ReleaseRequest) -> ReleaseState | None:
        """Return the release that this key has started. The list may be late; the target's newest release is not."""
        async with self.in_time():
            try:
                newest = await self.releases.newest(request.target)
            except NotFound:
                newest = None
        if newest is not None and newest.state.release_id == request.release_id:
            return _kept(newest, request.idempotency_key)
        return await self._of_key(request.release_id, request.idempotency_key)

    async def _of_key(self, release_id: str, key: str) -> ReleaseState | None:
        async with self.in_time():
            row = await self.releases.of_id(release_id)
        return _kept(row, key) if row is not None else None

    async def _taken(self, row: Row, key: str) -> ReleaseState | None:
        """Return what the release has answered to this key; None when it has not taken a command with it."""
        handle = self._client.get_workflow_handle_for(ReleaseWorkflow.run, row.workflow_id, run_id=row.run_id)
        update = handle.get_update_handle(key, result_type=ReleaseState)
        try:
            async with self.in_time():
                state: ReleaseState = await update.result()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise Unavailable(f"Temporal did not answer: {error.message}; send it again") from None
        return state

    async def _not_started(self, action: Action, request: ReleaseRequest, error: SluiceError) -> Exception:
        await self._refuse(action, str(error))
        if not isinstance(error, Conflict):
            return error
        async with self.in_time():
            holder = await self.releases.newest(request.target)
        if holder.state.release_id == request.release_id:
            return _reused()
        url = f"/v1/releases/{holder.state.release_id}"
        return ProblemError(BUSY, str(error), release_id=holder.state.release_id, release_url=url)


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
    nobody = Actor(name=order.actor.name, source="")
    found = _order_of(state)
    if found.model_copy(update={"actor": Actor(name=found.actor.name, source="")}) != order.model_copy(
        update={"actor": nobody}
    ):
        raise _reused()
    return state


def _reused() -> ProblemError:
    return ProblemError(
        KEY_REUSED, "this Idempotency-Key was used for another request: repeat that one exactly, or take a new key"
    )


def _missing(role: Role, target: str, who: Principal) -> ProblemError:
    return ProblemError(
        FORBIDDEN, f"{who.name} lacks the role `{role}` on {target}: ask for it, or let somebody do it who has it"
    )

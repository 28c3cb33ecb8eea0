"""Sluice's HTTP API as the command line's client."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from orchestrator.cli.client import Tell
from orchestrator.cli.credentials import Credentials
from orchestrator.cli.documents import read
from orchestrator.cli.following import follow
from orchestrator.cli.transport import Transport, transport
from orchestrator.domain.errors import NotFound, Unavailable
from orchestrator.domain.journal import ReleaseState, StepState
from orchestrator.domain.release import Actor, Order
from orchestrator.settings import Settings

LARGEST_PAGE = 200
LISTED_SECONDS = 5.0
"""A release that was started this moment may not be listed yet."""


class ApiClient:
    """Implements `orchestrator.cli.client.ServerClient`. Every write carries an Idempotency-Key."""

    def __init__(self, asked: Transport) -> None:
        self._asked = asked

    async def start(self, body: Mapping[str, Any], *, key: str) -> ReleaseState:
        """Start a release. Raises Conflict, InvalidSpec, NotAdmitted, Unavailable."""
        with_key = key or uuid.uuid4().hex
        return await self._begun(await self._write("/v1/releases", body, with_key))

    async def plan(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what would be started. Raises as `start`."""
        found: Mapping[str, Any] = await self._asked.post("/v1/plans", body)
        return found

    async def get(self, ref: str) -> ReleaseState:
        """Read one release. Raises NotFound, also for one that one may not view."""
        return read(ReleaseState, await self._asked.get(f"/v1/releases/{_part(ref)}"))

    async def list(self, *, limit: int = 50, running: bool = False) -> Sequence[ReleaseState]:
        """Newest first; `steps` are as many as there are, and say nothing else."""
        found: list[ReleaseState] = []
        cursor: str | None = None
        while len(found) < limit:
            params = {"limit": min(limit - len(found), LARGEST_PAGE)}
            more = ({"running": "true"} if running else {}) | ({"cursor": cursor} if cursor else {})
            page = await self._asked.get("/v1/releases", {**params, **more})
            found += [_listed(entry) for entry in page["releases"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        return sorted(found, key=lambda state: state.started_at, reverse=True)

    async def command(self, order: Order, *, key: str) -> ReleaseState:
        """Send one command. The server names the actor by the credential, not by `order.actor`."""
        path = f"/v1/releases/{_part(order.release_id)}/{order.command}"
        return read(ReleaseState, await self._write(path, {"reason": order.reason, "step": order.step}, key))

    async def rollback(self, ref: str, *, actor: Actor, reason: str) -> ReleaseState:
        """Take an ended release back, as a release of its own."""
        del actor
        state = await self.get(ref)
        path = f"/v1/releases/{_part(state.release_id)}/rollback"
        return await self._begun(await self._write(path, {"reason": reason}, uuid.uuid4().hex))

    def follow(self, state: ReleaseState, tell: Tell) -> AsyncIterator[ReleaseState]:
        """Yield the release whenever it has changed, until its end; reconnects by itself."""
        return follow(self._asked, state.release_id, lambda: self.get(state.release_id), tell)

    async def _write(self, path: str, body: Mapping[str, Any], key: str) -> Any:
        try:
            return await self._asked.post(path, body, key=key)
        except Unavailable as error:
            raise Unavailable(f"{error}; it may still be taken: repeat it with --key {key}") from None

    async def _begun(self, answer: Mapping[str, Any]) -> ReleaseState:
        deadline = asyncio.get_running_loop().time() + LISTED_SECONDS
        while True:
            try:
                return await self.get(answer["release_id"])
            except NotFound:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(0.2)


@asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[ApiClient]:
    """Reach the server of `settings.url`. Nothing is sent before the first question."""
    assert settings.url
    async with transport(settings.url, Credentials(settings)) as asked:
        yield ApiClient(asked)


def _part(ref: str) -> str:
    return quote(ref, safe=":")


def _listed(entry: Mapping[str, Any]) -> ReleaseState:
    # The list tells only how many steps there are.
    steps = tuple(StepState(kind="shift", label="") for _ in range(entry["steps"]))
    return read(ReleaseState, {**entry, "steps": steps})

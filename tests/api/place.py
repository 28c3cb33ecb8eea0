"""A server with three targets of its own, and tokens of every kind to reach it with."""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI
from temporalio.client import Client

from orchestrator.api.app import create_app
from orchestrator.api.server import Server, server_of
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Phase, Target
from orchestrator.service import ReleaseService
from orchestrator.settings import ApiSettings, AuthSettings, HookSettings, Settings, TemporalSettings, TokenEntry
from tests.fakes.aws import FakeAws

ACCOUNT, REGION = "123456789012", "eu-west-1"
PATIENCE = 20
FILE = """\
sampling: {{period: 60s, lag: 60s, interval: 60s}}
targets:
  checkout: &it
    account: "{account}"
    region: {region}
    function: {function}
    alias: live
    strategy: {{kind: canary, weights: [10, 50], bake: 5m}}
    labels: {{team: payments}}
  orders:
    account: "{account}"
    region: {region}
    function: {function}-orders
    alias: live
    strategy: {{kind: canary, weights: [10, 50], bake: 5m}}
  instant:
    account: "{account}"
    region: {region}
    function: {function}-instant
    alias: live
    strategy: {{kind: all_at_once}}
"""
LATEST = {"kind": "latest"}
HOOK_SECRET = "hook-secret"
SIGNING = "whsec_aG9vay1zZWNyZXQ="


def token_of(name: str) -> str:
    return f"sluice_{name}-{'x' * 40}"


def entry(name: str, *roles: str, targets: tuple[str, ...] = ("*",)) -> TokenEntry:
    digest = hashlib.sha256(token_of(name).encode()).hexdigest()
    return TokenEntry(name=name, sha256=digest, roles=roles, targets=targets)  # type: ignore[arg-type]


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_of(name)}"}


class Place:
    """One application with its own functions; everybody's token is named after what it may do."""

    def __init__(
        self, temporal: Client, aws: FakeAws, folder: Path, *, auth: AuthSettings | None = None, **api: Any
    ) -> None:
        self.temporal = temporal
        self.aws = aws
        self.function = f"f{uuid.uuid4().hex[:10]}"
        self.file = folder / f"{self.function}.yaml"
        self.file.write_text(FILE.format(account=ACCOUNT, region=REGION, function=self.function))
        self.target = self.target_of("")
        for suffix in ("", "-orders", "-instant"):
            aws.add_function(self.target_of(suffix)).change_code("second")
            aws.load(self.target_of(suffix), per_period=600)
        auth = auth or AuthSettings()
        self.settings = Settings(
            temporal=TemporalSettings(address=temporal.service_client.config.target_host),
            api=ApiSettings(release_file=self.file, **{"poll": 0.05, "rate": "10000/second", "port": 0, **api}),
            auth=auth.model_copy(update={"tokens": (*auth.tokens, *self.tokens())}),
            hooks=HookSettings(
                github_secrets=(HOOK_SECRET,),
                gitlab_secrets=(SIGNING,),
                gitlab_tokens=(HOOK_SECRET,),
                standard_secrets={"builds": (SIGNING,)},
            ),
        )
        self.app: FastAPI = create_app(self.settings, temporal)
        self.service = ReleaseService(temporal)

    def tokens(self) -> tuple[TokenEntry, ...]:
        here = f"{ACCOUNT}/*/{self.function}:live"
        return (
            entry("admin", "admin"),
            entry("viewer", "view", targets=(here,)),
            entry("starter", "start", targets=(here,)),
            entry("approver", "approve", targets=(here,)),
            entry("operator", "operate", targets=(here,)),
            entry("ci", "start", "operate", targets=(here, f"{ACCOUNT}/*/{self.function}-instant:live")),
            entry("neighbour", "start", "approve", "operate", targets=(f"{ACCOUNT}/*/{self.function}-orders:live",)),
        )

    def target_of(self, suffix: str) -> Target:
        return Target(account=ACCOUNT, region=REGION, function=f"{self.function}{suffix}", alias="live")

    @asynccontextmanager
    async def http(self, who: str | None = "admin", *, peer: str = "192.0.2.7") -> AsyncIterator[httpx2.AsyncClient]:
        """A client inside the process, calling from an address of the documentation's network."""
        transport = httpx2.ASGITransport(app=self.app, client=(peer, 4000))
        headers = bearer(who) if who else {}
        async with httpx2.AsyncClient(transport=transport, base_url="http://sluice", headers=headers) as client:
            yield client

    @asynccontextmanager
    async def served(self, who: str | None = "admin") -> AsyncIterator[tuple[httpx2.AsyncClient, Server]]:
        """A real server on loopback, and a client of it."""
        server = server_of(self.settings, self.app)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        running = asyncio.create_task(server._serve())
        async with asyncio.timeout(PATIENCE):
            while not server.started:
                await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        headers = bearer(who) if who else {}
        try:
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20) as client:
                yield client, server
        finally:
            server.should_exit = server.force_exit = True
            await running

    async def until(self, release_id: str, reached: Callable[[ReleaseState], bool]) -> ReleaseState:
        async with asyncio.timeout(PATIENCE):
            while not reached(state := await self.service.get(release_id)):
                await asyncio.sleep(0.02)
        return state

    async def baking(self, http: httpx2.AsyncClient, target: str = "checkout") -> str:
        """Start a release and wait for its first bake; its id."""
        answer = await http.post("/v1/releases", json={"target": target, "artifact": LATEST})
        assert answer.status_code == 202, answer.text
        release_id: str = answer.json()["release_id"]
        await self.until(release_id, lambda s: s.phase is Phase.BAKING)
        return release_id

    async def promoted(self, http: httpx2.AsyncClient) -> str:
        """Start a release of `instant` and end its final bake; its id."""
        answer = await http.post("/v1/releases", json={"target": "instant", "artifact": LATEST})
        assert answer.status_code == 202, answer.text
        release_id: str = answer.json()["release_id"]
        state = await self.until(release_id, lambda s: s.phase is Phase.FINAL_BAKE)
        await http.post(f"/v1/releases/{release_id}/skip", json={"step": state.step})
        await self.until(release_id, lambda s: s.done)
        return release_id

"""The gateway's HTTP side: one uvicorn server on loopback inside the calling event loop."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from orchestrator.lab.gateway.admin_routes import PREFIX, AdminDesk
from orchestrator.lab.gateway.dispatch import Desk, Dropped
from orchestrator.lab.gateway.keeping import FunctionShelf
from orchestrator.lab.gateway.operations import read_call
from orchestrator.lab.gateway.settings import LabSettings
from orchestrator.lab.gateway.upstream import Upstream
from orchestrator.lab.gateway.wire import Call, Reply, json_reply
from orchestrator.lab.gateway.world import World


class _Server(uvicorn.Server):
    """Leaves signals to whoever owns the event loop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Gateway:
    """AWS as a release needs it, in front of the emulator.

    Args of the constructor:
        upstream_url: address of the emulator.
        place: a bound, not yet listening socket on loopback.
        region: the region it plays.
        settings: lags, durations, budgets; changeable later through `/_lab/settings`.
        seed: of the weighted draws; None differs on every start.
        faults_allowed: whether `/_lab/faults` may be used.
        keep_in: folder in which functions survive a restart; None keeps nothing.
    """

    def __init__(
        self,
        upstream_url: str,
        place: socket.socket,
        *,
        region: str = "us-east-1",
        settings: LabSettings | None = None,
        seed: int | None = None,
        faults_allowed: bool = False,
        keep_in: Path | None = None,
    ) -> None:
        """Prepare; nothing is served before `start`."""
        self._upstream = Upstream(upstream_url, region)
        self._world = World(self._upstream, region, settings or LabSettings(), seed)
        self._shelf = FunctionShelf(keep_in) if keep_in else None
        self._desk = Desk(self._world, self._shelf)
        self._admin = AdminDesk(self._desk, faults_allowed=faults_allowed, seed=seed)
        self._place = place
        self._open: dict[tuple[str, int], asyncio.Transport] = {}
        config = uvicorn.Config(
            self._app,
            http=self._protocol(),
            interface="asgi3",
            proxy_headers=False,
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=75,
            backlog=512,
        )
        self._server = _Server(config)
        self._serving: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """Port it serves on."""
        return int(self._place.getsockname()[1])

    @property
    def url(self) -> str:
        """Address to give to AWS clients as their endpoint."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Bring kept functions back, then serve; the emulator must be up. Returns once requests are accepted."""
        if self._shelf:
            await self._shelf.restore(self._world)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._place]))
        while not self._server.started:
            if self._serving.done():
                await self._serving
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Stop serving and end all background work; a second call changes nothing."""
        self._server.should_exit = True
        await self._world.end_background()
        for transport in list(self._open.values()):
            transport.close()
        if self._serving:
            await self._serving
            self._serving = None
        self._place.close()
        await self._upstream.close()

    def _protocol(self) -> type[H11Protocol]:
        """An HTTP protocol that remembers its connections, since ASGI has no way to close one unanswered."""
        remembered = self._open

        class Remembering(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                remembered[transport.get_extra_info("peername")[:2]] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                remembered.pop(self.transport.get_extra_info("peername")[:2], None)
                super().connection_lost(exc)

        return Remembering

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        headers = {name.lower(): value for name, value in request.headers.items()}
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        call = read_call(request.method, target, headers, await request.body())
        try:
            reply = await self._answer(call)
        except Dropped:
            transport = self._open.get(scope["client"])
            if transport:
                transport.abort()
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        await _send(reply, send)

    async def _answer(self, call: Call) -> Reply:
        if call.path.startswith(PREFIX):
            return await self._admin.answer(call)
        try:
            return await self._desk.answer(call)
        except Dropped:
            raise
        except Exception as error:  # noqa: BLE001 - a mistake of ours must reach the client as AWS' own 500 would
            return json_reply({"message": f"Lab gateway: {error!r}"}, 500, **{"x-amzn-errortype": "ServiceException"})


async def _send(reply: Reply, send: Send) -> None:
    headers: list[Any] = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers.items()]
    if reply.status != 204 and "content-length" not in reply.headers:
        headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})

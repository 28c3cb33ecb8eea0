"""An AWS endpoint on a socket that answers as told: for what only shows on the wire (headers, timeouts, retries)."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web


@dataclass
class Reply:
    """One answer. `error` becomes AWS's error header; `hang` never answers; `drop` closes the connection."""

    body: Any = field(default_factory=dict)
    status: int = 200
    error: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    drop: bool = False


@dataclass
class Request:
    """What arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class WireAws:
    """Answers requests with `replies`, in order, and with an empty 200 when there is none left."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.replies: deque[Reply] = deque()
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def answer(self, body: Any = None, **more: Any) -> None:
        """Add a reply."""
        self.replies.append(Reply({} if body is None else body, **more))

    def refuse(self, status: int, error: str, message: str = "no", **more: Any) -> None:
        """Add an error as Lambda sends it."""
        self.replies.append(Reply({"Type": "User", "message": message, **more}, status, error))

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        assert request.transport is not None
        self.requests.append(Request(request.method, request.path, dict(request.query), dict(request.headers), body))
        reply = self.replies.popleft() if self.replies else Reply()
        if reply.hang:
            await asyncio.sleep(3600)
        if reply.drop:
            request.transport.abort()
        headers = dict(reply.headers) | ({"x-amzn-errortype": reply.error} if reply.error else {})
        text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
        return web.Response(text=text, status=reply.status, headers=headers, content_type="application/json")

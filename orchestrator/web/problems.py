"""Errors of pages as pages: what the API says as problem+json is shown to people in words."""

import json
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.api.problems import MEDIA_TYPE
from orchestrator.web.rendering import page

_MACHINES = ("/v1/", "/hooks/", "/static/")


class ReadableProblems:
    """ASGI middleware around the whole application: refusals at the door are shown too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and _from_a_person(scope):
            send = _Translation(scope, receive, send).send
        await self._app(scope, receive, send)


class _Translation:
    """Holds a problem back until it is complete, and sends a page with its status and headers instead."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if (
            message["type"] == "http.response.start"
            and Headers(raw=message["headers"]).get("content-type") == MEDIA_TYPE
        ):
            self._start = message
            return
        if self._start is None:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False):
            await self._answer(json.loads(self._body), Headers(raw=self._start["headers"]))

    async def _answer(self, problem: dict[str, Any], headers: Headers) -> None:
        answer = page("problem.html", problem["status"], problem=problem)
        for name, value in headers.items():
            if not name.startswith("content-"):
                answer.headers.setdefault(name, value)
        await answer(self._scope, self._receive, self._send)


def _from_a_person(scope: Scope) -> bool:
    path: str = scope["path"]
    if path == "/" or path.startswith("/releases/"):
        return True
    return not path.startswith(_MACHINES) and "text/html" in Headers(scope=scope).get("accept", "")

"""A forge on loopback: plays the parts of GitHub's and GitLab's REST API that are told, and keeps what it was told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Told:
    """One write as received."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Forge:
    """Keeps statuses as both forges do: newest first. `fail` answers are given first, instead of the real ones."""

    url: str = ""
    written: list[Told] = field(default_factory=list)
    asked: list[Told] = field(default_factory=list)
    kept: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    fail: list[tuple[str, int]] = field(default_factory=list)
    """Method and status of requests to come; -1 does the work and breaks the connection, 0 only breaks it."""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = first.split(" ")
        request = Told(method, path, headers, json.loads(raw) if raw else {})
        status = 200
        for number, (wanted, code) in enumerate(self.fail):
            if wanted in (method, "*"):
                status = code
                del self.fail[number]
                break
        answer = self._do(request) if status in (200, -1) else {"message": "planned failure"}
        if status > 0:
            body = json.dumps(answer).encode()
            lines = [f"HTTP/1.1 {status} Told", "Content-Type: application/json", f"Content-Length: {len(body)}"]
            writer.write("\r\n".join([*lines, "Connection: close"]).encode() + b"\r\n\r\n" + body)
            await writer.drain()
        writer.close()

    def _do(self, request: Told) -> Any:
        parts = urlsplit(request.path)
        place, query = parts.path, parse_qs(parts.query)
        if request.method == "GET":
            self.asked.append(request)
            return self._read(place, query)
        self.written.append(request)
        if place.endswith("/access_tokens"):
            return {"token": "canary-installation-token", "expires_at": "2099-01-01T00:00:00Z"}
        if request.method == "PATCH":
            run = next(r for runs in self.kept.values() for r in runs if str(r.get("id")) == place.rsplit("/", 1)[1])
            run |= request.body
            return run
        kept = self.kept.setdefault(_shelf(place), [])
        entry = {"id": len(self.written), "status": request.body.get("state"), **request.body}
        kept.insert(0, entry)
        return entry

    def _read(self, place: str, query: dict[str, list[str]]) -> Any:
        kept = self.kept.get(_shelf(place), [])
        if place.endswith("/check-runs"):
            name = unquote(query["check_name"][0])
            return {"check_runs": [run for run in kept if run["name"] == name]}
        return kept

    def states(self, fragment: str) -> list[str]:
        """The states told to a place, oldest first."""
        return [t.body.get("state") or t.body.get("status", "") for t in self.written if fragment in t.path]


def _shelf(place: str) -> str:
    """Reads and writes of the same thing have different addresses."""
    if "/deployments/" in place:
        return place
    if "check-runs" in place:
        return "check"
    return next(part for part in place.split("/") if len(part) == 40)


@asynccontextmanager
async def forge_serving() -> AsyncIterator[Forge]:
    forge = Forge()
    server = await asyncio.start_server(forge.answer, "127.0.0.1", 0)
    forge.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield forge

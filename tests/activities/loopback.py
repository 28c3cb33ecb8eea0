"""A real HTTP server on a free loopback port that answers what a test tells it to."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Asked:
    """One request as received."""

    method: str
    path: str
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Loopback:
    """Every request gets the same answer, which may be changed at any time; `seconds` pass before it."""

    url: str = ""
    status: int = 200
    body: str = "{}"
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0
    asked: list[Asked] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = first.split(" ")
        self.asked.append(Asked(method, path, headers, body.decode()))
        await asyncio.sleep(self.seconds)
        told = {"Content-Length": str(len(self.body.encode())), "Connection": "close", **self.headers}
        lines = [f"HTTP/1.1 {self.status} Told", *(f"{name}: {value}" for name, value in told.items())]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + self.body.encode())
        writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[Loopback]:
    """Serve on 127.0.0.1 until the block ends; afterwards nothing listens on that port."""
    loopback = Loopback()
    server = await asyncio.start_server(loopback.answer, "127.0.0.1", 0)
    loopback.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield loopback

"""The command line before a real server: the API's own fixtures, and a line to it that can be cut."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from orchestrator.cli.api_client import ApiClient, connect
from orchestrator.settings import Settings
from tests.api.conftest import aws, new_place, place, temporal  # noqa: F401  fixtures
from tests.api.place import Place, token_of

SLUICE = Path(sys.executable).parent / "sluice"


class Line:
    """A loopback relay that remembers what was asked, and can cut every connection, or swallow answers."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: set[asyncio.StreamWriter] = set()
        self.asked: list[str] = []
        self.deaf = 0
        """So many answers are still swallowed."""

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        self._open |= {writer, back}
        await asyncio.gather(self._pass(reader, back, asking=True), self._pass(there, writer, asking=False))

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, asking: bool) -> None:
        try:
            while data := await source.read(65536):
                if asking:
                    self.asked.append(data.decode(errors="replace"))
                elif self.deaf:
                    self.deaf -= 1
                    self.cut()
                    return
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            pass
        finally:
            sink.close()

    def cut(self) -> None:
        for writer in self._open:
            writer.close()
        self._open.clear()


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("SLUICE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


Connected = Callable[..., AsyncIterator[SimpleNamespace]]


@pytest.fixture
def connected(place: Place) -> Connected:  # noqa: F811
    """Open a client to a real server over a line that can be cut."""

    @asynccontextmanager
    async def made(who: str = "ci") -> AsyncIterator[SimpleNamespace]:
        async with place.served() as (http, server):
            line = Line(http.base_url.port or 0)
            relay = await asyncio.start_server(line.relay, "127.0.0.1", 0)
            url = f"http://127.0.0.1:{relay.sockets[0].getsockname()[1]}"
            try:
                async with client_of(url, who) as client:
                    yield SimpleNamespace(client=client, line=line, url=url, http=http, server=server)
            finally:
                relay.close()
                line.cut()

    return made


@asynccontextmanager
async def client_of(url: str, who: str) -> AsyncIterator[ApiClient]:
    async with connect(Settings(url=url, token=token_of(who))) as client:
        yield client


@pytest.fixture
def run() -> Callable[..., object]:
    """Run the real command; returns code, out and err."""

    async def ran(*words: str, given: str = "", **environment: str) -> SimpleNamespace:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            SLUICE, *words, stdin=pipe, stdout=pipe, stderr=pipe, env={**os.environ, **environment}
        )
        out, err = await process.communicate(given.encode())
        return SimpleNamespace(code=process.returncode, out=out.decode(), err=err.decode())

    return ran

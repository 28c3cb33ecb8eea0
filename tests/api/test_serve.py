"""`sluice serve` as a process: how it stops, and what a sudden end loses."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx2
from temporalio.client import Client

from tests.api.place import LATEST, Place, bearer

CODE = "import sys; from orchestrator.cli.main import run; sys.argv = ['sluice', 'serve']; run()"


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])


class Served:
    """A running process, and where it listens."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"


@asynccontextmanager
async def served(place: Place, temporal: str, **api: str) -> AsyncIterator[Served]:
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path.cwd()),
        "SLUICE_TEMPORAL__ADDRESS": temporal,
        "SLUICE_API__PORT": str(port),
        "SLUICE_API__RELEASE_FILE": str(place.file),
        "SLUICE_AUTH__TOKENS": json.dumps([t.model_dump(mode="json") for t in place.tokens()]),
        **api,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CODE, env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    found = Served(process, port)
    try:
        async with httpx2.AsyncClient() as http, asyncio.timeout(30):
            while True:
                with suppress(httpx2.TransportError):
                    await http.get(f"{found.url}/healthz")
                    break
                await asyncio.sleep(0.05)
        yield found
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_it_stops_within_five_seconds_with_streams_open(place: Place, temporal: Client) -> None:
    async with (
        served(place, temporal.service_client.config.target_host) as server,
        httpx2.AsyncClient(base_url=server.url, headers=bearer("admin"), timeout=20) as http,
    ):
        url = f"/v1/releases/{await place.baking(http)}"
        assert (await http.get("/readyz")).status_code == 200

        async def follow() -> str:
            async with http.stream("GET", f"{url}/events") as answer:
                return (await answer.aread()).decode()

        streams = [asyncio.create_task(follow()) for _ in range(5)]
        await asyncio.sleep(0.5)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "not-ready")
        assert (await http.get(url)).status_code == 200, "requests are still answered"
        texts = await asyncio.gather(*streams)
        assert all("retry: 2000" in text and "event: state" in text for text in texts)
        await server.process.wait()
        assert time.monotonic() - began < 5
        assert server.process.returncode == 0


class Valve:
    """Forwards to Temporal; once closed, what Temporal answers does not come through any more."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: set[asyncio.Task[None]] = set()
        self.closed = False

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
        answering = asyncio.create_task(self._answer(up_reader, writer))
        try:
            with suppress(ConnectionError, asyncio.CancelledError):
                while chunk := await reader.read(65536):
                    up_writer.write(chunk)
                    await up_writer.drain()
        finally:
            answering.cancel()
            for each in (writer, up_writer):
                each.close()
                with suppress(ConnectionError):
                    await each.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(65536):
                if not self.closed:
                    writer.write(chunk)
                    await writer.drain()

    async def end(self) -> None:
        """Drop every connection."""
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


async def test_a_process_killed_before_its_answer_loses_nothing(place: Place, temporal: Client) -> None:
    host, _, port = temporal.service_client.config.target_host.partition(":")
    assert host == "127.0.0.1"
    valve = Valve(int(port))
    listening = await asyncio.start_server(valve, "127.0.0.1", 0)
    through = f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    key = {**bearer("starter"), "Idempotency-Key": "job-1"}
    body = {"target": "checkout", "artifact": LATEST}
    async with served(place, through) as server, httpx2.AsyncClient(base_url=server.url, timeout=20) as http:
        asking = asyncio.create_task(http.post("/v1/releases", json=body, headers=key))
        handle = temporal.get_workflow_handle(place.target.workflow_id)
        async with asyncio.timeout(20):
            while True:  # Temporal has it, the process does not know yet
                with suppress(Exception):
                    run = (await handle.describe()).run_id
                    valve.closed = True
                    break
                await asyncio.sleep(0.001)
        server.process.kill()
        with suppress(httpx2.TransportError):
            await asking
    listening.close()
    await valve.end()
    async with place.http(None) as http:
        again = await http.post("/v1/releases", json=body, headers=key)
        assert again.status_code == 202
        assert again.headers["Idempotent-Replayed"] == "true"
        assert (await handle.describe()).run_id == run
        listed = (await http.get("/v1/releases", params={"function": place.function}, headers=key)).json()["releases"]
        assert [r["release_id"] for r in listed] == [again.json()["release_id"]]

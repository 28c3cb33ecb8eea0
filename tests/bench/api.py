"""`python -m tests.bench.api`: what reading costs over HTTP, and what open streams weigh. Ends with 1 if too much.

The server is a process of its own, as in production; releases are started on a Temporal server in memory and stay where
they are, since nobody serves them. `--full` lists among 10,000 of them instead of 500.
"""

import asyncio
import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import httpx2
from temporalio.client import Client

from orchestrator.domain.plan import Bake, Plan, Promote, Shift
from orchestrator.domain.release import Actor, Latest, ReleaseRequest, Target
from orchestrator.lab import processes
from orchestrator.service import ReleaseService
from orchestrator.settings import TemporalSettings
from orchestrator.temporal import connect_temporal

TOKEN = f"sluice_{'b' * 43}"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
READS = 300
STREAMS = 200
AT_ONCE = 1
"""Readers beside each other: with more, each also waits for the others."""


class Figure(NamedTuple):
    """One line of the table."""

    name: str
    value: float
    limit: float | None
    unit: str
    samples: int

    @property
    def kept(self) -> bool:
        return self.limit is None or self.value <= self.limit


def request(number: int) -> ReleaseRequest:
    steps = (
        Shift(weight=10, bake=Bake(duration=timedelta(minutes=5))),
        Promote(bake=Bake(duration=timedelta(minutes=5))),
    )
    return ReleaseRequest(
        release_id=f"{number:012x}",
        target=Target(account="123456789012", region="eu-west-1", function=f"bench-{number}", alias="live"),
        artifact=Latest(),
        plan=Plan(strategy="canary", steps=steps),
        actor=Actor(name="bench"),
        reason="bench",
        submitted_at=datetime.now(UTC),
    )


async def fill(client: Client, count: int) -> None:
    service = ReleaseService(client)
    for first in range(0, count, 20):
        await asyncio.gather(*(service.submit(request(n)) for n in range(first, min(first + 20, count))))


@asynccontextmanager
async def serving(temporal: str, folder: Path) -> AsyncIterator[tuple[str, int]]:
    """The server's URL and process id."""
    port = processes.free_port(0, "the API")
    entry = {"name": "bench", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest(), "roles": ["view"], "targets": ["*"]}
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path.cwd()),
        "SLUICE_TEMPORAL__ADDRESS": temporal,
        "SLUICE_API__PORT": str(port),
        "SLUICE_API__RATE": "100000/second",
        "SLUICE_AUTH__TOKENS": json.dumps([entry]),
    }
    code = "import sys; from orchestrator.cli.main import run; sys.argv = ['sluice', 'serve']; run()"
    with (folder / "serve.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, env=environment, stderr=log)
    try:
        async with httpx2.AsyncClient() as http, asyncio.timeout(30):
            while True:
                with suppress(httpx2.TransportError):
                    await http.get(f"http://127.0.0.1:{port}/healthz")
                    break
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        await process.wait()


async def timed(ask: Callable[[], Awaitable[httpx2.Response]], count: int) -> list[float]:
    """Seconds of `count` answers, `AT_ONCE` readers beside each other."""
    seconds: list[float] = []

    async def reader() -> None:
        for _ in range(count // AT_ONCE):
            began = time.perf_counter()
            answer = await ask()
            seconds.append(time.perf_counter() - began)
            assert answer.status_code == 200, answer.text

    await asyncio.gather(*(reader() for _ in range(AT_ONCE)))
    return sorted(seconds)


def spread(name: str, seconds: list[float], limit: float) -> list[Figure]:
    ms = [s * 1000 for s in seconds]
    p99 = ms[min(len(ms) - 1, round(0.99 * (len(ms) - 1)))]
    return [
        Figure(f"{name}, p50", statistics.median(ms), None, "ms", len(ms)),
        Figure(f"{name}, p99", p99, limit, "ms", len(ms)),
    ]


def memory(pid: int) -> float:
    """Resident MB of a process."""
    found = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(found.split()[1]) / 1024


async def streams(url: str, pid: int) -> list[Figure]:
    """Open them all, read what each begins with, and weigh the server."""
    before = memory(pid)
    reading = []  # an iterator that is thrown away closes its stream
    async with AsyncExitStack() as stack:
        limits = httpx2.Limits(max_connections=STREAMS)
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=HEADERS, timeout=60, limits=limits))
        for number in range(STREAMS):
            path = f"{url}/v1/releases/{number % 50:012x}/events"
            answer = await stack.enter_async_context(http.stream("GET", path))
            assert answer.status_code == 200
            reading.append(answer.aiter_bytes())
            await anext(reading[-1])
        await asyncio.sleep(3)
        during = memory(pid)
        async with httpx2.AsyncClient(headers=HEADERS, timeout=60) as other:
            assert f"sluice_event_streams {STREAMS}" in (await other.get(f"{url}/metrics")).text
    return [
        Figure("memory of the server before", before, None, "MB", 1),
        Figure(f"memory with {STREAMS} streams open", during, 300, "MB", STREAMS),
    ]


def table(figures: list[Figure]) -> str:
    rows = [("figure", "measured", "limit", "n", "kept")]
    for f in figures:
        limit = "" if f.limit is None else f"{f.limit:g} {f.unit}"
        rows.append((f.name, f"{f.value:.3g} {f.unit}", limit, str(f.samples), "yes" if f.kept else "NO"))
    widths = [max(len(r[i]) for r in rows) for i in range(5)]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


async def main() -> int:
    count = 10_000 if "--full" in sys.argv else 500
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as name:
        folder = Path(name)
        port = processes.free_port(0, "Temporal")
        temporal = await processes.start_temporal(port, folder)
        try:
            address = f"127.0.0.1:{port}"
            client = await connect_temporal(TemporalSettings(address=address))
            print(f"starting {count} releases ...", file=sys.stderr, flush=True)
            await fill(client, count)
            async with serving(address, folder) as (url, pid), httpx2.AsyncClient(headers=HEADERS, timeout=30) as http:
                print("measuring ...", file=sys.stderr, flush=True)
                one, page = f"{url}/v1/releases/{7:012x}", f"{url}/v1/releases?limit=50"
                await timed(lambda: http.get(one), 20)
                figures = spread("GET of a release", await timed(lambda: http.get(one), READS), 100)
                figures += spread(f"list of 50 out of {count}", await timed(lambda: http.get(page), READS), 300)
                figures += await streams(url, pid)
        finally:
            await temporal.stop()
    print(table(figures))
    return 0 if all(f.kept for f in figures) else 1


if __name__ == "__main__":
    code = asyncio.run(main())
    sys.stdout.flush()
    os._exit(code)  # the Temporal SDK may abort a process that ends normally, after all work is done

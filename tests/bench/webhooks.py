"""Webhooks: how long until the answer, and until the release has started; printed as a table.

`python -m tests.bench.webhooks`. The API and the worker run as processes of their own against a real Temporal server;
deliveries come 20 a second for 15 seconds, each for a target of its own. AWS is not called: a release counts as started
when Temporal has it. Ends with 1 when a limit is broken.
"""

import asyncio
import hashlib
import hmac
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
from temporalio.client import Client

from tests.temporal import temporal_serving

ROOT = Path(__file__).parents[2]
RATE = int(os.environ.get("SLUICE_BENCH_RATE", "20"))
SECONDS = int(os.environ.get("SLUICE_BENCH_SECONDS", "15"))
SECRET = "bench"
TARGET = '  t{n}: {{account: "123456789012", region: eu-west-1, function: t{n}, alias: live, strategy: all_at_once}}\n'
RULE = """webhooks:
  all:
    provider: github
    event: deployment
    target: "{deployment.environment}"
    artifact: {latest: true}
    feedback: []
"""
API = """
import asyncio, sys, uvicorn
from orchestrator.api.app import create_app
from orchestrator.settings import Settings
from orchestrator.temporal import connect_temporal

async def main():
    settings = Settings(_env_file=None)
    client = await connect_temporal(settings.temporal)
    app = create_app(settings, client)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await serving

asyncio.run(main())
"""
LIMITS = {"receipt to answer": 0.25, "receipt to started release": 1.0}


@asynccontextmanager
async def process(*words: str, environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run until the block ends; it has said its first line."""
    run = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, env={**os.environ, **environment}, cwd=ROOT
    )
    try:
        yield run
    finally:
        run.terminate()
        try:
            await asyncio.wait_for(run.communicate(), 15)
        except TimeoutError:
            run.kill()
            await run.wait()


def delivery(number: int) -> tuple[bytes, dict[str, str]]:
    payload = {
        "action": "created",
        "deployment": {"id": number, "sha": "a" * 40, "environment": f"t{number}"},
        "repository": {"id": 1, "full_name": "acme/bench", "description": "x" * 8000},
        "sender": {"login": "bench"},
    }
    body = json.dumps(payload).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return body, {
        "Content-Type": "application/json",
        "X-GitHub-Event": "deployment",
        "X-GitHub-Delivery": f"d-{number}",
        "X-Hub-Signature-256": f"sha256={signature}",
    }


async def send(url: str, count: int) -> tuple[list[float], dict[str, float]]:
    """Deliver at the rate, whatever the answers take; return seconds to each answer, and when each was sent."""
    answers: list[float] = []
    sent: dict[str, float] = {}

    async with httpx2.AsyncClient(timeout=30) as http:

        async def one(number: int) -> None:
            body, headers = delivery(number)
            began = time.time()
            answer = await http.post(url, content=body, headers=headers)
            answers.append(time.time() - began)
            assert answer.status_code == 202, answer.text
            sent[answer.json()["target"]] = began

        start, running = time.monotonic(), []
        for number in range(count):
            await asyncio.sleep(max(0.0, start + number / RATE - time.monotonic()))
            running.append(asyncio.create_task(one(number)))
        await asyncio.gather(*running)
    return answers, sent


async def started(client: Client, sent: dict[str, float]) -> list[float]:
    """Seconds from sending to Temporal's own start time of each release."""
    found: dict[str, float] = {}
    deadline = time.monotonic() + 60
    while len(found) < len(sent) and time.monotonic() < deadline:
        async for each in client.list_workflows("WorkflowType = 'Release'"):
            function = each.id.split("/")[-2]
            found[f"{function}:live"] = each.start_time.timestamp()
        await asyncio.sleep(0.5)
    missing = sent.keys() - found.keys()
    assert not missing, f"{len(missing)} releases never started: {[await trouble(client, m) for m in missing]}"
    return [found[target] - began for target, began in sent.items()]


async def trouble(client: Client, target: str) -> str:
    """What Temporal knows of a delivery whose release has not started."""
    handle = client.get_workflow_handle(f"hook/github/d-{target.partition(':')[0][1:]}")
    found = await handle.describe()
    history = await handle.fetch_history()
    events = [f"{e.event_time.ToJsonString()[11:23]} {e.WhichOneof('attributes')}" for e in history.events]
    return f"{target} {found.status} {events} {found.raw_description.pending_activities}"


def cpu_seconds() -> dict[str, float]:
    """CPU time of each process below this one, by what it is; it hardly depends on what else the machine does."""
    names = {"uvicorn": "API", "worker": "worker", "temporal": "Temporal"}
    found: dict[str, float] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rsplit(")", 1)[1].split()
            line = path.with_name("cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        name = next((name for part, name in names.items() if part in line), None)
        if int(words[1]) == os.getpid() and name is not None:
            found[name] = (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    return found


def table(rows: dict[str, list[float]]) -> tuple[str, bool]:
    lines, kept = [f"{'figure':<32}{'p50':>10}{'p99':>10}{'limit':>10}{'n':>7}  kept"], True
    for name, seconds in rows.items():
        p99 = sorted(seconds)[min(len(seconds) - 1, round(0.99 * (len(seconds) - 1)))]
        good = p99 <= LIMITS[name]
        kept = kept and good
        cells = f"{statistics.median(seconds) * 1e3:>7.0f} ms{p99 * 1e3:>7.0f} ms{LIMITS[name] * 1e3:>7.0f} ms"
        lines.append(f"{name:<32}{cells}{len(seconds):>7}  {'yes' if good else 'NO'}")
    return "\n".join(lines), kept


async def main() -> int:
    count = RATE * SECONDS
    async with temporal_serving() as temporal:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "sluice.yaml"
            names = ", ".join(f"t{n}" for n in range(count + 1))
            targets = "".join(TARGET.format(n=n) for n in range(count + 1))
            file.write_text(f"targets:\n{targets}{RULE}    allow: [{names}]\n")
            environment = {
                "SLUICE_TEMPORAL__ADDRESS": temporal.service_client.config.target_host,
                "SLUICE_API__RELEASE_FILE": str(file),
                "SLUICE_HOOKS__GITHUB_SECRETS": json.dumps([SECRET]),
            }
            python = sys.executable
            async with (
                process(python, "-c", API, environment=environment) as api,
                process(str(Path(python).parent / "sluice"), "worker", environment=environment) as worker,
            ):
                assert api.stdout is not None
                assert worker.stdout is not None
                port = (await asyncio.wait_for(api.stdout.readline(), 60)).decode().strip()
                await asyncio.wait_for(worker.stdout.readline(), 60)
                url = f"http://127.0.0.1:{port}/hooks/github"
                async with httpx2.AsyncClient(timeout=30) as http:  # the first loads the release file
                    body, headers = delivery(count)
                    await http.post(url, content=body, headers=headers)
                await asyncio.sleep(2)
                before = cpu_seconds()
                answers, sent = await send(url, count)
                starts = await started(temporal, sent)
                used = {name: seconds - before[name] for name, seconds in cpu_seconds().items()}
    text, kept = table(dict(zip(LIMITS, (answers, starts), strict=True)))
    print(f"{count} deliveries of 8 kB, {RATE} a second")
    print(text)
    print("CPU per delivery: " + ", ".join(f"{name} {s / count * 1e3:.0f} ms" for name, s in used.items()))
    return 0 if kept else 1


if __name__ == "__main__":
    code = asyncio.run(main())
    sys.stdout.flush()
    os._exit(code)  # the Temporal SDK may abort a process that ends normally, after all work is done

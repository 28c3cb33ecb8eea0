"""An API process that dies between receipt and answer, and Temporal that is away at receipt."""

import asyncio
import json
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from orchestrator.api.app import create_app
from orchestrator.domain.release import Outcome
from tests.intake.world import World, github_headers

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def api(world: World, when: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    address = world.client.service_client.config.target_host
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.intake.api_process", address, str(world.folder / "sluice.yaml"), when),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        port = (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()
        yield process, f"http://127.0.0.1:{port}/hooks/github"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_api_process_killed_before_its_answer_loses_and_doubles_nothing(world: World, when: str) -> None:
    """The sender got no answer and delivers again: one release, whichever side of the start the kill fell on."""
    body = json.dumps(world.deployment()).encode()
    headers = github_headers(body, "deployment", str(uuid.uuid4()))
    async with httpx2.AsyncClient(timeout=30) as http:
        async with api(world, when) as (process, url):
            sending = asyncio.create_task(http.post(url, content=body, headers=headers))
            assert process.stdout is not None
            assert await asyncio.wait_for(process.stdout.readline(), 30) == b"received\n"
            process.kill()
            with pytest.raises(httpx2.HTTPError):
                await sending
        async with api(world, "") as (_, url):
            answer = await http.post(url, content=body, headers=headers)
    assert answer.status_code == (202 if when == "before" else 200)
    state = await world.ended(answer.json()["release_id"])
    assert state.outcome is Outcome.PROMOTED
    assert await world.count() == 1


async def test_without_temporal_nothing_is_accepted(idle: World) -> None:
    """503 and when to come back: the sender keeps the message."""
    nowhere = await Client.connect("127.0.0.1:9", lazy=True, data_converter=pydantic_data_converter)
    transport = httpx2.ASGITransport(create_app(idle.settings, nowhere))
    async with httpx2.AsyncClient(transport=transport, base_url="http://sluice") as http:
        body = json.dumps(idle.deployment()).encode()
        answer = await http.post("/hooks/github", content=body, headers=github_headers(body, "deployment"))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "10"

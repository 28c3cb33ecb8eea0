"""A real Temporal server in real time, the worker as it is composed, the HTTP routes, and AWS in memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.intake.world import World, working
from tests.temporal import temporal_serving


@pytest.fixture(scope="session")
async def client() -> AsyncIterator[Client]:
    async with temporal_serving() as client:
        yield client


@pytest.fixture
async def idle(client: Client, tmp_path: Path) -> AsyncIterator[World]:
    """A world without a worker."""
    async with World.made(client, tmp_path) as world:
        yield world


@pytest.fixture
async def world(idle: World) -> AsyncIterator[World]:
    """A world with its worker."""
    async with working(idle):
        yield idle
        await idle.quiet()

"""A real Temporal server in real time, the worker as it is composed, the HTTP routes, and AWS in memory."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from tests.intake.world import World, working
from workflows.logbook import SEARCH_ATTRIBUTES, STEP

TEMPORAL = Path(sys.executable).parent / "temporal"


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[WorkflowEnvironment]:
    attributes = [f"{key.name}={'Int' if key is STEP else 'Keyword'}" for key in SEARCH_ATTRIBUTES]
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(TEMPORAL),
        data_converter=pydantic_data_converter,
        dev_server_log_level="error",
        dev_server_extra_args=[part for each in attributes for part in ("--search-attribute", each)],
    )
    async with environment:
        yield environment


@pytest.fixture
async def idle(server: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[World]:
    """A world without a worker."""
    async with World.made(server.client, tmp_path) as world:
        yield world


@pytest.fixture
async def world(idle: World) -> AsyncIterator[World]:
    """A world with its worker."""
    async with working(idle):
        yield idle
        await idle.quiet()

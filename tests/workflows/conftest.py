"""A real Temporal server with time skipping, the real workflow and activities, and AWS in memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.workflows.stage import Stage, aws_worker, new_stage, restore_worker, server, workflow_worker

HERE = Path(__file__).parent
HARMLESS = pytest.mark.filterwarnings("ignore:Cannot find activity to cancel:UserWarning")
"""The SDK says so when a cancellation meets the end of its activity; as an error it would stop the whole worker."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(HARMLESS)


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    async with server() as environment:
        yield environment


@pytest.fixture
async def stage(temporal: WorkflowEnvironment, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """A stage with all its workers; its parameter is the number of workflows that they keep in memory."""
    stage = new_stage(temporal)
    cached = getattr(request, "param", 500)
    async with workflow_worker(temporal, cached=cached), aws_worker(stage), restore_worker(stage):
        yield stage


@pytest.fixture
async def unstaffed(temporal: WorkflowEnvironment) -> Stage:
    """A stage whose workers the test starts and stops."""
    return new_stage(temporal)

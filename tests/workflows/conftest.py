"""A real Temporal server with time skipping, the real workflow and activities, and AWS in memory."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from tests.workflows.stage import Stage, aws_worker, new_stage, restore_worker, workflow_worker
from workflows.logbook import SEARCH_ATTRIBUTES, STEP

TEMPORAL = Path(sys.executable).parent / "temporal"


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    attributes = [f"{key.name}={'Int' if key is STEP else 'Keyword'}" for key in SEARCH_ATTRIBUTES]
    environment = await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=str(TEMPORAL),
        data_converter=pydantic_data_converter,
        dev_server_log_level="error",
        dev_server_extra_args=[
            *("--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"),
            *("--dynamic-config-value", 'history.timerProcessorMaxTimeShift="10ms"'),
            *(part for attribute in attributes for part in ("--search-attribute", attribute)),
        ],
    )
    async with environment:
        yield environment


@pytest.fixture
async def stage(temporal: WorkflowEnvironment, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """A stage with all its workers; its parameter is the number of workflows that they keep in memory."""
    stage = new_stage(temporal)
    async with workflow_worker(temporal, cached=getattr(request, "param", 500)), aws_worker(stage), restore_worker(stage):
        yield stage


@pytest.fixture
async def unstaffed(temporal: WorkflowEnvironment) -> Stage:
    """A stage whose workers the test starts and stops."""
    return new_stage(temporal)

"""A real Temporal server of a test's own, on loopback, with Sluice's search attributes."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from orchestrator.lab.processes import search_attribute_arguments

BINARY = str(Path(sys.executable).parent / "temporal")


@asynccontextmanager
async def temporal_serving() -> AsyncIterator[Client]:
    """A client of a new server; the server ends with the block."""
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=BINARY,
        data_converter=pydantic_data_converter,
        dev_server_log_level="error",
        dev_server_extra_args=search_attribute_arguments(),
    )
    async with environment:
        yield environment.client

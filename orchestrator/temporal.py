"""The one way to a Temporal client, for service, worker and tests, so that none of them can differ."""

import asyncio

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from orchestrator.domain.errors import Unavailable
from orchestrator.settings import TemporalSettings

WORKFLOW_QUEUE = "sluice"


async def connect_temporal(settings: TemporalSettings) -> Client:
    """Connect. Raises Unavailable with what to do when no server answers in `connect_timeout` seconds."""
    try:
        async with asyncio.timeout(settings.connect_timeout):
            return await Client.connect(
                settings.address,
                namespace=settings.namespace,
                api_key=settings.api_key.get_secret_value() if settings.api_key else None,
                tls=settings.tls or settings.api_key is not None,
                data_converter=pydantic_data_converter,
            )
    except (RuntimeError, TimeoutError, OSError, RPCError):
        raise Unavailable(
            f"no Temporal server answers at {settings.address}: start one (`sluice lab` does) or set "
            "SLUICE_TEMPORAL__ADDRESS"
        ) from None


def sandbox() -> SandboxedWorkflowRunner:
    """Pass the pure domain through and nothing else of ours."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules("orchestrator.domain")
    )

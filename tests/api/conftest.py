"""The API over a real Temporal server, a real worker and AWS in memory."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog
from temporalio.client import Client
from temporalio.worker import Worker

from activities.catalog import aws_activities, intake_activities, local_activities, restore_activities
from activities.feedback_github import GitHub, GitHubAccess
from activities.feedback_gitlab import GitLab, GitLabAccess
from orchestrator.intake_releases import IntakeReleases
from orchestrator.temporal import WORKFLOW_QUEUE, sandbox
from orchestrator.worker import WORKFLOWS, WallClock
from tests.api.place import ACCOUNT, REGION, Place
from tests.fakes.aws import FakeAws
from tests.temporal import temporal_serving
from workflows.calls import everyday_queues_of, restore_queue_of
from workflows.feedback import INTAKE_QUEUE


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[Client]:
    async with temporal_serving() as client:
        yield client


@pytest.fixture(scope="session")
async def aws(temporal: Client) -> AsyncIterator[FakeAws]:
    """AWS in memory with a worker that serves it, and one for workflows."""
    clock = WallClock()
    aws = FakeAws(clock)  # type: ignore[arg-type]
    place = f"{ACCOUNT}/{REGION}"
    releases = IntakeReleases(temporal)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx2.AsyncClient())
        nowhere = "http://127.0.0.1:9"  # no CI system is told here
        told = (GitHub(GitHubAccess(nowhere), http), GitLab(GitLabAccess(nowhere), http))
        await stack.enter_async_context(
            Worker(
                temporal,
                task_queue=WORKFLOW_QUEUE,
                workflows=WORKFLOWS,
                activities=local_activities(releases),
                workflow_runner=sandbox(),
                disable_eager_activity_execution=True,
            )
        )
        for queue, activities in (
            *((queue, aws_activities(aws, http, clock)) for queue in everyday_queues_of(place)),
            (restore_queue_of(place), restore_activities(aws, clock)),
            (INTAKE_QUEUE, intake_activities(releases, *told, pace=0.1)),
        ):
            await stack.enter_async_context(Worker(temporal, task_queue=queue, activities=activities))
        yield aws


@pytest.fixture(scope="session", autouse=True)
def quiet_logs() -> None:
    """Without this, structlog prints every exception with all its frames in colour, which takes seconds."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@pytest.fixture
def new_place(temporal: Client, aws: FakeAws, tmp_path: Path) -> Callable[..., Place]:
    """Make a server with settings of the test's own."""

    def made(**api: Any) -> Place:
        return Place(temporal, aws, tmp_path, **api)

    return made


@pytest.fixture
def place(new_place: Callable[..., Place]) -> Place:
    return new_place()

"""Composition root of the worker: which process serves which queue, with which clients."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx2
from pydantic import SecretStr
from temporalio.client import Client
from temporalio.worker import Worker

from activities.catalog import (
    aws_activities,
    intake_activities,
    local_activities,
    noting_activities,
    restore_activities,
)
from activities.feedback_github import GitHub, GitHubAccess
from activities.feedback_gitlab import GitLab, GitLabAccess
from activities.ports import Aws
from orchestrator.aws import aws_clients
from orchestrator.domain.errors import InvalidSpec
from orchestrator.intake_noting import RunningReleases
from orchestrator.intake_releases import IntakeReleases
from orchestrator.settings import Settings
from orchestrator.temporal import WORKFLOW_QUEUE, connect_temporal, sandbox
from workflows.audit import AuditWorkflow
from workflows.calls import MOVES_AT_ONCE, everyday_queues_of, move_queue_of, restore_queue_of
from workflows.feedback import INTAKE_QUEUE
from workflows.intake import IntakeWorkflow
from workflows.release import ReleaseWorkflow
from workflows.submission import SubmissionWorkflow

WORKFLOWS: list[type] = [AuditWorkflow, ReleaseWorkflow, IntakeWorkflow, SubmissionWorkflow]
"""Every workflow that a worker of the queue must know."""


class WallClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.now(UTC)


@asynccontextmanager
async def serving(client: Client, settings: Settings, aws: Aws) -> AsyncIterator[None]:
    """Run every worker of this process until the block ends, then let running activities finish."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx2.AsyncClient())
        for each in _workers(client, settings, aws, http):
            await stack.enter_async_context(each)
        yield


def _workers(client: Client, settings: Settings, aws: Aws, http: httpx2.AsyncClient) -> Sequence[Worker]:
    grace = timedelta(seconds=settings.worker.graceful_shutdown)
    releases = IntakeReleases(client)
    workers = [
        Worker(
            client,
            task_queue=WORKFLOW_QUEUE,
            workflows=WORKFLOWS,
            activities=local_activities(releases),
            workflow_runner=sandbox(),
            max_cached_workflows=settings.worker.max_cached_workflows,
            disable_eager_activity_execution=True,
        )
    ]
    workers.append(
        Worker(
            client,
            task_queue=INTAKE_QUEUE,
            activities=[
                *intake_activities(releases, *_ci_systems(settings, http)),
                *noting_activities(RunningReleases(client)),
            ],
            graceful_shutdown_timeout=grace,
        )
    )
    environment = _environment(settings)
    for place in settings.worker.places:
        if place.count("/") != 1:
            raise InvalidSpec(f"SLUICE_WORKER__PLACES: `{place}` is not `account/region`, e.g. 123456789012/eu-west-1")
        workers += _of_place(client, place, aws, http, environment=environment, grace=grace)
    return workers


def _of_place(
    client: Client, place: str, aws: Aws, http: httpx2.AsyncClient, *, environment: dict[str, str], grace: timedelta
) -> list[Worker]:
    """One worker for each queue of an account and region, so that none can take the slots of another."""
    clock = WallClock()
    everyday = aws_activities(aws, http, clock, environment)
    workers = [
        Worker(
            client,
            task_queue=queue,
            activities=everyday,
            graceful_shutdown_timeout=grace,
            max_concurrent_activities=MOVES_AT_ONCE if queue == move_queue_of(place) else None,
        )
        for queue in everyday_queues_of(place)
    ]
    workers.append(
        Worker(
            client,
            task_queue=restore_queue_of(place),
            activities=restore_activities(aws, clock),
            graceful_shutdown_timeout=grace,
            max_heartbeat_throttle_interval=timedelta(seconds=1),  # one that is late by a moment is not given up
        )
    )
    return workers


def _ci_systems(settings: Settings, http: httpx2.AsyncClient) -> tuple[GitHub, GitLab]:
    """Whom releases are told to; credentials stay in this process."""

    def plain(secret: SecretStr | None) -> str | None:
        return secret.get_secret_value() if secret else None

    github, gitlab = settings.github, settings.gitlab
    access = GitHubAccess(
        api_url=github.api_url,
        token=plain(github.token),
        app_id=github.app_id,
        private_key=plain(github.private_key),
        public_url=settings.public_url,
    )
    return GitHub(access, http), GitLab(GitLabAccess(gitlab.api_url, plain(gitlab.token), settings.public_url), http)


def _environment(settings: Settings) -> dict[str, str]:
    """What metric providers may look up by name: this process' variables, and the addresses that are settings."""
    known = {"SLUICE_PROMETHEUS_URL": settings.prometheus_url}
    return {**os.environ, **{name: value for name, value in known.items() if value}}


async def worker() -> None:
    """Serve releases until SIGTERM or Ctrl-C."""
    settings = Settings()
    client = await connect_temporal(settings.temporal)
    aws = aws_clients(settings.aws)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    try:
        async with serving(client, settings, aws):
            places = ", ".join(settings.worker.places) or "no account (workflows only; set SLUICE_WORKER__PLACES)"
            print(f"worker is serving {places} from Temporal at {settings.temporal.address}", flush=True)  # noqa: T201
            await stop.wait()
    finally:
        await aws.aclose()

"""Everything between a sender and a release, with AWS in memory and CI systems on loopback."""

import asyncio
import hashlib
import hmac
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
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
from orchestrator.api.app import create_app
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Actor, Command, Order, Target
from orchestrator.intake_noting import RunningReleases
from orchestrator.intake_releases import IntakeReleases
from orchestrator.settings import ApiSettings, GitHubSettings, GitLabSettings, HookSettings, Settings
from orchestrator.temporal import WORKFLOW_QUEUE, sandbox
from orchestrator.worker import WORKFLOWS
from tests.fakes.aws import FakeAws, FakeFunction
from tests.intake.forge import Forge, forge_serving
from workflows.calls import aws_queue_of, look_queue_of, move_queue_of, restore_queue_of
from workflows.feedback import INTAKE_QUEUE

PATIENCE = 40
"""Real seconds that a test waits for anything."""
SECRET = "canary-hook-secret-4711"
GITHUB_TOKEN = "canary-github-token-4712"
GITLAB_TOKEN = "canary-gitlab-token-4713"
GITLAB_OLD = "canary-gitlab-hook-4714"
SIGNING = "whsec_Y2FuYXJ5LXNpZ25pbmctc2VjcmV0LTQ3MTU="
CANARIES = (SECRET, GITHUB_TOKEN, GITLAB_TOKEN, GITLAB_OLD, SIGNING, "canary-signing-secret-4715")

FILE = """
targets:
  {name}:
    account: "{account}"
    region: eu-west-1
    function: {name}
    alias: live
    strategy: {strategy}
    checks: []
    on_busy: {on_busy}
webhooks:
  deployments:
    provider: github
    event: deployment
    when: {{deployment.environment: {name}}}
    target: {name}
    artifact: {artifact}
    feedback: {feedback}
  buttons:
    provider: github
    event: check_run.requested_action
    when: {{sender.login: anna}}
    commands: [approve, abort]
  pipelines:
    provider: gitlab
    event: pipeline
    when: {{object_attributes.ref: main}}
    target: {name}
    artifact: {artifact}
  builds:
    provider: standard
    sender: builds
    event: build.finished
    target: {name}
    artifact: {{version: "{{data.version}}"}}
"""
QUICK = "{kind: all_at_once, final_bake: 0s}"
HELD = "{kind: blue_green, approval: {}, final_bake: 0s}"


class Wall:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class World:
    """One target, the routes before it, and a forge to be told."""

    client: Client
    settings: Settings
    target: Target
    aws: FakeAws
    function: FakeFunction
    forge: Forge
    folder: Path
    releases: IntakeReleases
    http: httpx2.AsyncClient = field(init=False)

    @classmethod
    @asynccontextmanager
    async def made(cls, client: Client, folder: Path) -> AsyncIterator["World"]:
        name, account = f"f{uuid.uuid4().hex[:10]}", f"{uuid.uuid4().int % 10**12:012d}"
        target = Target(account=account, region="eu-west-1", function=name, alias="live")
        aws = FakeAws(Wall())
        function = aws.add_function(target)
        function.change_code("second")
        async with forge_serving() as forge:
            settings = Settings(
                _env_file=None,
                api=ApiSettings(release_file=folder / "sluice.yaml"),
                hooks=HookSettings(
                    github_secrets=("old-secret", SECRET),
                    gitlab_secrets=(SIGNING,),
                    gitlab_tokens=(GITLAB_OLD,),
                    standard_secrets={"builds": (SIGNING,)},
                ),
                github=GitHubSettings(api_url=forge.url, token=GITHUB_TOKEN),
                gitlab=GitLabSettings(api_url=forge.url, token=GITLAB_TOKEN),
                public_url="https://sluice.example.com",
            )
            world = cls(client, settings, target, aws, function, forge, folder, IntakeReleases(client))
            world.write()
            async with world.serving():
                yield world

    def write(self, **changes: str) -> None:
        """Write the release file; `strategy`, `on_busy`, `artifact` and `feedback` may differ."""
        fields = {"strategy": QUICK, "on_busy": "reject", "artifact": "{latest: true}", "feedback": "[]"}
        names = {"name": self.target.function, "account": self.target.account}
        (self.folder / "sluice.yaml").write_text(FILE.format(**names, **(fields | changes)))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        transport = httpx2.ASGITransport(create_app(self.settings, self.client))
        async with httpx2.AsyncClient(transport=transport, base_url="http://sluice") as self.http:
            yield

    def deployment(self, **changes: Any) -> dict[str, Any]:
        """A GitHub deployment event for the target."""
        number = uuid.uuid4().int % 10**9
        deployment = {"id": number, "sha": "a" * 40, "ref": "main", "environment": self.target.function} | changes
        return {
            "action": "created",
            "deployment": deployment,
            "repository": {"id": 1, "full_name": "acme/checkout"},
            "sender": {"login": "anna"},
        }

    async def github(
        self, payload: dict[str, Any], *, event: str = "deployment", delivery: str = "", secret: str = SECRET
    ) -> httpx2.Response:
        """Deliver as GitHub does."""
        body = json.dumps(payload).encode()
        headers = github_headers(body, event, delivery, secret)
        return await self.http.post("/hooks/github", content=body, headers=headers)

    async def abort(self, release_id: str) -> None:
        """End the release as somebody at a terminal would."""
        order = Order(command=Command.ABORT, actor=Actor(name="bob"), release_id=release_id, reason="looks wrong")
        await self.releases.command(order, key="abort")

    async def press(
        self,
        release_id: str,
        identifier: str,
        *,
        sender: str = "anna",
        repository: str = "acme/checkout",
        sha: str = "a" * 40,
    ) -> httpx2.Response:
        """Press a button of a check run that says it is the release's."""
        payload = {
            "action": "requested_action",
            "requested_action": {"identifier": identifier},
            "check_run": {"external_id": release_id, "head_sha": sha},
            "repository": {"id": 1, "full_name": repository},
            "sender": {"login": sender},
        }
        return await self.github(payload, event="check_run")

    async def until(self, release_id: str, reached: Callable[[ReleaseState], bool]) -> ReleaseState:
        """Look until the release is there."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    state = await self.releases.get(release_id)
                except Exception:  # noqa: BLE001  not started yet
                    await asyncio.sleep(0.05)
                    continue
                if reached(state):
                    return state
                await asyncio.sleep(0.05)

    async def ended(self, release_id: str) -> ReleaseState:
        return await self.until(release_id, lambda s: s.done)

    async def quiet(self) -> None:
        """Wait until nothing of this target runs: what a test leaves behind would disturb the next."""
        async with asyncio.timeout(PATIENCE):
            query = f"SluiceTarget = '{self.target}' AND ExecutionStatus = 'Running'"
            while (await self.client.count_workflows(query)).count:
                await asyncio.sleep(0.1)

    async def count(self) -> int:
        """How many releases of the target there ever were."""
        query = f"WorkflowType = 'Release' AND SluiceTarget = '{self.target}'"
        return (await self.client.count_workflows(query)).count


def github_headers(body: bytes, event: str, delivery: str = "", secret: str = SECRET) -> dict[str, str]:
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery or str(uuid.uuid4()),
        "X-Hub-Signature-256": f"sha256={signature}",
    }


@asynccontextmanager
async def working(world: World) -> AsyncIterator[None]:
    """Run the worker as `orchestrator.worker` composes it, with quicker looks."""
    settings, place = world.settings, world.target.place
    async with httpx2.AsyncClient() as http:
        told = (
            GitHub(GitHubAccess(settings.github.api_url, GITHUB_TOKEN, public_url=settings.public_url), http),
            GitLab(GitLabAccess(settings.gitlab.api_url, GITLAB_TOKEN, settings.public_url), http),
        )
        everyday = aws_activities(world.aws, http, Wall())
        async with (
            Worker(
                world.client,
                task_queue=WORKFLOW_QUEUE,
                workflows=WORKFLOWS,
                activities=local_activities(world.releases),
                workflow_runner=sandbox(),
                disable_eager_activity_execution=True,
            ),
            Worker(
                world.client,
                task_queue=INTAKE_QUEUE,
                activities=[
                    *intake_activities(world.releases, *told, pace=0.1),
                    *noting_activities(RunningReleases(world.client)),
                ],
            ),
            Worker(world.client, task_queue=aws_queue_of(place), activities=everyday),
            Worker(world.client, task_queue=move_queue_of(place), activities=everyday),
            Worker(world.client, task_queue=look_queue_of(place), activities=everyday),
            Worker(world.client, task_queue=restore_queue_of(place), activities=restore_activities(world.aws, Wall())),
        ):
            yield

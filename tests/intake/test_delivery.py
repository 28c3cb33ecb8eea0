"""From a delivery to a release: once, whatever happens in between."""

import asyncio
import uuid
from datetime import UTC, datetime

import pytest

from orchestrator.audit import Audit
from orchestrator.domain.intake import Delivery
from orchestrator.domain.release import Outcome
from orchestrator.intake import Intake
from orchestrator.releasefile.loading import check
from tests.intake.world import QUICK, World, working


async def test_a_deployment_starts_a_release(world: World) -> None:
    """The answer comes at once and names the release, which runs to its end."""
    answer = await world.github(world.deployment())
    assert answer.status_code == 202, answer.text
    told = answer.json()
    release_id = told["release_id"]
    assert answer.headers["location"] == f"https://sluice.example.com/v1/releases/{release_id}"
    assert told["target"] == str(world.target)
    state = await world.ended(release_id)
    assert (state.outcome, state.actor) == (Outcome.PROMOTED, "anna")


async def test_a_delivery_is_in_the_audit_once(world: World) -> None:
    payload, delivery = world.deployment(), str(uuid.uuid4())
    for _ in range(3):
        answer = await world.github(payload, delivery=delivery)
    await world.ended(answer.json()["release_id"])
    entries, _ = await Audit(world.client).page(
        f"(WorkflowType = 'Audit' OR WorkflowType = 'Intake') AND SluiceTarget = '{world.target}'",
        limit=10,
        token=b"",
    )
    (entry,) = entries
    assert (entry.principal, entry.method, entry.action, entry.outcome) == (
        "github:anna",
        "webhook",
        "start",
        "accepted",
    )
    assert (entry.release, entry.source_address) == (answer.json()["release_id"], "127.0.0.1")


async def test_the_same_delivery_fifty_times_in_parallel_starts_one_release(world: World) -> None:
    payload, delivery = world.deployment(), str(uuid.uuid4())
    answers = await asyncio.gather(*(world.github(payload, delivery=delivery) for _ in range(50)))
    assert sorted(a.status_code for a in answers) == [200] * 49 + [202]
    assert {a.headers.get("idempotent-replayed") for a in answers if a.status_code == 200} == {"true"}
    (release_id,) = {a.json()["release_id"] for a in answers}
    await world.ended(release_id)
    assert await world.count() == 1


async def test_a_signed_body_under_another_delivery_id_starts_nothing_new(world: World) -> None:
    """GitHub does not sign the id: the deployment itself is what counts."""
    payload = world.deployment()
    first, second = await world.github(payload), await world.github(payload)
    assert first.json()["release_id"] == second.json()["release_id"]
    await world.ended(first.json()["release_id"])
    await asyncio.sleep(0.5)
    assert await world.count() == 1


async def test_a_worker_that_is_away_loses_nothing(idle: World) -> None:
    """Accepted while nobody works; started when somebody comes."""
    answer = await idle.github(idle.deployment())
    assert answer.status_code == 202
    await asyncio.sleep(0.5)
    assert await idle.count() == 0
    async with working(idle):
        state = await idle.ended(answer.json()["release_id"])
    assert state.outcome is Outcome.PROMOTED


@pytest.mark.parametrize(
    ("event", "change", "ignored"),
    [
        ("deployment", {"deployment": {"environment": "elsewhere", "id": 1}}, "no rule under `webhooks` fits it"),
        ("push", {}, "`push` starts no releases"),
        ("workflow_run", {"action": "requested"}, "the workflow has not completed"),
        (
            "workflow_run",
            {"action": "completed", "workflow_run": {"conclusion": "success", "event": "pull_request"}},
            "the workflow was not triggered from the repository itself",
        ),
        (
            "workflow_run",
            {
                "action": "completed",
                "workflow_run": {
                    "conclusion": "success",
                    "event": "push",
                    "head_repository": {"full_name": "mallory/checkout"},
                },
            },
            "the workflow ran for a fork",
        ),
    ],
)
async def test_what_is_not_for_us_is_ignored_with_a_reason(idle: World, event, change, ignored) -> None:
    """With 200: senders switch hooks off that answer otherwise."""
    answer = await idle.github(idle.deployment() | change, event=event)
    assert (answer.status_code, answer.json()["ignored"]) == (200, ignored)


async def test_a_ping_is_answered(idle: World) -> None:
    answer = await idle.github({"zen": "Keep it logically awesome."}, event="ping")
    assert (answer.status_code, answer.json()) == (200, {"pong": True})


async def test_an_event_that_fits_and_cannot_be_followed_is_told_in_one_problem(idle: World) -> None:
    idle.write(artifact='{version: "{deployment.payload.version}"}')
    answer = await idle.github(idle.deployment(payload={"version": "newest"}))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "webhook deployments: `newest` is no version number"
    answer = await idle.github(idle.deployment(payload={}))
    assert answer.json()["detail"] == "webhook deployments: the event has no value at `deployment.payload.version`"


TWO = """
targets:
  live: &t {{account: "{account}", region: eu-west-1, function: {name}, alias: live, strategy: {strategy}, checks: []}}
  next: {{<<: *t, alias: next}}
webhooks:
  first: &w {{provider: github, event: deployment, target: live, artifact: {{version: "2"}}, feedback: []}}
  second: {{<<: *w, target: next}}
  third: {{<<: *w, artifact: {{version: "1"}}}}
"""


async def test_one_event_may_start_several_releases_one_per_target(world: World) -> None:
    """The third rule names the first one's target again and starts nothing."""
    world.function.set_alias("next", world.aws.routing(world.target))
    world.function.publish_now()
    names = {"name": world.target.function, "account": world.target.account, "strategy": QUICK}
    file, problems = check(TWO.format(**names))
    assert file is not None, problems
    intake = Intake(world.client, world.settings, lambda: file)
    delivery = Delivery(
        provider="github",
        event="deployment",
        id=uuid.uuid4().hex,
        payload=world.deployment(),
        received_at=datetime.now(UTC),
    )
    receipts = [await intake.receive(delivery, "test") for _ in range(2)]
    assert [receipt.repeated for receipt in receipts] == [False, True]
    aliases = [target.partition(":")[2] for _, target in receipts[0].releases]
    assert aliases == ["live", "next"]
    ended = [await world.ended(release_id) for release_id, _ in receipts[0].releases]
    assert [state.outcome for state in ended] == [Outcome.PROMOTED] * 2
    submission = await world.releases.submission(receipts[0].releases[1][0])
    assert submission.status == "started"

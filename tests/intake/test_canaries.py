"""No secret gets anywhere: not into a history, a memo, an answer, an error or a log."""

import json
import logging
from collections.abc import Iterator

import httpx2
import pytest
from temporalio.client import WorkflowExecution

from activities.feedback_github import GitHub, GitHubAccess
from orchestrator.domain.intake import GitHubStatus, Standing
from tests.intake.test_feedback import followed
from tests.intake.test_signatures import signed
from tests.intake.world import CANARIES, World

WORDS = (*CANARIES, "canary-")


async def histories(world: World) -> str:
    """Everything that Temporal keeps of the target: events, memos, results, failures."""
    found: list[WorkflowExecution] = [w async for w in world.client.list_workflows(f"SluiceTarget = '{world.target}'")]
    found += [w async for w in world.client.list_workflows("WorkflowType = 'Intake'")]
    texts = []
    for each in found:
        handle = world.client.get_workflow_handle(each.id, run_id=each.run_id)
        texts.append((await handle.fetch_history()).to_json())
        texts.append(str((await handle.describe()).raw_description))
    return "\n".join(texts)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    caplog.set_level(logging.DEBUG)
    return caplog


async def test_no_secret_is_kept_or_told(world: World, logged: pytest.LogCaptureFixture) -> None:
    """With failures on the way: errors are where secrets usually leak."""
    world.write(feedback="[deployment, status]")
    world.forge.fail = [("GET", 500), ("POST", 0), ("POST", 422), ("POST", 403)]
    answer = await world.github(world.deployment())
    await followed(world, answer.json()["release_id"])
    body = json.dumps({"type": "build.finished", "data": {"version": "1"}}).encode()
    signed_answer = await world.http.post("/hooks/standard/builds", content=body, headers=signed(body=body))
    await followed(world, signed_answer.json()["release_id"])
    kept = await histories(world)
    assert answer.json()["release_id"] in kept
    everything = "\n".join([kept, answer.text, signed_answer.text, logged.text, repr(world.settings)])
    assert [word for word in WORDS if word in everything] == []
    assert any(CANARIES[1] in told.headers.get("authorization", "") for told in world.forge.asked), "it was used"


async def test_no_error_names_a_credential(world: World) -> None:
    """A key that cannot be read, a token that is refused, a forge that is not there."""
    standing = Standing(release_id="a" * 12, target=world.target, state="queued", key="k", description="d")
    errors = []
    async with httpx2.AsyncClient() as http:
        for access, status in (
            (GitHubAccess(world.forge.url, app_id="9", private_key="canary-private-key"), 200),
            (GitHubAccess(world.forge.url, token=CANARIES[1]), 401),
            (GitHubAccess(world.forge.url, token=CANARIES[1]), 500),
            (GitHubAccess("http://127.0.0.1:9", token=CANARIES[1]), 200),
        ):
            world.forge.fail = [("*", status)]
            with pytest.raises(Exception, match=r"GitHub|SLUICE_GITHUB__PRIVATE_KEY") as caught:
                await GitHub(access, http).tell(GitHubStatus(repository="a/b", sha="a" * 40, installation=1), standing)
            errors += [str(caught.value), repr(caught.value), repr(access)]
    assert [text for text in errors if any(word in text for word in WORDS)] == []


@pytest.mark.parametrize("path", ["github", "gitlab", "standard/builds"])
async def test_a_refusal_repeats_nothing(idle: World, path: str) -> None:
    headers = {"X-Gitlab-Token": "canary-guess", "X-Hub-Signature-256": "sha256=canary-guess"}
    answer = await idle.http.post(f"/hooks/{path}", content=b"canary-body", headers=headers)
    assert answer.status_code == 401
    assert "canary" not in answer.text

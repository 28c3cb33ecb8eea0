"""What GitHub and GitLab are told: every state, each once, whatever fails in between."""

import asyncio
import json
import time

import httpx2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from activities.feedback_github import GitHub, GitHubAccess
from orchestrator.domain.intake import GitHubCheck, GitHubStatus, Standing, SubmissionState, standing_of
from orchestrator.domain.release import Outcome, Phase
from tests.intake.test_signatures import signed
from tests.intake.world import GITHUB_TOKEN, GITLAB_TOKEN, HELD, PATIENCE, QUICK, World


async def followed(world: World, release_id: str) -> SubmissionState:
    """Wait until everything has been told."""
    async with asyncio.timeout(PATIENCE):
        while True:
            query = f"SluiceReleaseId = '{release_id}' AND WorkflowType = 'Intake' AND ExecutionStatus = 'Completed'"
            if (await world.client.count_workflows(query)).count:
                return await world.releases.submission(release_id)
            await asyncio.sleep(0.1)


async def submitted(world: World, release_id: str) -> None:
    assert (await followed(world, release_id)).trouble is None


async def test_a_deployment_is_told_from_queued_to_success(world: World) -> None:
    world.write(feedback="[deployment]")
    payload = world.deployment()
    release_id = (await world.github(payload)).json()["release_id"]
    await submitted(world, release_id)
    states = world.forge.states(f"/deployments/{payload['deployment']['id']}/statuses")
    assert states[0] == "queued"
    assert states[-1] == "success"
    assert states.count("success") == 1
    last = world.forge.written[-1]
    assert last.headers["authorization"] == f"token {GITHUB_TOKEN}"
    assert last.body == {
        "state": "success",
        "description": f"version 2 serves 100 % of {world.target}",
        "log_url": f"https://sluice.example.com/releases/{release_id}",
        "environment_url": f"https://sluice.example.com/releases/{release_id}",
    }


async def test_a_rolled_back_release_is_a_failure(world: World) -> None:
    world.write(feedback="[deployment, status]", strategy=HELD)
    release_id = (await world.github(world.deployment())).json()["release_id"]
    await world.until(release_id, lambda s: s.phase is Phase.AWAITING_APPROVAL)
    await world.abort(release_id)
    await submitted(world, release_id)
    assert world.forge.states("/deployments/")[-1] == "failure"
    assert world.forge.states(f"/statuses/{'a' * 40}")[-1] == "failure"
    status = next(t.body for t in reversed(world.forge.written) if "/deployments/" not in t.path)
    assert status["context"] == f"sluice/{world.target}"
    assert "bob: looks wrong" in status["description"]


@pytest.mark.parametrize("failure", [500, -1, 0, 429])
async def test_each_state_is_told_once_although_the_forge_fails_first(world: World, failure: int) -> None:
    """500 and 429 did nothing; -1 did its work and broke the connection; 0 broke it before."""
    world.write(feedback="[deployment]")
    world.forge.fail = [("POST", failure), ("GET", 503), ("POST", failure)]
    release_id = (await world.github(world.deployment())).json()["release_id"]
    await submitted(world, release_id)
    bodies = [json.dumps(told.body, sort_keys=True) for told in world.forge.written]
    assert len(bodies) == len(set(bodies))
    assert world.forge.states("/deployments/")[-1] == "success"
    assert world.forge.fail == []


async def test_a_forge_that_refuses_for_good_is_noted_and_stops_nothing(world: World) -> None:
    world.write(feedback="[deployment]")
    world.forge.fail = [("*", 403)] * 20
    release_id = (await world.github(world.deployment())).json()["release_id"]
    state = await world.ended(release_id)
    assert state.outcome is Outcome.PROMOTED
    told = await followed(world, release_id)
    assert "github_deployment was not told `success`: GitHub answered HTTP 403" in (told.trouble or "")


async def test_a_refused_submission_is_an_error(world: World) -> None:
    world.write(feedback="[deployment]", strategy=HELD)
    holder = (await world.github(world.deployment())).json()["release_id"]
    await world.until(holder, lambda s: s.phase is Phase.AWAITING_APPROVAL)
    refused = (await world.github(payload := world.deployment())).json()["release_id"]
    await submitted(world, refused)
    states = world.forge.states(f"/deployments/{payload['deployment']['id']}/statuses")
    assert states[-1] == "error"
    await world.abort(holder)
    assert "holds" in world.forge.written[-1].body["description"]
    assert len(world.forge.written[-1].body["description"]) <= 140


async def test_a_pipeline_is_told_its_commit_status(world: World) -> None:
    """GitLab takes every state once; the last is success."""
    world.write(strategy=QUICK)
    sha = "b" * 40
    body = json.dumps(
        {
            "object_kind": "pipeline",
            "object_attributes": {"id": 7, "ref": "main", "status": "success", "sha": sha, "url": "https://x/7"},
            "project": {"id": 12, "path_with_namespace": "acme/checkout"},
            "user": {"username": "bob"},
        }
    ).encode()
    world.forge.fail = [("POST", -1)]
    answer = await world.http.post("/hooks/gitlab", content=body, headers=signed(body=body))
    assert answer.status_code == 202, answer.text
    await submitted(world, answer.json()["release_id"])
    states = world.forge.states(f"/projects/12/statuses/{sha}")
    assert len(states) == len(set(states))
    assert (states[0], states[-1]) == ("pending", "success")
    last = world.forge.written[-1]
    assert last.headers["private-token"] == GITLAB_TOKEN
    assert (last.body["name"], last.body["ref"]) == (f"sluice/{world.target}", "main")
    assert (await world.ended(answer.json()["release_id"])).actor == "bob"


async def test_an_app_keeps_one_check_run_with_table_and_buttons(world: World) -> None:
    """Made once, then changed; the token of the installation is asked for once; an approval has its buttons."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    world.write(strategy=HELD)
    release_id = (await world.github(world.deployment())).json()["release_id"]
    state = await world.until(release_id, lambda s: s.phase is Phase.AWAITING_APPROVAL)
    check = GitHubCheck(repository="acme/checkout", sha="c" * 40, installation=5)
    async with httpx2.AsyncClient() as http:
        github = GitHub(GitHubAccess(world.forge.url, app_id="99", private_key=pem), http)
        standing = standing_of(state)
        world.forge.fail = [("POST", 200), ("POST", -1)]
        with pytest.raises(Exception, match="could not tell GitHub"):
            await github.tell(check, standing)
        await github.tell(check, standing)
        ended = state.model_copy(update={"outcome": Outcome.PROMOTED, "phase": Phase.DONE})
        await github.tell(check, standing_of(ended))
    await world.abort(release_id)
    paths = [f"{told.method} {told.path}" for told in world.forge.written]
    assert paths[:2] == ["POST /app/installations/5/access_tokens", "POST /repos/acme/checkout/check-runs"]
    assert {path.split()[0] for path in paths[2:]} == {"PATCH"}
    made, done = world.forge.written[1].body, world.forge.written[-1].body
    assert [a["identifier"] for a in made["actions"]] == [f"approve:{state.step}", f"reject:{state.step}", "abort"]
    assert all(len(a["label"]) <= 20 and len(a["description"]) <= 40 for a in made["actions"])
    assert "| ▶ | approval | current |" in made["output"]["summary"]
    assert (done["status"], done["conclusion"], done["actions"]) == ("completed", "success", [])


async def test_a_description_is_never_longer_than_the_forge_takes(world: World) -> None:
    text = "x" * 1000
    standing = Standing(release_id="a" * 12, target=world.target, state="failure", key="k", description=text)
    async with httpx2.AsyncClient() as http:
        github = GitHub(GitHubAccess(world.forge.url, token="t"), http, clock=time.time)
        await github.tell(GitHubStatus(repository="acme/checkout", sha="d" * 40), standing)
    assert len(world.forge.written[-1].body["description"]) == 140

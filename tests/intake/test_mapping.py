"""From events to releases, offline: which rule fits, what it starts, and what it refuses."""

from datetime import UTC, datetime
from typing import Any

import pytest

from orchestrator.domain.errors import InvalidSpec
from orchestrator.domain.intake import Delivery, GitHubCheck, GitHubDeployment, GitHubStatus, GitLabStatus
from orchestrator.domain.release import Image, Latest, PublishedVersion, S3Object
from orchestrator.intake_mapping import Mapped, mapped
from orchestrator.releasefile.loading import check

TARGETS = """
targets:
  staging: &t {account: "123456789012", region: eu-west-1, function: checkout, alias: staging, strategy: all_at_once}
  production: {<<: *t, alias: live, on_busy: queue, labels: {team: payments}}
webhooks:
  it:
"""
DEPLOYMENT = {
    "action": "created",
    "deployment": {"id": 42, "sha": "a" * 40, "environment": "production", "payload": {"version": 7, "key": "a b"}},
    "repository": {"id": 1, "full_name": "acme/checkout"},
    "installation": {"id": 5},
    "sender": {"login": "anna"},
}


def tried(
    rule: str, payload: dict[str, Any] = DEPLOYMENT, provider: str = "github", event: str = "deployment"
) -> Mapped:
    text = TARGETS + "\n".join(f"    {line}" for line in rule.strip().splitlines())
    file, problems = check(text)
    assert file is not None, problems
    delivery = Delivery.model_validate(
        {"provider": provider, "event": event, "id": "d", "payload": payload, "received_at": datetime.now(UTC)}
    )
    return mapped(delivery, file.webhooks.values(), file)


RULE = "provider: github\nevent: deployment\ntarget: production\nartifact: {latest: true}\n"


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        ("deployment.environment: production", True),
        ("deployment.environment: prod*", True),
        ("deployment.environment: [staging, production]", True),
        ("deployment.environment: Production", False),
        ("deployment.payload.version: 7", True),
        ("deployment.missing: '*'", False),
        ("deployment.payload: '*'", False),
        ("repository.full_name: acme/*\n  deployment.environment: staging", False),
    ],
)
def test_every_condition_must_hold(when: str, fits: bool) -> None:
    found = tried(f"{RULE}when:\n  {when}")
    assert (found.intake is not None) == fits
    assert fits or found.ignored == "no rule under `webhooks` fits it"


@pytest.mark.parametrize(
    ("artifact", "means"),
    [
        ("{latest: true}", Latest()),
        ('{version: "{deployment.payload.version}"}', PublishedVersion(version="7")),
        ('{s3: "s3://builds/c/{deployment.sha}.zip"}', S3Object(bucket="builds", key=f"c/{'a' * 40}.zip")),
        ('{s3: "s3://b/k?versionId=x"}', S3Object(bucket="b", key="k", object_version="x")),
        ('{image: "r/c@sha256:{deployment.sha}"}', Image(uri=f"r/c@sha256:{'a' * 40}")),
    ],
)
def test_an_artifact_is_filled_in(artifact: str, means: object) -> None:
    found = tried(RULE.replace("{latest: true}", artifact)).intake
    assert found is not None
    assert found.submissions[0].request.artifact == means


@pytest.mark.parametrize(
    ("change", "payload", "said"),
    [
        (('{version: "{deployment.sha}"}', None), {}, "is no version number"),
        (('{s3: "s3://b/{deployment.payload.key}"}', None), {}, "characters that may not stand in a name"),
        (('{s3: "s3://b/{deployment.ref}"}', None), {"ref": "../../other"}, "characters that may not stand in a name"),
        (('{s3: "s3://b/{deployment.ref}"}', None), {"ref": "a/../other"}, "characters that may not stand in a name"),
        (('{s3: "s3://b/{deployment.ref}"}', None), {"ref": "a?versionId=x"}, "characters that may not stand"),
        (('{s3: "s3://b/{deployment.missing}"}', None), {}, "no value at `deployment.missing`"),
        ((None, '"{deployment.environment}"\nallow: [staging]'), {}, "target `production` is not in its `allow`"),
    ],
)
def test_what_a_payload_may_not_do(change, payload, said) -> None:
    artifact, target = change
    rule = RULE.replace("{latest: true}", artifact or "{latest: true}")
    rule = rule.replace(": production", f": {target or 'production'}")
    event = DEPLOYMENT | {"deployment": {**DEPLOYMENT["deployment"], **payload}}  # type: ignore[dict-item]
    with pytest.raises(InvalidSpec, match=said):
        tried(rule, event)


def test_a_request_has_all_that_the_file_and_the_event_say() -> None:
    found = tried(RULE.replace("production", '"{deployment.environment}"\nallow: [production]')).intake
    assert found is not None
    (submission,) = found.submissions
    request = submission.request
    assert (str(request.target), submission.on_busy) == ("checkout:live", "queue")
    assert (request.actor.name, request.actor.source) == ("anna", "github")
    assert request.idempotency_key == "github/deployment/1/42"
    assert request.labels == {
        "source": "github/deployment",
        "repository": "acme/checkout",
        "sha": "a" * 40,
        "team": "payments",
    }
    assert submission.feedback == (GitHubDeployment(repository="acme/checkout", deployment=42, installation=5),)


def test_the_release_id_is_the_same_for_the_same_thing_and_differs_by_target() -> None:
    ids = set()
    for _ in range(2):
        for target in ("staging", "production"):
            intake = tried(RULE.replace("production", target)).intake
            assert intake is not None
            ids.add(intake.submissions[0].request.release_id)
    assert len(ids) == 2


@pytest.mark.parametrize("kind", ["check", "status"])
def test_feedback_may_be_chosen(kind: str) -> None:
    found = tried(f"{RULE}feedback: [{kind}]").intake
    assert found is not None
    place = {"repository": "acme/checkout", "sha": "a" * 40, "installation": 5}
    expected = {"check": GitHubCheck, "status": GitHubStatus}[kind](**place)  # type: ignore[arg-type]
    assert found.submissions[0].feedback == (expected,)


def test_a_repository_name_that_is_no_name_is_told_nothing() -> None:
    """It would end up in an address."""
    found = tried(RULE, DEPLOYMENT | {"repository": {"full_name": "acme/../../orgs"}}).intake
    assert found is not None
    assert found.submissions[0].feedback == ()


@pytest.mark.parametrize(
    ("event", "payload", "ignored"),
    [
        ("pipeline", {"object_attributes": {"status": "running"}}, "the pipeline did not succeed"),
        (
            "pipeline",
            {"object_attributes": {"status": "success"}, "merge_request": {"id": 3}},
            "it is the pipeline of a merge request",
        ),
        ("tag_push", {"after": "0" * 40}, "the tag was deleted"),
        ("release", {"action": "update"}, "only new releases start releases"),
        ("deployment", {"status": "failed"}, "the deployment job did not succeed"),
        ("push", {}, "`push` starts no releases"),
    ],
)
def test_events_of_gitlab_that_start_nothing(event: str, payload: dict[str, Any], ignored: str) -> None:
    rule = RULE.replace("github", "gitlab")
    assert tried(rule, payload, "gitlab", event).ignored == ignored


def test_a_gitlab_deployment_starts_a_release() -> None:
    payload = {
        "status": "success",
        "environment": "production",
        "deployment_id": 15,
        "commit": {"id": "c" * 40},
        "project": {"id": 30, "path_with_namespace": "acme/checkout"},
        "user": {"username": "bob"},
    }
    found = tried(RULE.replace("github", "gitlab"), payload, "gitlab").intake
    assert found is not None
    assert found.submissions[0].feedback == (GitLabStatus(project=30, sha="c" * 40),)
    assert found.submissions[0].request.idempotency_key == "gitlab/deployment/30/15"

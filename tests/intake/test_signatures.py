"""Who is let in: each provider's signature right, wrong, missing, late, and with a secret that is on its way out."""

import base64
import hashlib
import hmac
import json
import time
import uuid

import pytest

from tests.intake.world import GITLAB_OLD, SIGNING, World, github_headers

BODY = json.dumps({"object_kind": "push", "type": "unknown"}).encode()
OTHER = "whsec_" + base64.b64encode(b"somebody else").decode()


def signed(secret: str = SIGNING, *, late: float = 0, number: str = "", body: bytes = BODY) -> dict[str, str]:
    number, moment = number or uuid.uuid4().hex, str(int(time.time() - late))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{number}.{moment}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": number, "webhook-timestamp": moment, "webhook-signature": signature}


def sha1(body: bytes) -> dict[str, str]:
    headers = github_headers(body, "push")
    del headers["X-Hub-Signature-256"]
    digest = hmac.new(b"old-secret", body, hashlib.sha1).hexdigest()
    return headers | {"X-Hub-Signature": f"sha1={digest}"}


def without(headers: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key.lower() != name}


CASES = {
    "github right": ("github", github_headers(BODY, "push"), 200),
    "github rotated": ("github", github_headers(BODY, "push", secret="old-secret"), 200),
    "github wrong": ("github", github_headers(BODY, "push", secret="guess"), 401),
    "github other body": ("github", github_headers(BODY + b" ", "push"), 401),
    "github missing": ("github", without(github_headers(BODY, "push"), "x-hub-signature-256"), 401),
    "github empty": ("github", github_headers(BODY, "push") | {"X-Hub-Signature-256": ""}, 401),
    "github not ascii": ("github", github_headers(BODY, "push") | {"X-Hub-Signature-256": "sha256=\xe9"}, 401),
    "github by sha1 alone": ("github", sha1(BODY), 401),
    "github signed, no event": ("github", without(github_headers(BODY, "push"), "x-github-event"), 422),
    "github signed, odd id": ("github", github_headers(BODY, "push", "a/../b"), 422),
    "gitlab right": ("gitlab", signed(), 200),
    "gitlab wrong": ("gitlab", signed(OTHER), 401),
    "gitlab missing": ("gitlab", {}, 401),
    "gitlab late": ("gitlab", signed(late=310), 401),
    "gitlab from the future": ("gitlab", signed(late=-600), 401),
    "gitlab token": ("gitlab", {"X-Gitlab-Token": GITLAB_OLD}, 200),
    "gitlab wrong token": ("gitlab", {"X-Gitlab-Token": "guess"}, 401),
    "gitlab empty token": ("gitlab", {"X-Gitlab-Token": ""}, 401),
    "gitlab right token, wrong signature": ("gitlab", signed(OTHER) | {"X-Gitlab-Token": GITLAB_OLD}, 401),
    "standard right": ("standard/builds", signed(), 200),
    "standard wrong": ("standard/builds", signed(OTHER), 401),
    "standard missing": ("standard/builds", {}, 401),
    "standard late": ("standard/builds", signed(late=310), 401),
    "standard malformed": ("standard/builds", signed() | {"webhook-signature": "v1"}, 401),
    "standard no date": ("standard/builds", signed() | {"webhook-timestamp": "nan"}, 401),
    "standard two signatures": (
        "standard/builds",
        (good := signed()) | {"webhook-signature": f"v1,{base64.b64encode(b'x').decode()} {good['webhook-signature']}"},
        200,
    ),
    "standard of nobody": ("standard/nobody", signed(), 401),
}


@pytest.mark.parametrize("name", CASES)
async def test_only_genuine_deliveries_are_taken(idle: World, name: str) -> None:
    path, headers, status = CASES[name]
    raw = [(key.encode(), value.encode("latin-1")) for key, value in headers.items()]
    raw.append((b"content-type", b"application/json"))
    answer = await idle.http.post(f"/hooks/{path}", content=BODY, headers=raw)
    assert answer.status_code == status, answer.text
    if status == 401:
        assert answer.json() == {
            "type": "urn:sluice:problem:unauthenticated",
            "title": "No valid credential",
            "status": 401,
            "detail": "the delivery is not signed by a sender that is known here",
            "request_id": answer.headers["x-request-id"],
        }


async def test_a_replay_within_five_minutes_starts_nothing(world: World) -> None:
    """The same signed message again is the same delivery."""
    body = json.dumps({"type": "build.finished", "data": {"version": "1"}}).encode()
    headers = signed(body=body)
    first = await world.http.post("/hooks/standard/builds", content=body, headers=headers)
    again = await world.http.post("/hooks/standard/builds", content=body, headers=headers)
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    await world.ended(first.json()["release_id"])
    assert await world.count() == 1


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_one_mebibyte_is_refused(idle: World, chunked: bool) -> None:
    body = b" " * (1024 * 1024 + 1)

    async def parts():
        yield body[:1000]
        yield body[1000:]

    answer = await idle.http.post("/hooks/github", content=parts() if chunked else body)
    assert answer.status_code == 413


ODD = {
    "nested": b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "half a pair": b'{"type": "build.finished", "data": {"actor": "\\ud800"}}',
    "an array": b"[]",
    "no text": b"\xff\xfe",
    "a number without end": b"1" * 5000,
    "nothing": b"",
}


@pytest.mark.parametrize("name", ODD)
async def test_a_signed_body_that_is_no_event_is_the_senders_fault(idle: World, name: str) -> None:
    body = ODD[name]
    for path, headers, status in (
        ("github", github_headers(body, "deployment"), 422),
        ("gitlab", {"X-Gitlab-Token": GITLAB_OLD}, 422),
        ("standard/builds", signed(body=body) if name != "no text" else {}, 401 if name == "no text" else 422),
    ):
        answer = await idle.http.post(f"/hooks/{path}", content=body, headers=headers)
        assert answer.status_code == status, f"{path}: {answer.text}"
    charset = github_headers(BODY, "push") | {"Content-Type": "application/json; charset=nothing"}
    assert (await idle.http.post("/hooks/github", content=BODY, headers=charset)).status_code == 422

# ruff: noqa: E501 - a sentence of a snapshot stands in one piece
"""The whole body of each error. `type` never changes; `detail` says what to do."""

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
from inline_snapshot import snapshot

from orchestrator.api.problems import KINDS
from orchestrator.service import ReleaseService
from tests.api.place import LATEST, Place

SEEN: set[str] = set()


def body(answer: httpx2.Response, place: Place) -> dict[str, Any]:
    """The body without what differs from run to run."""
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["status"] == answer.status_code
    assert told.pop("request_id") == answer.headers["X-Request-Id"]
    SEEN.add(told["type"].rsplit(":", 1)[-1])
    return {name: _same(value, place) for name, value in told.items()}


def _same(value: Any, place: Place) -> Any:
    if isinstance(value, list):
        return [{k: _same(v, place) for k, v in each.items()} for each in value]
    if not isinstance(value, str):
        return value
    text = value.replace(str(place.file), "sluice.yaml").replace(place.function, "checkout")
    return re.sub(r"\b(?=[0-9a-f]*\d)[0-9a-f]{12}\b(?<!123456789012)", "3f9a1c07d2e4", text)


async def test_before_the_door(place: Place) -> None:
    async with place.http(None) as http:
        assert body(await http.get("/v1/releases"), place) == snapshot(
            {
                "type": "urn:sluice:problem:unauthenticated",
                "title": "No valid credential",
                "status": 401,
                "detail": "send `Authorization: Bearer ...` with a token that is in force here; the server's log says more under the request id",
            }
        )
    async with place.http() as http:
        assert body(await http.get("/nothing"), place) == snapshot(
            {
                "type": "urn:sluice:problem:not-found",
                "title": "There is no such thing",
                "status": 404,
                "detail": "there is no such path: `/openapi.json` lists all",
            }
        )
        answer = await http.delete("/v1/releases")
        assert answer.headers["Allow"] == "POST"
        assert body(answer, place) == snapshot(
            {
                "type": "urn:sluice:problem:method-not-allowed",
                "title": "The method does not fit this path",
                "status": 405,
                "detail": "another method fits this path: see the header Allow",
            }
        )
        assert body(await http.get("/v1/releases", params={"cursor": "x" * 5000}), place) == snapshot(
            {
                "type": "urn:sluice:problem:path-too-long",
                "title": "Path and query are too long",
                "status": 414,
                "detail": "path and query have at most 4096 bytes together",
            }
        )
        assert body(await http.get("/v1/releases", headers={"X-Much": "x" * 20_000}), place) == snapshot(
            {
                "type": "urn:sluice:problem:headers-too-large",
                "title": "The headers are too large",
                "status": 431,
                "detail": "headers have at most 16384 bytes together",
            }
        )


async def test_of_bodies(place: Place) -> None:
    async with place.http() as http:
        json_type = {"Content-Type": "application/json"}
        assert body(await http.post("/v1/releases", content=b"{", headers=json_type), place) == snapshot(
            {
                "type": "urn:sluice:problem:malformed",
                "title": "The body is not JSON",
                "status": 400,
                "detail": "the body is not JSON (at body.1): mend it",
            }
        )
        form = await http.post("/v1/releases", data={"target": "checkout"})
        assert body(form, place) == snapshot(
            {
                "type": "urn:sluice:problem:unsupported-media-type",
                "title": "The body must be JSON",
                "status": 415,
                "detail": "send JSON, with `Content-Type: application/json`",
            }
        )
        assert body(await http.post("/v1/releases", json={"reason": "x" * 70_000}), place) == snapshot(
            {
                "type": "urn:sluice:problem:too-large",
                "title": "The body is too large",
                "status": 413,
                "detail": "send less: the settings limit a body (SLUICE_API__MAX_BODY)",
            }
        )

        async def unmeasured() -> AsyncIterator[bytes]:
            for _ in range(70):
                yield b" " * 1000

        chunked = await http.post("/v1/releases", content=unmeasured(), headers=json_type)
        assert (chunked.status_code, body(chunked, place)["type"]) == (413, "urn:sluice:problem:too-large")
        wrong = {"target": "checkout", "artifact": {"kind": "version", "version": "v1"}, "colour": "blue"}
        assert body(await http.post("/v1/releases", json=wrong), place) == snapshot(
            {
                "type": "urn:sluice:problem:invalid-request",
                "title": "The request breaks its rules",
                "status": 422,
                "detail": "2 fields are wrong: see `problems`",
                "problems": [
                    {"location": "body.artifact.version.version", "detail": "String should match pattern '^\\d+$'"},
                    {"location": "body.colour", "detail": "Extra inputs are not permitted"},
                ],
            }
        )
        half = b'{"target": {"target": {"alias": "\\ud800"}}, "artifact": {"kind": "latest"}}'
        assert body(await http.post("/v1/plans", content=half, headers=json_type), place) == snapshot(
            {
                "type": "urn:sluice:problem:invalid-request",
                "title": "The request breaks its rules",
                "status": 422,
                "detail": "some text is not Unicode: it holds half of a surrogate pair",
                "problems": [
                    {"location": "body", "detail": "some text is not Unicode: it holds half of a surrogate pair"}
                ],
            }
        )
        headers = {"Idempotency-Key": "two words"}
        good = {"target": "checkout", "artifact": LATEST}
        assert body(await http.post("/v1/releases", json=good, headers=headers), place) == snapshot(
            {
                "type": "urn:sluice:problem:invalid-request",
                "title": "The request breaks its rules",
                "status": 422,
                "detail": "one field is wrong: see `problems`",
                "problems": [
                    {
                        "location": "header.Idempotency-Key",
                        "detail": "String should match pattern '^[\\x21-\\x7e]{1,128}$'",
                    }
                ],
            }
        )


async def test_of_plans(place: Place) -> None:
    async with place.http() as http:
        unknown = {"target": "chekout", "artifact": LATEST}
        assert body(await http.post("/v1/releases", json=unknown), place) == snapshot(
            {
                "type": "urn:sluice:problem:invalid-plan",
                "title": "The target or its plan breaks its rules",
                "status": 422,
                "detail": "unknown target `chekout`; did you mean `checkout`? There is checkout, orders, instant in sluice.yaml",
                "problems": [
                    {
                        "location": "body.target",
                        "detail": "unknown target `chekout`; did you mean `checkout`? There is checkout, orders, instant in sluice.yaml",
                    }
                ],
            }
        )
        inline = {"target": {"account": "1", "strategy": "carefull"}, "checks": {"slow": {"kind": "guess"}}}
        assert body(await http.post("/v1/plans", json={"target": inline, "artifact": LATEST}), place) == snapshot(
            {
                "type": "urn:sluice:problem:invalid-plan",
                "title": "The target or its plan breaks its rules",
                "status": 422,
                "detail": "the target breaks its rules: see `problems`",
                "problems": [
                    {
                        "location": "body.target.checks.slow.kind",
                        "detail": "unknown kind of check `guess`; there is compare, limit, alarm, prometheus",
                    },
                    {
                        "location": "body.target.target.alias",
                        "detail": "is missing: alias name; not a number (that is a version) and not $LATEST",
                    },
                    {"location": "body.target.target.function", "detail": "is missing: function name, without ARN"},
                    {"location": "body.target.target.region", "detail": "is missing: AWS region, e.g. eu-west-1"},
                    {"location": "body.target.target.account", "detail": "`1` does not fit: AWS account, 12 digits"},
                    {
                        "location": "body.target.target.strategy",
                        "detail": "unknown strategy `carefull`; there is all_at_once, auto, blue_green, canary, linear, LambdaCanary10Percent5Minutes, LambdaCanary10Percent10Minutes, LambdaCanary10Percent15Minutes, LambdaCanary10Percent30Minutes, LambdaLinear10PercentEvery1Minute, LambdaLinear10PercentEvery2Minutes, LambdaLinear10PercentEvery3Minutes, LambdaLinear10PercentEvery10Minutes, LambdaAllAtOnce",
                    },
                ],
            }
        )


async def test_of_releases(place: Place) -> None:
    async with place.http() as http:
        assert body(await http.get("/v1/releases/000000000000"), place) == snapshot(
            {
                "type": "urn:sluice:problem:not-found",
                "title": "There is no such thing",
                "status": 404,
                "detail": "there is no release `3f9a1c07d2e4`: `sluice list` shows those that Temporal still keeps",
            }
        )
        release_id = await place.baking(http)
        good = {"target": "checkout", "artifact": LATEST}
        busy = await http.post("/v1/releases", json=good)
        assert body(busy, place) == snapshot(
            {
                "type": "urn:sluice:problem:busy",
                "title": "Another release holds the target",
                "status": 409,
                "detail": "release 3f9a1c07d2e4 holds checkout:live (baking at 10 % for 5 min): wait for it, or abort it",
                "release_id": "3f9a1c07d2e4",
                "release_url": "/v1/releases/3f9a1c07d2e4",
            }
        )
        refused = await http.post(f"/v1/releases/{release_id}/approve", json={"step": 0})
        assert body(refused, place) == snapshot(
            {
                "type": "urn:sluice:problem:illegal-command",
                "title": "The command does not fit the release's state",
                "status": 409,
                "detail": "no approval is awaited: the release is at step 1 of 3 (10 %)",
            }
        )
        key = {"Idempotency-Key": "k"}
        await http.post(f"/v1/releases/{release_id}/pause", headers=key)
        assert body(await http.post(f"/v1/releases/{release_id}/resume", headers=key), place) == snapshot(
            {
                "type": "urn:sluice:problem:key-reused",
                "title": "The Idempotency-Key was used for something else",
                "status": 422,
                "detail": "this Idempotency-Key was used for another request: repeat that one exactly, or take a new key",
            }
        )
    async with place.http("viewer") as http:
        assert body(await http.post(f"/v1/releases/{release_id}/abort"), place) == snapshot(
            {
                "type": "urn:sluice:problem:forbidden",
                "title": "A role is missing",
                "status": 403,
                "detail": "viewer lacks the role `operate` on 123456789012/eu-west-1/checkout:live: ask for it, or let somebody do it who has it",
            }
        )


async def test_when_something_is_wrong_with_us(new_place: Callable[..., Place], monkeypatch: Any) -> None:
    place = new_place(rate="2/minute", temporal_seconds=0.001)
    async with place.http() as http:
        away = await http.get("/v1/releases/000000000000")
        assert away.headers["Retry-After"] == "1"
        assert body(away, place) == snapshot(
            {
                "type": "urn:sluice:problem:unavailable",
                "title": "Temporal, or a worker, does not answer",
                "status": 503,
                "detail": "Temporal, or a worker, did not answer in 0.001 s; it may still be taken: send it again with the same Idempotency-Key",
            }
        )
        await http.get("/v1/targets")
        slow = await http.get("/v1/targets")
        told = body(slow, place)
        told["detail"] = re.sub(r"\d+ s", "N s", told["detail"])
        assert told == snapshot(
            {
                "type": "urn:sluice:problem:too-many-requests",
                "title": "Too many requests",
                "status": 429,
                "detail": "more than 2 per 1 minute: wait N s",
            }
        )
    place = new_place()

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("canary-in-an-exception")

    monkeypatch.setattr(ReleaseService, "submit", broken)
    async with place.http() as http:
        answer = await http.post("/v1/releases", json={"target": "checkout", "artifact": LATEST})
        assert body(answer, place) == snapshot(
            {
                "type": "urn:sluice:problem:internal",
                "title": "A bug in Sluice",
                "status": 500,
                "detail": "this is a bug in Sluice: please report it with the request id, under which the log tells more",
            }
        )


async def test_of_other_sites(new_place: Callable[..., Place]) -> None:
    from orchestrator.settings import AuthSettings

    place = new_place(auth=AuthSettings(mode="lab"))
    async with place.http(None, peer="127.0.0.1") as http:
        headers = {"Host": "localhost", "Origin": "https://evil.example"}
        assert body(await http.post("/v1/plans", headers=headers), place) == snapshot(
            {
                "type": "urn:sluice:problem:cross-site",
                "title": "The request comes from another site's page",
                "status": 403,
                "detail": "only Sluice's own pages may act through a browser login: use a token instead",
            }
        )


def test_every_kind_was_seen() -> None:
    """Runs last in this file: a kind of problem without a snapshot could change unseen."""
    assert {kind.name for kind in KINDS} == SEEN

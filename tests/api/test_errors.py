"""The whole body of each error. `type` never changes; `detail` says what to do."""

import re
from collections.abc import Callable
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
        assert body(await http.get("/v1/releases"), place) == snapshot()
    async with place.http() as http:
        assert body(await http.get("/nothing"), place) == snapshot()
        answer = await http.delete("/v1/releases")
        assert answer.headers["Allow"] == "POST"
        assert body(answer, place) == snapshot()
        assert body(await http.get("/v1/releases", params={"cursor": "x" * 5000}), place) == snapshot()
        assert body(await http.get("/v1/releases", headers={"X-Much": "x" * 20_000}), place) == snapshot()


async def test_of_bodies(place: Place) -> None:
    async with place.http() as http:
        json_type = {"Content-Type": "application/json"}
        assert body(await http.post("/v1/releases", content=b"{", headers=json_type), place) == snapshot()
        form = await http.post("/v1/releases", data={"target": "checkout"})
        assert body(form, place) == snapshot()
        assert body(await http.post("/v1/releases", json={"reason": "x" * 70_000}), place) == snapshot()
        wrong = {"target": "checkout", "artifact": {"kind": "version", "version": "v1"}, "colour": "blue"}
        assert body(await http.post("/v1/releases", json=wrong), place) == snapshot()
        half = b'{"target": {"target": {"alias": "\\ud800"}}, "artifact": {"kind": "latest"}}'
        assert body(await http.post("/v1/plans", content=half, headers=json_type), place) == snapshot()
        headers = {"Idempotency-Key": "two words"}
        good = {"target": "checkout", "artifact": LATEST}
        assert body(await http.post("/v1/releases", json=good, headers=headers), place) == snapshot()


async def test_of_plans(place: Place) -> None:
    async with place.http() as http:
        unknown = {"target": "chekout", "artifact": LATEST}
        assert body(await http.post("/v1/releases", json=unknown), place) == snapshot()
        inline = {"target": {"account": "1", "strategy": "carefull"}, "checks": {"slow": {"kind": "guess"}}}
        assert body(await http.post("/v1/plans", json={"target": inline, "artifact": LATEST}), place) == snapshot()


async def test_of_releases(place: Place) -> None:
    async with place.http() as http:
        assert body(await http.get("/v1/releases/000000000000"), place) == snapshot()
        release_id = await place.baking(http)
        good = {"target": "checkout", "artifact": LATEST}
        busy = await http.post("/v1/releases", json=good)
        assert body(busy, place) == snapshot()
        refused = await http.post(f"/v1/releases/{release_id}/approve", json={"step": 0})
        assert body(refused, place) == snapshot()
        key = {"Idempotency-Key": "k"}
        await http.post(f"/v1/releases/{release_id}/pause", headers=key)
        assert body(await http.post(f"/v1/releases/{release_id}/resume", headers=key), place) == snapshot()
    async with place.http("viewer") as http:
        assert body(await http.post(f"/v1/releases/{release_id}/abort"), place) == snapshot()


async def test_when_something_is_wrong_with_us(new_place: Callable[..., Place], monkeypatch: Any) -> None:
    place = new_place(rate="2/minute", temporal_seconds=0.001)
    async with place.http() as http:
        away = await http.get("/v1/releases/000000000000")
        assert away.headers["Retry-After"] == "1"
        assert body(away, place) == snapshot()
        await http.get("/v1/targets")
        slow = await http.get("/v1/targets")
        told = body(slow, place)
        told["detail"] = re.sub(r"\d+ s", "N s", told["detail"])
        assert told == snapshot()
    place = new_place()

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("canary-in-an-exception")

    monkeypatch.setattr(ReleaseService, "submit", broken)
    async with place.http() as http:
        answer = await http.post("/v1/releases", json={"target": "checkout", "artifact": LATEST})
        assert body(answer, place) == snapshot()


async def test_of_other_sites(new_place: Callable[..., Place]) -> None:
    from orchestrator.settings import AuthSettings

    place = new_place(auth=AuthSettings(mode="lab"))
    async with place.http(None, peer="127.0.0.1") as http:
        headers = {"Host": "localhost", "Origin": "https://evil.example"}
        assert body(await http.post("/v1/plans", headers=headers), place) == snapshot()


def test_every_kind_was_seen() -> None:
    """Runs last in this file: a kind of problem without a snapshot could change unseen."""
    assert {kind.name for kind in KINDS} == SEEN

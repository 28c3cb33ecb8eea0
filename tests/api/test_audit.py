"""The audit: every action of somebody who is known, whether it was done or not."""

import asyncio
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.release import Phase
from tests.api.place import LATEST, PATIENCE, Place, bearer
from workflows.audit import AuditWorkflow


async def entries(place: Place, *, count: int = 0, **filters: str) -> list[dict[str, Any]]:
    """The newest entries once there are `count` of them: they are read from Temporal's index, which may be late."""
    async with place.http("admin") as http, asyncio.timeout(PATIENCE):
        while True:
            answer = await http.get("/v1/audit", params={"function": place.function, **filters})
            assert answer.status_code == 200, answer.text
            found: list[dict[str, Any]] = answer.json()["entries"]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)


async def test_an_abort_is_seen_with_who_why_and_from_where(place: Place) -> None:
    async with place.http("admin") as http:
        release_id = await place.baking(http)
        answer = await http.post(
            f"/v1/releases/{release_id}/abort", json={"reason": "wrong"}, headers=bearer("operator")
        )
    newest = (await entries(place, count=2))[0]
    assert newest.pop("at")
    assert newest == {
        "principal": "operator",
        "method": "token",
        "action": "abort",
        "target": f"123456789012/eu-west-1/{place.target}",
        "release": release_id,
        "step": None,
        "reason": "wrong",
        "source_address": "192.0.2.7",
        "request_id": answer.headers["X-Request-Id"],
        "outcome": "accepted",
        "why": "",
    }


async def test_what_is_refused_is_there_too_with_the_reason(place: Place) -> None:
    async with place.http("admin") as http:
        release_id = await place.baking(http)
        url = f"/v1/releases/{release_id}"
        await http.post(f"{url}/approve", json={"step": 0})
        await http.post(f"{url}/abort", headers=bearer("viewer"))
        await http.post(f"{url}/abort", headers=bearer("neighbour"))
        await http.post("/v1/releases", json={"target": "checkout", "artifact": LATEST})
    refused = [(e["principal"], e["action"], e["why"].split(":")[0]) for e in await entries(place, count=5)][:4]
    assert refused == [
        ("admin", "start", f"release {release_id} holds the target"),
        ("neighbour", "abort", "the role `view` is missing"),
        ("viewer", "abort", f"viewer lacks the role `operate` on 123456789012/eu-west-1/{place.function}"),
        ("admin", "approve", "no approval is awaited"),
    ]


async def test_a_release_that_supersedes_another_is_seen_to_abort_it(place: Place) -> None:
    async with place.http("admin") as http:
        holder = await place.baking(http)
        body = {"target": "checkout", "artifact": LATEST, "reason": "newer", "on_busy": "supersede"}
        newer = (await http.post("/v1/releases", json=body, headers=bearer("ci"))).json()["release_id"]
        await place.until(newer, lambda s: s.phase is Phase.BAKING)
        seen = (await http.get("/v1/audit", headers=bearer("viewer"))).json()["entries"]
        await http.post(f"/v1/releases/{newer}/abort")
    found = [(e["principal"], e["method"], e["action"], e["release"], e["reason"], e["outcome"]) for e in seen]
    assert ("ci", "supersede", "abort", holder, f"superseded by release {newer}: newer", "accepted") in found


async def test_a_repeated_request_is_one_entry(place: Place) -> None:
    async with place.http("admin") as http:
        for _ in range(3):
            answer = await http.post(
                "/v1/releases", json={"target": "checkout", "artifact": LATEST}, headers={"Idempotency-Key": "once"}
            )
            assert answer.status_code == 202
    assert len(await entries(place, count=1)) == 1


async def test_nothing_is_done_that_cannot_be_recorded(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    start = Client.start_workflow

    async def refusing(self: Client, workflow: Any, *args: Any, **options: Any) -> Any:
        if workflow is AuditWorkflow.run:
            raise RPCError("no room", RPCStatusCode.RESOURCE_EXHAUSTED, b"")
        return await start(self, workflow, *args, **options)

    async with place.http("admin") as http:
        release_id = await place.baking(http)
        monkeypatch.setattr(Client, "start_workflow", refusing)
        abort = await http.post(f"/v1/releases/{release_id}/abort")
        assert (abort.status_code, abort.json()["type"]) == (503, "urn:sluice:problem:unavailable")
        assert "nothing was done" in abort.json()["detail"]
        assert (await http.post("/v1/releases", json={"target": "orders", "artifact": LATEST})).status_code == 503
        monkeypatch.undo()
        assert (await place.service.get(release_id)).phase == "BAKING"
        listed = (await http.get("/v1/releases", params={"function": f"{place.function}-orders"})).json()["releases"]
        assert listed == []


async def test_what_may_still_take_effect_is_not_told_as_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async with place.http("admin") as http:
        release_id = await place.baking(http)

        async def away(*_: object, **__: object) -> None:
            raise Unavailable("no worker has taken it yet")

        monkeypatch.setattr(place.app.state.parts.desk._service, "command", away)
        assert (await http.post(f"/v1/releases/{release_id}/abort")).status_code == 503
    assert [e["outcome"] for e in await entries(place) if e["action"] == "abort"] == ["accepted"]


async def test_the_audit_is_paged(place: Place) -> None:
    async with place.http("admin") as http:
        release_id = await place.baking(http)
        for _ in range(5):
            await http.post(f"/v1/releases/{release_id}/approve", json={"step": 0})
        first = (await http.get("/v1/audit", params={"target": str(place.target), "limit": 4})).json()
        rest = (
            await http.get(
                "/v1/audit", params={"target": str(place.target), "limit": 4, "cursor": first["next_cursor"]}
            )
        ).json()
    assert (len(first["entries"]), len(rest["entries"]), rest["next_cursor"]) == (4, 2, None)
    assert len({e["request_id"] for e in first["entries"] + rest["entries"]}) == 6
    for page in (first, rest):
        times = [e["at"] for e in page["entries"]]
        assert times == sorted(times, reverse=True)
    assert await entries(place, target=f"999999999999/eu-west-1/{place.target}") == []


async def test_strangers_fill_no_storage(place: Place) -> None:
    async with place.http(None) as http:
        for _ in range(3):
            assert (await http.post("/v1/releases/000000000000/abort")).status_code == 401
        text = place.app.state.parts.telemetry.exposition().decode()
    assert "sluice_http_credentials_refused_total 3.0" in text
    assert await entries(place) == []

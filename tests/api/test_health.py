"""Whether requests should be sent here, and what is counted."""

import asyncio
from collections.abc import Callable

import pytest

from orchestrator.api import health
from tests.api.place import Place, bearer


async def test_readiness_says_what_is_missing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "WORKFLOW_QUEUE", "nobody-serves-this")
    async with place.http(None) as http:
        answer = await http.get("/readyz")
        assert answer.status_code == 503
        assert answer.json() == {
            "status": "not-ready",
            "temporal": "ok",
            "worker": "no worker serves releases: start one with `sluice worker`",
        }


async def test_readiness_does_not_ask_temporal_for_every_stranger(place: Place) -> None:
    checker = place.app.state.parts.health
    asked = 0
    once = checker._temporal

    async def counted() -> str:
        nonlocal asked
        asked += 1
        return str(await once())

    checker._temporal = counted
    async with place.http(None) as http:
        await asyncio.gather(*(http.get("/readyz") for _ in range(30)))
    assert asked <= 2


async def test_metrics_have_few_labels(new_place: Callable[..., Place]) -> None:
    place = new_place()
    async with place.http() as http:
        release_id = await place.baking(http)
        await http.post(f"/v1/releases/{release_id}/approve", json={"step": 0})
        for number in range(20):
            await http.get(f"/nothing/{number}")
            await http.request(f"ODD{number}", "/v1/releases")
        text = (await http.get("/metrics", headers=bearer("viewer"))).text
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert 'sluice_actions_total{action="start",outcome="accepted"} 1.0' in lines
    assert 'sluice_actions_total{action="approve",outcome="refused"} 1.0' in lines
    assert 'sluice_http_requests_total{method="GET",route="unmatched",status="404"} 20.0' in lines
    assert any(line.startswith('sluice_releases_running{phase="BAKING"}') and line[-3:] != "0.0" for line in lines)
    assert release_id not in text
    assert "ODD" not in text

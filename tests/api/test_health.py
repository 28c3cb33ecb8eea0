"""Whether requests should be sent here, and what is counted."""

import asyncio
from collections.abc import Callable

import httpx2
import pytest

from orchestrator.api import health
from orchestrator.api.listing import Filters
from orchestrator.domain.release import Outcome, Phase
from tests.api.place import PATIENCE, Place, bearer


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


async def test_metrics_have_few_labels(new_place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "SAMPLED_SECONDS", 0)
    place = new_place()
    async with place.http() as http:
        release_id = await place.baking(http)
        await http.post(f"/v1/releases/{release_id}/approve", json={"step": 0})
        for number in range(20):
            await http.get(f"/nothing/{number}")
            await http.request(f"ODD{number}", "/v1/releases")
        async with asyncio.timeout(PATIENCE):  # Temporal's index, which is counted, comes a moment later
            while True:
                text = (await http.get("/metrics", headers=bearer("viewer"))).text
                lines = [line for line in text.splitlines() if not line.startswith("#")]
                running = [x for x in lines if x.startswith('sluice_releases_running{phase="BAKING"}')]
                if any(float(x.rpartition(" ")[2]) for x in running):  # other tests' releases bake too: it may be 10.0
                    break
    assert 'sluice_actions_total{action="start",outcome="accepted"} 1.0' in lines
    assert 'sluice_actions_total{action="approve",outcome="refused"} 1.0' in lines
    assert 'sluice_http_requests_total{method="GET",route="unmatched",status="404"} 20.0' in lines
    assert release_id not in text
    assert "ODD" not in text


async def test_a_release_that_drains_is_not_counted_as_ended(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its outcome is known and it still holds its target: it counts where it runs, and nowhere else."""
    monkeypatch.setattr(health, "SAMPLED_SECONDS", 0)
    counting = place.app.state.parts.health
    all_of = counting._count

    async def of_this_place(wished: Filters) -> int:
        return int(await all_of(wished._replace(function=place.function)))

    monkeypatch.setattr(counting, "_count", of_this_place)
    place.file.write_text(place.file.read_text() + "limits: {drain: 5m}\n")

    async def counted(http: httpx2.AsyncClient, *expected: str) -> list[str]:
        """Look until that is what the metrics say: Temporal lists a change a moment later."""
        async with asyncio.timeout(PATIENCE):
            while True:
                lines = (await http.get("/metrics")).text.splitlines()
                found = [line for line in lines if line.startswith("sluice_releases_") and not line.endswith(" 0.0")]
                if found == list(expected):
                    return found
                await asyncio.sleep(0.05)

    async with place.http() as http:
        release_id = await place.baking(http)
        await counted(http, 'sluice_releases_running{phase="BAKING"} 1.0')
        await http.post(f"/v1/releases/{release_id}/abort")
        state = await place.until(release_id, lambda s: s.outcome is not None)
        assert (state.phase, state.outcome) == (Phase.ROLLING_BACK, Outcome.ROLLED_BACK)
        await counted(http, 'sluice_releases_running{phase="ROLLING_BACK"} 1.0')
        await http.post(f"/v1/releases/{release_id}/abort")
        await counted(http, 'sluice_releases_ended{outcome="ROLLED_BACK"} 1.0')

"""The API as the command line's client: a real server, a real Temporal, and lines that break."""

import json
import re

import pytest

from orchestrator.cli import following, transport
from orchestrator.cli.exits import explain
from orchestrator.cli.wish import body_of
from orchestrator.domain.errors import Conflict, IllegalCommand, InvalidSpec, NotFound, Unavailable
from orchestrator.domain.release import Actor, Command, Latest, Order, Outcome, Phase
from tests.cli.server.conftest import client_of

NOBODY = Actor(name="", source="cli")
CHOSEN = {"reason": "#881", "idempotency_key": "", "adopt": False, "create": False, "override_red_alarms": False}


def order(state, command, **more):
    return Order(command=Command(command), actor=NOBODY, release_id=state.release_id, **more)


async def started(client, target="checkout", **chosen):
    body = body_of(target, None, Latest(), {**CHOSEN, **chosen})
    return await client.start(body, key=chosen.get("idempotency_key", ""))


async def test_a_release_from_start_to_abort(connected, place):
    async with connected() as at:
        state = await started(at.client)
        assert (str(state.target), state.reason, state.actor) == (str(place.target), "#881", "ci")
        await place.until(state.release_id, lambda s: s.phase is Phase.BAKING)
        paused = await at.client.command(order(state, "pause", reason="look"), key="p1")
        assert paused.paused_by == "ci: look"
        listed = await at.client.list(limit=5, running=True)
        assert [(s.release_id, len(s.steps)) for s in listed] == [(state.release_id, 3)]
        await at.client.command(order(state, "abort", reason="enough"), key="a1")
        seen = [s async for s in at.client.follow(paused, pytest.fail)]
        assert (seen[-1].outcome, seen[-1].cause) == (Outcome.ROLLED_BACK, "abort")
        assert (await at.client.get(str(place.target))).release_id == state.release_id


async def test_following_goes_on_where_the_line_broke(connected, place, monkeypatch):
    """No event is missed or repeated, and the second connection names the last one."""
    monkeypatch.setattr(transport, "FIRST_WAIT_SECONDS", 0.02)
    told = []
    async with connected() as at:
        state = await started(at.client)
        await place.until(state.release_id, lambda s: s.phase is Phase.BAKING)
        seen = []
        async for newer in at.client.follow(state, told.append):
            if not seen:
                at.line.cut()
                await at.http.post(f"/v1/releases/{state.release_id}/abort", json={"reason": "x"})
            seen.append(newer)
        journal = (await at.http.get(f"/v1/releases/{state.release_id}/journal")).json()["events"]
    assert [e.model_dump(mode="json") for e in seen[-2].events] == journal[: len(seen[-2].events)]
    assert seen[-1].outcome is Outcome.ROLLED_BACK
    streams = [a for a in at.line.asked if "/events" in a]
    assert len(streams) >= 2
    assert "last-event-id" not in streams[0].lower()
    assert re.search(r"last-event-id: \d+-[0-9a-f]{8}", streams[1].lower())
    assert all("still waiting" in sentence for sentence in told)


async def test_following_gives_up_in_the_end(connected, place, monkeypatch):
    monkeypatch.setattr(following, "PATIENCE_SECONDS", 0.2)
    async with connected() as at:
        state = await started(at.client)
    async with client_of(at.url, "ci") as client:
        with pytest.raises(Unavailable, match="no Sluice answers at"):
            _ = [s async for s in client.follow(state, lambda _: None)]
    await place.service.command(order(state, "abort"), key="end")


async def test_a_lost_answer_starts_no_second_release(connected, place, monkeypatch):
    monkeypatch.setattr(transport, "FIRST_WAIT_SECONDS", 0.02)
    async with connected() as at:
        at.line.deaf = 1
        state = await started(at.client)
        posts = [a for a in at.line.asked if a.startswith("POST /v1/releases ")]
        keys = {re.search(r"idempotency-key: (\w+)", a.lower())[1] for a in posts}
        assert (len(posts), len(keys)) == (2, 1)
        assert len(await at.client.list(limit=50)) == 1
        await at.client.command(order(state, "abort"), key="end")


async def test_the_same_key_means_the_same_release(connected):
    async with connected() as at:
        first = await started(at.client, idempotency_key="run-7")
        again = await started(at.client, idempotency_key="run-7")
        assert again.release_id == first.release_id
        with pytest.raises(InvalidSpec) as refused:
            await started(at.client, idempotency_key="run-7", reason="another")
        assert explain(refused.value)[0] == 2
        assert "Idempotency-Key was used for another request" in str(refused.value)
        await at.client.command(order(first, "abort"), key="end")


async def test_refusals_are_those_of_the_direct_client(connected, place):
    async with connected() as at:
        state = await started(at.client)
        await place.until(state.release_id, lambda s: s.phase is Phase.BAKING)
        for error, code, words, asked in (
            (Conflict, 6, f"release {state.release_id} holds {place.target}", lambda: started(at.client)),
            (IllegalCommand, 6, "step 3 is not the current one", lambda: promote(at.client, state)),
            (NotFound, 1, "there is no release `nope`", lambda: at.client.get("nope")),
            (InvalidSpec, 2, "unknown target `chekout`", lambda: started(at.client, "chekout")),
        ):
            with pytest.raises(error) as refused:
                await asked()
            assert explain(refused.value)[0] == code
            assert words in str(refused.value)
        await at.client.command(order(state, "abort"), key="end")


async def promote(client, state):
    await client.command(order(state, "promote", step=2), key="p")


async def test_the_plan_is_the_servers(connected, run):
    async with connected() as at:
        ran = await run("plan", "checkout", "--server", at.url, "-o", "json", SLUICE_TOKEN="sluice_ci-" + "x" * 40)
        assert (ran.code, ran.err) == (0, "")
        assert [step["kind"] for step in json.loads(ran.out)["plan"]["steps"]] == ["shift", "shift", "promote"]

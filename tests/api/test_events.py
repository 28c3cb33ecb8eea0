"""A release as a stream: what comes, where one goes on, and that many streams cost one look."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import httpx2

from orchestrator.api.app import begin_to_stop
from orchestrator.api.watching import event_id, events_after
from tests.api.place import Place, bearer


class Message(NamedTuple):
    event: str
    id: str
    data: dict[str, object]


@asynccontextmanager
async def stream(http: httpx2.AsyncClient, url: str, **headers: str) -> AsyncIterator[AsyncIterator[Message]]:
    async with http.stream("GET", f"{url}/events", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _messages(answer)


async def _messages(answer: httpx2.Response) -> AsyncIterator[Message]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        else:
            if "data" in fields:
                yield Message(fields.get("event", ""), fields.get("id", ""), json.loads(fields["data"]))
            fields = {}


async def all_of(messages: AsyncIterator[Message]) -> list[Message]:
    async with asyncio.timeout(20):
        return [message async for message in messages]


async def test_a_stream_tells_everything_and_ends_with_the_release(place: Place) -> None:
    async with place.served() as (http, _):
        url = f"/v1/releases/{await place.baking(http)}"
        async with stream(http, url) as messages:
            collecting = asyncio.create_task(all_of(messages))
            await asyncio.sleep(0.2)
            await http.post(f"{url}/abort", json={"reason": "enough"})
            found = await collecting
        journal = (await http.get(f"{url}/journal")).json()["events"]
        assert [m.data for m in found if m.event == "journal"] == journal
        assert found[-1].event == "end"
        assert found[-1].data["outcome"] == "ROLLED_BACK"
        states = [m.data for m in found if m.event == "state"]
        assert states[0]["phase"] == "BAKING"
        assert states[-1]["phase"] == "DONE"
        ids = [m.id for m in found if m.event == "journal"]
        assert [int(i.split("-")[0]) for i in ids] == sorted(int(i.split("-")[0]) for i in ids)


async def test_a_client_that_comes_back_misses_and_repeats_nothing(place: Place) -> None:
    async with place.served() as (http, _):
        url = f"/v1/releases/{await place.promoted(http)}"
        async with stream(http, url) as messages:
            whole = [m for m in await all_of(messages) if m.event == "journal"]
        assert len(whole) > 4
        for seen in range(len(whole)):
            async with stream(http, url, **{"Last-Event-ID": whole[seen].id}) as messages:
                rest = [m for m in await all_of(messages) if m.event == "journal"]
            assert rest == whole[seen + 1 :]


async def test_events_that_were_dropped_count_by_time(place: Place) -> None:
    async with place.http() as http:
        state = await place.service.get(await place.promoted(http))
    last = event_id(state, state.events[2])
    without = state.model_copy(update={"events": state.events[3:]})
    assert events_after(without, last) == state.events[3:]
    assert events_after(state, "nonsense") == state.events


async def test_many_streams_share_one_look(new_place: Callable[..., Place]) -> None:
    place = new_place(poll=0.2)
    looks = 0
    releases = place.app.state.parts.desk.releases
    again = releases.again

    async def counted(row: object) -> object:
        nonlocal looks
        looks += 1
        return await again(row)

    releases.again = counted
    async with place.served() as (http, _):
        url = f"/v1/releases/{await place.baking(http)}"

        async def follow() -> list[Message]:
            async with stream(http, url) as messages:
                return await all_of(messages)

        following = [asyncio.create_task(follow()) for _ in range(20)]
        await asyncio.sleep(1)
        assert looks <= 6
        assert place.app.state.parts.watches.streams == 20
        metrics = (await http.get("/metrics")).text
        assert re.search(r"^sluice_event_streams 20", metrics, re.MULTILINE)
        await http.post(f"{url}/abort")
        assert {found[-1].event for found in await asyncio.gather(*following)} == {"end"}
        await asyncio.sleep(0.1)
        assert place.app.state.parts.watches.streams == 0


async def test_streams_are_limited_and_end_when_the_server_stops(new_place: Callable[..., Place]) -> None:
    place = new_place(max_streams=1)
    async with place.served() as (http, _):
        url = f"/v1/releases/{await place.baking(http)}"
        async with stream(http, url) as messages:
            await anext(messages)
            full = await http.get(f"{url}/events")
            assert (full.status_code, full.headers["Retry-After"]) == (503, "5")
            begin_to_stop(place.app)
            found = await all_of(messages)
            assert "end" not in {m.event for m in found}, "the release goes on"
        assert (await http.get("/readyz")).status_code == 503
        assert (await http.get("/healthz")).status_code == 200


async def test_a_stream_is_for_those_who_may_view(place: Place) -> None:
    async with place.served() as (http, _):
        url = f"/v1/releases/{await place.baking(http)}"
        assert (await http.get(f"{url}/events", headers=bearer("neighbour"))).status_code == 404

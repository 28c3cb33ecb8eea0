"""Starting on a target that another release holds: refused, in its place, or in line behind it."""

import asyncio
from typing import Any

import httpx2

from orchestrator.domain.release import Phase
from tests.api.place import LATEST, Place
from tests.api.test_events import all_of, stream

BODY = {"target": "checkout", "artifact": LATEST, "reason": "newer"}


async def start(http: httpx2.AsyncClient, on_busy: str | None, **headers: str) -> httpx2.Response:
    body = BODY if on_busy is None else {**BODY, "on_busy": on_busy}
    return await http.post("/v1/releases", json=body, headers=headers)


async def line(place: Place, http: httpx2.AsyncClient, *others: str) -> str:
    """Hand in a release behind another, and wait until it stands in line."""
    told = (await start(http, "queue")).json()
    await place.until(told["release_id"], lambda s: s.phase is Phase.QUEUED)
    return str(told["status_url"])


async def test_a_release_in_line_is_a_release_from_the_first_moment(place: Place) -> None:
    """202 and its id at once; reading and listing show where it waits, and afterwards how it goes."""
    async with place.http() as http:
        holder = await place.baking(http)
        answer = await start(http, "queue")
        assert (answer.status_code, answer.headers["Location"]) == (202, answer.json()["status_url"])
        url, release_id = answer.json()["status_url"], answer.json()["release_id"]
        assert (await http.get(url)).json()["phase"] in ("PENDING", "QUEUED"), "readable before any worker saw it"
        state = await place.until(release_id, lambda s: "next in line" in s.sentence)
        assert state.sentence == f"next in line; release {holder} (BAKING) holds {place.target}"
        listed = (await http.get("/v1/releases", params={"phase": "QUEUED", "function": place.function})).json()
        assert [r["release_id"] for r in listed["releases"]] == [release_id]
        whole = f"{place.target.place}/{place.target}"
        listed = (await http.get("/v1/releases", params={"target": whole})).json()
        assert {r["release_id"] for r in listed["releases"]} == {holder, release_id}
        elsewhere = whole.replace("eu-west-1", "eu-north-1")
        assert (await http.get("/v1/releases", params={"target": elsewhere})).json()["releases"] == []
        place.aws.function(place.target).change_code("third")
        await http.post(f"/v1/releases/{holder}/abort")
        await place.until(release_id, lambda s: s.phase is Phase.BAKING)
        await http.post(f"{url}/abort")
        assert (await place.until(release_id, lambda s: s.done)).outcome == "ROLLED_BACK"


async def test_an_abort_takes_it_out_of_the_line_and_is_audited(place: Place) -> None:
    async with place.http() as http:
        holder = await place.baking(http)
        url = await line(place, http)
        refused = await http.post(f"{url}/pause")
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:sluice:problem:illegal-command")
        assert "only abort fits" in refused.json()["detail"]
        answers = [
            await http.post(f"{url}/abort", json={"reason": "wrong"}, headers={"Idempotency-Key": f"out{url}"})
            for _ in range(2)
        ]
        assert [a.status_code for a in answers] == [200, 200]
        assert answers[1].headers["Idempotent-Replayed"] == "true"
        assert answers[0].json() == answers[1].json()
        state = await place.until(url.rsplit("/", 1)[-1], lambda s: s.done)
        assert (state.outcome, state.cause) == ("REJECTED", "abort")
        assert state.sentence == "withdrawn before it started by admin: wrong"
        entries = await audited(http, url.rsplit("/", 1)[-1])
        assert {(e["action"], e["outcome"]) for e in entries} >= {("start", "accepted"), ("abort", "accepted")}
        assert (await http.get(f"/v1/releases/{holder}")).json()["phase"] == "BAKING"


async def audited(http: httpx2.AsyncClient, release_id: str) -> list[dict[str, Any]]:
    async with asyncio.timeout(10):
        while True:
            found = (await http.get("/v1/audit", params={"limit": 200})).json()["entries"]
            mine = [e for e in found if e["release"] == release_id]
            if len({e["action"] for e in mine}) >= 2:
                return mine
            await asyncio.sleep(0.1)


async def test_the_same_key_stands_in_line_once(place: Place) -> None:
    async with place.http() as http:
        await place.baking(http)
        headers = {"Idempotency-Key": "in-line"}
        answers = await asyncio.gather(*(start(http, "queue", **headers) for _ in range(20)))
        assert {a.status_code for a in answers} == {202}
        assert len({a.json()["release_id"] for a in answers}) == 1
        assert sum("Idempotent-Replayed" not in a.headers for a in answers) == 1
        assert (await start(http, "queue", **headers)).headers["Idempotent-Replayed"] == "true"
        other = await start(http, None, **headers)
        assert (other.status_code, other.json()["type"]) == (422, "urn:sluice:problem:key-reused")


async def test_supersede_takes_the_place_of_another_and_needs_the_right_to(place: Place) -> None:
    """The other is aborted and back at 100 % stable before the new one begins."""
    async with place.http() as http:
        holder = await place.baking(http)
    async with place.http("starter") as http:
        refused = await start(http, "supersede")
        assert refused.status_code == 403
        assert "`operate`" in refused.json()["detail"]
    place.aws.function(place.target).change_code("third")
    async with place.http("ci") as http:
        newer = (await start(http, "supersede")).json()["release_id"]
        await place.until(newer, lambda s: s.phase is Phase.BAKING)
        first = (await http.get(f"/v1/releases/{holder}")).json()
        assert (first["outcome"], first["cause"]) == ("ROLLED_BACK", "abort")
        assert first["sentence"].startswith(f"ci: superseded by release {newer}: newer")


async def test_a_target_says_itself_what_happens_when_it_is_held(place: Place) -> None:
    """The file's owner has decided, so that `start` is enough."""
    place.file.write_text(place.file.read_text().replace("labels: {team", "on_busy: queue\n    labels: {team"))
    async with place.http("starter") as http:
        first = (await start(http, None)).json()["release_id"]
        await place.until(first, lambda s: s.phase is Phase.BAKING)
        second = (await start(http, None)).json()["release_id"]
        await place.until(second, lambda s: s.phase is Phase.QUEUED)
        assert (await start(http, "reject")).status_code == 409


async def test_a_stream_goes_on_from_the_line_into_the_release(place: Place) -> None:
    """One stream, one journal: no event twice, none left out, and the end is the release's."""
    async with place.served() as (http, _):
        holder = await place.baking(http)
        url = await line(place, http)
        async with stream(http, url) as messages:
            collecting = asyncio.create_task(all_of(messages))
            await asyncio.sleep(0.3)
            place.aws.function(place.target).change_code("third")
            await http.post(f"/v1/releases/{holder}/abort")
            await place.until(url.rsplit("/", 1)[-1], lambda s: s.phase is Phase.BAKING)
            await http.post(f"{url}/abort")
            found = await collecting
        texts = [str(m.data["text"]) for m in found if m.event == "journal"]
        assert texts[0] == "submitted by admin: newer"
        assert any(text.startswith("release of") for text in texts)
        assert len(texts) == len(set(texts))
        own = [event["text"] for event in (await http.get(f"{url}/journal")).json()["events"]]
        assert [text for text in texts if text in own] == own
        assert (found[-1].event, found[-1].data["outcome"]) == ("end", "ROLLED_BACK")
        phases = [m.data["phase"] for m in found if m.event == "state"]
        assert (phases[0], phases[-1]) == ("QUEUED", "DONE")

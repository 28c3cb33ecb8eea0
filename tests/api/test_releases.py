"""Starting, planning, listing and reading releases over HTTP."""

import asyncio
from collections.abc import Callable

import httpx2

from orchestrator.domain.release import Actor, Latest, ReleaseRequest, Target
from orchestrator.releasefile.loading import load
from tests.api.place import ACCOUNT, LATEST, REGION, Place

BODY = {"target": "checkout", "artifact": LATEST, "reason": "new", "source": {"repo": "acme/checkout", "sha": "3f9a"}}


def inline(place: Place, **changes: object) -> dict[str, object]:
    target = {
        "account": ACCOUNT,
        "region": REGION,
        "function": place.function,
        "alias": "live",
        "strategy": {"kind": "canary", "weights": [5], "bake": "5m"},
    }
    return {"target": {"target": {**target, **changes}}, "artifact": {"kind": "version", "version": "1"}}


async def test_a_start_is_answered_with_where_to_look(place: Place) -> None:
    async with place.http("starter") as http:
        answer = await http.post("/v1/releases", json=BODY)
        told = answer.json()
        assert answer.status_code == 202
        assert answer.headers["Location"] == told["status_url"] == f"/v1/releases/{told['release_id']}"
        assert "Idempotent-Replayed" not in answer.headers
        state = (await http.get(told["status_url"])).json()
        assert (state["actor"], state["reason"], state["strategy"]) == ("starter", "new", "canary")


async def test_the_same_key_and_body_give_the_same_answer(place: Place) -> None:
    async with place.http() as http:
        first = await http.post("/v1/releases", json=BODY, headers={"Idempotency-Key": "run-7"})
        reordered = dict(reversed(BODY.items()))
        again = await http.post("/v1/releases", json=reordered, headers={"Idempotency-Key": "run-7"})
        assert (first.status_code, first.json()) == (again.status_code, again.json())
        assert again.headers["Idempotent-Replayed"] == "true"
        await http.post(f"{first.headers['Location']}/abort")
        await place.until(first.json()["release_id"], lambda s: s.done)
        ended = await http.post("/v1/releases", json=BODY, headers={"Idempotency-Key": "run-7"})
        assert ended.json() == first.json()


async def test_the_same_key_with_another_body_is_refused_on_any_target(place: Place) -> None:
    async with place.http() as http:
        await http.post("/v1/releases", json=BODY, headers={"Idempotency-Key": "run-8"})
        for other in ({**BODY, "reason": "other"}, {**BODY, "target": "orders"}):
            answer = await http.post("/v1/releases", json=other, headers={"Idempotency-Key": "run-8"})
            assert answer.status_code == 422
            assert answer.json()["type"] == "urn:sluice:problem:key-reused"


async def test_fifty_identical_requests_at_once_start_one_release(place: Place) -> None:
    async with place.http() as http:
        headers = {"Idempotency-Key": "crowd"}
        answers = await asyncio.gather(*(http.post("/v1/releases", json=BODY, headers=headers) for _ in range(50)))
        assert {a.status_code for a in answers} == {202}
        assert len({a.json()["release_id"] for a in answers}) == 1
        assert sum("Idempotent-Replayed" not in a.headers for a in answers) == 1
        listed = (await http.get("/v1/releases", params={"function": place.function})).json()["releases"]
        assert len(listed) == 1


async def test_another_release_on_a_busy_target_is_told_who_holds_it(place: Place) -> None:
    async with place.http() as http:
        first = (await http.post("/v1/releases", json=BODY)).json()
        answer = await http.post("/v1/releases", json=BODY)
        assert answer.status_code == 409
        assert answer.json()["release_id"] == first["release_id"]
        assert answer.json()["release_url"] == first["status_url"]


async def test_a_plan_starts_nothing(place: Place) -> None:
    async with place.http("viewer") as http:
        answer = await http.post("/v1/plans", json=BODY)
        assert answer.status_code == 200
        assert [step["kind"] for step in answer.json()["plan"]["steps"]] == ["shift", "shift", "promote"]
        assert answer.json()["labels"] == {"team": "payments"}
        assert (await http.get("/v1/releases", params={"function": place.function})).json()["releases"] == []


async def test_a_whole_target_may_be_sent_by_those_who_may_skip_checks(place: Place) -> None:
    async with place.http("starter") as http:
        refused = await http.post("/v1/releases", json=inline(place))
        assert refused.status_code == 403
        assert "`admin`" in refused.json()["detail"]
    async with place.http("admin") as http:
        answer = await http.post("/v1/releases", json=inline(place))
        assert answer.status_code == 202, answer.text
        wrong = await http.post("/v1/plans", json=inline(place, strategy={"kind": "canary", "weights": [50, 10]}))
        assert wrong.status_code == 422
        assert wrong.json()["problems"] == [
            {
                "location": "body.target.target.strategy.weights.1",
                "detail": "weights must ascend, but 10 comes after 50",
            }
        ]


async def test_overrides_need_more_than_start(place: Place) -> None:
    async with place.http("starter") as http:
        answer = await http.post("/v1/releases", json={**BODY, "options": {"adopt": True}})
        assert answer.status_code == 403
    async with place.http("ci") as http:
        answer = await http.post("/v1/releases", json={**BODY, "options": {"adopt": True}})
        assert answer.status_code == 202


async def test_an_unchanged_release_is_not_sent_again(place: Place) -> None:
    async with place.http() as http:
        url = f"/v1/releases/{await place.promoted(http)}"
        for path in (url, f"{url}/journal"):
            first = await http.get(path)
            tag = first.headers["ETag"]
            for known in (tag, f'"other", W/{tag}', "*"):
                again = await http.get(path, headers={"If-None-Match": known})
                assert (again.status_code, again.content) == (304, b"")
                assert again.headers["ETag"] == tag
            assert (await http.get(path, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_a_target_names_its_newest_release(place: Place) -> None:
    async with place.http() as http:
        release_id = await place.baking(http)
        assert (await http.get(f"/v1/releases/{place.target}")).json()["release_id"] == release_id


async def test_a_release_file_is_read_again_when_it_changes(place: Place) -> None:
    async with place.http() as http:
        place.file.write_text("targets: {}")
        assert len((await http.get("/v1/targets")).json()["targets"]) == 3, "a broken file replaces no good one"


class Many:
    """120 releases of one function, half of them ended."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.function = f"{place.function}-many"

    async def start(self) -> list[str]:
        resolved = load(self.place.file).targets["checkout"]
        ids = []
        for number in range(120):
            target = Target(account=ACCOUNT, region="eu-north-1", function=self.function, alias=f"a{number}")
            request = ReleaseRequest(
                release_id=f"{self.place.function[1:6]}{number:07d}",
                target=target,
                artifact=Latest(),
                plan=resolved.plan,
                actor=Actor(name="test"),
                submitted_at="2026-11-22T12:00:00Z",  # type: ignore[arg-type]
            )
            await self.place.service.submit(request)
            ids.append(request.release_id)
        for number in range(0, 120, 2):  # nobody serves that region: ended by force
            await self.place.temporal.get_workflow_handle(
                f"release/{ACCOUNT}/eu-north-1/{self.function}/a{number}"
            ).terminate()
        return ids


async def pages(http: httpx2.AsyncClient, **filters: object) -> list[list[dict[str, object]]]:
    found = []
    cursor = None
    while True:
        wished = {k: str(v).lower() for k, v in {**filters, "cursor": cursor}.items() if v is not None}
        if cursor:
            wished["cursor"] = cursor
        answer = (await http.get("/v1/releases", params=wished)).json()
        found.append(answer["releases"])
        cursor = answer["next_cursor"]
        if cursor is None:
            return found


async def test_paging_shows_every_release_once_newest_first(new_place: Callable[..., Place]) -> None:
    place = new_place()
    many = Many(place)
    ids = await many.start()
    async with place.http() as http:
        async with asyncio.timeout(10):
            while len([r for p in await pages(http, function=many.function, running="false") for r in p]) < 60:
                await asyncio.sleep(0.1)
        found = await pages(http, function=many.function, limit=25)
        flat = [str(r["release_id"]) for page in found for r in page]
        assert [len(page) for page in found][:4] == [25, 25, 25, 25]
        assert sorted(flat) == sorted(ids)
        running = [i for n, i in enumerate(ids) if n % 2]
        assert flat[:60] == running[::-1], "running ones first, newest start first"
        assert [str(r["release_id"]) for p in await pages(http, function=many.function, running="true") for r in p] == (
            running[::-1]
        )
        one = f"{ACCOUNT}/eu-north-1/{many.function}:a7"
        assert [[r["release_id"] for r in p] for p in await pages(http, target=one)] == [[ids[7]]]
        cursor = (await http.get("/v1/releases", params={"function": many.function, "limit": 5})).json()["next_cursor"]
        other = await http.get("/v1/releases", params={"cursor": cursor, "limit": 5})
        assert other.status_code == 422, "a cursor belongs to its filters"
    async with place.http("viewer") as http:
        assert [len(p) for p in await pages(http, function=many.function)] == [0], "nothing of other targets"

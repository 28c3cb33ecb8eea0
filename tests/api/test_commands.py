"""Commands over HTTP: who wins, what is refused, and what a repetition answers."""

import asyncio

from tests.api.place import Place, bearer


async def test_two_operators_who_promote_at_once_promote_once(place: Place) -> None:
    async with place.http("admin") as http:
        release_id = await place.baking(http)
        answers = await asyncio.gather(
            *(
                http.post(f"/v1/releases/{release_id}/promote", json={"step": 0}, headers=bearer(who))
                for who in ("admin", "operator")
            )
        )
        assert sorted(a.status_code for a in answers) == [200, 409]
        refused = next(a for a in answers if a.status_code == 409).json()
        assert refused["type"] == "urn:sluice:problem:illegal-command"
        await place.until(release_id, lambda s: s.weight == 100)
        orders = [e for e in (await place.service.get(release_id)).events if e.kind == "command"]
        assert len(orders) == 1
        audit = (await http.get("/v1/audit", params={"function": place.function})).json()["entries"]
        refusals = [e for e in audit if e["action"] == "promote" and e["outcome"] == "refused"]
        assert [e["why"] for e in refusals] == [refused["detail"]]


async def test_a_repeated_key_commands_once_and_answers_the_same(place: Place) -> None:
    async with place.http() as http:
        url = f"/v1/releases/{await place.baking(http)}"
        key = {"Idempotency-Key": "pause-1"}
        first = await http.post(f"{url}/pause", json={"reason": "look"}, headers=key)
        await http.post(f"{url}/resume")
        again = await http.post(f"{url}/pause", json={"reason": "look"}, headers=key)
        assert first.status_code == again.status_code == 200
        assert again.content == first.content
        assert again.headers["Idempotent-Replayed"] == "true"
        assert (await http.get(url)).json()["paused_by"] is None
        for path, body in (("pause", {"reason": "other"}), ("abort", {"reason": "look"})):
            other = await http.post(f"{url}/{path}", json=body, headers=key)
            assert (other.status_code, other.json()["type"]) == (422, "urn:sluice:problem:key-reused")
        somebody = await http.post(f"{url}/pause", json={"reason": "look"}, headers={**key, **bearer("operator")})
        assert somebody.status_code == 422


async def test_the_answer_to_a_command_outlives_the_release(place: Place) -> None:
    async with place.http() as http:
        release_id = await place.baking(http)
        url = f"/v1/releases/{release_id}/abort"
        first = await http.post(url, headers={"Idempotency-Key": "end"})
        await place.until(release_id, lambda s: s.done)
        again = await http.post(url, headers={"Idempotency-Key": "end"})
        assert (again.status_code, again.content) == (200, first.content)


async def test_a_command_for_another_step_names_the_present_one(place: Place) -> None:
    async with place.http("operator") as http:
        async with place.http("starter") as starter:
            url = f"/v1/releases/{await place.baking(starter)}"
        for body in ({"step": 1}, {}):
            answer = await http.post(f"{url}/skip", json=body)
            assert answer.status_code == 409
            assert "step 1 of 3 (10 %)" in answer.json()["detail"]
        assert (await http.post(f"{url}/skip", json={"step": 0})).status_code == 200


async def test_a_promoted_release_is_taken_back_once(place: Place) -> None:
    async with place.http("ci") as http:
        answer = await http.post("/v1/releases", json={"target": "instant", "artifact": {"kind": "latest"}})
        release_id = answer.json()["release_id"]
        await place.until(release_id, lambda s: s.phase == "FINAL_BAKE")
        url = f"/v1/releases/{release_id}"
        early = await http.post(f"{url}/rollback")
        assert (early.status_code, early.json()["type"]) == (409, "urn:sluice:problem:illegal-command")
        step = (await http.get(url)).json()["step"]
        assert (await http.post(f"{url}/skip", json={"step": step})).status_code == 200
        await place.until(release_id, lambda s: s.done)
        key = {"Idempotency-Key": "back"}
        first = await http.post(f"{url}/rollback", json={"reason": "slow"}, headers=key)
        assert first.status_code == 202, first.text
        again = await http.post(f"{url}/rollback", json={"reason": "slow"}, headers=key)
        assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
        other = await http.post(f"{url}/rollback", json={"reason": "other"}, headers=key)
        assert other.status_code == 422
        back = await place.until(first.json()["release_id"], lambda s: s.done)
        assert (back.reason, back.canary) == ("slow", "1")
        twice = await http.post(f"{url}/rollback", json={"reason": "slow"})
        assert twice.status_code == 409

"""The board: what needs somebody is on top, and everybody sees their own targets."""

import asyncio
import re

import httpx2
import pytest

from orchestrator.domain.release import Outcome, Phase
from orchestrator.web.sharing import KEPT_SECONDS
from tests.api.place import Place, bearer
from tests.web.acting import listed, moved_by_somebody, start
from tests.web.reading import Element, read

SCRIPT = "<script>alert(1)</script> & co"


async def board_of(http: httpx2.AsyncClient, query: str = "") -> Element:
    answer = await http.get(f"/?{query}")
    assert answer.status_code == 200, answer.text
    return read(answer.text)


def rows(board: Element, section: int = 0) -> dict[str, Element]:
    """Rows by the release that they lead to."""
    tables = board.all("table")
    found = [row for row in tables[section].all("tr") if row.attributes.get("id", "").startswith("row-")]
    return {row.attributes["id"].removeprefix("row-"): row for row in found}


async def test_releases_in_several_states(site: Place) -> None:
    async with site.http() as http:
        baking = await site.baking(http)
        asked = await start(http, "asked", reason=SCRIPT)
        await site.until(asked, lambda s: s.phase == "AWAITING_APPROVAL")
        promoted = await site.promoted(http)
        drifted = await site.baking(http, "orders")
        moved_by_somebody(site, site.target_of("-orders"))
        await http.post(f"/v1/releases/{drifted}/abort")
        await site.until(drifted, lambda s: s.drifted)
        answer = await http.get("/", params={"function": site.function})
        board, others = read(answer.text), await board_of(http, f"function={site.function}-orders")
        needy, rest = rows(board), rows(board, 1)
        assert list(needy) == [asked]
        assert list(rest) == [baking]
        text = needy[asked].text
        for words in (
            f"{site.function}:blue v1 → v2",
            "Awaiting approval",
            "1 of 4: approval by payments",
            "approval expires in 23:59:",
            "admin",
        ):
            assert words in text
        assert SCRIPT in text
        assert "<script>alert" not in answer.text
        told = board.one("tr", id=f"told-{asked}").text
        assert told.startswith("waiting for approval by payments to go beyond 0 %")
        text = rest[baking].text
        for words in ("Baking", "v1 → v2", "10 %", "1 of 3: 10 %", "bake 0", "ago"):
            assert words in text
        assert rest[baking].one("svg", role="img").attributes["aria-label"].startswith("v1 takes 90 %, v2 takes 10 %")
        assert rest[baking].one("a").attributes["href"] == f"/releases/{baking}"
        assert "Drifted" in rows(others)[drifted].text
        assert "FAILED in" in rows(others)[drifted].text
        ended = await board_of(http, f"function={site.function}-instant&outcome=PROMOTED")
        assert "Promoted" in rows(ended)[promoted].text
        assert "(1) Releases" in board.one("title").text
        for release in (baking, asked, drifted):
            await http.post(f"/v1/releases/{release}/{'restore' if release == drifted else 'abort'}")


async def test_a_release_that_failed_needs_somebody_until_another_has_taken_over(site: Place) -> None:
    async with site.http() as http:
        first = await site.baking(http)
        moved_by_somebody(site, site.target)
        await http.post(f"/v1/releases/{first}/abort")
        await site.until(first, lambda s: s.drifted)
        await http.post(f"/v1/releases/{first}/adopt", json={"reason": "was me"})
        await site.until(first, lambda s: s.done)
        board = await board_of(http, f"function={site.function}")
        assert "FAILED" in rows(board)[first].text
        assert board.one("h2", id="needs-you").text == "Needs you 1"
        site.aws.function(site.target).change_code("the next")
        second = await site.baking(http)
        await asyncio.sleep(KEPT_SECONDS)
        board = await board_of(http, f"function={site.function}")
        assert board.all("h2", id="needs-you") == []
        assert list(rows(board)) == [second, first]


async def test_everybody_sees_what_they_may_view(site: Place) -> None:
    async with site.http() as http:
        mine = await site.baking(http)
        other = await site.baking(http, "orders")
        for who, seen in (("viewer", {mine}), ("neighbour", {other}), ("admin", {mine, other})):
            answer = await http.get("/", headers=bearer(who))
            links = set(re.findall(r'href="/releases/(\w+)"', answer.text))
            assert links & {mine, other} == seen
        answer = await http.get("/", params={"function": f"{site.function}-orders"}, headers=bearer("viewer"))
        assert "No release fits these filters." in answer.text


async def test_filters_and_pages_are_in_the_address(site: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.web.board.PAGE", 1)
    async with site.http() as http:
        releases = [await site.baking(http), await start(http, "asked")]
        await site.until(releases[1], lambda s: s.phase == "AWAITING_APPROVAL")
        query = f"function={site.function}&phase=&outcome=&running=true"
        first = await board_of(http, query)
        assert first.one("input", name="function").attributes["value"] == site.function
        assert [o.text for o in first.all("option") if "selected" in o.attributes] == ["running"]
        assert list(rows(first)) == [releases[1]], "what needs somebody is on top of the first page"
        older = first.one("a", rel="next").attributes["href"]
        assert f"function={site.function}" in older
        assert "running=true" in older
        second = await board_of(http, older.removeprefix("/?"))
        assert list(rows(second)) == [releases[0]]
        assert (
            second.one("nav", class_="pages").all("a")[0].attributes["href"]
            == f"/?function={site.function}&running=true"
        )
        baking = await board_of(http, f"function={site.function}&phase=BAKING")
        assert list(rows(baking)) == [releases[0]]


async def test_what_needs_somebody_is_found_beyond_the_first_page(site: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.web.board.PAGE", 1)
    async with site.http() as http:
        asked = await start(http, "asked")
        await site.until(asked, lambda s: s.phase == "AWAITING_APPROVAL")
        baking = await site.baking(http)
        board = await board_of(http, f"function={site.function}")
        assert list(rows(board)) == [asked]
        assert list(rows(board, 1)) == [baking]


async def test_a_bake_hides_nobody_who_is_asked_and_a_search_that_was_cut_says_so(
    site: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.web.board.PAGE", 1)
    query = f"function={site.function}"
    async with site.http() as http:
        asked = {await listed(site, f"asked{i}", Phase.AWAITING_APPROVAL) for i in range(3)}
        for i in range(3):
            await listed(site, f"bakes{i}", Phase.BAKING)
        board = await board_of(http, query)
        assert rows(board).keys() == asked
        assert board.one("h2", id="needs-you").text == "Needs you 3"
        assert "There may be more" not in board.text
        monkeypatch.setattr("orchestrator.web.needs.MOST_BAKING", 2)
        board = await board_of(http, query)
        assert rows(board).keys() == asked
        assert board.one("h2", id="needs-you").text == "Needs you 3+"
        assert board.one("title").text == "(3+) Releases · Sluice"
        assert board.one("div", id="page").attributes["data-title"] == "(3+) Releases · Sluice"
        assert "There may be more: there are more releases than are searched at a time." in board.text
        board = await board_of(http, f"{query}&phase=BAKING")
        needy = board.one("section", class_="needy")
        assert needy.one("h2").text == "Needs you 0+"
        assert needy.one("p").text.startswith("None was found so far: there are more releases")
        monkeypatch.setattr("orchestrator.web.needs.MOST_ASKING", 2)
        board = await board_of(http, f"{query}&phase=AWAITING_APPROVAL")
        assert board.one("h2", id="needs-you").text == "Needs you 2+"


async def test_a_target_that_fails_again_and_again_hides_no_other(site: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.web.board.PAGE", 1)
    monkeypatch.setattr("orchestrator.web.board.FAILED_PAGE", 2)
    query = f"function={site.function}"
    async with site.http() as http:
        first = await listed(site, "rare", Phase.DONE, Outcome.FAILED)
        often = [await listed(site, "often", Phase.DONE, Outcome.FAILED) for _ in range(6)]
        board = await board_of(http, query)
        assert list(rows(board)) == [often[-1], first]
        assert board.one("h2", id="needs-you").text == "Needs you 2"
        for name in ("FAILED_PAGES", "MOST_FAILED"):
            with monkeypatch.context() as less:
                less.setattr(f"orchestrator.web.board.{name}", 1)
                board = await board_of(http, query)
            assert list(rows(board)) == [often[-1]]
            assert board.one("title").text == "(1+) Releases · Sluice"


async def test_a_page_of_other_peoples_releases_says_that_there_are_older_ones(
    site: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that one may not view are passed over, so many and no more: then the page ends, and not the list."""
    monkeypatch.setattr("orchestrator.web.board.PAGE", 1)
    monkeypatch.setattr("orchestrator.api.listing.MAX_FETCHES", 1)
    async with site.http() as admin, site.http("viewer") as http:
        mine = await site.baking(admin)
        await site.baking(admin, "orders")
        board = await board_of(http)
        text = "is no release that you may see. Older goes on from here."
        assert f"Among the newest {text}" in board.text
        assert "There is no release yet" not in board.text
        older = board.one("a", rel="next").attributes["href"].removeprefix("/?")
        assert list(rows(await board_of(http, older))) == [mine]
        board = await board_of(http, "running=true")
        assert "Among the newest is no release that fits these filters and that you may see." in board.text
        await admin.post(f"/v1/releases/{mine}/pause", json={})
        await asyncio.sleep(KEPT_SECONDS)
        board = await board_of(http)
        assert list(rows(board)) == [mine]
        assert "Among the newest is no other release that you may see." in board.text


async def test_the_part_that_changes_is_a_part_of_the_page(site: Place) -> None:
    async with site.http() as http:
        await site.baking(http)
        whole_page = (await http.get("/", params={"function": site.function})).text
        part = (await http.get("/", params={"function": site.function, "fragment": "true"})).text
    still = re.compile(r'data-now="\d+"|\d+s ago|\d\d:\d\d(?=</time>)')
    assert part.startswith('<div id="page"')
    assert still.sub("", part) in still.sub("", whole_page)


async def test_an_empty_board_says_how_to_begin(site: Place) -> None:
    async with site.http("neighbour") as http:
        assert "There is no release yet on the targets that you may see." in (await http.get("/")).text

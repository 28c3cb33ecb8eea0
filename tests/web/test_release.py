"""One release: what it shows, what it offers to whom, and that a button does what the API does."""

import re
from collections.abc import Callable

import httpx2

from orchestrator.domain.release import Outcome
from orchestrator.serving import application
from tests.api.place import Place, bearer
from tests.web.acting import moved_by_somebody, start
from tests.web.reading import Element, read

SCRIPT = "<script>alert(1)</script> `&lt;`"


async def page_of(http: httpx2.AsyncClient, release: str, **headers: str) -> Element:
    answer = await http.get(f"/releases/{release}", headers=headers)
    assert answer.status_code == 200, answer.text
    return read(answer.text)


def buttons(page: Element) -> dict[str, bool]:
    """Commands in the order in which they are shown, and whether they can be pressed."""
    found = [b for b in page.all("button") if "data-command" in b.attributes]
    return {b.attributes["data-command"]: "disabled" not in b.attributes for b in found}


async def test_a_bake_shows_all_its_bands(site: Place) -> None:
    async with site.http() as http:
        release = await start(http, "checkout", reason="PAY-123")
        state = await site.until(release, lambda s: bool(s.measurements))
        page = await page_of(http, release)
        assert page.one("title").text == f"10 % · {state.target} v1→v2"
        identity = page.one("section", id="identity").text
        for words in (f"{state.target} v1 → v2", "Baking", "bake 0", "left", state.sentence, "eu-west-1", "PAY-123"):
            assert words in identity
        traffic = page.one("section", id="traffic")
        assert "v1 90 %" in traffic.text
        assert "v2 10 %" in traffic.text
        assert "read back from the alias" in traffic.text
        rail = [step.text for step in traffic.one("ol", class_="rail").all("li")]
        assert re.fullmatch(r"10 % bakes 5m current, \d\d:\d\d:\d\d", rail[0])
        assert rail[1:] == ["50 % bakes 5m to come", "100 % bakes 10m to come"]
        (tile,) = page.all("article", class_="tile")
        (measurement,) = (await site.service.get(release)).measurements
        assert tile.one("p", class_="sentence").text == measurement.sentence
        assert "no evidence is not a pass" in tile.text
        assert "errors no data" in tile.one("h3").text
        journal = [line.text for line in page.one("section", id="journal").all("li")]
        assert len(journal) == len(state.events)
        assert "weight 0 → 10 % confirmed" in journal[0]
        assert "started by admin: PAY-123" in journal[-1]
        links = {a.attributes["href"] for a in page.one("main").all("a")}
        assert {f"/v1/releases/{release}", f"/v1/releases/{release}/journal", f"/?function={site.function}"} == links
        lines = [line.all("code")[0].text for line in page.one("ul", class_="lines").all("li")]
        assert lines == [
            f"sluice get {release} -w",
            f'sluice skip {release} --step 1 --reason "..."',
            f"sluice pause {release}",
            f'sluice promote {release} --step 1 --reason "..."',
            f'sluice abort {release} --reason "..."',
        ]
        assert buttons(page) == dict.fromkeys(("skip", "pause", "promote", "abort"), True)
        assert page.one("head").one("noscript").one("meta").attributes["http-equiv"] == "refresh"


async def test_what_people_write_stays_text(site: Place) -> None:
    async with site.http() as http:
        release = await site.baking(http)
        await http.post(f"/v1/releases/{release}/pause", json={"reason": SCRIPT})
        answer = await http.get(f"/releases/{release}")
        assert "<script>alert" not in answer.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt; <code>&amp;lt;</code>" in answer.text
        shown = read(answer.text).one("p", id="sentence")
        assert shown.text.startswith("paused by admin: <script>alert(1)</script> &lt; ;")
        assert shown.one("code").text == "&lt;"


async def test_buttons_fit_the_state_and_the_role(site: Place) -> None:
    async with site.http() as http:
        release = await start(http, "asked")
        state = await site.until(release, lambda s: s.phase == "AWAITING_APPROVAL")
        page = await page_of(http, release)
        assert buttons(page) == {"approve": True, "reject": True, "abort": True}
        assert page.one("button", id="do-approve").attributes["data-step"] == str(state.step)
        assert page.one("title").text.startswith("Awaiting approval · ")
        await http.post(f"/v1/releases/{release}/abort")
        await site.until(release, lambda s: s.done)

        release = await site.baking(http)
        for who in ("viewer", "approver"):
            page = await page_of(http, release, **bearer(who))
            assert buttons(page) == dict.fromkeys(("skip", "pause", "promote", "abort"), False)
            assert page.one("small", id="lack-abort").text == "needs the role operate"
            assert page.one("button", id="do-abort").attributes["aria-describedby"] == "lack-abort"
        assert all(buttons(await page_of(http, release, **bearer("operator"))).values())
        await http.post(f"/v1/releases/{release}/pause", json={"reason": "lunch"})
        page = await page_of(http, release)
        assert buttons(page) == {"resume": True, "abort": True}
        assert "Paused" in page.one("p", class_="now").text


async def test_a_release_that_waits_for_its_target_says_whose_it_is(site: Place) -> None:
    async with site.http() as http:
        holder = await site.baking(http)
        release = await start(http, "checkout", on_busy="queue")
        await site.until(release, lambda s: s.phase == "QUEUED")
        page = await page_of(http, release)
        assert page.one("title").text == f"0 % · {site.target}"
        assert "Queued" in page.one("p", class_="now").text
        assert holder in page.one("p", id="sentence").text
        assert "No version is known yet." in page.one("section", id="traffic").text
        assert buttons(page) == {"abort": True}
        board = read((await http.get("/", params={"function": site.function, "phase": "QUEUED"})).text)
        assert "Queued" in board.one("tr", id=f"row-{release}").text
        assert (await http.post(f"/v1/releases/{release}/abort")).status_code == 200
        await site.until(release, lambda s: s.done)
        assert (await page_of(http, release)).one("title").text == f"Rejected · {site.target}"


async def test_a_count_after_the_way_back_is_ended_here(new_site: Callable[..., Place]) -> None:
    """Everything is back; the release still holds its target until what the canary handles has been counted."""
    site = new_site()
    site.file.write_text(site.file.read_text() + "limits: {drain: 5m}\n")
    site.app = application(site.settings, site.temporal)
    async with site.http() as http:
        release = await site.baking(http)
        await http.post(f"/v1/releases/{release}/abort")
        await site.until(release, lambda s: s.outcome is not None)
        page = await page_of(http, release)
        assert page.one("p", class_="now").text.startswith("Rolled back (abort) at most 0")
        assert "; counting until " in page.one("p", id="sentence").text
        assert buttons(page) == {"abort": True}
        stop = page.one("button", id="do-abort")
        assert (stop.text, stop.attributes["data-label"]) == ("Stop counting", "Stop counting")
        assert (
            await http.post(f"/v1/releases/{release}/{stop.attributes['data-command']}", json={})
        ).status_code == 200
        state = await site.until(release, lambda s: s.done)
        assert state.outcome is Outcome.ROLLED_BACK
        assert buttons(await page_of(http, release)) == {}


async def test_a_drift_is_settled_here(site: Place) -> None:
    async with site.http() as http:
        release = await site.baking(http)
        moved_by_somebody(site, site.target)
        await http.post(f"/v1/releases/{release}/abort")
        await site.until(release, lambda s: s.drifted)
        page = await page_of(http, release)
        assert page.one("title").text.startswith("Drifted · ")
        assert buttons(page) == {"restore": True, "adopt": True}
        assert "it may serve something else by now" in page.one("section", id="traffic").text
        assert "was moved by somebody else" in page.one("p", id="sentence").text
        await http.post(f"/v1/releases/{release}/restore", json={"reason": "not agreed"})
        state = await site.until(release, lambda s: s.done)
        page = await page_of(http, release)
        assert state.outcome is Outcome.ROLLED_BACK
        assert page.one("title").text.startswith("Rolled back · ")
        assert buttons(page) == {}
        assert "data-over" in page.one("div", id="page").attributes
        assert page.all("noscript") == []
        assert page.one("ol", class_="rail").all("li")[0].text.startswith("10 % bakes 5m ended here, ")


async def test_a_promoted_release_offers_the_way_back_while_nothing_has_changed_since(site: Place) -> None:
    async with site.http() as http:
        release = await site.promoted(http)
        page = await page_of(http, release)
        assert buttons(page) == {"rollback": True}
        assert page.one("button", id="do-rollback").text == "Roll back to v1 …"
        assert page.one("title").text.startswith("Promoted · ")
        answer = await http.post(f"/v1/releases/{release}/rollback", json={"reason": "slow"})
        later = answer.json()["release_id"]
        await site.until(later, lambda s: s.done)
        page = await page_of(http, release)
        assert buttons(page) == {}
        link = page.one("section", id="identity").one("a")
        assert link.attributes["href"] == f"/releases/{later}"
        assert link.text == "Promoted, v2 → v1"


async def test_a_target_leads_to_its_newest_release(site: Place) -> None:
    async with site.http() as http:
        release = await site.baking(http)
        answer = await http.get(f"/releases/{site.target}")
        assert (answer.status_code, answer.headers["Location"]) == (307, f"/releases/{release}")


async def test_the_part_that_changes_is_a_part_of_the_page(site: Place) -> None:
    async with site.http() as http:
        release = await start(http, "asked")
        await site.until(release, lambda s: s.phase == "AWAITING_APPROVAL")
        whole = (await http.get(f"/releases/{release}")).text
        part = (await http.get(f"/releases/{release}", params={"fragment": "true"})).text
    still = re.compile(r'data-now="\d+"|\d+s ago|[\d:]+(?=</time> )')
    assert part.startswith('<div id="page"')
    assert still.sub("", part) in still.sub("", whole)


async def test_a_press_is_the_apis_command(site: Place) -> None:
    """What `commands.js` sends, with the headers that a browser adds."""
    own = {"Origin": "http://sluice", "Sec-Fetch-Site": "same-origin"}
    async with site.http("operator") as http:
        async with site.http() as admin:
            release = await site.baking(admin)
        pressed = (await page_of(http, release)).one("button", id="do-skip").attributes
        path = f"/v1/releases/{release}/{pressed['data-command']}"
        body = {"step": int(pressed["data-step"]), "reason": "looks right"}
        answers = [await http.post(path, json=body, headers={**own, "Idempotency-Key": "page-1"}) for _ in range(2)]
        assert [a.status_code for a in answers] == [200, 200]
        assert answers[1].headers["Idempotent-Replayed"] == "true"
        await site.until(release, lambda s: s.step == 1)
        stale = await http.post(path, json=body, headers={**own, "Idempotency-Key": "page-2"})
        assert stale.status_code == 409
        assert stale.json()["detail"].startswith("step 1 is not the current one")


async def test_a_release_that_one_may_not_view_is_as_good_as_none(site: Place) -> None:
    async with site.http() as http, site.http("neighbour") as other:
        release = await site.baking(http)
        hidden, none = await other.get(f"/releases/{release}"), await other.get("/releases/000000000000")
        assert hidden.status_code == none.status_code == 404
        shown = [read(answer.text).one("main").text for answer in (hidden, none)]
        assert shown[0].split("Status")[0].replace(release, "000000000000") == shown[1].split("Status")[0]
        assert (await other.get(f"/releases/{release}?fragment=true")).status_code == 404

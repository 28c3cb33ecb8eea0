"""Errors of pages are pages; errors of the API stay what they are."""

from collections.abc import Callable

import pytest

from orchestrator.settings import AuthSettings, ProxySettings
from tests.api.place import Place, bearer, entry
from tests.web.reading import read

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize("path", ["/", "/releases/3f9a1c07d2e4", "/releases/checkout:live", "/?phase=x"])
async def test_without_a_credential_a_page_says_how_to_log_in(site: Place, path: str) -> None:
    async with site.http(None) as http:
        answer = await http.get(path)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="sluice"'
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        page = read(answer.text)
        assert page.one("h1").text == "No valid credential"
        assert page.one("h2").text == "How to log in"
        assert "proxy" in page.one("main").text
        assert answer.headers["X-Request-Id"] in page.one("main").text
        style = page.all("link", rel="stylesheet")[0].attributes["href"]
        assert (await http.get(style)).status_code == 200, "what the page needs is open"


@pytest.mark.parametrize("path", ["/v1/releases", "/v1/releases/checkout:live", "/hooks/nothing", "/static/x/y"])
async def test_machines_are_told_as_before(site: Place, path: str) -> None:
    async with site.http(None) as http:
        answer = await http.get(path, headers=BROWSER)
        assert answer.status_code >= 400
        assert answer.headers["content-type"] == "application/problem+json"


async def test_what_is_not_there_is_told_in_the_readers_language(site: Place) -> None:
    async with site.http() as http:
        machine, person = await http.get("/nothing"), await http.get("/nothing", headers=BROWSER)
        assert machine.status_code == person.status_code == 404
        assert machine.json()["type"] == "urn:sluice:problem:not-found"
        page = read(person.text)
        assert page.one("h1").text == "There is no such thing"
        assert page.one("p", class_="sentence").one("code").text == "/openapi.json"
        assert (await http.get("/releases/3f9a1c07d2e4")).status_code == 404
        assert (await http.post("/", json={})).status_code == 405


async def test_a_wrong_filter_is_named(site: Place) -> None:
    async with site.http() as http:
        answer = await http.get("/", params={"phase": "<b>", "function": "a b", "cursor": "eA"})
        assert answer.status_code == 422
        assert "<b>" not in answer.text
        faults = [line.all("code")[0].text for line in read(answer.text).all("li")]
        assert faults == ["query.function", "query.phase"]
        answer = await http.get("/", params={"cursor": "eA"})
        assert (answer.status_code, "begin without one" in answer.text) == (422, True)


async def test_every_login_of_the_api_opens_the_pages(new_site: Callable[..., Place]) -> None:
    proxy = ProxySettings(
        addresses=("10.0.0.0/8",),  # type: ignore[arg-type]
        groups={"payments": (entry("x", "operate"),)},
    )
    site = new_site(auth=AuthSettings(proxy=proxy))
    headers = {"X-Forwarded-User": "anna", "X-Forwarded-Groups": "payments"}
    async with site.http(None, peer="10.1.2.3") as http:
        assert read((await http.get("/", headers=headers)).text).one("span", class_="reader").text == "anna"
        assert (await http.get("/")).status_code == 401
        assert read((await http.get("/", headers=bearer("viewer"))).text).one("span", class_="reader").text == "viewer"
    async with site.http(None, peer="11.1.2.3") as http:
        assert (await http.get("/", headers=headers)).status_code == 401
    lab = new_site(auth=AuthSettings(mode="lab"))
    async with lab.http(None, peer="127.0.0.1") as http:
        assert (await http.get("/", headers={"Host": "127.0.0.1:8080"})).status_code == 200
        assert (await http.get("/", headers={"Host": "rebound.example"})).status_code == 401

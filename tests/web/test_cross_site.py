"""A page of another site cannot act through somebody's browser login; our own pages can."""

from collections.abc import Callable

import pytest

from orchestrator.settings import AuthSettings, ProxySettings
from tests.api.place import Place, entry

PROXY = ProxySettings(
    addresses=("10.0.0.0/8",),  # type: ignore[arg-type]
    groups={"payments": (entry("x", "operate"),)},
)
ANNA = {"X-Forwarded-User": "anna", "X-Forwarded-Groups": "payments"}
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def proxied(new_site: Callable[..., Place]) -> Place:
    site = new_site(auth=AuthSettings(proxy=PROXY))
    site.settings = site.settings.model_copy(update={"public_url": "https://sluice.example.com"})
    from orchestrator.serving import application

    site.app = application(site.settings, site.temporal)
    return site


@pytest.mark.parametrize(
    "sent",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://sluice"},
        {"Origin": "https://evil.example"},
        {"Origin": "https://sluice.example.com.evil.example"},
        {"Origin": "https://other.example.com"},
        {"Origin": "null"},
        {"Origin": ""},
    ],
    ids=str,
)
async def test_writes_from_elsewhere_are_refused(proxied: Place, sent: dict[str, str]) -> None:
    """With a body of any type, and without one: nothing of it needs a preflight to be refused."""
    async with proxied.http() as admin:
        url = f"/v1/releases/{await proxied.baking(admin)}/abort"
    async with proxied.http(None, peer="10.1.2.3") as http:
        for kind, content in ((None, b""), ("application/json", b"{}"), (FORM, b"a=b")):
            headers = {**ANNA, **sent, **({"Content-Type": kind} if kind else {})}
            answer = await http.post(url, content=content, headers=headers)
            assert (answer.status_code, answer.json()["type"]) == (403, "urn:sluice:problem:cross-site")
        assert (await http.get(url.removesuffix("/abort"), headers=ANNA)).json()["phase"] == "BAKING"


@pytest.mark.parametrize(
    "sent",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://sluice.example.com"},
        {"Origin": "http://sluice"},
        {"Origin": "https://sluice.example.com"},
    ],
    ids=str,
)
async def test_our_own_pages_act(proxied: Place, sent: dict[str, str]) -> None:
    """Also behind a proxy that asks us under another name, where the browser does not say same-origin."""
    async with proxied.http() as admin:
        url = f"/v1/releases/{await proxied.baking(admin)}/pause"
    async with proxied.http(None, peer="10.1.2.3") as http:
        answer = await http.post(url, json={"step": 0}, headers={**ANNA, **sent, "Idempotency-Key": "page-1"})
        assert answer.status_code == 200, answer.text


async def test_a_form_cannot_write_even_from_here(proxied: Place) -> None:
    """Only JSON is taken, which a page of another site cannot send without being asked first."""
    async with proxied.http() as admin:
        url = f"/v1/releases/{await proxied.baking(admin)}/abort"
    async with proxied.http(None, peer="10.1.2.3") as http:
        for kind in (FORM, "text/plain", "multipart/form-data; boundary=x"):
            headers = {**ANNA, "Sec-Fetch-Site": "same-origin", "Content-Type": kind}
            answer = await http.post(url, content='{"reason": "x"}', headers=headers)
            assert answer.status_code == 415
        preflight = await http.options(
            url, headers={**ANNA, "Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        )
        assert not [name for name in preflight.headers if name.lower().startswith("access-control-allow")]

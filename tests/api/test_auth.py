"""Who gets in, and who may do what on which target."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from orchestrator.api.app import create_app
from orchestrator.api.auth import Door
from orchestrator.domain.errors import InvalidSpec
from orchestrator.settings import ApiSettings, AuthSettings, ClaimRule, IssuerEntry, ProxySettings, Settings
from tests.api.place import LATEST, Place, bearer, entry

COLUMNS = ("view", "start", "approve", "operate")
ALLOWED = {
    "viewer": (True, False, False, False),
    "starter": (True, True, False, False),
    "approver": (True, False, True, False),
    "operator": (True, False, False, True),
    "admin": (True, True, True, True),
}
ROLE_OF = {"approve": "approve", "reject": "approve"} | dict.fromkeys(
    ("pause", "resume", "skip", "promote", "adopt", "restore", "rollback"), "operate"
)


@pytest.mark.parametrize("who", ALLOWED)
async def test_each_role_allows_its_own_and_no_more(place: Place, who: str) -> None:
    held = dict(zip(COLUMNS, ALLOWED[who], strict=True))
    async with place.http("admin") as admin, place.http(who) as http:
        url = f"/v1/releases/{await place.baking(admin)}"
        assert (await http.get(url)).status_code == (200 if held["view"] else 404)
        again = await http.post("/v1/releases", json={"target": "checkout", "artifact": LATEST})
        assert again.status_code == (409 if held["start"] else 403)
        for command, role in ROLE_OF.items():
            body = {} if command == "rollback" else {"step": 7}
            answer = await http.post(f"{url}/{command}", json=body)  # allowed ones do not fit the state
            assert answer.status_code == (409 if held[role] else 403), (command, answer.text)


async def test_a_token_of_one_target_cannot_touch_another(place: Place) -> None:
    async with place.http("admin") as admin, place.http("neighbour") as http:
        release_id = await place.baking(admin)
        url = f"/v1/releases/{release_id}"
        nothing = (await http.get("/v1/releases/000000000000")).json()["detail"]
        for path in ("", "/journal", "/events"):
            answer = await http.get(url + path)
            assert answer.status_code == 404
            assert answer.json()["detail"] == nothing.replace("000000000000", release_id), "as if there were none"
        for command in ("abort", "promote", "rollback"):
            assert (await http.post(f"{url}/{command}")).status_code == 404
        assert (await http.post("/v1/releases", json={"target": "checkout", "artifact": LATEST})).status_code == 403
        assert (await http.post("/v1/plans", json={"target": "checkout", "artifact": LATEST})).status_code == 403
        assert [t["name"] for t in (await http.get("/v1/targets")).json()["targets"]] == ["orders"]
        assert (await http.get(f"/v1/audit?function={place.function}")).json()["entries"] == []
        assert (await http.get("/v1/settings")).status_code == 403
        assert (await place.service.get(release_id)).phase == "BAKING"


@pytest.mark.parametrize("path", ["/v1/releases", "/v1/audit", "/v1/settings", "/metrics", "/openapi.json", "/", "/x"])
async def test_nothing_is_open_without_a_credential(place: Place, path: str) -> None:
    async with place.http(None) as http:
        for method in ("GET", "POST", "DELETE"):
            answer = await http.request(method, path)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="sluice"'


async def test_health_is_open_to_everybody(place: Place) -> None:
    async with place.http(None) as http:
        assert (await http.get("/healthz")).json() == {"status": "alive"}
        assert (await http.get("/readyz")).json() == {"status": "ready", "temporal": "ok", "worker": "ok"}


@pytest.mark.parametrize(
    "written",
    ["Bearer sluice_wrong", "Bearer ", "Basic YTpi", "Bearer a.b.c", "Bearer \u00e9", f"Bearer {'x' * 9000}", "x"],
)
async def test_wrong_credentials_are_refused_alike(place: Place, written: str) -> None:
    async with place.http(None) as http:
        answer = await http.get("/v1/releases", headers=[(b"authorization", written.encode("latin-1"))])
        assert answer.status_code == 401
        assert "in force here" in answer.json()["detail"]


async def test_an_expired_token_is_refused(place: Place) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    old = entry("old", "admin").model_copy(update={"expires": yesterday})
    settings = place.settings.model_copy(update={"auth": AuthSettings(tokens=(old,))})
    place.app = create_app(settings, place.temporal)
    async with place.http("old") as http:
        assert (await http.get("/v1/releases")).status_code == 401


async def test_rates_are_kept_by_principal(new_place) -> None:
    place = new_place(rate="3/minute", refusal_rate="2/minute")
    async with place.http("admin") as http:
        answers = [await http.get("/v1/targets") for _ in range(4)]
        assert [a.status_code for a in answers] == [200, 200, 200, 429]
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 61
        assert (await http.get("/v1/targets", headers=bearer("viewer"))).status_code == 200
        wrong = {"Authorization": "Bearer sluice_wrong"}
        assert [(await http.get("/v1/targets", headers=wrong)).status_code for _ in range(3)] == [401, 401, 429]
        assert (await http.get("/v1/targets", headers=bearer("viewer"))).status_code == 200, "only refusals are slowed"


PROXY = ProxySettings(
    addresses=("10.0.0.0/8",),  # type: ignore[arg-type]
    groups={"payments": (entry("x", "operate"),)},
)


async def test_a_proxy_logs_people_in_and_nobody_else_does(new_place) -> None:
    place = new_place(auth=AuthSettings(proxy=PROXY))
    headers = {
        "X-Forwarded-User": "anna",
        "X-Forwarded-Groups": "staff, payments",
        "X-Forwarded-For": "9.9.9.9, 8.8.8.8",
    }
    async with place.http("admin") as admin:
        url = f"/v1/releases/{await place.baking(admin)}"
    async with place.http(None, peer="10.1.2.3") as http:
        answer = await http.post(f"{url}/pause", json={"reason": "look"}, headers=headers)
        assert answer.json()["events"][-1]["actor"] == "anna"
        foreign = await http.post(f"{url}/abort", headers={**headers, "Sec-Fetch-Site": "cross-site"})
        assert (foreign.status_code, foreign.json()["type"]) == (403, "urn:sluice:problem:cross-site")
        foreign = await http.post(f"{url}/abort", headers={**headers, "Origin": "https://evil.example"})
        assert foreign.status_code == 403
        own = await http.post(f"{url}/resume", headers={**headers, "Origin": "http://sluice"})
        assert own.status_code == 200
        twice = [*headers.items(), ("X-Forwarded-User", "root")]
        assert (await http.get(url, headers=twice)).status_code == 401, (
            "a proxy that adds a header lets clients forge it"
        )
        other = {**headers, "X-Forwarded-Groups": "staff"}
        assert (await http.get(url, headers=other)).status_code == 404, "no group, no role"
        entries = (await http.get("/v1/audit", params={"function": place.function}, headers=headers)).json()["entries"]
        assert {(e["principal"], e["method"], e["source_address"]) for e in entries} == {
            ("anna", "proxy", "8.8.8.8"),
            ("admin", "token", "192.0.2.7"),
        }
    async with place.http(None, peer="11.1.2.3") as http:
        assert (await http.get(url, headers=headers)).status_code == 401


async def test_the_lab_mode_is_for_this_machine_alone(new_place) -> None:
    with pytest.raises(InvalidSpec, match="not loopback"):
        Door(Settings(api=ApiSettings(host="0.0.0.0"), auth=AuthSettings(mode="lab")))
    place = new_place(auth=AuthSettings(mode="lab"))
    local = {"Host": "127.0.0.1:8080"}
    async with place.http(None, peer="127.0.0.1") as http:
        assert (await http.get("/v1/releases", headers=local)).status_code == 200
        assert (await http.get("/v1/releases", headers={"Host": "rebound.example"})).status_code == 401
        foreign = await http.post("/v1/plans", headers={**local, "Sec-Fetch-Site": "cross-site"})
        assert foreign.status_code == 403
    async with place.http(None, peer="192.0.2.1") as http:
        assert (await http.get("/v1/releases", headers=local)).status_code == 401


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({"sub": "repo:acme/checkout:ref:refs/heads/main", "repository_id": "1"}, "may reword"),
        ({"environment": "production"}, "at least one id"),
        ({}, "at least one id"),
        ({"repository_id": "*"}, "written out in full"),
    ],
)
def test_rules_that_would_let_others_in_are_refused_as_settings(claims: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        ClaimRule(name="x", claims=claims, roles=("start",), targets=("*",))  # type: ignore[arg-type]


def test_issuers_are_reached_over_encrypted_lines_only() -> None:
    rule = ClaimRule(name="x", claims={"repository_id": "1"}, roles=("start",), targets=("*",))
    with pytest.raises(ValidationError, match="https"):
        IssuerEntry(name="x", issuer="http://issuer.example", rules=(rule,))

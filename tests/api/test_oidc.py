"""CI tokens, against an issuer that really serves its keys."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator

import pytest

from orchestrator.settings import AuthSettings, ClaimRule, IssuerEntry
from tests.api.issuer import EC_KEY, PUBLIC_PEM, STRANGER, Issuer, issuer
from tests.api.place import LATEST, Place


@pytest.fixture
def ci() -> Iterator[Issuer]:
    with issuer() as found:
        yield found


@pytest.fixture
def place(new_place: Callable[..., Place], ci: Issuer) -> Place:
    rule = ClaimRule(
        name="checkout",
        claims={"repository_id": "4711", "environment": ("production", "staging"), "ref": "refs/tags/v*"},
        roles=("start",),
        targets=("*-instant:live",),
    )
    return new_place(auth=AuthSettings(issuers=(IssuerEntry(name="github", issuer=ci.url, rules=(rule,)),)))


async def status(place: Place, token: str) -> int:
    async with place.http(None) as http:
        return (await http.get("/v1/targets", headers={"Authorization": f"Bearer {token}"})).status_code


async def test_a_ci_job_starts_what_its_rule_names_and_nothing_else(place: Place, ci: Issuer) -> None:
    headers = {"Authorization": f"Bearer {ci.token()}"}
    async with place.http(None) as http:
        answer = await http.post("/v1/releases", json={"target": "instant", "artifact": LATEST}, headers=headers)
        assert answer.status_code == 202
        state = (await http.get(answer.headers["Location"], headers=headers)).json()
        assert state["actor"] == "github:checkout (octocat)"
        other = await http.post("/v1/releases", json={"target": "checkout", "artifact": LATEST}, headers=headers)
        assert other.status_code == 403
    assert await status(place, ci.token(key=EC_KEY, kid="ec", algorithm="ES256")) == 200


def unsigned(ci: Issuer) -> str:
    def part(document: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none', 'typ': 'JWT', 'kid': 'rsa'})}.{part(ci.claims())}."


def signed_with_the_public_key(ci: Issuer, algorithm: str = "HS256") -> str:
    """What a library that trusts the header's algorithm would take: the public key used as a shared secret."""

    def part(document: bytes) -> str:
        return base64.urlsafe_b64encode(document).decode().rstrip("=")

    head = part(json.dumps({"alg": algorithm, "typ": "JWT", "kid": "rsa"}).encode())
    text = f"{head}.{part(json.dumps(ci.claims()).encode())}"
    return f"{text}.{part(hmac.digest(PUBLIC_PEM, text.encode(), hashlib.sha256))}"


BAD: dict[str, Callable[[Issuer], str]] = {
    "issuer": lambda ci: ci.token(iss="https://token.actions.githubusercontent.com"),
    "issuer with a slash": lambda ci: ci.token(iss=f"{ci.url}/"),
    "audience": lambda ci: ci.token(aud="somebody-else"),
    "no audience": lambda ci: ci.token(aud=None),
    "expired": lambda ci: ci.token(exp=int(time.time()) - 60),
    "no expiry": lambda ci: ci.token(exp=None),
    "no time of issue": lambda ci: ci.token(iat=None),
    "issued tomorrow": lambda ci: ci.token(iat=int(time.time()) + 86400),
    "not yet in force": lambda ci: ci.token(nbf=int(time.time()) + 3600),
    "algorithm none": unsigned,
    "HS256 with the public key": signed_with_the_public_key,
    "PS256 is not on the list": lambda ci: ci.token(algorithm="PS256"),
    "RS256 header, HS256 signature": lambda ci: signed_with_the_public_key(ci, "RS256"),
    "another's key": lambda ci: ci.token(key=STRANGER),
    "unknown key id": lambda ci: ci.token(key=STRANGER, kid="mine"),
    "key of the other algorithm": lambda ci: ci.token(kid="ec"),
    "another repository": lambda ci: ci.token(repository_id="4712"),
    "id as text inside": lambda ci: ci.token(repository_id="14711"),
    "no environment": lambda ci: ci.token(environment=None),
    "another environment": lambda ci: ci.token(environment="production2"),
    "branch instead of tag": lambda ci: ci.token(ref="refs/heads/v7"),
    "list instead of text": lambda ci: ci.token(repository_id=["4711"]),
    "changed after signing": lambda ci: ci.token()[:-6] + "AAAAAA",
}


@pytest.mark.parametrize("how", BAD)
async def test_a_token_that_is_not_right_in_every_way_is_refused(place: Place, ci: Issuer, how: str) -> None:
    assert await status(place, ci.token()) == 200
    assert await status(place, BAD[how](ci)) == 401


async def test_unknown_keys_do_not_make_us_hammer_the_issuer(place: Place, ci: Issuer) -> None:
    bad = [ci.token(key=STRANGER, kid=f"k{number}") for number in range(20)]
    assert set(await asyncio.gather(*(status(place, token) for token in bad))) == {401}
    assert ci.fetches == 1


async def test_a_new_key_is_found_after_the_cool_down(
    place: Place, ci: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    *others, strange = ci.keys
    ci.keys = [strange, {**others[0], "kid": "old"}]
    assert await status(place, ci.token()) == 401
    ci.keys = others
    assert await status(place, ci.token()) == 401
    monkeypatch.setattr("orchestrator.api.keys.COOL_DOWN_SECONDS", 0)
    assert await status(place, ci.token()) == 200


async def test_an_issuer_that_is_away_is_no_reason_to_refuse(new_place: Callable[..., Place], ci: Issuer) -> None:
    rule = ClaimRule(name="x", claims={"repository_id": "4711"}, roles=("view",), targets=("*",))
    entry = IssuerEntry(name="x", issuer=ci.url, jwks_url="http://127.0.0.1:9/keys", rules=(rule,))
    place = new_place(auth=AuthSettings(issuers=(entry,)))
    assert await status(place, ci.token()) == 503

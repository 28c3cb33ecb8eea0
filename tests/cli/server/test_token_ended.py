"""A CI job whose token ends while it waits: GitLab gives one for the whole job, and nothing renews it."""

import re
import time

import pytest

from orchestrator.api import oidc
from orchestrator.domain.release import Phase
from orchestrator.settings import AuthSettings, ClaimRule, IssuerEntry
from tests.api.issuer import issuer


@pytest.fixture
def ci():
    with issuer() as found:
        yield found


@pytest.fixture
def place(new_place, ci, monkeypatch):
    """A server that takes that issuer's tokens, and none that has ended."""
    monkeypatch.setattr(oidc, "LEEWAY_SECONDS", 0)
    rule = ClaimRule(name="job", claims={"repository_id": "4711"}, roles=("start", "operate"), targets=("*",))
    return new_place(auth=AuthSettings(issuers=(IssuerEntry(name="gitlab", issuer=ci.url, rules=(rule,)),)))


def living(ci, seconds):
    return ci.token(exp=int(time.time()) + seconds)


@pytest.mark.parametrize("words", [("wait",), ("wait", "--for=promoted"), ("get", "-w")])
async def test_a_wait_outlives_its_token_and_says_so(connected, place, ci, run, words):
    """Not an error: the release goes on, and a job with another token may wait on."""
    async with connected() as at:
        release_id = await place.baking(at.http)
        command, *options = words
        environment = {"SLUICE_URL": at.url, "SLUICE_ID_TOKEN": living(ci, 5)}
        ran = await run(command, release_id, *options, **environment)
        assert ran.code == 5, ran.err
        assert re.fullmatch(
            r"the CI job's token in SLUICE_ID_TOKEN ended at \d\d:\d\d:\d\d UTC, and only a new job gets another "
            rf"\(request id [0-9a-f]+\); `sluice wait {release_id}` there waits on: release {release_id} of "
            rf"{place.target} goes on",
            ran.err.splitlines()[-1],
        )
        assert f"{place.target} {release_id} ● Baking" in ran.out.splitlines()[-1], "what was known last"
        assert (await place.service.get(release_id)).phase is Phase.BAKING
        again = await run("wait", release_id, "--for=baking", SLUICE_URL=at.url, SLUICE_ID_TOKEN=living(ci, 60))
        assert again.code == 0
        await at.http.post(f"/v1/releases/{release_id}/abort", json={"reason": "end"})


async def test_a_followed_journal_outlives_its_token_and_says_so(connected, place, ci, run):
    async with connected() as at:
        release_id = await place.baking(at.http)
        ran = await run("logs", "-f", release_id, SLUICE_URL=at.url, SLUICE_ID_TOKEN=living(ci, 5))
        assert ran.code == 5, ran.err
        assert re.fullmatch(
            r"the CI job's token in SLUICE_ID_TOKEN ended at \d\d:\d\d:\d\d UTC, and only a new job gets another "
            rf"\(request id [0-9a-f]+\); `sluice logs -f {release_id}` there shows it again: release {release_id} of "
            rf"{place.target} goes on",
            ran.err.splitlines()[-1],
        )
        assert "10 %" in ran.out
        await at.http.post(f"/v1/releases/{release_id}/abort", json={"reason": "end"})


async def test_a_command_that_begins_with_an_ended_token_is_an_error(connected, place, ci, run):
    async with connected() as at:
        ran = await run("start", "checkout", "--latest", "--wait", SLUICE_URL=at.url, SLUICE_ID_TOKEN=living(ci, -5))
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith("sluice: the CI job's token in SLUICE_ID_TOKEN ended at ")
        assert "and only a new job gets another (request id" in ran.err
        assert not (await at.http.get(f"/v1/releases?function={place.function}")).json()["releases"]


async def test_a_token_that_is_merely_unknown_has_not_ended(connected, ci, run):
    async with connected() as at:
        ran = await run("list", SLUICE_URL=at.url, SLUICE_ID_TOKEN=ci.token(aud="other"))
        assert ran.code == 1
        assert "the CI job's token in SLUICE_ID_TOKEN is not in force at" in ran.err


async def test_a_stream_that_ends_at_once_is_asked_for_less_and_less(connected, place, ci, run, monkeypatch):
    """The server still takes the token for some seconds after its end, and ends each stream at once."""
    monkeypatch.setattr(oidc, "LEEWAY_SECONDS", 6)
    async with connected() as at:
        release_id = await place.baking(at.http)
        ran = await run("wait", release_id, SLUICE_URL=at.url, SLUICE_ID_TOKEN=living(ci, 2))
        assert ran.code == 5, ran.err
        assert len([asked for asked in at.line.asked if "/events" in asked]) <= 12
        await at.http.post(f"/v1/releases/{release_id}/abort", json={"reason": "end"})

"""How `start --wait` ends before a real server: every code that a release can give, met by a release that ends so."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from orchestrator.domain.release import Outcome
from orchestrator.domain.traffic import whole
from tests.api.place import ACCOUNT, REGION, token_of
from tests.fakes.aws import Profile

FILE = """\
sampling: {{period: 1s, lag: 1s, interval: 1s}}
targets:
  quick: &it
    account: "{account}"
    region: {region}
    function: {function}-quick
    alias: live
    strategy: {{kind: all_at_once, final_bake: 0s}}
    checks: []
  judged:
    <<: *it
    function: {function}-judged
    strategy: {{kind: canary, weights: [50], bake: 30s, final_bake: 0s}}
    checks: [errors]
  held:
    <<: *it
    function: {function}-held
    strategy: {{kind: blue_green, approval: {{}}, final_bake: 0s}}
  moved:
    <<: *it
    function: {function}-moved
    strategy: {{kind: all_at_once, final_bake: 1h}}
    limits: {{drift: 1s}}
"""


@pytest.fixture
def server(place, connected, run) -> Callable[[], AsyncIterator[SimpleNamespace]]:
    """A server with targets that end quickly, each its own way, and the command before it."""
    place.file.write_text(FILE.format(account=ACCOUNT, region=REGION, function=place.function))

    @asynccontextmanager
    async def made() -> AsyncIterator[SimpleNamespace]:
        async with connected("admin") as at:

            async def sluice(*words: str) -> SimpleNamespace:
                ran = await run(*words, SLUICE_URL=at.url, SLUICE_TOKEN=token_of("admin"))
                found = re.search(r"release ([0-9a-f]{12}) of \S+ (?:was accepted|has started)", ran.err)
                return SimpleNamespace(**vars(ran), release_id=found[1] if found else None)

            async def released(name: str) -> str:
                """The id of the release that the target has, once it is listed."""
                while not (found := (await at.http.get(f"/v1/releases?function={place.function}-{name}")).json())[
                    "releases"
                ]:
                    await asyncio.sleep(0.1)
                return found["releases"][0]["release_id"]

            yield SimpleNamespace(sluice=sluice, released=released, target=lambda name: place.target_of(f"-{name}"))

    return made


def function(place, target, code="second"):
    found = place.aws.add_function(target)
    if code:
        found.change_code(code)
    return found


async def test_promoted_is_0(server, place):
    async with server() as at:
        function(place, at.target("quick"))
        ran = await at.sluice("start", "quick", "--latest", "--wait")
        assert ran.code == 0, ran.err
        assert "✔ Promoted" in ran.out.splitlines()[-1]
        assert place.aws.routing(at.target("quick")) == whole("2")
        assert (await at.sluice("wait", ran.release_id)).code == 0
        assert (await at.sluice("wait", ran.release_id, "--for=promoted")).code == 0
        assert (await at.sluice("wait", ran.release_id, "--for=approval")).code == 6


async def test_rolled_back_by_its_numbers_is_3(server, place):
    async with server() as at:
        target = at.target("judged")
        function(place, target)
        place.aws.load(target, per_period=400, period=1, profiles={"2": Profile(error_share=0.6)})
        ran = await at.sluice("start", "judged", "--latest", "--wait")
        assert ran.code == 3, ran.out + ran.err
        assert "✖ Rolled back (verdict)" in ran.out.splitlines()[-1]
        assert place.aws.routing(target) == whole("1")
        assert (await at.sluice("get", ran.release_id, "-w")).code == 3
        assert (await at.sluice("wait", ran.release_id, "--for=weight=50")).code == 3, "it is there no more"


async def test_rejected_by_a_person_is_4(server, place):
    async with server() as at:
        function(place, at.target("held"))
        waiting = asyncio.create_task(at.sluice("start", "held", "--latest", "--wait"))
        release_id = await at.released("held")
        reached = await at.sluice("wait", release_id, "--for=approval", "--timeout", "20s")
        assert (reached.code, reached.err) == (0, "")
        assert (await at.sluice("reject", release_id, "--reason", "not today")).code == 0
        ran = await waiting
        assert ran.code == 4, ran.err
        assert "not today" in ran.out.splitlines()[-1]


async def test_time_over_is_5_and_the_release_goes_on(server, place):
    async with server() as at:
        function(place, at.target("held"))
        ran = await at.sluice("start", "held", "--latest", "--wait", "--timeout", "2s")
        assert ran.code == 5, ran.err
        assert ran.err.endswith(f"the time to wait is over: release {ran.release_id} of {at.target('held')} goes on\n")
        assert not (await place.service.get(ran.release_id)).done
        waited = await at.sluice("wait", ran.release_id, "--for=promoted", "--timeout", "1s")
        assert waited.code == 5
        assert (await at.sluice("abort", ran.release_id, "--wait")).code == 4


async def test_nothing_to_release_is_6(server, place):
    async with server() as at:
        function(place, at.target("quick"), code="")
        ran = await at.sluice("start", "quick", "--version", "1", "--wait")
        assert ran.code == 6, ran.err
        assert (await place.service.get(ran.release_id)).outcome is Outcome.REJECTED
        assert "✖ Rejected (nothing to release)" in ran.out.splitlines()[-1]


async def test_refused_by_preflight_and_busy_are_6(server, place):
    async with server() as at:
        nowhere = await at.sluice("start", "quick", "--latest", "--wait")
        assert nowhere.code == 6, nowhere.err
        assert "does not exist in account" in nowhere.out
        function(place, at.target("held"))
        first = await at.sluice("start", "held", "--latest")
        assert first.code == 0
        release_id = await at.released("held")
        second = await at.sluice("start", "held", "--latest", "--wait")
        assert (second.code, second.out) == (6, "")
        assert f"release {release_id}" in second.err
        await at.sluice("abort", release_id, "--wait")


async def test_an_alias_in_no_known_state_is_7(server, place):
    """Somebody else has moved it, the way back is blocked, and nobody says within the limit what is to become of it."""
    async with server() as at:
        target = at.target("moved")
        found = function(place, target)
        waiting = asyncio.create_task(at.sluice("start", "moved", "--latest", "--wait"))
        release_id = await at.released("moved")
        assert (await at.sluice("wait", release_id, "--for=promoted", "--timeout", "20s")).code == 0
        found.change_code("third")
        place.aws.move(target, whole(found.publish_now()))
        aborted = await at.sluice("abort", release_id, "--wait", "--reason", "too slow")
        ran = await waiting
        assert (aborted.code, ran.code) == (7, 7), ran.out + ran.err
        assert "✖ FAILED: a person must look" in ran.out.splitlines()[-1]
        assert (await at.sluice("wait", release_id, "--for=promoted")).code == 7
        assert place.aws.routing(target) == whole("3"), "what others did stays as they left it"

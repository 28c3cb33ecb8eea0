"""One `function:alias` in several accounts: it means what one may view, and is refused where that is in two places."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from temporalio.client import WorkflowHandle
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from orchestrator.domain.errors import NotFound
from orchestrator.domain.release import Phase
from tests.api.place import ACCOUNT, PATIENCE, REGION, Place, bearer
from workflows.logbook import FUNCTION, MEMO_KEY, MEMO_STATE, PHASE, RELEASE_ID, TARGET
from workflows.release import ReleaseWorkflow

ELSEWHERE = "999999999999"


async def begun(place: Place, like: str, account: str) -> tuple[str, WorkflowHandle[ReleaseWorkflow, None]]:
    """Leave a newer release of the same name in the other account, where no worker takes anything."""
    state = await place.service.get(like)
    target = state.target.model_copy(update={"account": account})
    state = state.model_copy(
        update={"release_id": uuid.uuid4().hex[:12], "target": target, "started_at": datetime.now(UTC)}
    )
    attributes = (
        SearchAttributePair(RELEASE_ID, state.release_id),
        SearchAttributePair(PHASE, Phase.BAKING.value),
        SearchAttributePair(TARGET, str(target)),
        SearchAttributePair(FUNCTION, target.function),
    )
    handle = await place.temporal.start_workflow(
        "Release",
        id=target.workflow_id,
        task_queue="nobody-serves-this",
        memo={MEMO_STATE: state, MEMO_KEY: ""},
        search_attributes=TypedSearchAttributes(attributes),
    )
    return state.release_id, handle


async def listed(place: Place, count: int) -> None:
    query = f"WorkflowType = 'Release' AND SluiceTarget = '{place.target}'"
    async with asyncio.timeout(PATIENCE):
        while (await place.temporal.count_workflows(query)).count < count:
            await asyncio.sleep(0.05)


@asynccontextmanager
async def two_places(place: Place) -> AsyncIterator[tuple[str, str]]:
    """Give the ids of the older release, here, and of the newer one in the other account."""
    async with place.http() as http:
        older = await place.baking(http)
        newer, handle = await begun(place, older, ELSEWHERE)
        await listed(place, 2)
        try:
            yield older, newer
        finally:
            await handle.terminate()
            await http.post(f"/v1/releases/{older}/abort")
            await place.until(older, lambda s: s.done)


async def test_a_name_means_what_one_may_view(place: Place) -> None:
    """Another account's newer release does not hide one's own."""
    url = f"/v1/releases/{place.target}"
    async with two_places(place) as (older, _), place.http() as http:
        seen = await http.get(url, headers=bearer("viewer"))
        assert (seen.status_code, seen.json()["release_id"]) == (200, older)
        journal = await http.get(f"{url}/journal", headers=bearer("viewer"))
        assert journal.json()["release_id"] == older
        hidden = await http.get(url, headers=bearer("neighbour"))
        assert hidden.status_code == 404
        assert hidden.json()["detail"].startswith(f"there is no release `{place.target}`")


async def test_a_name_in_two_places_is_refused_with_what_to_write_instead(place: Place) -> None:
    """Whoever may view both is led to neither, and commands neither at a command line that asks Temporal directly."""
    url = f"/v1/releases/{place.target}"
    async with two_places(place) as (older, newer), place.http() as http:
        sentence = (
            f"`{place.target}` has releases in 2 places, {ACCOUNT}/{REGION} ({older}), {ELSEWHERE}/{REGION} ({newer}): "
            "name the one you mean by its id"
        )
        for answer in (await http.get(url), await http.get(f"{url}/journal"), await http.get(f"{url}/events")):
            assert (answer.status_code, answer.json()["type"]) == (404, "urn:sluice:problem:not-found")
            assert answer.json()["detail"] == sentence
        with pytest.raises(NotFound, match=re.escape(sentence)):  # what a command line asks before it commands
            await place.service.get(str(place.target))
        for release_id in (older, newer):
            assert (await http.get(f"/v1/releases/{release_id}")).json()["release_id"] == release_id


async def test_many_releases_of_one_account_do_not_hide_another_account(place: Place) -> None:
    """Only so many are read at once."""
    async with place.http() as http:
        older = await place.baking(http)
        for _ in range(22):
            _, handle = await begun(place, older, ELSEWHERE)
            await handle.terminate()
        newest, handle = await begun(place, older, ELSEWHERE)
        await http.post(f"/v1/releases/{older}/abort")
        await place.until(older, lambda s: s.done)
        for _ in range(22):
            await handle.terminate()
            newest, handle = await begun(place, older, ELSEWHERE)
        await listed(place, 46)
        url = f"/v1/releases/{place.target}"
        seen = await http.get(url, headers=bearer("viewer"))
        assert (seen.status_code, seen.json()["release_id"]) == (200, older)
        assert f"{ELSEWHERE}/{REGION} ({newest})" in (await http.get(url)).json()["detail"]
        await handle.terminate()

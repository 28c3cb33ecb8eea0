"""What people do while others look at the pages."""

import asyncio
import uuid
from datetime import UTC, datetime

import httpx2
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Outcome, Phase, Target
from orchestrator.domain.traffic import whole
from tests.api.place import LATEST, Place
from workflows.logbook import FUNCTION, MEMO_KEY, MEMO_STATE, OUTCOME, PHASE, TARGET


async def start(http: httpx2.AsyncClient, target: str, **more: object) -> str:
    answer = await http.post("/v1/releases", json={"target": target, "artifact": LATEST, **more})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["release_id"])


def moved_by_somebody(site: Place, target: Target) -> None:
    """Put the alias on a version that no release knows."""
    function = site.aws.function(target)
    function.change_code("of somebody else")
    site.aws.move(target, whole(function.publish_now()))


async def listed(site: Place, alias: str, phase: Phase, outcome: Outcome | None = None) -> str:
    """Put a release into Temporal's list that no worker takes, so that many cost little; its id.

    One with an outcome has ended. Return when it is listed so.
    """
    target = site.target.model_copy(update={"alias": alias})
    state = ReleaseState(
        release_id=uuid.uuid4().hex[:12],
        target=target,
        strategy="canary",
        actor="admin",
        reason="",
        started_at=datetime.now(UTC),
        phase=phase,
        outcome=outcome,
    )
    pairs = [(PHASE, phase.value), (TARGET, str(target)), (FUNCTION, target.function)]
    pairs += [(OUTCOME, outcome.value)] if outcome else []
    handle = await site.temporal.start_workflow(
        "Release",
        id=target.workflow_id,
        task_queue="nobody-here",
        memo={MEMO_STATE: state, MEMO_KEY: ""},
        search_attributes=TypedSearchAttributes([SearchAttributePair(key, value) for key, value in pairs]),
    )
    if outcome:
        await handle.terminate()
    run, status = handle.result_run_id, "!=" if outcome else "="
    async with asyncio.timeout(10):
        while not (
            await site.temporal.count_workflows(f"RunId = '{run}' AND ExecutionStatus {status} 'Running'")
        ).count:
            await asyncio.sleep(0.02)
    return state.release_id

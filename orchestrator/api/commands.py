"""Commands to a release, and taking an ended one back."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from orchestrator.api import problems
from orchestrator.api.bodies import CommandBody, RollbackBody, Started, started
from orchestrator.api.parts import REPLAYED, By, Given, Key, ReleaseId, replayed_header
from orchestrator.api.problems import documented
from orchestrator.api.releases import WRITES
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Command

router = APIRouter(prefix="/v1/releases/{release_id}", tags=["commands"])
_REFUSALS = (
    *WRITES,
    problems.NOT_FOUND,
    problems.ILLEGAL_COMMAND,
    problems.UNAVAILABLE,
    problems.INVALID_REQUEST,
    problems.KEY_REUSED,
)


@router.post(
    "/rollback",
    status_code=202,
    response_model=Started,
    summary="Take a promoted release back",
    responses={
        202: {"headers": {"Location": {"schema": {"type": "string"}}, **REPLAYED}},
        **documented(*_REFUSALS, problems.BUSY),
    },
)
async def rollback(
    release_id: ReleaseId, parts: Given, by: By, body: RollbackBody | None = None, key: Key = None
) -> Response:
    """Starts a release of its own, with one step, to the version before. Needs the role `operate`."""
    state, replayed = await parts.desk.rollback(by, release_id, body or RollbackBody(), key)
    answer = started(state)
    headers = {"Location": answer.status_url, **replayed_header(replayed=replayed)}
    return JSONResponse(answer.model_dump(mode="json"), 202, headers=headers)


@router.post(
    "/{command}",
    response_model=ReleaseState,
    summary="Command a running release",
    responses={
        200: {"headers": REPLAYED},
        **documented(*_REFUSALS),
    },
)
async def command(
    *, release_id: ReleaseId, command: Command, parts: Given, by: By, body: CommandBody | None = None, key: Key = None
) -> Response:
    """The answer is the state right after the command was taken.

    Approve and reject need the role `approve`, the others `operate`. A command that does not fit the state, or is meant
    for another step than the present one, is refused with 409.
    """
    state, replayed = await parts.desk.command(by, release_id, command, body or CommandBody(), key)
    return Response(state.model_dump_json(), media_type="application/json", headers=replayed_header(replayed=replayed))

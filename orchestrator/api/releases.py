"""Starting, planning, listing and reading releases."""

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import JSONResponse, Response

from orchestrator.api import problems
from orchestrator.api.bodies import Journal, Planned, ReleaseBody, ReleasePage, Started, started, summary
from orchestrator.api.listing import Filters, page_of
from orchestrator.api.parts import (
    REPLAYED,
    By,
    Cursor,
    FunctionFilter,
    Given,
    Key,
    Limit,
    Ref,
    TargetFilter,
    replayed_header,
)
from orchestrator.api.problems import documented
from orchestrator.api.roles import full_name
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Outcome, Phase
from orchestrator.rows import Row

router = APIRouter(prefix="/v1", tags=["releases"])
WRITES = (problems.MALFORMED, problems.TOO_LARGE, problems.UNSUPPORTED_MEDIA_TYPE, problems.FORBIDDEN)
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "`If-None-Match` names the present state"}}


@router.post(
    "/releases",
    status_code=202,
    response_model=Started,
    summary="Start a release",
    responses={
        202: {"headers": {"Location": {"schema": {"type": "string"}}, **REPLAYED}},
        **documented(
            *WRITES,
            problems.BUSY,
            problems.UNAVAILABLE,
            problems.INVALID_REQUEST,
            problems.INVALID_PLAN,
            problems.KEY_REUSED,
        ),
    },
)
async def start(body: ReleaseBody, parts: Given, by: By, key: Key = None) -> Response:
    """Needs the role `start` on the target. The answer comes as soon as Temporal has it; a worker does the rest."""
    state, replayed = await parts.desk.start(by, body, key)
    answer = started(state)
    headers = {"Location": answer.status_url, **replayed_header(replayed=replayed)}
    return JSONResponse(answer.model_dump(mode="json"), 202, headers=headers)


@router.post(
    "/plans",
    summary="Show what a release would do",
    responses=documented(*WRITES, problems.INVALID_REQUEST, problems.INVALID_PLAN),
)
async def plan(body: ReleaseBody, parts: Given, by: By) -> Planned:
    """Needs the role `view` on the target. Takes the body of a start; nothing is started and AWS is not asked."""
    resolved = await parts.desk.plan(by, body)
    kept = {name: getattr(resolved, name) for name in ("target", "configuration", "provisioned_concurrency", "plan")}
    return Planned(artifact=body.artifact, labels={**resolved.labels, **body.labels}, **kept)


@router.get(
    "/releases", response_model=ReleasePage, summary="List releases", responses=documented(problems.UNAVAILABLE)
)
async def list_releases(
    *,
    parts: Given,
    by: By,
    target: TargetFilter = None,
    function: FunctionFilter = None,
    phase: Phase | None = None,
    outcome: Outcome | None = None,
    running: Annotated[bool | None, Query(description="only running ones, or only ended ones")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Running releases first, newest start first; then ended ones, newest end first; of targets that one may view.

    Releases begin and end while one pages: none is left out, and one that has just ended may come twice.
    """
    wished = Filters(target, function, phase, outcome, running)

    def visible(row: Row) -> bool:
        return wished.fits(row.state.target) and by.who.may("view", full_name(row.state.target))

    async with parts.desk.in_time():
        rows, following = await page_of(
            lambda count, token: parts.desk.releases.page(wished.query("Release"), limit=count, token=token),
            wished.query("Release"),
            limit=limit,
            cursor=cursor,
            visible=visible,
        )
    page = ReleasePage(releases=[summary(row.state) for row in rows], next_cursor=following)
    return Response(page.model_dump_json(), media_type="application/json")


@router.get(
    "/releases/{ref}",
    response_model=ReleaseState,
    summary="Read a release",
    responses={
        200: {"headers": {"ETag": {"schema": {"type": "string"}}}},
        **_NOT_MODIFIED,
        **documented(problems.NOT_FOUND, problems.UNAVAILABLE),
    },
)
async def get(
    ref: Ref, parts: Given, by: By, if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None
) -> Response:
    """The whole state with what a running bake has measured. Needs `view`; needs no worker."""
    state = (await parts.desk.find(by, ref)).state
    return _tagged(state.model_dump_json(), if_none_match)


@router.get(
    "/releases/{ref}/journal",
    response_model=Journal,
    summary="Read a release's journal",
    responses={
        200: {"headers": {"ETag": {"schema": {"type": "string"}}}},
        **_NOT_MODIFIED,
        **documented(problems.NOT_FOUND, problems.UNAVAILABLE),
    },
)
async def journal(
    ref: Ref, parts: Given, by: By, if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None
) -> Response:
    """What happened, oldest first. Needs `view`."""
    state = (await parts.desk.find(by, ref)).state
    found = Journal(release_id=state.release_id, events=list(state.events))
    return _tagged(found.model_dump_json(), if_none_match)


def _tagged(body: str, known: str | None) -> Response:
    tag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    tags = {part.strip().removeprefix("W/") for part in (known or "").split(",")}
    if tags & {tag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")

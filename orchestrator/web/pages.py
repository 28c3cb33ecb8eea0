"""The pages: the board at `/`, and one page for each release. They act through the API alone."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BeforeValidator

from orchestrator.api.listing import Filters
from orchestrator.api.parts import NAME, By, Cursor, Given, Parts, Ref
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Outcome, Phase
from orchestrator.figures import number, versions_of
from orchestrator.rows import Row
from orchestrator.web import assets
from orchestrator.web.board import BoardReader
from orchestrator.web.marks import state_mark
from orchestrator.web.needs import urgency
from orchestrator.web.offers import offers
from orchestrator.web.problems import ReadableProblems
from orchestrator.web.rendering import page

router = APIRouter(include_in_schema=False)
Fragment = Annotated[bool, Query(description="only the part that changes, for the page's own script")]
_blank = BeforeValidator(lambda value: value or None)  # a form sends what is not chosen as nothing


def add_pages(app: FastAPI) -> None:
    """Put the pages into the application that `create_app` has made."""
    parts: Parts = app.state.parts
    app.state.board = BoardReader(parts.desk.releases)
    app.include_router(router)
    app.include_router(assets.router)
    app.add_middleware(ReadableProblems)


def _board(request: Request) -> BoardReader:
    found: BoardReader = request.app.state.board
    return found


@router.get("/")
async def board(
    *,
    parts: Given,
    by: By,
    reader: Annotated[BoardReader, Depends(_board)],
    function: Annotated[str | None, _blank, Query(pattern=rf"^{NAME}$")] = None,
    phase: Annotated[Phase | None, _blank] = None,
    outcome: Annotated[Outcome | None, _blank] = None,
    running: Annotated[bool | None, _blank] = None,
    cursor: Cursor = None,
    fragment: Fragment = False,
) -> Response:
    """Every release on targets that one may view: those that need somebody, then the others, page by page."""
    wished = Filters(function=function, phase=phase, outcome=outcome, running=running)
    async with parts.desk.in_time():
        found = await reader.read(by.who, wished, cursor)
    chosen = {name: value for name, value in _written(wished).items() if value}
    return page(
        "_board.html" if fragment else "board.html",
        board=found,
        chosen=chosen,
        phases=list(Phase),
        outcomes=list(Outcome),
        cursor=cursor,
        who=by.who,
        now=datetime.now(UTC),
    )


@router.get("/releases/{ref}")
async def release(ref: Ref, parts: Given, by: By, fragment: Fragment = False) -> Response:
    """One release. `function:alias` leads to the newest one of that target."""
    row = await parts.desk.find(by, ref)
    state = row.state
    if ref != state.release_id:
        return RedirectResponse(f"/releases/{state.release_id}")
    later = await _later(parts, row)
    return page(
        "_release.html" if fragment else "release.html",
        state=state,
        title=title_of(state),
        offers=offers(state, by.who, later),
        later=later,
        needy=urgency(state) is not None,
        who=by.who,
        now=datetime.now(UTC),
    )


def title_of(state: ReleaseState) -> str:
    """Return e.g. `25 % · checkout:live v41→v42`; in place of the weight what is more urgent, or how it ended."""
    lead = f"{number(state.weight)} %"
    if state.done or urgency(state) is not None:
        lead = state_mark(state).word
    versions = versions_of(state).replace(" ", "")
    return f"{lead} · {state.target} {versions}".rstrip()


async def _later(parts: Parts, row: Row) -> ReleaseState | None:
    """Return the newest release of the target where that is another one, and matters: when this one was promoted."""
    if row.state.outcome is not Outcome.PROMOTED:
        return None
    async with parts.desk.in_time():
        newest = await parts.desk.releases.newest(row.state.target)
    return newest.state if newest.run_id != row.run_id else None


def _written(wished: Filters) -> dict[str, str | None]:
    """Return the filters as they stand in the address."""
    running = None if wished.running is None else str(wished.running).lower()
    return {"function": wished.function, "phase": wished.phase, "outcome": wished.outcome, "running": running}

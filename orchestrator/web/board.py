"""What the board shows: the releases that need somebody first, then a page of all the others."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from orchestrator.api.listing import Filters, Releases, page_of
from orchestrator.api.roles import Principal, full_name
from orchestrator.domain.errors import NotFound, SluiceError
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Outcome, Phase
from orchestrator.rows import Row
from orchestrator.web.marks import holds
from orchestrator.web.sharing import SharedLooks

PAGE = 50
MOST_RUNNING = 200
"""Running releases that are searched for one that needs somebody."""
MOST_FAILED = 20
"""Newest FAILED releases that are looked at."""


@dataclass(frozen=True)
class Board:
    """One page of the board."""

    needy: tuple[ReleaseState, ...]
    """Those that need somebody, the most urgent first; on the first page only."""
    others: tuple[ReleaseState, ...]
    """Running ones first, newest start first; then ended ones, newest end first."""
    next_cursor: str | None


def urgency(state: ReleaseState) -> int | None:
    """Return how urgently the release needs a person, 0 first; None where it goes on by itself."""
    needs = (
        state.outcome is Outcome.FAILED,
        state.drifted,
        state.phase is Phase.AWAITING_APPROVAL,
        holds(state),
        state.paused_by is not None,
    )
    return next((i for i, need in enumerate(needs) if need), None)


class BoardReader:
    """Reads boards; many readers share each look at Temporal."""

    def __init__(self, releases: Releases) -> None:
        self._releases = releases
        self._looks = SharedLooks()

    async def read(self, who: Principal, wished: Filters, cursor: str | None) -> Board:
        """Return what `who` may see. Raises ProblemError for a cursor of another list, and Unavailable."""
        rows, following = await self._listed(who, wished, PAGE, cursor)
        elsewhere: list[Row] = []
        if cursor is None:
            complete = following is None or (rows != [] and rows[-1].state.done)  # running ones are listed first
            searches = _searches(wished, running=not complete)
            found = await asyncio.gather(*(self._listed(who, filters, most, None) for filters, most in searches))
            known = {row.run_id for row in rows}
            elsewhere = [row for more, _ in found for row in more if row.run_id not in known]
        rows, elsewhere = await asyncio.gather(self._detailed(rows), self._detailed(elsewhere))
        needy = await self._needy([*rows, *elsewhere]) if cursor is None else []
        shown = {row.run_id for row in needy}
        return Board(
            needy=tuple(row.state for row in needy),
            others=tuple(row.state for row in rows if row.run_id not in shown),
            next_cursor=following,
        )

    async def _listed(
        self, who: Principal, wished: Filters, most: int, cursor: str | None
    ) -> tuple[list[Row], str | None]:
        query = wished.query("Release")

        async def fetch(count: int, token: bytes) -> tuple[Sequence[Row], bytes]:
            look = partial(self._releases.page, query, limit=count, token=token)
            found: tuple[Sequence[Row], bytes] = await self._looks.get((query, count, token), look)
            return found

        def visible(row: Row) -> bool:
            return who.may("view", full_name(row.state.target))

        return await page_of(fetch, query, limit=most, cursor=cursor, visible=visible)

    async def _detailed(self, rows: Iterable[Row]) -> list[Row]:
        """Add what running bakes have measured; a list does not know it."""
        return list(await asyncio.gather(*(self._newer(row) for row in rows)))

    async def _newer(self, row: Row) -> Row:
        if row.state.done:
            return row
        try:
            newer: Row = await self._looks.get(row.run_id, partial(self._releases.again, row))
        except SluiceError:  # the row as it was listed is better than no board
            return row
        return newer

    async def _needy(self, rows: list[Row]) -> list[Row]:
        needy = [row for row in rows if urgency(row.state) is not None]
        settled = await asyncio.gather(*(self._settled_since(row) for row in needy))
        open_ones = [row for row, since in zip(needy, settled, strict=True) if not since]
        return sorted(open_ones, key=lambda row: (urgency(row.state), -row.state.started_at.timestamp()))

    async def _settled_since(self, row: Row) -> bool:
        """Whether a later release of the target has taken over what this one has left in an unknown state.

        One that was rejected has not: it has written nothing.
        """
        if row.state.outcome is not Outcome.FAILED:
            return False
        target = row.state.target
        try:
            newest: Row = await self._looks.get(target, partial(self._releases.newest, target))
        except NotFound:
            return False
        return newest.run_id != row.run_id and newest.state.outcome is not Outcome.REJECTED


def _searches(wished: Filters, *, running: bool) -> Iterable[tuple[Filters, int]]:
    """Return the lists in which needy releases may be that the first page does not show."""
    if running and wished.outcome is None:
        yield wished._replace(running=True), MOST_RUNNING
    if wished.running is not True and wished.phase in {None, Phase.DONE} and wished.outcome in {None, Outcome.FAILED}:
        yield wished._replace(outcome=Outcome.FAILED), MOST_FAILED

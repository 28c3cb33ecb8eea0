"""What the board shows: the releases that need somebody first, then a page of all the others."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from orchestrator.api.listing import Filters, Releases, page_of
from orchestrator.api.roles import Principal, full_name
from orchestrator.domain.errors import NotFound, SluiceError
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Outcome, Target
from orchestrator.rows import Row
from orchestrator.web.needs import Search, failed_list, running_searches, urgency
from orchestrator.web.sharing import SharedLooks

PAGE = 50
MOST_FAILED = 20
"""FAILED releases that no later one has taken over from, and that are shown."""
FAILED_PAGE = 100
FAILED_PAGES = 5
"""Pages of FAILED releases that are looked through for them."""


@dataclass(frozen=True)
class Board:
    """One page of the board."""

    needy: tuple[ReleaseState, ...]
    """Those that need somebody, the most urgent first; on the first page only."""
    cut: bool
    """Whether there are more releases than were searched for those: more of them may need somebody."""
    others: tuple[ReleaseState, ...]
    """Running ones first, newest start first; then ended ones, newest end first."""
    next_cursor: str | None

    @property
    def count(self) -> str:
        """How many need somebody, e.g. `3`; `20+` where there may be more, and nothing where there is none."""
        return f"{len(self.needy)}{'+' if self.cut else ''}" if self.needy or self.cut else ""


class _Found(NamedTuple):
    rows: Sequence[Row]
    cut: bool


class BoardReader:
    """Reads boards; many readers share each look at Temporal."""

    def __init__(self, releases: Releases) -> None:
        self._releases = releases
        self._looks = SharedLooks()

    async def read(self, who: Principal, wished: Filters, cursor: str | None) -> Board:
        """Return what `who` may see. Raises ProblemError for a cursor of another list, and Unavailable."""
        rows, following = await self._listed(who, wished, PAGE, cursor)
        if cursor is not None:
            others = await self._detailed(rows)
            return Board((), cut=False, others=tuple(row.state for row in others), next_cursor=following)
        complete = following is None or (rows != [] and rows[-1].state.done)  # running ones are listed first
        found = await self._elsewhere(who, wished, running=not complete)
        known = {row.run_id for row in rows}
        rows, elsewhere = await asyncio.gather(
            self._detailed(rows), self._detailed(row for row in found.rows if row.run_id not in known)
        )
        needy = await self._needy([*rows, *elsewhere])
        shown = {row.run_id for row in needy}
        return Board(
            needy=tuple(row.state for row in needy),
            cut=found.cut,
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

    async def _elsewhere(self, who: Principal, wished: Filters, *, running: bool) -> _Found:
        """Return those that need somebody, each once, wherever in the list they are."""
        searches = [self._searched(who, search) for search in (running_searches(wished) if running else ())]
        failed = failed_list(wished)
        if failed is not None:
            searches.append(self._failed(who, failed))
        found = await asyncio.gather(*searches)
        each = {row.run_id: row for rows, _ in found for row in rows}  # one that moves on meanwhile is found twice
        return _Found(list(each.values()), cut=any(cut for _, cut in found))

    async def _searched(self, who: Principal, search: Search) -> _Found:
        rows, following = await self._listed(who, search.filters, search.most, None)
        return _Found([row for row in rows if urgency(row.state) is not None], cut=following is not None)

    async def _failed(self, who: Principal, wished: Filters) -> _Found:
        """Return the newest that nothing has taken over from; of a target only its newest can be one."""
        found: list[Row] = []
        targets: set[Target] = set()
        following: str | None = None
        for _ in range(FAILED_PAGES):
            rows, following = await self._listed(who, wished, FAILED_PAGE, following)
            newest: dict[Target, Row] = {}
            for row in rows:
                if row.state.target not in targets:
                    newest.setdefault(row.state.target, row)
            targets |= newest.keys()
            found += await self._open(newest.values())
            if following is None or len(found) > MOST_FAILED:
                break
        return _Found(found[:MOST_FAILED], cut=following is not None or len(found) > MOST_FAILED)

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
        open_ones = await self._open(row for row in rows if urgency(row.state) is not None)
        return sorted(open_ones, key=lambda row: (urgency(row.state), -row.state.started_at.timestamp()))

    async def _open(self, rows: Iterable[Row]) -> list[Row]:
        rows = list(rows)
        settled = await asyncio.gather(*(self._settled_since(row) for row in rows))
        return [row for row, since in zip(rows, settled, strict=True) if not since]

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

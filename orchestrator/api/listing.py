"""Lists of releases and audit entries, page by page, with only what the reader may see."""

import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeVar

from temporalio.api.workflowservice.v1 import CountWorkflowExecutionsRequest, ListWorkflowExecutionsRequest
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.api.problems import INVALID_REQUEST, Fault, ProblemError
from orchestrator.domain.errors import Unavailable
from orchestrator.domain.release import Outcome, Phase, Target
from orchestrator.readings import ENDED, LISTED, RUNNING, Reader
from orchestrator.rows import Row

T = TypeVar("T")
MAX_FETCHES = 10
"""Fetches for one page: where most rows are somebody else's, the page is short and says where to go on."""
LARGEST_FETCH = 100

Fetch = Callable[[int, bytes], Awaitable[tuple[Sequence[T], bytes]]]


_KINDS = {"Audit": "(WorkflowType = 'Audit' OR WorkflowType = 'Intake')", "Release": LISTED}
"""A delivery that starts one release carries its audit entry in its own memo."""


class Filters(NamedTuple):
    """What of the list is wished; values are checked before they come here."""

    target: str | None = None
    """`function:alias`, or `account/region/function:alias`."""
    function: str | None = None
    phase: Phase | None = None
    outcome: Outcome | None = None
    running: bool | None = None

    def fits(self, target: Target) -> bool:
        """Whether the target is the wished one; the query compares only `function:alias`."""
        return self.target is None or f"{target.place}/{target}".endswith(self.target)

    def query(self, kind: str) -> str:
        """Return Temporal's list filter for workflows of that type."""
        parts = [_KINDS.get(kind, f"WorkflowType = '{kind}'")]
        if self.target is not None:
            parts.append(f"SluiceTarget = '{self.target.rsplit('/', 1)[-1]}'")
        if self.function is not None:
            parts.append(f"SluiceFunction = '{self.function}'")
        if self.phase is not None:
            parts.append(f"SluicePhase = '{self.phase}'")
        if self.outcome is not None:
            parts.append(f"SluiceOutcome = '{self.outcome}'")
        if self.running is not None:
            parts.append(RUNNING if self.running else ENDED)
        return " AND ".join(parts)


class Releases(Reader):
    """Adds to the reader what a service needs beyond one command line: pages, counts, and cheap second looks."""

    async def newest(self, target: Target) -> Row:
        """Return the newest release of this target, strongly consistent. Raises NotFound, Unavailable."""
        return await self._describe(target.workflow_id, "")

    async def page(self, query: str, *, limit: int, token: bytes) -> tuple[Sequence[Row], bytes]:
        """Return the next rows in Temporal's order: running ones by start, then ended ones by end, newest first."""
        request = ListWorkflowExecutionsRequest(
            namespace=self._client.namespace, page_size=limit, query=query, next_page_token=token
        )
        answer = await self._client.workflow_service.list_workflow_executions(request)
        rows = [row for info in answer.executions if (row := await self._row(info)) is not None]
        return rows, answer.next_page_token

    async def count(self, query: str) -> int:
        """Return how many fit. Raises RPCError."""
        request = CountWorkflowExecutionsRequest(namespace=self._client.namespace, query=query)
        return int((await self._client.workflow_service.count_workflow_executions(request)).count)


async def page_of(
    fetch: Fetch[T], query: str, *, limit: int, cursor: str | None, visible: Callable[[T], bool]
) -> tuple[list[T], str | None]:
    """Return up to `limit` visible rows and the cursor of the next page.

    Raises ProblemError for a cursor that this list has not given, and Unavailable.
    """
    token = _opened(cursor, query) if cursor else b""
    rows: list[T] = []
    for _ in range(MAX_FETCHES):
        try:
            found, token = await fetch(min(limit - len(rows), LARGEST_FETCH), token)
        except RPCError as error:
            if cursor and error.status is RPCStatusCode.INVALID_ARGUMENT:
                raise _bad_cursor() from None
            raise Unavailable(f"Temporal did not list: {error.message}; send it again") from None
        rows += filter(visible, found)
        if not token or len(rows) >= limit:
            break
    return rows, _closed(token, query) if token else None


def _digest(query: str) -> bytes:
    return hashlib.sha256(query.encode()).digest()[:8]


def _closed(token: bytes, query: str) -> str:
    return base64.urlsafe_b64encode(_digest(query) + token).decode().rstrip("=")


def _opened(cursor: str, query: str) -> bytes:
    try:
        found = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _bad_cursor() from None
    if found[:8] != _digest(query) or not found[8:]:
        raise _bad_cursor()
    return found[8:]


def _bad_cursor() -> ProblemError:
    sentence = "this cursor belongs to no page of this list: begin without one, and keep the filters while paging"
    return ProblemError(INVALID_REQUEST, sentence, problems=[Fault(location="query.cursor", detail=sentence)])

"""What the command line asks of a running Sluice: a Temporal server directly, or the HTTP API before one."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from orchestrator.domain.intake import Submission
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Actor, Order

Tell = Callable[[str], None]
"""Says one sentence to the person at the terminal."""


class ReleaseClient(Protocol):
    """Read and command releases.

    `ref` is a release id, or a target as `function:alias` (its newest release). Raises NotFound, Conflict,
    IllegalCommand, and Unavailable when no server answers.
    """

    async def get(self, ref: str) -> ReleaseState:
        """Read one release, with what a running bake has measured so far."""
        ...

    async def list(self, *, limit: int = 50, running: bool = False) -> Sequence[ReleaseState]:
        """Newest first. Of `steps` only their number is promised."""
        ...

    async def command(self, order: Order, *, key: str) -> ReleaseState:
        """Send one command; `key` makes it safe to repeat. Returns the state after it was accepted."""
        ...

    async def rollback(self, ref: str, *, actor: Actor, reason: str) -> ReleaseState:
        """After the end: return the target to the stable version of that release, as a release of its own."""
        ...


class DirectClient(ReleaseClient, Protocol):
    """Sluice without a server between: the plan is resolved here."""

    async def hand_in(self, submission: Submission) -> ReleaseState:
        """Start the release, or let it wait. The same idempotency key on the same target gives what it handed in."""
        ...


@runtime_checkable
class ServerClient(ReleaseClient, Protocol):
    """Sluice's HTTP API: the server resolves the plan, and who acts is whoever the credential names."""

    async def start(self, body: Mapping[str, Any], *, key: str) -> ReleaseState:
        """Start a release from the body of `POST /v1/releases`; the same key and body start only one."""
        ...

    async def plan(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what that body would start: the document of `POST /v1/plans`."""
        ...

    def follow(self, state: ReleaseState, tell: Tell) -> AsyncIterator[ReleaseState]:
        """Yield the release whenever it has changed, its last state last; `tell` hears why it takes longer."""
        ...

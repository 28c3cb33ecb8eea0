"""What the command line asks of a running Sluice: a port, so that the HTTP API can stand behind it later."""

from collections.abc import Sequence
from typing import Protocol

from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Actor, Order, ReleaseRequest


class ReleaseClient(Protocol):
    """Start, read and command releases.

    `ref` is a release id, or a target as `function:alias` (its newest release). Raises NotFound, Conflict,
    IllegalCommand, and Unavailable when no server answers.
    """

    async def submit(self, request: ReleaseRequest) -> ReleaseState:
        """Start the release. The same idempotency key on the same target gives the release that it started."""
        ...

    async def get(self, ref: str) -> ReleaseState:
        """Read one release, with what a running bake has measured so far."""
        ...

    async def list(self, *, limit: int = 50, running: bool = False) -> Sequence[ReleaseState]:
        """Newest first."""
        ...

    async def command(self, order: Order, *, key: str) -> ReleaseState:
        """Send one command; `key` makes it safe to repeat. Returns the state after it was accepted."""
        ...

    async def rollback(self, ref: str, *, actor: Actor, reason: str) -> ReleaseState:
        """After the end: return the target to the stable version of that release, as a release of its own."""
        ...

"""What somebody asks for, and what the audit is told of it: before it is done, or when it is refused."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import structlog

from orchestrator.api.problems import FORBIDDEN, ProblemError
from orchestrator.api.roles import Principal, full_name
from orchestrator.audit import Audit, AuditEntry
from orchestrator.domain.release import Target
from orchestrator.settings import Role
from orchestrator.telemetry import Telemetry, redacted

log = structlog.get_logger("sluice.audit")


@dataclass(frozen=True)
class Asking:
    """Who asks, and from where."""

    who: Principal
    request_id: str
    address: str

    def visible(self, target: Target) -> bool:
        """Whether they may view what happens there."""
        return self.who.may("view", full_name(target))


@dataclass(frozen=True)
class Action:
    """What is asked for."""

    asking: Asking
    name: str
    """`start`, `rollback`, or the command."""
    release: str | None
    reason: str = ""
    step: int | None = None
    target: str | None = None
    """Full name; None while it is not known, or where there is none."""


class Record:
    """Writes the audit, the log and the count of one action."""

    def __init__(self, audit: Audit, telemetry: Telemetry) -> None:
        self._audit = audit
        self._telemetry = telemetry

    async def need(self, action: Action, *roles: Role) -> None:
        """Refuse an action whose principal lacks one of the roles. Raises ProblemError, Unavailable."""
        who, target = action.asking.who, action.target or ""
        lacking = next((role for role in roles if not who.may(role, target)), None)
        if lacking is not None:
            problem = missing(lacking, target, who)
            await self.refused(action, problem.detail)
            raise problem

    async def accepted(self, action: Action) -> None:
        """Write the entry. Whatever hinders that (Unavailable) hinders the action too."""
        await self._write(action, "accepted", "")

    async def refused(self, action: Action, why: str) -> None:
        """Write the entry. Raises Unavailable; the action was not done in any case."""
        await self._write(action, "refused", why)

    async def _write(self, action: Action, outcome: Literal["accepted", "refused"], why: str) -> None:
        asking = action.asking
        entry = AuditEntry(
            at=datetime.now(UTC),
            principal=asking.who.actor("").name,
            method=asking.who.method,
            action=action.name,
            target=action.target,
            release=action.release,
            step=action.step,
            reason=action.reason,
            source_address=asking.address,
            request_id=asking.request_id,
            outcome=outcome,
            why=redacted(why),
        )
        await self._audit.write(entry)
        self._telemetry.actions.labels(action.name, outcome).inc()
        log.info("audit", **entry.model_dump(mode="json"))


def missing(role: Role, target: str, who: Principal) -> ProblemError:
    """Return the refusal of somebody who lacks a role."""
    return ProblemError(
        FORBIDDEN, f"{who.name} lacks the role `{role}` on {target}: ask for it, or let somebody do it who has it"
    )

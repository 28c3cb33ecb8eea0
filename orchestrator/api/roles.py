"""Who somebody is here, and what that allows on which target."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Literal

from orchestrator.domain.release import Actor, Command, Target
from orchestrator.settings import GrantEntry, Role

Method = Literal["token", "oidc", "proxy", "lab"]
EVERYWHERE = "*"

NEEDED: dict[Command, Role] = {
    Command.APPROVE: "approve",
    Command.REJECT: "approve",
    Command.PAUSE: "operate",
    Command.RESUME: "operate",
    Command.SKIP: "operate",
    Command.PROMOTE: "operate",
    Command.ABORT: "operate",
    Command.ADOPT: "operate",
    Command.RESTORE: "operate",
}
"""Role that each command needs on the release's target."""


def full_name(target: Target) -> str:
    """Return e.g. `123456789012/eu-west-1/checkout:live`, which patterns are matched with."""
    return f"{target.place}/{target}"


@dataclass(frozen=True)
class Principal:
    """Somebody whose credential was accepted."""

    name: str
    method: Method
    grants: tuple[GrantEntry, ...]
    behalf: str = ""
    """The person that a machine says it acts for; shown, never trusted."""
    until: datetime | None = None
    """When the credential ends; None for one without an end."""

    def may(self, role: Role, target: str) -> bool:
        """Whether `role` is held on the target of that full name. Each role includes `view`, `admin` all of them."""
        return any(_includes(grant.roles, role) and _matches(grant.targets, target) for grant in self.grants)

    def somewhere(self, role: Role) -> bool:
        """Whether `role` is held on any target at all."""
        return any(_includes(grant.roles, role) for grant in self.grants)

    def actor(self, source: str) -> Actor:
        """Return who the journal names."""
        return Actor(name=f"{self.name} ({self.behalf})" if self.behalf else self.name, source=source)


LAB = Principal("lab", "lab", (GrantEntry(roles=("admin",), targets=(EVERYWHERE,)),))
"""Everybody, where the lab's mode is on."""


def _includes(held: Iterable[Role], role: Role) -> bool:
    return role in held or "admin" in held or role == "view"


def _matches(patterns: Iterable[str], target: str) -> bool:
    return any(fnmatchcase(target, pattern) for pattern in patterns)

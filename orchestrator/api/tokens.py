"""API tokens: 256 random bits that are shown once; the settings hold their SHA-256 and nothing else."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from orchestrator.api.roles import Principal
from orchestrator.settings import Role, TokenEntry

PREFIX = "sluice_"
"""Makes a lost token easy to find by scanners, and easy to redact."""


def principal_of_token(token: str, entries: Sequence[TokenEntry], now: datetime) -> Principal | None:
    """Return whose token it is; None for one that is unknown or has expired. Looks at every entry, in constant time."""
    digest = _digest(token)
    found: TokenEntry | None = None
    for entry in entries:
        if hmac.compare_digest(entry.sha256, digest):
            found = entry
    if found is None or (found.expires is not None and found.expires <= now):
        return None
    return Principal(found.name, "token", (found,), until=found.expires)


def token(
    name: Annotated[str, Parameter(help="Who uses it; the journal and the audit show this name.")],
    /,
    *,
    role: Annotated[tuple[Role, ...], Parameter(help="view, start, approve, operate or admin; may be repeated.")],
    target: Annotated[
        tuple[str, ...], Parameter(help="Pattern of account/region/function:alias, e.g. '*/checkout:live'.")
    ],
    expires: Annotated[datetime | None, Parameter(help="When it ends, e.g. 2027-01-31.")] = None,
) -> None:
    """Make an API token: it is shown once, with the entry for SLUICE_AUTH__TOKENS."""
    made = PREFIX + secrets.token_urlsafe(32)
    until = expires.replace(tzinfo=expires.tzinfo or UTC) if expires else None
    entry = TokenEntry(name=name, sha256=_digest(made), roles=role, targets=target, expires=until)
    print(f"token (shown only now): {made}")  # noqa: T201
    print(f"SLUICE_AUTH__TOKENS='{json.dumps([entry.model_dump(mode='json', exclude_none=True)])}'")  # noqa: T201


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()

"""CI tokens (OpenID Connect): signed by a listed issuer, for us, in force, and fitting a rule by ids."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

import jwt

from orchestrator.api.keys import Keys
from orchestrator.api.roles import Principal
from orchestrator.settings import ClaimRule, IssuerEntry

ALGORITHMS = ("RS256", "ES256")
"""Asymmetric ones only: with a symmetric one, anybody who knows the public key could sign."""
LEEWAY_SECONDS = 30
PEOPLE = ("actor", "user_login")
"""Claims of GitHub and GitLab that name the person; for people to read."""
LONGEST_PERSON = 64


class TokenRefused(Exception):
    """The token is not good here; the sentence is for the log, not for the sender."""


class Issuers:
    """The issuers of the settings, each with its keys."""

    def __init__(self, entries: Sequence[IssuerEntry]) -> None:
        self._entries = {entry.issuer: (entry, Keys(entry)) for entry in entries}

    async def principal(self, token: str) -> Principal:
        """Verify the token and find its rule. Raises TokenRefused, and Unavailable when there are no keys to be had."""
        try:
            header = jwt.get_unverified_header(token)
            unverified = jwt.decode(token, options={"verify_signature": False})
        except jwt.PyJWTError as error:
            raise TokenRefused(f"no JSON Web Token: {type(error).__name__}") from None
        issuer = unverified.get("iss")
        if not isinstance(issuer, str) or issuer not in self._entries:
            raise TokenRefused("its issuer is not listed")
        if header.get("alg") not in ALGORITHMS:
            raise TokenRefused("its algorithm is not allowed")
        entry, keys = self._entries[issuer]
        key = await keys.get(str(header.get("kid", "")))
        if key is None or not _fits(key, str(header["alg"])):
            raise TokenRefused("its key is unknown")
        return _principal(entry, _verified(token, key, str(header["alg"]), entry))


def _fits(key: jwt.PyJWK, algorithm: str) -> bool:
    return {"RS256": "RSA", "ES256": "EC"}[algorithm] == key.key_type


def _verified(token: str, key: jwt.PyJWK, algorithm: str, entry: IssuerEntry) -> dict[str, Any]:
    try:
        return jwt.decode(
            token,
            key=key.key,
            algorithms=[algorithm],
            audience=entry.audience,
            issuer=entry.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "aud", "iss"]},
        )
    except jwt.PyJWTError as error:
        raise TokenRefused(f"not valid: {type(error).__name__}") from None


def _principal(entry: IssuerEntry, claims: Mapping[str, Any]) -> Principal:
    rule = next((rule for rule in entry.rules if _holds(rule, claims)), None)
    if rule is None:
        raise TokenRefused(f"no rule of issuer {entry.name} fits its claims")
    person = next((str(claims[name]) for name in PEOPLE if name in claims), "")
    return Principal(
        name=f"{entry.name}:{rule.name}",
        method="oidc",
        grants=(rule,),
        behalf="".join(c for c in person if c.isprintable())[:LONGEST_PERSON],
        until=datetime.fromtimestamp(claims["exp"], UTC),
    )


def _holds(rule: ClaimRule, claims: Mapping[str, Any]) -> bool:
    for name, wished in rule.claims.items():
        found = claims.get(name)
        if isinstance(found, bool) or not isinstance(found, str | int):
            return False
        allowed = (wished,) if isinstance(wished, str) else wished
        if not any(fnmatchcase(str(found), _pattern(value)) for value in allowed):
            return False
    return True


def _pattern(value: str) -> str:
    """Return `value` with `*` as its only special character."""
    return value.replace("[", "[[]").replace("?", "[?]")

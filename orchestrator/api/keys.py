"""The public keys of an issuer of CI tokens, fetched in a thread, kept, and never fetched in a hurry."""

import asyncio
import time
from typing import Any

import httpx2
import jwt

from orchestrator.domain.errors import Unavailable
from orchestrator.settings import IssuerEntry

KEPT_SECONDS = 600.0
"""Keys older than this are fetched again; while that fails, the old ones stay."""
COOL_DOWN_SECONDS = 10.0
"""Least time between two fetches: an unknown key id costs the issuer nothing more."""
FETCH_SECONDS = 3.0
MAX_BYTES = 262_144


class Keys:
    """Keys of one issuer by their id."""

    def __init__(self, entry: IssuerEntry) -> None:
        self._entry = entry
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = self._tried = -1e9
        self._one_at_a_time = asyncio.Lock()

    async def get(self, kid: str) -> jwt.PyJWK | None:
        """Return the key of that id, None for an unknown one. Raises Unavailable when none were ever fetched."""
        if kid not in self._keys or time.monotonic() - self._fetched > KEPT_SECONDS:
            async with self._one_at_a_time:
                await self._refresh(kid)
        return self._keys.get(kid)

    async def _refresh(self, kid: str) -> None:
        now = time.monotonic()
        fresh = kid in self._keys and now - self._fetched <= KEPT_SECONDS
        if fresh or now - self._tried < COOL_DOWN_SECONDS:
            return
        self._tried = now
        try:
            self._keys = await asyncio.to_thread(self._fetch)
        except (httpx2.HTTPError, jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
            if not self._keys:
                raise Unavailable(f"the keys of {self._entry.issuer} cannot be read: {type(error).__name__}") from None
            return
        self._fetched = now

    def _fetch(self) -> dict[str, jwt.PyJWK]:
        with httpx2.Client(timeout=FETCH_SECONDS, follow_redirects=False, trust_env=True) as http:
            url = self._entry.jwks_url or self._discovered(http)
            found = [_key(written) for written in _document(http, url)["keys"]]
        return {key.key_id: key for key in found if key is not None and key.key_id}

    def _discovered(self, http: httpx2.Client) -> str:
        found = _document(http, self._entry.issuer.rstrip("/") + "/.well-known/openid-configuration")
        if found["issuer"] != self._entry.issuer:
            raise ValueError("the issuer's own document names another issuer")
        # The same rule as for a URL in the settings: no keys over an open line.
        entry = IssuerEntry.model_validate({**self._entry.model_dump(), "jwks_url": found["jwks_uri"]})
        return entry.jwks_url or ""


def _key(written: dict[str, Any]) -> jwt.PyJWK | None:
    """Return a key for signatures; None for any other, which must not hide the good ones beside it."""
    if written.get("kty") not in {"RSA", "EC"} or written.get("use", "sig") != "sig":
        return None
    try:
        return jwt.PyJWK.from_dict(written)
    except jwt.PyJWTError:
        return None


def _document(http: httpx2.Client, url: str) -> dict[str, Any]:
    answer = http.get(url)
    answer.raise_for_status()
    if len(answer.content) > MAX_BYTES:
        raise ValueError("the document is too large")
    document = answer.json()
    if not isinstance(document, dict):
        raise TypeError("the document is no JSON object")
    return document

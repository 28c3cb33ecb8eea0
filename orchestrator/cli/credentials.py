"""Who the command line says it is: a token of the settings, of the CI job, or one that `sluice auth login` stored."""

import base64
import binascii
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from orchestrator.cli.config import user_folder
from orchestrator.domain.errors import InvalidSpec, Unavailable
from orchestrator.settings import LOOPBACK, Settings

RENEW_SECONDS = 60.0
"""A CI token that ends sooner is replaced before it is sent."""
FETCH_SECONDS = 10.0


class Credentials:
    """The credential for one server; the first of SLUICE_TOKEN, SLUICE_ID_TOKEN, SLUICE_OIDC_AUDIENCE and a stored one.

    Raises InvalidSpec for a credential that would leave this machine unencrypted.
    """

    def __init__(self, settings: Settings) -> None:
        self._audience = settings.oidc_audience or ""
        self._token, self.words = _chosen(settings)
        self.renewable = not self._token and bool(self._audience)
        if self.renewable:
            self.words = f"the CI job's token for {self._audience}"
        if self.words and not _private(settings.url or ""):
            raise InvalidSpec(
                f"{settings.url} is not encrypted, and {self.words} would be read by others on the way: use https://"
            )

    @property
    def ended(self) -> datetime | None:
        """When the token ended, as it says itself; None for one that goes on, or does not say."""
        end = _ends(self._token)
        return datetime.fromtimestamp(end, UTC) if end <= time.time() else None

    async def headers(self, *, fresh: bool = False) -> dict[str, str]:
        """Return the headers that carry the credential; `fresh` asks for another CI token. Raises Unavailable."""
        if self.renewable and (fresh or not self._token or _ends(self._token) - time.time() < RENEW_SECONDS):
            self._token = await _github_token(self._audience)
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}


def stored(url: str) -> str | None:
    """Return the token that was stored for that server."""
    return _read().get(url)


def store(url: str, token: str | None) -> Path:
    """Keep the token for that server in a file that only its owner can read; None forgets it."""
    path = user_folder() / "tokens.json"
    kept = {**_read(), url: token}
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({url: token for url, token in kept.items() if token}, file, indent=1)
    draft.replace(path)
    return path


def _read() -> dict[str, str]:
    path = user_folder() / "tokens.json"
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InvalidSpec(f"cannot read {path} ({error}): delete it, and log in again") from None
    return found if isinstance(found, dict) else {}


def _chosen(settings: Settings) -> tuple[str, str]:
    if settings.token:
        return settings.token.get_secret_value(), "the token of SLUICE_TOKEN"
    if settings.id_token:
        return settings.id_token.get_secret_value(), "the CI job's token in SLUICE_ID_TOKEN"
    if settings.oidc_audience:
        return "", ""
    token = stored(settings.url or "")
    return (token, "the token that `sluice auth login` stored") if token else ("", "")


def _private(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in LOOPBACK


async def _github_token(audience: str) -> str:
    """Ask GitHub Actions for the job's token. Source: GitHub, "Security hardening with OpenID Connect"."""
    url, pass_ = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL"), os.environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not url or not pass_:
        raise InvalidSpec(
            "SLUICE_OIDC_AUDIENCE is set, but GitHub offers this job no token: give it `permissions: id-token: write`; "
            "on GitLab, take SLUICE_ID_TOKEN from `id_tokens`"
        )
    try:
        async with httpx2.AsyncClient(timeout=FETCH_SECONDS) as http:
            asked = httpx2.URL(url).copy_merge_params({"audience": audience})
            answer = await http.get(asked, headers={"Authorization": f"Bearer {pass_}"})
            answer.raise_for_status()
            return str(answer.json()["value"])
    except (httpx2.HTTPError, ValueError, KeyError) as error:
        raise Unavailable(f"GitHub gave this job no token ({type(error).__name__}): run it again") from None


def _ends(token: str) -> float:
    """Return when the token ends, as seconds since 1970; never for one that does not say."""
    try:
        body = token.split(".")[1]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return float("inf")

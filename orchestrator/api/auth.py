"""At the door: from a request's headers to a principal, or a refusal that tells a stranger nothing."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from orchestrator.api.oidc import Issuers, TokenRefused
from orchestrator.api.proxy import person
from orchestrator.api.roles import LAB, Principal
from orchestrator.api.tokens import PREFIX, principal_of_token
from orchestrator.domain.errors import InvalidSpec
from orchestrator.settings import LOOPBACK, Settings

LONGEST_CREDENTIAL = 8192
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Refused(Exception):
    """No principal; `reason` is for the log alone."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CrossSite(Exception):
    """A page of another site tries to act through somebody's browser."""


def check(settings: Settings) -> None:
    """Raise InvalidSpec for the lab's mode on an address that others can reach."""
    if settings.auth.mode == "lab" and settings.api.host not in LOOPBACK:
        raise InvalidSpec(
            f"SLUICE_AUTH__MODE=lab lets everybody in, and {settings.api.host} is not loopback: set "
            "SLUICE_API__HOST=127.0.0.1, or name tokens in SLUICE_AUTH__TOKENS"
        )


class Door:
    """Tells who asks. In the lab's mode that is everybody on this machine."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings. Raises InvalidSpec as `check` does."""
        check(settings)
        self._settings = settings.auth
        self._public = urlsplit(settings.public_url or "").netloc
        self._issuers = Issuers(settings.auth.issuers)

    async def principal(self, method: str, peer: str, headers: Headers) -> Principal:
        """Return who asks. Raises Refused, CrossSite, and Unavailable when an issuer's keys cannot be had."""
        written = headers.get("authorization")
        if written is not None:
            return await self._bearer(written)
        found = person(peer, headers, self._settings.proxy)
        if found is None and self._settings.mode == "lab":
            if peer not in LOOPBACK or _host(headers) not in LOOPBACK:
                raise Refused("the lab's mode serves this machine alone")  # also against rebound names
            found = LAB
        if found is None:
            raise Refused("no credential")
        # Proxy and lab need nothing that another site's page could not send along.
        if method not in SAFE_METHODS and self._foreign(headers):
            raise CrossSite
        return found

    def _foreign(self, headers: Headers) -> bool:
        """Whether a browser says that the request comes from another site's page.

        Every browser names the page that a write comes from, in one header or the other; what names none is no browser.
        """
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None:
            return site not in {"same-origin", "none"}
        own = {headers.get("host"), self._public} - {""}
        return origin is not None and origin.partition("://")[2] not in own

    async def _bearer(self, written: str) -> Principal:
        scheme, _, credential = written.partition(" ")
        credential = credential.strip()
        if scheme.lower() != "bearer" or not credential or len(credential) > LONGEST_CREDENTIAL:
            raise Refused("not a bearer credential")
        if credential.startswith(PREFIX):
            found = principal_of_token(credential, self._settings.tokens, datetime.now(UTC))
            if found is None:
                raise Refused("unknown or expired token")
            return found
        try:
            return await self._issuers.principal(credential)
        except TokenRefused as refused:
            raise Refused(str(refused)) from None


def _host(headers: Headers) -> str:
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""

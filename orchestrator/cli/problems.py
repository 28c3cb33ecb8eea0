"""From a problem+json answer of the API to the error that the same mistake raises without a server between."""

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from orchestrator.domain import errors

if TYPE_CHECKING:
    import httpx2

PREFIX = "urn:sluice:problem:"
_WRONG = {
    "malformed",
    "method-not-allowed",
    "too-large",
    "path-too-long",
    "unsupported-media-type",
    "invalid-request",
    "invalid-plan",
    "key-reused",
    "headers-too-large",
}
"""The request itself must change."""


class NotAdmitted(errors.RequestError):
    """The server does not know the credential (401), or the credential lacks a role (403)."""


_KINDS: dict[str, tuple[type[errors.SluiceError], str]] = {
    "forbidden": (NotAdmitted, "; `sluice auth whoami` shows what you may do"),
    "cross-site": (NotAdmitted, ""),
    "not-found": (errors.NotFound, ""),
    "busy": (errors.Conflict, ""),
    "illegal-command": (errors.IllegalCommand, ""),
    "internal": (errors.InvariantError, " (request id {request_id})"),
}
"""Error by problem, and what is added to its detail."""


class TokenEnded(NotAdmitted):
    """The credential is of a CI job and its time is over; nothing here can get another."""


def error_of(answer: "httpx2.Response", url: str, credential: str, ended: datetime | None = None) -> errors.SluiceError:
    """Return the error for an answer from 400 on; `credential` says in words what was sent, empty for nothing.

    `ended` is when the credential ended, by its own words; None for one that has not, or does not say.
    """
    document = _document(answer)
    kind = str(document.get("type", "")).removeprefix(PREFIX)
    detail = str(document.get("detail", "")) or answer.reason_phrase
    if answer.status_code == 401 and credential and ended is not None:
        return TokenEnded(
            f"{credential} ended at {ended:%H:%M:%S} UTC, and only a new job gets another{_request(document)}"
        )
    if answer.status_code == 401:
        return NotAdmitted(_unknown(url, credential, document))
    if not document:
        return _foreign(answer, url)
    if kind in _WRONG:
        return errors.InvalidSpec(_sentence(kind, detail), _problems(document))
    if kind in _KINDS:
        error, more = _KINDS[kind]
        return error(detail + more.format_map({"request_id": document.get("request_id", "none")}))
    passing = errors.Throttled if answer.status_code == 429 else errors.Unavailable
    return passing(detail, retry_after=_retry_after(answer))


def _document(answer: "httpx2.Response") -> dict[str, Any]:
    try:
        found = answer.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) and str(found.get("type", "")).startswith(PREFIX) else {}


def _unknown(url: str, credential: str, document: dict[str, Any]) -> str:
    request = _request(document)
    if credential:
        return (
            f"{credential} is not in force at {url}: it may have expired, or is meant for another server; "
            f"`sluice auth login` stores another one{request}"
        )
    return (
        f"{url} asks who you are: `sluice auth login` stores a token, SLUICE_TOKEN gives one, and in CI "
        f"SLUICE_OIDC_AUDIENCE asks for the job's own{request}"
    )


def _request(document: dict[str, Any]) -> str:
    return f" (request id {document['request_id']})" if "request_id" in document else ""


def _foreign(answer: "httpx2.Response", url: str) -> errors.SluiceError:
    """Return the error for an answer that is not Sluice's: a proxy before it, or something else altogether."""
    if answer.status_code >= 500:
        return errors.Unavailable(
            f"what stands before Sluice at {url} answers {answer.status_code} ({answer.reason_phrase})",
            retry_after=_retry_after(answer),
        )
    if answer.status_code == 429:
        return errors.Throttled(f"what stands before Sluice at {url} limits requests", retry_after=_retry_after(answer))
    return errors.InvalidSpec(
        f"{url} does not answer like Sluice ({answer.status_code} {answer.reason_phrase}): check SLUICE_URL"
    )


def _sentence(kind: str, detail: str) -> str:
    return f"{detail} (--key)" if kind == "key-reused" else detail


def _problems(document: dict[str, Any]) -> tuple[str, ...]:
    faults = document.get("problems") or ()
    # A fault that says what `detail` says already is told once.
    return tuple(f"{f['location']}: {f['detail']}" for f in faults if f["detail"] != document.get("detail"))


def _retry_after(answer: "httpx2.Response") -> timedelta | None:
    written = answer.headers.get("retry-after", "")
    return timedelta(seconds=int(written)) if written.isdecimal() else None

"""What the API's description says of webhooks: how a sender proves itself, what it sends, and what it is told."""

from collections.abc import Mapping
from typing import Any, Literal

from fastapi.security import APIKeyHeader

from orchestrator.api.bodies import Body
from orchestrator.api.problems import (
    INVALID_PLAN,
    INVALID_REQUEST,
    NOT_FOUND,
    TOO_LARGE,
    UNAUTHENTICATED,
    UNAVAILABLE,
    documented,
)

MAX_BODY = 1024 * 1024
"""Bytes of one delivery."""
_SIGNATURE = (
    "`v1,` and the base64 of HMAC-SHA256 over `webhook-id.webhook-timestamp.body`, by Standard Webhooks; several are "
    "separated by spaces"
)
GITHUB = APIKeyHeader(
    name="X-Hub-Signature-256",
    scheme_name="github_signature",
    description="`sha256=` and the hexadecimal HMAC-SHA256 of the body, keyed with a webhook secret",
    auto_error=False,
)
GITLAB = APIKeyHeader(
    name="webhook-signature", scheme_name="gitlab_signature", description=_SIGNATURE, auto_error=False
)
GITLAB_TOKEN = APIKeyHeader(
    name="X-Gitlab-Token",
    scheme_name="gitlab_token",
    description="The secret token itself, of instances that do not sign; looked at where no signature is sent",
    auto_error=False,
)
STANDARD = APIKeyHeader(
    name="webhook-signature", scheme_name="standard_signature", description=_SIGNATURE, auto_error=False
)


class TakenRelease(Body):
    """A release that starts now, or when its target is free."""

    release_id: str
    target: str
    status_url: str
    events_url: str


class Taken(Body):
    """What a delivery has started or commanded; it is durable. The first release's fields stand beside the list too."""

    delivery: str
    releases: list[TakenRelease]
    commands: list[str] | None = None
    release_id: str | None = None
    target: str | None = None
    status_url: str | None = None
    events_url: str | None = None


class Ignored(Body):
    """Genuine, and nothing starts."""

    delivery: str
    ignored: str


class Pong(Body):
    """The answer to GitHub's `ping`."""

    pong: Literal[True] = True


_TEXT = {"schema": {"type": "string"}}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": Taken | Ignored | Pong,
        "description": "Known already (`Idempotent-Replayed: true`), or nothing to do (`ignored` says why)",
        "headers": {"Idempotent-Replayed": _TEXT, "Location": _TEXT},
    },
    202: {
        "model": Taken,
        "description": "Durable: the release starts now, or when its target is free",
        "headers": {"Location": _TEXT},
    },
    **documented(UNAUTHENTICATED, TOO_LARGE, INVALID_REQUEST, INVALID_PLAN, UNAVAILABLE),
}
"""By status, beside those that any path may answer. Deliveries are not counted, so there is no 429."""
ANSWERS_BY_NAME = {**ANSWERS, **documented(NOT_FOUND)}
"""Where the sender's name is part of the path, the path may be one that there is not."""

_DATED = {
    "webhook-id": "the message's id: a second one with the same id starts nothing",
    "webhook-timestamp": "seconds since 1970; more than five minutes off is refused",
}


def _described(body: str, needed: Mapping[str, str], others: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the OpenAPI part of a route: headers by name with their meaning, and a body that is the sender's own."""
    headers = [(name, words, True) for name, words in needed.items()]
    headers += [(name, words, False) for name, words in (others or {}).items()]
    sent = f"{body}, at most {MAX_BODY} bytes. Only what the rules under `webhooks` name is looked at."
    opaque = {"application/json": {"schema": {"type": "object", "additionalProperties": True}}}
    return {
        "parameters": [
            {"name": name, "in": "header", "required": must, "description": words, "schema": {"type": "string"}}
            for name, words, must in headers
        ],
        "requestBody": {"required": True, "description": sent, "content": opaque},
    }


BY_GITHUB = _described(
    "An event as GitHub writes it",
    {
        "X-GitHub-Event": "kind of event, e.g. `deployment`",
        "X-GitHub-Delivery": "the delivery's id: up to 128 letters, digits and `_ . : = -`",
    },
)
BY_GITLAB = _described(
    "An event as GitLab writes it",
    {},
    {
        **{name: f"with a signature: {words}" for name, words in _DATED.items()},
        "Idempotency-Key": "with a token: the delivery's id",
        "X-Gitlab-Event-UUID": "with a token, where there is no `Idempotency-Key`: the delivery's id",
    },
)
BY_STANDARD = _described('A message `{"type": ..., "timestamp": ..., "data": {...}}`', _DATED)

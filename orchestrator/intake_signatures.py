"""Who has really sent this: every secret of the sender is tried, in constant time, and a refusal says nothing."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gidgethub import BadRequest, ValidationFailure
from gidgethub.sansio import Event
from pydantic import SecretStr, ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from orchestrator.domain.errors import InvalidSpec
from orchestrator.domain.intake import Delivery
from orchestrator.intake_senders import BUTTON

Secrets = Sequence[SecretStr]


class NotGenuine(Exception):
    """Signature or token is missing, wrong or too old. It carries no detail: none may reach the sender."""


def github(headers: Mapping[str, str], body: bytes, secrets: Secrets, now: datetime) -> Delivery:
    """Return a verified GitHub delivery. Raises NotGenuine, InvalidSpec for a signed body that is no event."""
    if "x-hub-signature-256" not in headers:  # the older SHA-1 header is no proof any more
        raise NotGenuine
    for secret in secrets:
        try:
            event = Event.from_http(headers, body, secret=secret.get_secret_value())
        except (ValidationFailure, TypeError):
            continue
        except (BadRequest, LookupError, ValueError, RecursionError):  # LookupError: a charset that there is not
            raise InvalidSpec("the body or the headers are not those of a GitHub webhook") from None
        action = event.data.get("action") if isinstance(event.data, dict) else None
        name = f"{event.event}.{action}" if f"{event.event}.{action}" == BUTTON else event.event
        return _delivery("github", name, event.delivery_id, event.data, now=now)
    raise NotGenuine


def gitlab(headers: Mapping[str, str], body: bytes, secrets: Secrets, tokens: Secrets, now: datetime) -> Delivery:
    """Return a verified GitLab delivery, signed or with the older token. Raises NotGenuine, InvalidSpec."""
    if "webhook-signature" in headers:
        _signed(headers, body, secrets)
        number = headers["webhook-id"]
    else:
        given = headers.get("x-gitlab-token", "").encode()
        # every token is compared, whichever fits
        if sum(hmac.compare_digest(given, token.get_secret_value().encode()) for token in tokens) == 0 or not given:
            raise NotGenuine
        own = headers.get("idempotency-key") or headers.get("x-gitlab-event-uuid")
        number = own or hashlib.sha256(body).hexdigest()
    payload = _json(body)
    return _delivery("gitlab", str(payload.get("object_kind", "")), number, payload, now=now)


def standard(sender: str, headers: Mapping[str, str], body: bytes, secrets: Secrets, now: datetime) -> Delivery:
    """Return a verified delivery of a Standard Webhooks sender. Raises NotGenuine, InvalidSpec."""
    _signed(headers, body, secrets)
    payload = _json(body)
    return _delivery("standard", str(payload.get("type", "")), headers["webhook-id"], payload, now=now, sender=sender)


def _signed(headers: Mapping[str, str], body: bytes, secrets: Secrets) -> None:
    """Check signature and date (five minutes, Source: the Standard Webhooks specification)."""
    for secret in secrets:
        try:
            Webhook(secret.get_secret_value()).verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError):
            continue
        return
    raise NotGenuine


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):  # RecursionError: nested a thousand deep
        raise InvalidSpec("the body is not JSON") from None
    if not isinstance(found, dict):
        raise InvalidSpec("the body is not a JSON object")
    return found


def _delivery(provider: str, event: str, number: str, payload: Any, *, now: datetime, sender: str = "") -> Delivery:
    fields = {"provider": provider, "event": event, "id": number, "payload": payload, "sender": sender}
    try:
        json.dumps(payload, ensure_ascii=False).encode()  # half of a surrogate pair is JSON, and nothing can store it
        return Delivery.model_validate({**fields, "received_at": now})
    except (ValidationError, UnicodeEncodeError):
        raise InvalidSpec("the delivery's id or body is not one of a webhook") from None

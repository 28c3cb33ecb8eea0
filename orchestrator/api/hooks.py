"""Webhooks of CI systems: verify, make durable, answer in well under a second.

These routes ask for no credential but the sender's signature; nothing of a refused request is repeated or kept.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request, Security
from fastapi.responses import JSONResponse, Response

from orchestrator.api import hooks_described as described
from orchestrator.api.hooks_described import MAX_BODY, Ignored, Pong, Taken, TakenRelease
from orchestrator.api.parts import Given, Parts
from orchestrator.api.problems import (
    INVALID_PLAN,
    INVALID_REQUEST,
    TOO_LARGE,
    UNAUTHENTICATED,
    UNAVAILABLE,
    ProblemError,
)
from orchestrator.api.proxy import source_address
from orchestrator.domain.errors import InvalidSpec, Unavailable
from orchestrator.domain.intake import Delivery
from orchestrator.intake import Receipt
from orchestrator.intake_signatures import NotGenuine, github, gitlab, standard

RETRY_AFTER = 10
"""Seconds that a sender is asked to wait when Temporal is away."""
Verified = Callable[[dict[str, str], bytes], Delivery]
"""From headers and body to a delivery. Raises NotGenuine, InvalidSpec."""

router = APIRouter(prefix="/hooks", tags=["webhooks"])


class _TooLong(Exception):
    pass


@router.post(
    "/github",
    status_code=202,
    responses=described.ANSWERS,
    openapi_extra=described.BY_GITHUB,
    dependencies=[Security(described.GITHUB)],
    summary="A GitHub webhook",
)
async def from_github(request: Request, parts: Given) -> Response:
    """Of a repository or an App; signed with one of the secrets that are set. `ping` is answered with `pong`."""
    secrets = parts.settings.hooks.github_secrets
    return await _answer(request, parts, lambda headers, body: github(headers, body, secrets, _now()))


@router.post(
    "/gitlab",
    status_code=202,
    responses=described.ANSWERS,
    openapi_extra=described.BY_GITLAB,
    dependencies=[Security(described.GITLAB), Security(described.GITLAB_TOKEN)],
    summary="A GitLab webhook",
)
async def from_gitlab(request: Request, parts: Given) -> Response:
    """Of a project or a group; signed, or with the older secret token."""
    secrets, tokens = parts.settings.hooks.gitlab_secrets, parts.settings.hooks.gitlab_tokens
    return await _answer(request, parts, lambda headers, body: gitlab(headers, body, secrets, tokens, _now()))


@router.post(
    "/standard/{name}",
    status_code=202,
    responses=described.ANSWERS_BY_NAME,
    openapi_extra=described.BY_STANDARD,
    dependencies=[Security(described.STANDARD)],
    summary="A message by Standard Webhooks",
)
async def from_standard(
    name: Annotated[str, Path(description="the sender's name in the settings")], request: Request, parts: Given
) -> Response:
    """Of any sender that signs by that specification; a name that is not set is answered as a wrong signature is."""
    secrets = parts.settings.hooks.standard_secrets.get(name, ())
    return await _answer(request, parts, lambda headers, body: standard(name, headers, body, secrets, _now()))


async def _answer(request: Request, parts: Parts, verified: Verified) -> Response:
    peer = request.client.host if request.client else ""
    address = source_address(peer, request.headers, parts.settings.auth.proxy)
    try:
        delivery = verified(dict(request.headers), await _body(request))
    except _TooLong:
        raise ProblemError(TOO_LARGE, f"a delivery has at most {MAX_BODY} bytes") from None
    except NotGenuine:
        raise ProblemError(UNAUTHENTICATED, "the delivery is not signed by a sender that is known here") from None
    except InvalidSpec as error:
        raise ProblemError(INVALID_REQUEST, "; ".join(error.problems)) from None
    if delivery.provider == "github" and delivery.event == "ping":
        return JSONResponse(Pong().model_dump())
    try:
        return _told(await parts.intake.receive(delivery, address), parts.settings.public_url or "")
    except InvalidSpec as error:
        raise ProblemError(INVALID_PLAN, "; ".join(error.problems)) from None
    except Unavailable as error:
        raise ProblemError(UNAVAILABLE, str(error), headers={"Retry-After": str(RETRY_AFTER)}) from None


def _now() -> datetime:
    return datetime.now(UTC)


async def _body(request: Request) -> bytes:
    """Read no more than the limit, whatever the sender has said about its length."""
    parts, length = [], 0
    async for part in request.stream():
        length += len(part)
        if length > MAX_BODY:
            raise _TooLong
        parts.append(part)
    return b"".join(parts)


def _told(receipt: Receipt, base: str) -> Response:
    if receipt.ignored:
        return JSONResponse(Ignored(delivery=receipt.delivery, ignored=receipt.ignored).model_dump())
    releases = [
        TakenRelease(
            release_id=release_id,
            target=target,
            status_url=f"{base}/v1/releases/{release_id}",
            events_url=f"{base}/v1/releases/{release_id}/events",
        )
        for release_id, target in receipt.releases
    ]
    first = releases[0].model_dump() if releases else {}
    told = Taken(delivery=receipt.delivery, releases=releases, commands=list(receipt.orders) or None, **first)
    headers = {"Location": releases[0].status_url} if releases else {}
    if receipt.repeated:
        headers["Idempotent-Replayed"] = "true"
    body = told.model_dump(exclude_none=True)
    return JSONResponse(body, status_code=200 if receipt.repeated else 202, headers=headers)

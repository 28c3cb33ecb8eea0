"""Webhooks of CI systems: verify, make durable, answer in well under a second.

These routes ask for no credential but the sender's signature; nothing of a refused request is repeated or kept.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from orchestrator.api.problems import INVALID_PLAN, TOO_LARGE, UNAUTHENTICATED, UNAVAILABLE, ProblemError, documented
from orchestrator.api.proxy import source_address
from orchestrator.domain.errors import InvalidSpec, Unavailable
from orchestrator.domain.intake import Delivery
from orchestrator.intake import Intake, Receipt
from orchestrator.intake_signatures import NotGenuine, github, gitlab, standard
from orchestrator.settings import Settings

MAX_BODY = 1024 * 1024
"""Bytes of one delivery."""
RETRY_AFTER = 10
"""Seconds that a sender is asked to wait when Temporal is away."""
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Known already (`Idempotent-Replayed: true`), or nothing to do (`ignored` says why)"},
    202: {"description": "Durable: the release starts now, or when its target is free"},
    **documented(UNAUTHENTICATED, TOO_LARGE, INVALID_PLAN, UNAVAILABLE),
}

Verified = Callable[[dict[str, str], bytes], Delivery]


class _TooLong(Exception):
    pass


def router_for(settings: Settings, intake: Intake) -> APIRouter:
    """Return the routes under `/hooks`. Secrets are those of `settings.hooks`; without any, everything is refused."""
    router = APIRouter(prefix="/hooks", tags=["webhooks"])
    hooks = settings.hooks

    async def answer(request: Request, verified: Verified) -> Response:
        try:
            peer = request.client.host if request.client else ""
            address = source_address(peer, request.headers, settings.auth.proxy)
            body = await _body(request)
            delivery = verified(dict(request.headers), body)
            if delivery.provider == "github" and delivery.event == "ping":
                return JSONResponse({"pong": True})
            return _told(await intake.receive(delivery, address), settings.public_url or "")
        except _TooLong:
            problem = ProblemError(TOO_LARGE, f"a delivery has at most {MAX_BODY} bytes")
        except NotGenuine:
            problem = ProblemError(UNAUTHENTICATED, "the delivery is not signed by a sender that is known here")
        except InvalidSpec as error:
            problem = ProblemError(INVALID_PLAN, "; ".join(error.problems))
        except Unavailable as error:
            problem = ProblemError(UNAVAILABLE, str(error), headers={"Retry-After": str(RETRY_AFTER)})
        return problem.response(getattr(request.state, "request_id", ""))

    @router.post("/github", responses=_ANSWERS, summary="A GitHub webhook")
    async def from_github(request: Request) -> Response:
        return await answer(request, lambda headers, body: github(headers, body, hooks.github_secrets, _now()))

    @router.post("/gitlab", responses=_ANSWERS, summary="A GitLab webhook")
    async def from_gitlab(request: Request) -> Response:
        secrets, tokens = hooks.gitlab_secrets, hooks.gitlab_tokens
        return await answer(request, lambda headers, body: gitlab(headers, body, secrets, tokens, _now()))

    @router.post("/standard/{name}", responses=_ANSWERS, summary="A message by Standard Webhooks")
    async def from_standard(name: str, request: Request) -> Response:
        secrets = hooks.standard_secrets.get(name, ())
        return await answer(request, lambda headers, body: standard(name, headers, body, secrets, _now()))

    return router


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
        return JSONResponse({"delivery": receipt.delivery, "ignored": receipt.ignored})
    releases = [
        {
            "release_id": release_id,
            "target": target,
            "status_url": f"{base}/v1/releases/{release_id}",
            "events_url": f"{base}/v1/releases/{release_id}/events",
        }
        for release_id, target in receipt.releases
    ]
    told: dict[str, Any] = {"delivery": receipt.delivery, "releases": releases}
    headers: dict[str, str] = {}
    if receipt.orders:
        told["commands"] = list(receipt.orders)
    if releases:
        told |= releases[0]
        headers["Location"] = releases[0]["status_url"]
    if receipt.repeated:
        headers["Idempotent-Replayed"] = "true"
    return JSONResponse(told, status_code=200 if receipt.repeated else 202, headers=headers)

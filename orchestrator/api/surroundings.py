"""What is around releases: targets, settings, the audit, health and metrics."""

import re
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from orchestrator.api import problems
from orchestrator.api.bodies import Body, NamedTarget, TargetList
from orchestrator.api.health import Readiness
from orchestrator.api.listing import Filters, page_of
from orchestrator.api.parts import By, Cursor, FunctionFilter, Given, Limit, TargetFilter
from orchestrator.api.problems import FORBIDDEN, ProblemError, documented
from orchestrator.audit import AuditEntry
from orchestrator.telemetry import REDACTED, redacted
from workflows.logbook import planned

router = APIRouter(tags=["surroundings"])
open_router = APIRouter(tags=["health"])
_HASHES = re.compile(r"\b[0-9a-f]{64}\b")


class AuditPage(Body):
    """Newest first."""

    entries: list[AuditEntry]
    next_cursor: str | None


class EffectiveSettings(Body):
    """Every setting of this process by group and name, secrets masked."""

    settings: dict[str, Any]


@router.get("/v1/targets", summary="List the targets that can be started by name")
async def targets(parts: Given, by: By) -> TargetList:
    """Those of the server's release file that one may view."""
    found = [
        NamedTarget(
            name=name,
            target=each.target,
            strategy=each.plan.strategy,
            labels=each.labels,
            steps=list(planned(each.plan)),
        )
        for name, each in parts.desk.targets.visible(by.who).items()
    ]
    return TargetList(targets=found)


@router.get("/v1/settings", summary="Read the effective settings", responses=documented(problems.FORBIDDEN))
async def settings(parts: Given, by: By) -> EffectiveSettings:
    """Needs the role `admin` on any target."""
    if not by.who.somewhere("admin"):
        raise ProblemError(FORBIDDEN, f"{by.who.name} lacks the role `admin`, which reading settings needs")
    shown = redacted(parts.settings.model_dump(mode="json"))
    return EffectiveSettings(settings=_without_hashes(shown))


@router.get("/v1/audit", summary="Read the audit", responses=documented(problems.UNAVAILABLE))
async def audit(
    *,
    parts: Given,
    by: By,
    target: TargetFilter = None,
    function: FunctionFilter = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> AuditPage:
    """Who did what, newest first, on targets that one may view."""
    wished = Filters(target=target, function=function)

    def visible(entry: AuditEntry) -> bool:
        if target is not None and "/" in target and entry.target != target:
            return False
        return by.who.may("view", entry.target or "")

    async with parts.desk.in_time():
        entries, following = await page_of(
            lambda count, token: parts.desk.audit.page(wished.query("Audit"), limit=count, token=token),
            wished.query("Audit"),
            limit=limit,
            cursor=cursor,
            visible=visible,
        )
    # Entries of one moment may be listed in any order.
    return AuditPage(entries=sorted(entries, key=lambda entry: entry.at, reverse=True), next_cursor=following)


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(parts: Given, by: By) -> Response:
    """In Prometheus' text format. Needs a credential with any role."""
    del by
    await parts.health.sample()
    return Response(parts.telemetry.exposition(), media_type=CONTENT_TYPE_LATEST)


@open_router.get("/healthz", summary="Whether the process lives")
async def healthz() -> dict[str, str]:
    """Asks nobody. Open to everybody."""
    return {"status": "alive"}


@open_router.get(
    "/readyz",
    response_model=Readiness,
    summary="Whether requests should be sent here",
    responses={503: {"model": Readiness, "description": "Temporal or a worker is missing, or the process is stopping"}},
)
async def readyz(parts: Given) -> Response:
    """Temporal answers, and a worker serves releases. Open to everybody."""
    found = await parts.health.readiness()
    return JSONResponse(found.model_dump(), 200 if found.status == "ready" else 503)


def _without_hashes(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_hashes(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_without_hashes(each) for each in value]
    return _HASHES.sub(REDACTED, value) if isinstance(value, str) else value

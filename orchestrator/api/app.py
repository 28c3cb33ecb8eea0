"""The ASGI application: routes behind the gate, and every error as a problem."""

import json
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from temporalio.client import Client

from orchestrator.api import commands, events, hooks, problems, releases, surroundings, whoami
from orchestrator.api.auth import Door
from orchestrator.api.desk import Desk
from orchestrator.api.gate import Gate
from orchestrator.api.health import Health
from orchestrator.api.parts import Parts
from orchestrator.api.problems import Fault, ProblemError, problem_of
from orchestrator.api.requesting import Targets
from orchestrator.api.watching import Watches
from orchestrator.domain.errors import SluiceError
from orchestrator.intake import Intake
from orchestrator.settings import Settings
from orchestrator.telemetry import Telemetry, redacted

SELF_GUARDED = ("/hooks/", "/static/")
"""Paths where the gate asks for no credential: webhooks check their senders by signature, and nothing in the pages'
style sheet and scripts is secret."""
BEARER = HTTPBearer(
    scheme_name="bearer",
    description="An API token (`sluice token`), or a CI job's OpenID Connect token. People whom a proxy has logged in "
    "need none",
    auto_error=False,  # the gate has asked already; this tells readers of the description
)


def create_app(settings: Settings, client: Client, *, intake: Intake | None = None) -> FastAPI:
    """Return the application of one process; `intake` takes the webhooks, by the release file of the settings if None.

    Raises InvalidSpec when a setting, or the release file that one names, is wrong.
    """
    telemetry = Telemetry()
    desk = Desk(client, Targets(settings.api.release_file), settings, telemetry)
    app = _with_routes(settings.api.max_body)
    app.state.parts = Parts(
        settings=settings,
        desk=desk,
        intake=intake or Intake.of(client, settings, desk.targets.plugins),
        watches=Watches(desk.releases, settings.api),
        health=Health(client, desk.releases, telemetry),
        telemetry=telemetry,
    )
    app.add_middleware(Gate, settings=settings, door=Door(settings), telemetry=telemetry, self_guarded=SELF_GUARDED)
    return app


def begin_to_stop(app: FastAPI) -> None:
    """Fail readiness and end every stream; requests are still answered."""
    parts: Parts = app.state.parts
    parts.health.stopping = True
    parts.watches.stop()


def openapi() -> dict[str, Any]:
    """Return the API's description, as committed in `docs/reference/openapi.json`."""
    return _with_routes(65536).openapi()


class _Described(FastAPI):
    """Tells of problems as they are sent: FastAPI alone puts their schema under `application/json`."""

    def openapi(self) -> dict[str, Any]:
        found = super().openapi()
        found["components"]["schemas"] |= problems.schemas()
        return found


def _with_routes(max_body: int) -> FastAPI:
    app = _Described(
        title="Sluice",
        version="1",
        summary="Blue-green and canary releases for AWS Lambda",
        docs_url=None,
        redoc_url=None,
        responses=problems.documented(*problems.EVERYWHERE),
        separate_input_output_schemas=False,
    )
    guarded = APIRouter(
        max_body_size=max_body,
        dependencies=[Security(BEARER)],
        responses=problems.documented(*problems.AT_THE_DOOR),
    )
    for room in (releases, commands, events, surroundings, whoami):
        guarded.include_router(room.router)
    app.include_router(guarded)
    app.include_router(hooks.router)
    app.include_router(surroundings.open_router)
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(SluiceError, _sluice_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    return app


def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return error.response(request.state.request_id)


def _sluice_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, SluiceError)
    return _problem(request, problem_of(error))


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(each["type"] == "json_invalid" for each in found):
        place = ".".join(map(str, found[0]["loc"]))
        return _problem(request, ProblemError(problems.MALFORMED, f"the body is not JSON (at {place}): mend it"))
    # What was sent is not repeated: it may hold a secret that was put into the wrong field.
    faults = [Fault(location=redacted(".".join(map(str, each["loc"]))), detail=_sentence(each)) for each in found]
    count = "one field is" if len(faults) == 1 else f"{len(faults)} fields are"
    detail = f"{count} wrong: see `problems`"
    return _problem(request, ProblemError(problems.INVALID_REQUEST, detail, problems=faults))


def _sentence(error: dict[str, Any]) -> str:
    if error["type"] == "union_tag_invalid":
        return f"`{error['ctx']['discriminator'].strip(chr(39))}` must be one of {error['ctx']['expected_tags']}"
    return str(redacted(error["msg"]))


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known = {
        400: (problems.MALFORMED, "the body is not JSON: mend it"),
        404: (problems.NOT_FOUND, "there is no such path: `/openapi.json` lists all"),
        405: (problems.METHOD_NOT_ALLOWED, "another method fits this path: see the header Allow"),
        413: (problems.TOO_LARGE, problems.LESS),
    }
    if error.status_code not in known:
        return _problem(request, problems.internal())
    kind, detail = known[error.status_code]
    return _problem(request, ProblemError(kind, detail, headers=error.headers))


if __name__ == "__main__":
    print(json.dumps(openapi(), indent=1, ensure_ascii=False))  # noqa: T201

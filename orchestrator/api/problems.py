"""Every error of the API: problem+json (RFC 9457) with a stable `type`, and a detail that says what to do."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from orchestrator.domain import errors

MEDIA_TYPE = "application/problem+json"
PREFIX = "urn:sluice:problem:"
LONGEST_DETAIL = 4_000


class Kind(NamedTuple):
    """A kind of problem: its name never changes."""

    name: str
    status: int
    title: str


MALFORMED = Kind("malformed", 400, "The body is not JSON")
UNAUTHENTICATED = Kind("unauthenticated", 401, "No valid credential")
FORBIDDEN = Kind("forbidden", 403, "A role is missing")
CROSS_SITE = Kind("cross-site", 403, "The request comes from another site's page")
NOT_FOUND = Kind("not-found", 404, "There is no such thing")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "The method does not fit this path")
BUSY = Kind("busy", 409, "Another release holds the target")
ILLEGAL_COMMAND = Kind("illegal-command", 409, "The command does not fit the release's state")
TOO_LARGE = Kind("too-large", 413, "The body is too large")
PATH_TOO_LONG = Kind("path-too-long", 414, "Path and query are too long")
UNSUPPORTED_MEDIA_TYPE = Kind("unsupported-media-type", 415, "The body must be JSON")
INVALID_REQUEST = Kind("invalid-request", 422, "The request breaks its rules")
INVALID_PLAN = Kind("invalid-plan", 422, "The target or its plan breaks its rules")
KEY_REUSED = Kind("key-reused", 422, "The Idempotency-Key was used for something else")
TOO_MANY_REQUESTS = Kind("too-many-requests", 429, "Too many requests")
HEADERS_TOO_LARGE = Kind("headers-too-large", 431, "The headers are too large")
INTERNAL = Kind("internal", 500, "A bug in Sluice")
UNAVAILABLE = Kind("unavailable", 503, "Temporal, or a worker, does not answer")

LESS = "send less: the settings limit a body (SLUICE_API__MAX_BODY)"
KINDS = tuple(kind for kind in globals().values() if isinstance(kind, Kind))


class Fault(BaseModel):
    """One thing wrong with a request."""

    location: str = Field(description="where: `body.target`, `query.limit`, `header.Idempotency-Key`")
    detail: str


class Problem(BaseModel):
    """The body of every answer from 400 on."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": True})

    type: str = Field(description="stable name, `urn:sluice:problem:...`")
    title: str
    status: int
    detail: str = Field(description="what happened, and what to do")
    request_id: str = Field(description="also in the log, the audit and the header X-Request-Id")
    problems: list[Fault] | None = Field(default=None, description="every fault of the request, with its place")
    release_id: str | None = Field(default=None, description="the release that is in the way")
    release_url: str | None = None


class ProblemError(Exception):
    """An answer that is a problem."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        problems: list[Fault] | None = None,
        **fields: Any,
    ) -> None:
        """Take the kind, the sentence, and further members of the document (`release_id`, ...)."""
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.fields = {"problems": problems, **fields}

    def document(self, request_id: str) -> Problem:
        """Return the body."""
        return Problem(
            type=PREFIX + self.kind.name,
            title=self.kind.title,
            status=self.kind.status,
            detail=self.detail[:LONGEST_DETAIL],
            request_id=request_id,
            **self.fields,
        )

    def response(self, request_id: str) -> JSONResponse:
        """Return the whole answer."""
        body = self.document(request_id).model_dump(mode="json", exclude_none=True)
        return JSONResponse(body, self.kind.status, headers=self.headers, media_type=MEDIA_TYPE)


_KINDS: tuple[tuple[type[errors.SluiceError], Kind], ...] = (
    (errors.InvalidSpec, INVALID_PLAN),
    (errors.UnknownPlugin, INVALID_PLAN),
    (errors.NotFound, NOT_FOUND),
    (errors.Conflict, BUSY),
    (errors.IllegalCommand, ILLEGAL_COMMAND),
    (errors.TargetError, ILLEGAL_COMMAND),
    (errors.TransientError, UNAVAILABLE),
)


def problem_of(error: errors.SluiceError) -> ProblemError:
    """Translate an error of ours. This is the HTTP edge: nothing below it knows of statuses."""
    kind = next((kind for kinds, kind in _KINDS if isinstance(error, kinds)), None)
    if kind is None:
        return internal()
    headers, faults = {}, None
    if isinstance(error, errors.TransientError):
        wait = error.retry_after.total_seconds() if error.retry_after else 1
        headers["Retry-After"] = f"{max(1, round(wait))}"
    if isinstance(error, errors.InvalidSpec):
        faults = [Fault(location="body", detail=problem) for problem in error.problems]
    return ProblemError(kind, str(error), headers=headers, problems=faults)


def internal() -> ProblemError:
    """Return what a stranger learns of a bug: the id under which the log tells more."""
    return ProblemError(
        INTERNAL, "this is a bug in Sluice: please report it with the request id, under which the log tells more"
    )


def documented(*kinds: Kind) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI entries of these problems, by status."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        entry = found.setdefault(kind.status, {"content": {MEDIA_TYPE: {"schema": {"$ref": _REF}}}, "description": ""})
        entry["description"] += f"{', ' if entry['description'] else ''}`{kind.name}`: {kind.title}"
        if kind.status in _WAITS:
            entry["headers"] = {"Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}}}
    return found


def schemas() -> dict[str, Any]:
    """Return the OpenAPI schemas that `documented` refers to, by name."""
    own = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**own.pop("$defs"), Problem.__name__: own}


_REF = f"#/components/schemas/{Problem.__name__}"
_WAITS = {TOO_MANY_REQUESTS.status, UNAVAILABLE.status}
EVERYWHERE = (PATH_TOO_LONG, HEADERS_TOO_LARGE, INTERNAL)
"""What any path may answer."""
AT_THE_DOOR = (UNAUTHENTICATED, TOO_MANY_REQUESTS, INVALID_REQUEST)
"""What any path that asks for a credential may answer as well."""

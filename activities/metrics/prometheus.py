"""Prometheus, and whatever answers its HTTP API (Mimir, Thanos, VictoriaMetrics, Amazon Managed Prometheus by proxy).

It is a `kind` of check of its own rather than a provider of `limit`: a `limit` reads CloudWatch's counts per period
and knows their unit, this one takes whatever number the query gives, so the two share neither fields nor judgement.

**Source:** Prometheus documentation, "HTTP API": instant queries, format of results, errors and warnings.
"""

import math
from http import HTTPStatus
from typing import Annotated, Any, Literal

import httpx2
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from activities.errors import clean, translating
from activities.metrics import Answer, MetricPorts
from orchestrator.domain.errors import AccessDenied, InvalidSpec, SluiceError, Throttled, Unavailable
from orchestrator.domain.traffic import Frozen

DEFAULT_URL = "SLUICE_PROMETHEUS_URL"
LONGEST_TEXT = 200
MOST_WARNINGS = 3


def _parsed(url: str) -> str:
    try:
        httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise ValueError(f"not a URL: {error}") from error
    return url


class PrometheusOptions(Frozen):
    """Where to ask, and as whom."""

    url: Annotated[
        Annotated[str, AfterValidator(_parsed)] | None,
        Field(
            pattern=r"^https?://[^?#]+$",
            description="address before `/api/v1`; without it, the worker's setting `SLUICE_PROMETHEUS_URL`",
        ),
    ] = None
    token: Annotated[
        str | None,
        Field(
            pattern=r"^SLUICE_PROMETHEUS_[A-Z0-9_]+$",
            description="name of the worker's environment variable that holds a bearer token; never the token itself",
        ),
    ] = None
    max_seconds: Annotated[float, Field(gt=0, le=10, description="seconds in which an answer must be there")] = 5


class _Sample(BaseModel):
    value: tuple[float, str]
    """Time and number; the number is text, since JSON has no NaN."""


class _Result(BaseModel):
    """Answer of `/api/v1/query`: a vector has a list of samples as its result, a scalar one pair."""

    resultType: Literal["vector", "scalar"]  # noqa: N815  Prometheus' spelling
    result: list[_Sample] | tuple[float, str]


class _Reply(BaseModel):
    """Every answer of the API."""

    status: Literal["success", "error"]
    data: _Result | None = None
    error: str = ""
    warnings: list[str] = Field(default_factory=list)
    infos: list[str] = Field(default_factory=list)


class Prometheus:
    """Asks one instant query. An empty vector and NaN are no number, infinity is; more than one series is an error."""

    Options = PrometheusOptions

    async def value(self, options: PrometheusOptions, query: str, at: int, ports: MetricPorts) -> Answer:
        """Ask once; redirects are not followed, so that a token goes nowhere else. Raises SluiceError."""
        base = _address(options, ports)
        with translating(f"ask Prometheus at {httpx2.URL(base).host}"):
            found = await ports.http.post(
                f"{base}/api/v1/query",
                data={"query": query, "time": str(at), "timeout": f"{options.max_seconds:g}s"},
                headers=_authorization(options, ports),
                timeout=options.max_seconds,
                follow_redirects=False,
            )
        reply = _read(found)
        if found.status_code != HTTPStatus.OK or reply is None or reply.status == "error" or reply.data is None:
            raise _refused(found.status_code, reply)
        return Answer(value=_number(reply.data.result), warnings=_said(reply.warnings), infos=_said(reply.infos))


def _address(options: PrometheusOptions, ports: MetricPorts) -> str:
    url = options.url or ports.environment.get(DEFAULT_URL, "")
    if not url:
        raise InvalidSpec(f"no address of Prometheus: write `url` in the check, or set {DEFAULT_URL} for the worker")
    return url.rstrip("/")


def _authorization(options: PrometheusOptions, ports: MetricPorts) -> dict[str, str]:
    if options.token is None:
        return {}
    token = ports.environment.get(options.token, "").strip()
    if not token:
        raise AccessDenied(f"the worker's environment has no {options.token}, which should hold the bearer token")
    return {"Authorization": f"Bearer {token}"}


def _read(found: httpx2.Response) -> _Reply | None:
    try:
        return _Reply.model_validate_json(found.content)
    except ValidationError:
        return None


def _refused(status: int, reply: _Reply | None) -> SluiceError:
    """Return what the answer means; Prometheus tells errors in its query as status 400 or 422."""
    said = f": {clean(reply.error)[:LONGEST_TEXT]}" if reply is not None and reply.error else ""
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return AccessDenied(f"Prometheus refuses the query (status {status}){said}: check the check's `token`")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(f"Prometheus asks for fewer queries (status {status}){said}")
    if status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY):
        return InvalidSpec(f"Prometheus cannot evaluate the query (status {status}){said}")
    return Unavailable(f"Prometheus gave no result (status {status}){said}")


def _said(texts: list[str]) -> tuple[str, ...]:
    return tuple(clean(t)[:LONGEST_TEXT] for t in texts[:MOST_WARNINGS])


def _number(result: list[_Sample] | tuple[float, str]) -> float | None:
    if isinstance(result, list):
        if not result:
            return None
        if len(result) > 1:
            raise InvalidSpec(f"the query gives {len(result)} series, one is needed: aggregate them, e.g. with sum()")
        text: Any = result[0].value[1]
    else:
        text = result[1]
    try:
        number = float(text)
    except ValueError:
        raise Unavailable(f"Prometheus answered {text[:LONGEST_TEXT]!r}, which is no number") from None
    return None if math.isnan(number) else number


PLUGIN = Prometheus()

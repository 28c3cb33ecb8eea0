"""Around every request: id, limits, door, rate, log and metrics. Only open paths are reached without a principal."""

import time
import uuid
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

import limits
import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.api import problems
from orchestrator.api.auth import SAFE_METHODS, CrossSite, Door, Refused
from orchestrator.api.problems import ProblemError, problem_of
from orchestrator.api.proxy import source_address
from orchestrator.api.recording import Asking
from orchestrator.domain.errors import SluiceError
from orchestrator.settings import Settings
from orchestrator.telemetry import Telemetry

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
MAX_HEADER_BYTES = 16_384
MAX_PATH_BYTES = 4_096
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Set on every answer that does not set its own."""

log = structlog.get_logger("sluice.api")


class Rates:
    """Counts requests by principal, and refused credentials by address. Kept in this process' memory."""

    def __init__(self, settings: Settings) -> None:
        self._window = limits.strategies.MovingWindowRateLimiter(limits.storage.MemoryStorage())
        self._of_principals = limits.parse(settings.api.rate)
        self._of_refusals = limits.parse(settings.api.refusal_rate)

    def check(self, asking: Asking) -> None:
        """Count a request. Raises ProblemError (429) for one too many."""
        self._count(self._of_principals, f"{asking.who.method}:{asking.who.name}")

    def check_refusal(self, address: str) -> None:
        """Count a refused credential. Raises ProblemError (429) for one too many."""
        self._count(self._of_refusals, address)

    def _count(self, rate: limits.RateLimitItem, whose: str) -> None:
        if self._window.hit(rate, whose):
            return
        left = self._window.get_window_stats(rate, whose).reset_time - time.time()
        seconds = max(1, round(left + 0.5))
        raise ProblemError(
            problems.TOO_MANY_REQUESTS,
            f"more than {rate}: wait {seconds} s",
            headers={"Retry-After": str(seconds)},
        )


class Gate:
    """ASGI middleware."""

    def __init__(
        self, app: ASGIApp, settings: Settings, door: Door, telemetry: Telemetry, self_guarded: Sequence[str]
    ) -> None:
        """Take the app behind it; `self_guarded` are path prefixes whose routes check their senders themselves."""
        self._app = app
        self._settings = settings
        self._door = door
        self._telemetry = telemetry
        self._rates = Rates(settings)
        self._self_guarded = tuple(self_guarded)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        answering = _Answering(send, request_id)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._admit(scope, request_id)
                await self._app(scope, receive, answering.send)
            except ProblemError as problem:
                await problem.response(request_id)(scope, receive, answering.send)
            except Exception:
                log.exception("unexpected error")
                if answering.status:  # too late for another answer
                    raise
                await problems.internal().response(request_id)(scope, receive, answering.send)
            finally:
                self._tell(scope, answering)

    async def _admit(self, scope: Scope, request_id: str) -> None:
        headers = Headers(scope=scope)
        path: str = scope["path"]
        peer = scope["client"][0] if scope.get("client") else ""
        address = source_address(peer, headers, self._settings.auth.proxy)
        scope.setdefault("state", {})["request_id"] = request_id
        _within_limits(scope)
        if path in OPEN_PATHS or path.startswith(self._self_guarded):
            return
        try:
            who = await self._door.principal(scope["method"], peer, headers)
        except Refused as refused:
            self._telemetry.refusals.inc()
            self._rates.check_refusal(address)
            log.warning("credential refused", reason=refused.reason, address=address, path=path)
            raise _unauthenticated() from None
        except CrossSite:
            raise ProblemError(
                problems.CROSS_SITE, "only Sluice's own pages may act through a browser login: use a token instead"
            ) from None
        except SluiceError as error:
            raise problem_of(error) from None
        asking = Asking(who, request_id, address)
        self._rates.check(asking)
        scope["state"]["asking"] = asking
        structlog.contextvars.bind_contextvars(principal=who.name)
        if scope["method"] not in SAFE_METHODS:
            _bounded_json(headers, self._settings.api.max_body)

    def _tell(self, scope: Scope, answering: "_Answering") -> None:
        route = getattr(scope.get("route"), "path", None) or "unmatched"
        seconds = answering.first_byte - answering.began
        method = scope["method"] if scope["method"] in {"GET", "POST"} else "other"
        self._telemetry.requests.labels(method, route, str(answering.status)).inc()
        self._telemetry.seconds.labels(method, route).observe(seconds)
        if scope["path"] not in OPEN_PATHS:
            log.info("request", method=method, route=route, status=answering.status, seconds=round(seconds, 4))


class _Answering:
    """Watches the answer go by and adds its headers."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.began = self.first_byte = time.perf_counter()
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.first_byte = time.perf_counter()
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self._request_id
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)


def _within_limits(scope: Scope) -> None:
    if len(scope.get("raw_path") or scope["path"].encode()) + len(scope["query_string"]) > MAX_PATH_BYTES:
        raise ProblemError(problems.PATH_TOO_LONG, f"path and query have at most {MAX_PATH_BYTES} bytes together")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
        raise ProblemError(problems.HEADERS_TOO_LARGE, f"headers have at most {MAX_HEADER_BYTES} bytes together")
    try:
        unquote_to_bytes(scope.get("raw_path") or b"").decode()
    except UnicodeDecodeError:
        raise ProblemError(problems.NOT_FOUND, "the path is no UTF-8 text") from None


def _bounded_json(headers: Headers, longest: int) -> None:
    """Check what the headers say of the body; one that says nothing of its length is measured as it comes."""
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > longest:
        raise ProblemError(problems.TOO_LARGE, problems.LESS)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if (length != "0" or "transfer-encoding" in headers) and kind != "application/json":
        raise ProblemError(problems.UNSUPPORTED_MEDIA_TYPE, "send JSON, with `Content-Type: application/json`")


def _unauthenticated() -> ProblemError:
    return ProblemError(
        problems.UNAUTHENTICATED,
        "send `Authorization: Bearer ...` with a token that is in force here; the server's log says more under the "
        "request id",
        headers={"WWW-Authenticate": 'Bearer realm="sluice"'},
    )

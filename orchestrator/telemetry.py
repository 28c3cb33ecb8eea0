"""Metrics and logs of a process: few labels, one JSON line per event, and no secret in either."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REDACTED = "[redacted]"
_SECRET_NAMES = re.compile(
    r"authorization|cookie|secret|password|passwd|api_?key|signature|(?<!_)token|_token$", re.IGNORECASE
)
_SECRET_TEXT = re.compile(
    r"sluice_[A-Za-z0-9_-]{20,}"  # API tokens
    r"|eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"  # JSON Web Tokens
    r"|whsec_[A-Za-z0-9+/=_-]+"  # webhook secrets
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|(?<=Bearer )\S+|(?<=bearer )\S+"
    r"|(?<=://)[^/@\s]+:[^/@\s]+(?=@)"  # user and password in a URL
)
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Telemetry:
    """What this process counts. Labels are bounded: routes by their pattern, commands and phases by their names."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "sluice_http_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "sluice_http_request_duration_seconds",
            "Time to the first byte of the answer.",
            ("method", "route"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.refusals = Counter(
            "sluice_http_credentials_refused", "Requests without a valid credential.", registry=self.registry
        )
        self.actions = Counter(
            "sluice_actions", "Starts, rollbacks and commands.", ("action", "outcome"), registry=self.registry
        )
        self.streams = Gauge("sluice_event_streams", "Event streams open now.", registry=self.registry)
        self.running = Gauge("sluice_releases_running", "Releases by phase.", ("phase",), registry=self.registry)
        self.ended = Gauge(
            "sluice_releases_ended",
            "Ended releases that Temporal still keeps, by outcome.",
            ("outcome",),
            registry=self.registry,
        )

    def exposition(self) -> bytes:
        """Return all of it in Prometheus' text format."""
        return generate_latest(self.registry)


def redacted(value: Any) -> Any:
    """Return `value` with everything that looks like a credential taken out, at any depth."""
    if isinstance(value, str):
        return _SECRET_TEXT.sub(REDACTED, value)
    if isinstance(value, Mapping):
        return {k: REDACTED if _SECRET_NAMES.search(str(k)) and v else redacted(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted(each) for each in value]
    return value if isinstance(value, int | float | bool | None) else redacted(str(value))


def _redact(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    kept: dict[str, Any] = redacted(dict(event))
    return kept


def configure_logs() -> None:
    """Write every log of this process, ours and the libraries', as redacted JSON lines to stderr."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        _redact,
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    target = logging.StreamHandler(sys.stderr)
    target.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    root = logging.getLogger()
    root.handlers, root.level = [target], logging.INFO
    logging.getLogger("httpx2").setLevel(logging.WARNING)

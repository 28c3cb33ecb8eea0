"""Which control-plane calls were made, in order, so that tests can assert them exactly."""

import time
from collections import deque
from typing import Any

from pydantic import BaseModel, ConfigDict

from orchestrator.lab.gateway.cloudwatch_wire import read_parameters
from orchestrator.lab.gateway.operations import DATA_PLANE
from orchestrator.lab.gateway.wire import AwsError, Call

_KEPT = 20_000


class CallRecord(BaseModel):
    """One call as it arrived and how it was answered."""

    model_config = ConfigDict(frozen=True)

    operation: str
    service: str
    function: str
    alias: str
    qualifier: str | None
    params: dict[str, Any]
    """Parameters of Lambda's body (code is replaced by its length) and of CloudWatch; empty for other services."""
    time: float
    """When it arrived, seconds since the epoch."""
    status: int | None
    """HTTP status; None when the connection was dropped."""
    error: str | None
    """AWS error code, or None."""
    fault: str | None
    """Kind of the fault it suffered, or None. A `late_apply` gives two records: dropped, then applied."""


class CallJournal:
    """The last 20,000 calls, oldest first; invocations are not calls of the control plane."""

    def __init__(self) -> None:
        """Begin empty."""
        self._records: deque[CallRecord] = deque(maxlen=_KEPT)

    def note(self, call: Call, arrived: float, status: int | None, error: str | None, fault: str | None) -> None:
        """Write a call down."""
        if call.operation in DATA_PLANE:
            return
        self._records.append(
            CallRecord(
                operation=call.operation,
                service=call.service,
                function=call.function,
                alias=call.alias,
                qualifier=call.qualifier,
                params=_readable(call),
                time=arrived or time.time(),
                status=status,
                error=error,
                fault=fault,
            )
        )

    def records(self) -> list[CallRecord]:
        """All calls kept, oldest first."""
        return list(self._records)

    def clear(self) -> None:
        """Forget all calls."""
        self._records.clear()


def _readable(call: Call) -> dict[str, Any]:
    if call.service not in {"lambda", "monitoring"}:
        return {}
    try:
        found = call.document() if call.service == "lambda" else read_parameters(call)
    except AwsError:
        return {}
    for place in (found, found.get("Code") or {}):
        if "ZipFile" in place:
            place["ZipFile"] = f"<{len(place['ZipFile'])} characters>"
    return found

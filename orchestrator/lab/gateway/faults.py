"""Faults on demand: which calls go wrong, how, and for how long."""

import time
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from orchestrator.lab.gateway.wire import AwsError, Call

Kind = Literal["fail", "throttle", "hang", "late", "lose_reply", "withhold", "late_apply", "metric_status"]


class Fault(BaseModel):
    """What one operation is to suffer.

    A dropped connection is repeated once by aiohttp itself, beneath botocore's retries, when the method is GET, PUT or
    DELETE (UpdateAlias is a PUT): with `count=1` such a client meets its own first attempt, with `count=2` it fails.

    `fail` refuses with `code` and `status`; `throttle` refuses as the control plane's budget does; `hang` answers
    nothing and does nothing, then drops the connection; `late` answers after `delay`; `lose_reply` applies the request
    and drops the connection; `withhold` does the same, but is silent for `delay` in between; `late_apply` drops the
    connection after `delay` and applies the request only then, even though its sender may have gone; `metric_status`
    makes GetMetricData answer `code` as the `StatusCode` of every series (`PartialData`, `InternalError`, `Forbidden`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    operation: str
    """API name, e.g. `UpdateAlias`, or `*` for every operation."""
    kind: Kind
    code: str = "ServiceException"
    status: int = Field(default=500, ge=400, le=599)
    message: str = "An injected fault."
    delay: float = Field(default=1.0, ge=0)
    """Seconds, for `hang`, `late`, `withhold` and `late_apply`."""
    count: PositiveInt | None = None
    """How many calls suffer it; None is no limit."""
    seconds: PositiveFloat | None = None
    """For how long after it was set; None is no limit."""
    function: str | None = None
    """Only calls that name this function."""

    def refusal(self, call: Call) -> AwsError:
        """The error that `fail` and `throttle` answer with."""
        if self.kind == "throttle":
            return rate_exceeded() if call.service == "lambda" else AwsError("Throttling", "Rate exceeded")
        return AwsError(self.code, self.message, self.status)


class FaultBoard:
    """The faults in force, oldest first; the first that fits a call is used."""

    def __init__(self) -> None:
        """Begin without faults."""
        self._posted: list[tuple[Fault, float, list[int]]] = []

    def post(self, fault: Fault) -> None:
        """Put a fault in force from now on."""
        self._posted.append((fault, time.monotonic(), [0]))

    def clear(self) -> None:
        """End all faults."""
        self._posted.clear()

    def standing(self) -> list[Fault]:
        """Faults that can still strike."""
        return [fault for fault, since, used in self._posted if _lives(fault, since, used[0])]

    def strike(self, call: Call) -> Fault | None:
        """The fault that this call suffers, counted, or None."""
        for fault, since, used in self._posted:
            if fault.operation not in {"*", call.operation} or fault.function not in {None, call.function}:
                continue
            if _lives(fault, since, used[0]):
                used[0] += 1
                return fault
        return None


def _lives(fault: Fault, since: float, used: int) -> bool:
    if fault.count is not None and used >= fault.count:
        return False
    return fault.seconds is None or time.monotonic() - since < fault.seconds


def rate_exceeded() -> AwsError:
    """The control plane's 429. Source: lambda.md 1.6 and 1.11."""
    return AwsError(
        "TooManyRequestsException", "Rate exceeded", 429, Reason="CallerRateLimitExceeded", retryAfterSeconds="1"
    )

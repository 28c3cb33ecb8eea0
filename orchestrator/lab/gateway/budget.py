"""The request budgets of Lambda's control plane, per account and region."""

import time

from orchestrator.lab.gateway.faults import rate_exceeded
from orchestrator.lab.gateway.operations import DATA_PLANE
from orchestrator.lab.gateway.settings import LabSettings
from orchestrator.lab.gateway.wire import Call

_GET_POLICY_RATE = 15.0


class Bucket:
    """A token bucket that holds one second's worth."""

    def __init__(self) -> None:
        """Begin full."""
        self._used = 0.0
        self._since = time.monotonic()

    def take(self, rate: float) -> bool:
        """Take one token at this many per second; False when there is none."""
        now = time.monotonic()
        self._used = max(0.0, self._used - (now - self._since) * rate)
        self._since = now
        if self._used + 1 > rate:
            return False
        self._used += 1
        return True


class ControlPlaneBudget:
    """Refuses what exceeds the budgets: one shared, GetFunction and GetPolicy with their own (lambda.md 1.11)."""

    def __init__(self) -> None:
        """Begin with full buckets."""
        self._shared, self._get_function, self._get_policy = Bucket(), Bucket(), Bucket()

    def spend(self, call: Call, settings: LabSettings) -> None:
        """Count a call.

        Raises:
            AwsError: `TooManyRequestsException` with Reason `CallerRateLimitExceeded`.
        """
        if call.service != "lambda" or call.operation in DATA_PLANE:
            return
        bucket, rate = self._shared, settings.control_plane_rate
        if call.operation == "GetFunction":
            bucket, rate = self._get_function, settings.get_function_rate
        elif call.operation == "GetPolicy" and rate is not None:
            bucket, rate = self._get_policy, _GET_POLICY_RATE
        if rate is not None and not bucket.take(rate):
            raise rate_exceeded()

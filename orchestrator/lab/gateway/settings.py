"""What a lab may vary about its AWS: lags, durations and budgets. All durations are seconds; 0 means at once."""

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat


class LabSettings(BaseModel):
    """Behaviour of the gateway; the defaults are the fastest AWS that keeps every rule."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric_lag: NonNegativeFloat = 0.0
    """Between the end of an invocation and its data points becoming visible; on AWS usually 60-180."""
    propagation_delay: NonNegativeFloat = 0.0
    """How long after an alias write invocations are still drawn by the old routing."""
    pending_seconds: NonNegativeFloat = 0.0
    """How long a new function or version stays `Pending`."""
    update_seconds: NonNegativeFloat = 0.0
    """How long `LastUpdateStatus` stays `InProgress`; invocations run the old code meanwhile."""
    provisioning_seconds: NonNegativeFloat = 0.0
    """How long provisioned concurrency stays `IN_PROGRESS`."""
    provisioning_failure: str | None = None
    """`StatusReason` with which provisioned concurrency ends as `FAILED`; None lets it end as `READY`."""
    control_plane_rate: PositiveFloat | None = None
    """Requests per second over all Lambda control operations together; 15 on AWS, None is no limit."""
    get_function_rate: PositiveFloat | None = None
    """Requests per second of GetFunction, which has a budget of its own; 100 on AWS, None is no limit."""
    async_delay: NonNegativeFloat = 0.0
    """How long an asynchronous event waits before it is dequeued; the version is drawn after that."""
    async_retry_delays: tuple[NonNegativeFloat, ...] = Field(default=(0.2, 0.4), max_length=2)
    """Waits before the retries of a failed asynchronous event; 60 and 120 on AWS."""
    account_concurrency: int = Field(default=1000, ge=100)
    """Concurrent executions of the account, of which 100 cannot be reserved."""

"""What Sluice asks of AWS and of plug-ins: values and Protocols, without any client library.

Every method raises only errors of `orchestrator.domain.errors`. Writes are guarded by a revision where AWS offers
one; repeating any method with the same arguments is safe unless its docstring says otherwise.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from pydantic import Field

from orchestrator.domain.analysis import AlarmReading
from orchestrator.domain.release import Artifact, Configuration, Target
from orchestrator.domain.traffic import AliasState, Frozen, Routing


class FunctionVersion(Frozen):
    """A version of a function (or `$LATEST`) with what a release looks at."""

    version: str
    state: str
    """Pending, Active, Inactive, Failed, or a state that AWS adds later."""
    state_reason: str = ""
    last_update: str = "Successful"
    """Successful, InProgress or Failed; meaningful for `$LATEST`."""
    last_update_reason: str = ""
    revision: str
    code_sha256: str
    role: str
    dead_letter_queue: str | None = None
    runtime: str | None = None
    runtime_version: str | None = None
    handler: str | None = None
    memory: int = 128
    timeout: int = 3
    snap_start: bool = False
    settings: dict[str, Any] = Field(default_factory=dict)
    """Everything that AWS freezes in a version, by API name: two equal maps and code hashes mean the same version."""


class Invocation(Frozen):
    """The answer to one synchronous invocation."""

    status: int
    executed_version: str | None
    function_error: str | None = None
    payload: str = ""
    log_tail: str = ""
    seconds: float = 0


class Concurrency(Frozen):
    """Provisioned concurrency of one version or alias."""

    requested: int
    ready: int
    status: Literal["IN_PROGRESS", "READY", "FAILED"]
    reason: str = ""


class EventSource(Frozen):
    """An event source mapping; `function_arn` says whether it goes through the alias."""

    uuid: str
    source_arn: str
    function_arn: str
    state: str


class MetricQuery(Frozen):
    """One series of `AWS/Lambda`; `id` is the caller's name for it."""

    id: str
    metric: str
    statistic: str
    dimensions: dict[str, str]


class LambdaPort(Protocol):
    """The Lambda API as far as a release touches it, bound to one account and region."""

    async def account(self) -> str:
        """Return the account that the credentials belong to, 12 digits."""
        ...

    async def get_alias(self, function: str, alias: str) -> AliasState:
        """Read the alias. Raises MissingTarget."""
        ...

    async def update_alias(self, function: str, alias: str, routing: Routing, *, revision: str) -> AliasState:
        """Set the whole routing in one call, guarded by `revision`. Raises Stale when it is not current."""
        ...

    async def create_alias(self, function: str, alias: str, version: str) -> AliasState:
        """Create the alias on a published version. Raises TransientError where it exists already (409)."""
        ...

    async def list_aliases(self, function: str) -> Mapping[str, Routing]:
        """Every alias of the function, by name."""
        ...

    async def get_function(self, function: str, qualifier: str = "$LATEST") -> FunctionVersion:
        """Read a version, an alias' version or `$LATEST`. Raises MissingTarget."""
        ...

    async def update_configuration(self, function: str, change: Configuration, *, revision: str) -> FunctionVersion:
        """Change `$LATEST`. Raises Stale."""
        ...

    async def update_code(self, function: str, artifact: Artifact, *, revision: str) -> FunctionVersion:
        """Upload code to `$LATEST` without publishing. Raises Stale."""
        ...

    async def publish_version(
        self, function: str, *, revision: str, code_sha256: str, description: str
    ) -> FunctionVersion:
        """Publish `$LATEST`; unchanged code and settings give the version that exists. Raises Stale, NotReleasable."""
        ...

    async def invoke(
        self, function: str, qualifier: str, payload: bytes, *, timeout: float, dry_run: bool = False
    ) -> Invocation:
        """Invoke synchronously (or only ask for permission). Never repeated by the port itself."""
        ...

    async def provisioned(self, function: str, qualifier: str) -> Concurrency | None:
        """Provisioned concurrency of the qualifier; None where there is none."""
        ...

    async def provision(self, function: str, qualifier: str, count: int) -> None:
        """Ask for provisioned concurrency on the qualifier."""
        ...

    async def release_provisioned(self, function: str, qualifier: str) -> None:
        """Delete the qualifier's provisioned concurrency; nothing happens where there is none."""
        ...

    async def provisioned_total(self, function: str) -> Mapping[str, int]:
        """Requested provisioned concurrency by qualifier (version number or alias name)."""
        ...

    async def reserved(self, function: str) -> int | None:
        """Reserved concurrency; None where the function shares the account's."""
        ...

    async def event_sources(self, function: str) -> Sequence[EventSource]:
        """Event source mappings of the function and all its qualifiers."""
        ...

    async def has_policy(self, function: str, qualifier: str | None) -> bool:
        """Whether a resource policy exists on the qualifier (None: on the function itself)."""
        ...


class CloudWatchPort(Protocol):
    """Metrics and alarms, bound to one account and region."""

    async def metric_data(
        self, queries: Sequence[MetricQuery], *, start: int, end: int, period: int
    ) -> Mapping[str, Mapping[int, float]]:
        """Values by query id and period start (epoch seconds), in batches of at most 500 queries, all pages read.

        `start` inclusive, `end` exclusive, both multiples of `period` seconds. A series without a point is an empty
        map. Raises Unavailable for PartialData and InternalError, AccessDenied for Forbidden.
        """
        ...

    async def alarms(self, names: Sequence[str]) -> Sequence[AlarmReading]:
        """Metric and composite alarms by name, at most 100 a call; one that does not exist is simply absent."""
        ...


Decision = Literal["allowed", "not_allowed", "denied"]
"""What IAM says of an action: some policy allows it, none does, or one denies it whatever others say."""


class PermissionsPort(Protocol):
    """Whose the credentials are, and what they may do; bound to one account. Nothing is written."""

    async def caller(self) -> str:
        """Return the ARN of the credentials, of a user or of a role's session. Raises AccessDenied without any."""
        ...

    async def simulated(self, actions: Sequence[str], resource: str) -> Mapping[str, Decision]:
        """Return what IAM would decide of each action on the resource (an ARN, or `*`), in their order.

        The caller's own policies count, its boundary and, where IAM knows them, the organization's; policies of
        resources and of sessions do not. Raises AccessDenied where simulating is not allowed itself, and TargetError
        for a caller that cannot be simulated (the root user, a federated one).
        """
        ...


class Clock(Protocol):
    """The wall clock, so that tests own it."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...


class Aws(Protocol):
    """All ports for a target. Credentials are chosen by account and region, never by what a workflow carries."""

    def functions(self, target: Target) -> LambdaPort:
        """The Lambda API of the target's account and region."""
        ...

    def urgent(self, target: Target) -> LambdaPort:
        """The same Lambda API for what cannot wait: never queued behind the normal request budget."""
        ...

    def cloudwatch(self, target: Target) -> CloudWatchPort:
        """CloudWatch of the target's account and region."""
        ...

    def permissions(self, target: Target) -> PermissionsPort:
        """Whose the credentials for the target's account are, and what they may do."""
        ...

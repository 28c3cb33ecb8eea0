"""Functions as the control plane knows them: `$LATEST`, published versions, aliases and capacity."""

import asyncio
import copy
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from orchestrator.lab.gateway.routing import LATEST, Alias
from orchestrator.lab.gateway.wire import Document, conflict, not_found, stale_revision

# Source: lambda.md 1.4; reserved concurrency and tags are no change.
_PUBLISHED_FIELDS = (
    "CodeSha256", "Environment", "Runtime", "Handler", "Layers", "MemorySize", "Timeout", "VpcConfig",
    "DeadLetterConfig", "Role", "Description", "Architectures", "EphemeralStorage", "PackageType", "LoggingConfig",
    "FileSystemConfigs", "SnapStart", "TracingConfig", "ImageUri",
)  # fmt: skip


@dataclass
class Version:
    """A published version."""

    configuration: Document
    fingerprint: str
    package: bytes
    backend: str = ""
    """Number under which the emulator keeps it; empty until it does."""

    @property
    def number(self) -> str:
        """Its number, as text."""
        return str(self.configuration["Version"])


@dataclass
class Provisioned:
    """A provisioned concurrency configuration of one qualifier."""

    requested: int
    status: str = "IN_PROGRESS"
    reason: str = ""
    modified: str = ""
    version: str = ""
    """The version it warms; for an alias the primary."""

    def document(self) -> Document:
        """As GetProvisionedConcurrencyConfig shows it."""
        ready = self.requested if self.status == "READY" else 0
        shown: Document = {
            "RequestedProvisionedConcurrentExecutions": self.requested,
            "AvailableProvisionedConcurrentExecutions": ready,
            "AllocatedProvisionedConcurrentExecutions": ready,
            "Status": self.status,
            "LastModified": self.modified,
        }
        if self.reason:
            shown["StatusReason"] = self.reason
        return shown


@dataclass
class Function:
    """One function and everything bound to it."""

    latest: Document
    package: bytes = b""
    versions: dict[str, Version] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    provisioned: dict[str, Provisioned] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    reserved: int | None = None
    last_number: int = 0
    in_flight: int = 0
    next_publish_fails: str | None = None
    """StateReason with which the next published version ends as `Failed`."""
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def name(self) -> str:
        """Plain name."""
        return str(self.latest["FunctionName"])

    @property
    def arn(self) -> str:
        """ARN without a qualifier."""
        return str(self.latest["FunctionArn"])

    def version_configuration(self, version: str) -> Document:
        """Configuration of `$LATEST` or a published version.

        Raises:
            AwsError: `ResourceNotFoundException`.
        """
        if version == LATEST:
            return self.latest
        if version not in self.versions:
            raise not_found(f"Function not found: {self.arn}:{version}")
        return self.versions[version].configuration

    def configuration(self, qualifier: str | None) -> Document:
        """Configuration behind a qualifier; behind an alias that of its primary version, under the alias' ARN."""
        if qualifier is None:
            return self.latest
        if qualifier in self.aliases:
            primary = self.version_configuration(self.aliases[qualifier].routing.version)
            return {**primary, "FunctionArn": self.aliases[qualifier].arn}
        found = self.version_configuration(qualifier)
        return {**found, "FunctionArn": f"{self.arn}:{qualifier}"}

    def alias(self, name: str) -> Alias:
        """An alias by name.

        Raises:
            AwsError: `ResourceNotFoundException`.
        """
        if name not in self.aliases:
            raise not_found(f"Cannot find alias arn: {self.arn}:{name}")
        return self.aliases[name]

    def check_revision(self, revision: str | None) -> None:
        """Refuse a RevisionId that is not that of `$LATEST` now; None is no guard."""
        if revision is not None and revision != self.latest["RevisionId"]:
            raise stale_revision()

    def refuse_while_busy(self) -> None:
        """Refuse updates and publishing while the function is being created or updated (lambda.md 1.5).

        Raises:
            AwsError: `ResourceConflictException`.
        """
        if self.latest["State"] == "Pending":
            raise conflict(
                "The operation cannot be performed at this time. The function is currently in the following state: "
                "Pending"
            )
        if self.latest["LastUpdateStatus"] == "InProgress":
            raise conflict(
                "The operation cannot be performed at this time. An update is in progress for resource: " + self.arn
            )

    def revise(self) -> None:
        """Give `$LATEST` a new RevisionId."""
        self.latest["RevisionId"] = str(uuid4())

    def fingerprint(self) -> str:
        """Equal for equal `$LATEST`s in the sense of publishing."""
        return json.dumps([self.latest.get(name) for name in _PUBLISHED_FIELDS], sort_keys=True)

    def newest(self) -> Version | None:
        """The version published last, or None."""
        return self.versions.get(str(self.last_number))

    def freeze(self, number: int, description: str | None) -> Version:
        """Make a version of `$LATEST`, Pending until the emulator has it."""
        frozen = copy.deepcopy(self.latest)
        frozen |= {
            "Version": str(number),
            "FunctionArn": f"{self.arn}:{number}",
            "RevisionId": str(uuid4()),
            "LastUpdateStatus": "Successful",
            **creating(),
        }
        if description:
            frozen["Description"] = description
        version = Version(frozen, self.fingerprint(), self.package)
        self.versions[version.number] = version
        self.last_number = number
        return version


def creating() -> Document:
    """State of what is being made."""
    return {"State": "Pending", "StateReason": "The function is being created.", "StateReasonCode": "Creating"}


def settle(configuration: Document, state: str, reason: str | None = None) -> None:
    """Bring a configuration to a state; the RevisionId changes with it (lambda.md 1.3)."""
    configuration["State"] = state
    configuration["RevisionId"] = str(uuid4())
    if reason is None:
        configuration.pop("StateReason", None)
        configuration.pop("StateReasonCode", None)
    else:
        configuration["StateReason"] = reason
        configuration["StateReasonCode"] = "Idle" if state == "Inactive" else "InternalError"


def timestamp(seconds: float) -> str:
    """A time as Lambda writes it, e.g. `2026-01-31T12:00:00.000+0000`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"

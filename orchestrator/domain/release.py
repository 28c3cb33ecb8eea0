"""What is released, by whom, and how it may end."""

import re
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field

from orchestrator.domain.plan import Plan
from orchestrator.domain.traffic import Frozen

WORKFLOW_PREFIX = "release/"
_S3_ADDRESS = re.compile(
    r"s3://(?P<bucket>[^/?#]+)/(?P<key>(?!\?versionId=).+?)(?:\?versionId=(?P<version>[^?]+))?", re.DOTALL
)


class Target(Frozen):
    """The alias that a release moves. One release at a time holds a target."""

    account: Annotated[str, Field(pattern=r"^\d{12}$", description="AWS account, 12 digits")]
    region: Annotated[
        str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)+$", max_length=64, description="AWS region, e.g. eu-west-1")
    ]
    function: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="function name, without ARN")]
    alias: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*$",
            max_length=128,
            description="alias name; not a number (that is a version) and not $LATEST",
        ),
    ]

    @property
    def workflow_id(self) -> str:
        """Temporal's id of the release that holds this target: the lock."""
        return f"{WORKFLOW_PREFIX}{self.account}/{self.region}/{self.function}/{self.alias}"

    @property
    def place(self) -> str:
        """Account and region, e.g. `123456789012/eu-west-1`: one AWS control plane with one request budget."""
        return f"{self.account}/{self.region}"

    def __str__(self) -> str:
        """Return e.g. `checkout:live`."""
        return f"{self.function}:{self.alias}"


class PublishedVersion(Frozen):
    """Release a version that exists already."""

    kind: Literal["version"] = "version"
    version: Annotated[str, Field(pattern=r"^\d+$")]


class Latest(Frozen):
    """Publish `$LATEST` as it stands."""

    kind: Literal["latest"] = "latest"


class S3Object(Frozen):
    """Upload a zip from S3, then publish. Without `object_version` the newest is taken when the release runs."""

    kind: Literal["s3"] = "s3"
    bucket: str
    key: str
    object_version: str | None = None

    @classmethod
    def at(cls, address: str) -> Self | None:
        """Return the object at `s3://bucket/key[?versionId=...]`, None where it is no such address.

        It is no web address: all behind the bucket is the key (`#`, `?`, `+` and `%` too), and nothing is decoded.
        """
        found = _S3_ADDRESS.fullmatch(address)
        if found is None or found["key"].endswith("?versionId="):
            return None
        return cls(bucket=found["bucket"], key=found["key"], object_version=found["version"])


class Image(Frozen):
    """Take a container image, then publish. Name it by digest: a tag may move."""

    kind: Literal["image"] = "image"
    uri: str


Artifact = Annotated[PublishedVersion | Latest | S3Object | Image, Field(discriminator="kind")]


class Configuration(Frozen):
    """Settings of the function that change in the same release; None leaves a setting as it is.

    Field names are Sluice's; `activities.aws` maps them to the API. Changing `role` or `dead_letter_queue` rules out
    a canary: AWS refuses an alias over versions that differ in them.
    """

    description: str | None = None
    runtime: str | None = None
    handler: str | None = None
    role: str | None = None
    memory: Annotated[int, Field(ge=128, le=10240)] | None = None
    timeout: Annotated[int, Field(ge=1, le=900)] | None = None
    environment: dict[str, str] | None = None
    layers: tuple[str, ...] | None = None
    tracing: Literal["Active", "PassThrough"] | None = None
    dead_letter_queue: str | None = None
    ephemeral_storage: Annotated[int, Field(ge=512, le=10240)] | None = None

    def changes(self) -> dict[str, Any]:
        """Only what is set, by field name; empty when nothing changes."""
        return self.model_dump(exclude_none=True)


class Actor(Frozen):
    """Who acts: a person, or a machine on behalf of one."""

    name: str
    source: str = "cli"


class Phase(StrEnum):
    """Where a release is. Every phase but DONE has a limit after which it ends by itself."""

    PENDING = "PENDING"
    """No worker has taken it yet."""
    QUEUED = "QUEUED"
    """It waits for its target, which another release holds; nothing has begun."""
    PREPARING = "PREPARING"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    SHIFTING = "SHIFTING"
    BAKING = "BAKING"
    PAUSED = "PAUSED"
    PROMOTING = "PROMOTING"
    FINAL_BAKE = "FINAL_BAKE"
    ROLLING_BACK = "ROLLING_BACK"
    DONE = "DONE"


class Outcome(StrEnum):
    """How a release ended."""

    PROMOTED = "PROMOTED"
    """The canary serves everything, read back."""
    ROLLED_BACK = "ROLLED_BACK"
    """The recorded stable version serves everything, read back."""
    REJECTED = "REJECTED"
    """Nothing was written to the alias: preflight or plan refused, or there was nothing to release."""
    FAILED = "FAILED"
    """The alias could not be brought to a known state: a person must look."""


class Cause(StrEnum):
    """Why a release did not promote."""

    PREFLIGHT = "preflight"
    NOTHING_TO_RELEASE = "nothing_to_release"
    BUSY = "busy"
    """Another release held the target, or has taken its place."""
    VERDICT = "verdict"
    GATE = "gate"
    PROBE = "probe"
    ABORT = "abort"
    DEADLINE = "deadline"
    DRIFT = "drift"
    ERROR = "error"


class ReleaseRequest(Frozen):
    """All that a release needs; the workflow's input. The plan is resolved: nothing is looked up later."""

    release_id: str
    target: Target
    artifact: Artifact
    plan: Plan
    actor: Actor
    reason: str = ""
    configuration: Configuration = Configuration()
    provisioned_concurrency: Annotated[int, Field(ge=1)] | None = None
    expects: str | None = None
    """The version that the alias must be on, or nothing is written: a rollback takes back what its release has left,
    and nobody's hotfix since. None expects nothing."""
    adopt: bool = False
    """Accept an alias that is split between two versions already: its primary is taken as stable."""
    create: bool = False
    """Allow a first release: an alias that is missing, or on `$LATEST`, is put on the new version when its probes have
    passed. There is no version to compare with and none to return to, so no canary is claimed."""
    override_red_alarms: bool = False
    """Start although a watched alarm is red; it is then judged on new transitions only, and the journal says who."""
    labels: dict[str, str] = Field(default_factory=dict)
    idempotency_key: str = ""
    submitted_at: AwareDatetime


class Command(StrEnum):
    """What an operator may tell a running release."""

    APPROVE = "approve"
    REJECT = "reject"
    PAUSE = "pause"
    RESUME = "resume"
    SKIP = "skip"
    PROMOTE = "promote"
    ABORT = "abort"
    ADOPT = "adopt"
    RESTORE = "restore"


class Order(Frozen):
    """One command with all that makes it safe to repeat and fit to audit.

    `step` is the index (from 0) of the step that the sender looked at; a command against another step is refused. It
    may be left out for `abort`, which is right at any step.
    """

    command: Command
    actor: Actor
    release_id: str
    reason: str = ""
    step: int | None = None

"""What goes in and out of the API; its words are the domain's."""

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from orchestrator.domain.intake import OnBusy
from orchestrator.domain.journal import Event, ReleaseState, StepState
from orchestrator.domain.plan import Plan
from orchestrator.domain.release import Artifact, Cause, Configuration, Outcome, Phase, Target

Short = Annotated[str, StringConstraints(max_length=200)]
Reason = Annotated[str, StringConstraints(max_length=1000)]
MAX_LABELS = 32


class Body(BaseModel):
    """Base: no unknown field is accepted."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(Body):
    """What the release is made of, for people and for CI feedback."""

    repo: Short | None = Field(default=None, examples=["acme/checkout"])
    sha: Short | None = Field(default=None, examples=["3f9a1c07d2e4"])
    run_url: Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://")] | None = None


class Options(Body):
    """What is accepted although it would be refused otherwise. Each needs the role `operate` beside `start`."""

    adopt: bool = Field(default=False, description="accept an alias that is split already")
    create: bool = Field(default=False, description="allow a first release: put a missing alias on the new version")
    override_red_alarms: bool = Field(default=False, description="start although a watched alarm is red")


class InlineTarget(Body):
    """A target written out, as under `targets` in a release file, with the sections that it names."""

    target: dict[str, Any] = Field(
        description="account, region, function, alias, strategy, checks, probes, ...: an entry of `targets`"
    )
    strategies: dict[str, dict[str, Any]] = Field(default_factory=dict)
    checks: dict[str, dict[str, Any]] = Field(default_factory=dict)
    probes: dict[str, dict[str, Any]] = Field(default_factory=dict)
    gates: dict[str, dict[str, Any]] = Field(default_factory=dict)
    limits: dict[str, Any] = Field(default_factory=dict)
    sampling: dict[str, Any] = Field(default_factory=dict)


class ReleaseBody(Body):
    """A release to start, or to plan."""

    target: Short | InlineTarget = Field(
        description="name under `targets` in the server's release file, or the target itself",
        examples=["checkout"],
    )
    artifact: Artifact = Field(examples=[{"kind": "version", "version": "42"}])
    reason: Reason = Field(default="", description="why, for the journal and the audit")
    labels: Annotated[dict[Short, Short], Field(max_length=MAX_LABELS)] = Field(default_factory=dict)
    source: Source = Source()
    options: Options = Options()
    on_busy: OnBusy | None = Field(
        default=None,
        description="while another release holds the target: `reject` this one, `supersede` the other (it is aborted, "
        "and this one starts at 100 % stable), or `queue` behind it; as the target says where it is left out",
    )


class CommandBody(Body):
    """A command to a running release."""

    reason: Reason = Field(default="", description="why, for the journal and the audit")
    step: Annotated[int, Field(ge=0, le=1000)] | None = Field(
        default=None,
        description="index from 0 of the step that the sender looked at, as in the release's `step`; needed by "
        "approve, reject, skip and promote, which are refused at any other step",
    )


class RollbackBody(Body):
    """Why a release that has ended is taken back."""

    reason: Reason = ""


class Started(Body):
    """A release was accepted; the rest is read at its URLs."""

    release_id: str
    target: str = Field(examples=["checkout:live"])
    status_url: str
    events_url: str
    journal_url: str


class Planned(Body):
    """What a release would do. Nothing was started."""

    target: Target
    artifact: Artifact
    configuration: Configuration
    provisioned_concurrency: int | None
    labels: dict[str, str]
    plan: Plan


class ReleaseSummary(Body):
    """One line of the list."""

    release_id: str
    target: Target
    strategy: str
    actor: str
    reason: str
    started_at: AwareDatetime
    ended_at: AwareDatetime | None
    phase: Phase
    outcome: Outcome | None
    cause: Cause | None
    sentence: str
    stable: str | None
    canary: str | None
    weight: float
    step: int | None
    steps: int = Field(description="how many")
    paused_by: str | None
    drifted: bool
    waiting_until: AwareDatetime | None


class ReleasePage(Body):
    """Running releases first, newest start first; then ended ones, newest end first."""

    releases: list[ReleaseSummary]
    next_cursor: str | None = Field(description="for the next page; null on the last one")


class Journal(Body):
    """What happened, oldest first. The oldest events of a long release are dropped; Temporal's history has them all."""

    release_id: str
    events: list[Event]


class NamedTarget(Body):
    """A target of the server's release file."""

    name: str
    target: Target
    strategy: str
    labels: dict[str, str]
    steps: list[StepState]


class TargetList(Body):
    """In the order of the file."""

    targets: list[NamedTarget]


def summary(state: ReleaseState) -> ReleaseSummary:
    """Return the line of the list."""
    kept = {name: getattr(state, name) for name in ReleaseSummary.model_fields if name != "steps"}
    return ReleaseSummary(steps=len(state.steps), **kept)


def started(state: ReleaseState) -> Started:
    """Return the answer to a start; the same whenever it is asked again."""
    url = f"/v1/releases/{state.release_id}"
    return Started(
        release_id=state.release_id,
        target=str(state.target),
        status_url=url,
        events_url=f"{url}/events",
        journal_url=f"{url}/journal",
    )

"""What comes in from outside, before it is a release: rules, deliveries, submissions, and what CI is told of them.

Nothing secret is in any of these: they are inputs of workflows, and everybody who may read a history can read them.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from orchestrator.domain.drift import AliasChange
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Cause, Order, Outcome, Phase, ReleaseRequest, Target
from orchestrator.domain.traffic import Frozen

INTAKE_PREFIX = "hook/"
SUBMISSION_PREFIX = "submission/"
LONGEST_LINE = 20
"""Submissions that may wait for one target at once, unless the submission says otherwise."""

Provider = Literal["github", "gitlab", "standard", "eventbridge"]
OnBusy = Literal["reject", "supersede", "queue"]
"""What becomes of a submission whose target is held by another release: refuse it, abort the other, or wait."""
Repository = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}$")]
Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$")]
Told = Literal["deployment", "check", "status"]
CiState = Literal["queued", "in_progress", "success", "failure", "error", "inactive"]
Button = Literal["approve", "reject", "abort"]

# -- rules and deliveries: resolved where the event is received


class ArtifactRule(Frozen):
    """Which artifact an event stands for; `template` is empty for `latest`."""

    kind: Literal["version", "latest", "s3", "image"]
    template: str = ""


class Rule(Frozen):
    """One entry under `webhooks` of the release file.

    `when` holds dotted paths into the payload with the texts or globs of which one must fit. A rule either starts
    releases (`target`, `artifact`) or takes buttons (`commands`).
    """

    name: str
    provider: Provider
    sender: str = ""
    """Name in the address of a Standard Webhooks sender."""
    event: str
    when: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    target: str = ""
    """Name of a target, or a template over the payload whose result must be in `allow`."""
    allow: tuple[str, ...] = ()
    artifact: ArtifactRule | None = None
    commands: tuple[Button, ...] = ()
    on_busy: OnBusy | None = None
    feedback: tuple[Told, ...] | None = None
    reason: str = ""


class Delivery(Frozen):
    """One verified message as received. `id` is the sender's own, the same for every redelivery."""

    provider: Provider
    sender: str = ""
    event: str
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:=-]{1,128}$")]
    payload: dict[str, Any]
    received_at: AwareDatetime

    @property
    def workflow_id(self) -> str:
        """Temporal's id of the intake of this message: no second one can be started."""
        sender = f"{self.sender}/" if self.sender else ""
        return f"{INTAKE_PREFIX}{self.provider}/{sender}{self.id}"


# -- where a CI system is told


class GitHubDeployment(Frozen):
    """Statuses of a GitHub deployment."""

    kind: Literal["github_deployment"] = "github_deployment"
    repository: Repository
    deployment: int
    installation: int | None = None


class GitHubCheck(Frozen):
    """A check run of a GitHub App, with buttons."""

    kind: Literal["github_check"] = "github_check"
    repository: Repository
    sha: Sha
    installation: int | None = None


class GitHubStatus(Frozen):
    """A commit status, for tokens that are no App's."""

    kind: Literal["github_status"] = "github_status"
    repository: Repository
    sha: Sha
    installation: int | None = None


class GitLabStatus(Frozen):
    """A GitLab commit status."""

    kind: Literal["gitlab_status"] = "gitlab_status"
    project: int
    sha: Sha
    ref: str = ""


Feedback = Annotated[GitHubDeployment | GitHubCheck | GitHubStatus | GitLabStatus, Field(discriminator="kind")]


# -- workflow inputs


class Submission(Frozen):
    """Input of the workflow `Submission`: one release that is to start, sooner or later, exactly once."""

    request: ReleaseRequest
    on_busy: OnBusy = "reject"
    patience: timedelta = timedelta(hours=24)
    """How long it may wait for its target."""
    line_limit: Annotated[int, Field(ge=1)] = LONGEST_LINE
    feedback: tuple[Feedback, ...] = ()

    @property
    def workflow_id(self) -> str:
        """Temporal's id, by the release's: the same release is submitted once."""
        return f"{SUBMISSION_PREFIX}{self.request.release_id}"


class Intake(Frozen):
    """Input of the workflow `Intake`: what one delivery asks for, mapped already."""

    provider: Provider
    delivery: str
    event: str
    submissions: tuple[Submission, ...] = ()
    orders: tuple[Order, ...] = ()
    changes: tuple[AliasChange, ...] = ()
    """Changes of aliases by others, for the releases that run there."""


class Taken(Frozen):
    """Result of the workflow `Intake`."""

    release_ids: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    """What became of each order and change, and of each submission that was there before."""


class SubmissionState(Frozen):
    """Memo and result of the workflow `Submission`."""

    release: ReleaseState
    """The release as readers see it until it starts: PENDING, QUEUED, or DONE where it never does."""
    on_busy: OnBusy
    status: Literal["pending", "queued", "started", "refused"] = "pending"
    trouble: str | None = None
    """What a CI system could not be told, and why."""

    @property
    def release_id(self) -> str:
        """The release that is to start."""
        return self.release.release_id

    @property
    def place_in_line(self) -> tuple[datetime, str]:
        """What a line is ordered by: arrival, then id."""
        return self.release.started_at, self.release.release_id


# -- activities: submit_release, await_turn, follow_release, send_order, tell_ci


class Submitted(Frozen):
    """Result of `submit_release`. `busy` may be tried again; `refused` is final."""

    status: Literal["started", "busy", "refused"]
    sentence: str
    cause: Cause | None = None
    """Why it was refused; None: another release holds the target."""


class Turn(Frozen):
    """Result of `await_turn`: the target is free, or why this submission will never get it."""

    refused: str | None = None


class Follow(Frozen):
    """Input of `follow_release`: wait until its standing is another than `seen`."""

    release_id: str
    seen: str = ""


class Tell(Frozen):
    """Input of `tell_ci`."""

    to: Feedback
    standing: "Standing"


class Standing(Frozen):
    """A release as a CI system is told it; two with the same `key` are the same."""

    release_id: str
    target: Target
    state: CiState
    key: str
    description: str
    """One sentence with its numbers, of any length."""
    release: ReleaseState | None = None
    """None while it waits for its turn, and when it never started."""

    @property
    def done(self) -> bool:
        """Whether nothing comes after this."""
        return self.state not in ("queued", "in_progress")

    @property
    def context(self) -> str:
        """Name of the commit status and the check run."""
        return f"sluice/{self.target}"


Tell.model_rebuild()


SUPERSEDED = "superseded by release "
"""How the reason of an abort begins that made room for a newer release."""


def standing_of(release: ReleaseState) -> Standing:
    """Put a release into the words of a CI system. Its key changes with phase kind, step and weight, not per look."""
    state = _ci_state(release)
    awaited = release.phase if release.phase in _NAMED else ""
    key = state if state == "queued" else f"{state}/{awaited}/{release.step}/{release.weight:g}"
    at = "" if release.done else f"{release.weight:g} %: "
    return Standing(
        release_id=release.release_id,
        target=release.target,
        state=state,
        key=key,
        description=f"{at}{release.sentence}",
        release=release,
    )


def waiting(submission: Submission, sentence: str) -> Standing:
    """Return the standing of a release that has not started."""
    request = submission.request
    return Standing(
        release_id=request.release_id, target=request.target, state="queued", key="queued", description=sentence
    )


def refused(submission: Submission, sentence: str) -> Standing:
    """Return the standing of a release that never starts."""
    request = submission.request
    state: CiState = "inactive" if sentence.startswith(SUPERSEDED) else "error"
    return Standing(release_id=request.release_id, target=request.target, state=state, key=state, description=sentence)


_NAMED = {Phase.AWAITING_APPROVAL, Phase.PAUSED, Phase.ROLLING_BACK, Phase.FINAL_BAKE}


def _ci_state(release: ReleaseState) -> CiState:
    match release.outcome:
        case None:
            return "queued" if release.phase in (Phase.PENDING, Phase.QUEUED) else "in_progress"
        case Outcome.PROMOTED:
            return "success"
        case Outcome.FAILED:
            return "error"
        case _ if SUPERSEDED in release.sentence or release.cause is Cause.NOTHING_TO_RELEASE:
            return "inactive"
        case Outcome.REJECTED:
            return "error"
        case Outcome.ROLLED_BACK:
            return "failure"

"""Input and result of every activity: one model each, so that a field can be added without breaking a running release.

Each class names the activity it belongs to. Nothing secret travels here: activities look credentials up by account
and region.
"""

from typing import Literal

from pydantic import Field

from orchestrator.domain.analysis import Measurement, Window
from orchestrator.domain.plan import Bake, Gate, Plugin, Step
from orchestrator.domain.release import Artifact, Configuration, ReleaseRequest, Target
from orchestrator.domain.traffic import AliasState, Frozen, Percent, Reading, Routing

# -- preflight: reads only


class Preflight(Frozen):
    """Input of `preflight`: everything that the release would do."""

    request: ReleaseRequest


class PreflightReport(Frozen):
    """Everything found, at once. With any problem the release is REJECTED and nothing was written."""

    problems: tuple[str, ...] = ()
    """Sentences, each with what to do."""
    warnings: tuple[str, ...] = ()
    alias: AliasState | None = None
    stable: str | None = None
    """The version to return to, read from the alias; never computed."""
    first: bool = False
    """A first release: the alias is missing or on `$LATEST`, so there is no stable version."""
    stable_timeout: float = 3
    """Seconds that an invocation may take: a period is complete only that much after its end."""
    red_alarms: dict[str, float] = Field(default_factory=dict)
    """Alarms that were red and are overridden, with the time (epoch seconds) since when."""
    slow_above: float | None = None
    """Milliseconds: stable's p90 of the last hour, frozen for the release; None where there was no traffic."""
    requests_per_minute: float | None = None
    """Invocations through the alias, by which the steps were sized; None where the plan's weights are fixed."""
    steps: tuple[Step, ...] | None = None
    """What the release performs instead of the plan's steps, whose first weights waited for the traffic."""


# -- publish, warm, cool


class Publish(Frozen):
    """Input of `publish`: bring the artifact to `$LATEST` (guarded), then publish it (guarded)."""

    release_id: str
    target: Target
    artifact: Artifact
    configuration: Configuration
    stable: str | None
    """None in a first release."""


class Published(Frozen):
    """The version to release. `new` is False when AWS gave back a version that existed (nothing changed)."""

    version: str
    code_sha256: str
    new: bool
    timeout: float = 3
    """Seconds that one invocation of the canary may take."""
    runtime_version: str | None = None
    """ARN of the runtime that the canary runs on; AWS may change it later under a published version."""
    differences: tuple[str, ...] = ()
    """What differs from stable, as sentences: `memory 128 -> 256`."""
    incompatible: tuple[str, ...] = ()
    """Why the two versions cannot share an alias (role or dead-letter queue differ), naming both."""


class Warm(Frozen):
    """Input of `warm`: provisioned concurrency on the canary version, waited for until READY."""

    target: Target
    version: str
    count: int


class Warmed(Frozen):
    """Result of `warm`."""

    ready: int


class Cool(Frozen):
    """Input of `cool`: take away what the release added to a version (its provisioned concurrency)."""

    target: Target
    version: str


# -- probe, ask_gate


class Probe(Frozen):
    """Input of `probe`: every probe against the canary by its number."""

    target: Target
    version: str
    probes: tuple[Plugin, ...]


class ProbeAnswer(Frozen):
    """What one probe found."""

    name: str
    passed: bool
    sentence: str
    seconds: float = 0


class Probed(Frozen):
    """Result of `probe`: all answers; the probes after a failed one are still asked."""

    answers: tuple[ProbeAnswer, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every probe passed."""
        return all(a.passed for a in self.answers)


class Confirm(Frozen):
    """Input of `confirm`: invoke the alias (not the version) with an invoke probe's payload after the promotion.

    An alias write takes a moment to reach every host of AWS's data plane; the alias that reads right may still
    serve the old version.
    """

    target: Target
    version: str
    probe: Plugin
    in_a_row: int = 5
    seconds: float = 60
    """How long the old version may still answer before that is told as a warning."""


class Confirmed(Frozen):
    """Result of `confirm`. Not passing is a warning: nothing that Sluice could write would be quicker."""

    passed: bool
    sentence: str


class AskGate(Frozen):
    """Input of `ask_gate`: asked every `gate.interval` until open; the activity ends only when it is."""

    release_id: str
    target: Target
    step: int
    version: str
    gate: Gate


class GateOpened(Frozen):
    """Result of `ask_gate`."""

    sentence: str


# -- shift, restore: the only two that write the alias


class ShiftTo(Frozen):
    """Input of `shift`: one guarded write of `intent`, then the read-back.

    `revision` is the alias revision that the workflow last knew. The activity never writes with another: whoever
    changed the alias meanwhile, a rollback of this same release included, makes the write fail.
    """

    target: Target
    stable: str
    canary: str
    intent: Routing
    revision: str
    runtime_version: str | None = None
    """ARN of the runtime that the canary was published with; a promotion then reads it again."""
    written: Percent = 0
    """Share of the canary that was read back last: less of it than that is somebody's stop, and never written over."""
    past: tuple[str, ...] = ()
    """As in `ReadAlias`."""


class Shifted(Frozen):
    """Result of `shift`.

    With `confirmed` False somebody touched the alias without moving it away from us (`alias` is what it is now): the
    workflow decides whether to write again with the new revision.
    """

    confirmed: bool
    alias: AliasState
    at: float = 0
    """Epoch seconds of the read-back that agreed."""
    runtime_version: str | None = None
    """ARN of the canary's runtime right after its promotion; None where it was not asked for or could not be read."""


class ReadAlias(Frozen):
    """Input of `read_alias`: is the alias still as this release has left it?"""

    target: Target
    stable: str
    canary: str
    intent: Routing
    past: tuple[str, ...] = ()
    """Revisions that the alias is known to have left behind: a reading with one of them comes late and says nothing."""


class AliasRead(Frozen):
    """Result of `read_alias`: what the alias routes to, and what that means. What nothing will correct raises Drift."""

    routing: Routing
    reading: Reading


class Create(Frozen):
    """Input of `create`: put the alias of a first release on its version, creating it where it is missing."""

    target: Target
    version: str
    revision: str | None = None
    """Of the alias that points to `$LATEST`; None where there was none. Any other change meanwhile is Drift."""


class Restore(Frozen):
    """Input of `restore`: all traffic to `stable`, whatever this release has done before.

    It always writes, also when the alias looks right, because a lost write of this release may still be on its way:
    the new revision makes that one fail. `force` (an operator's `restore`) overwrites a foreign change too.
    """

    target: Target
    stable: str
    canary: str | None
    force: bool = False
    written: Percent = 0
    """Share of the canary below which the alias was stopped by somebody else, and is left as it is unless forced."""
    past: tuple[str, ...] = ()
    """As in `ReadAlias`."""
    touched: bool = True
    """False when this release has sent no write at all; then the alias is only read."""
    promoting: bool = True
    """False when it has sent no promotion; the canary as primary version is then somebody else's doing."""


class Restored(Frozen):
    """Result of `restore`: the alias as read back."""

    alias: AliasState
    at: float
    wrote: bool


# -- drain


class Drain(Frozen):
    """Input of `drain`: what has the canary handled since the alias was read back at stable alone?

    `start` and `end` (exclusive) are epoch seconds and multiples of `period` seconds; `start` is the first that is not
    before the read-back.
    """

    target: Target
    version: str
    start: int
    end: int
    period: int


class Drained(Frozen):
    """Result of `drain`, as CloudWatch counts: what it has not counted yet, or never will, is not in it."""

    sentence: str
    handled: int = 0
    """Invocations of the canary through the alias, from `start` on."""
    failed: int = 0
    """Those of them that ended in an error."""
    unclear: int = 0
    """Its invocations in the period before `start`, in which the alias went back: some were before that, some after."""
    oldest: float | None = None
    """Seconds that an asynchronous event of the function has waited at most; None where there was none."""
    dropped: int = 0
    """Asynchronous events of the function that were given up."""
    undelivered: int = 0
    """Those of them that did not reach its dead-letter queue."""

    @property
    def quiet(self) -> bool:
        """Whether nothing was counted that somebody should look after."""
        return not (self.handled or self.dropped or self.undelivered)


# -- bake


WatchMode = Literal["bake", "hold", "guard"]


class Watch(Frozen):
    """Input of `bake`: judge until the step may end.

    It runs as one activity that is retried every `sampling.interval`: no history event per look. `mode`: `bake` may
    end the step; `hold` does too, but no longer asks to be held; `guard` (any other wait) only ever ends to roll back.
    """

    request: ReleaseRequest
    stable: str
    canary: str
    step: int
    bake: Bake
    final: bool = False
    """The bake at 100 %: there is no version to compare with."""
    windows: tuple[Window, ...]
    """Every weight that was in force since the first shift; the last is open."""
    mode: WatchMode = "bake"
    settle: float = 0
    """Seconds that an invocation may take (the longer timeout of the two versions)."""
    red_alarms: dict[str, float] = Field(default_factory=dict)
    slow_above: float | None = None
    next_weight: float | None = None


class Watched(Frozen):
    """Result of `bake`."""

    action: Literal["advance", "rollback", "pause", "hold"]
    sentence: str
    measurements: tuple[Measurement, ...] = ()


class BakeProgress(Frozen):
    """Heartbeat details of `bake`: what the newest look has measured, for people to read while it runs."""

    measurements: tuple[Measurement, ...] = ()
    sentence: str = ""
    at: float = 0
    looks: int = 0
    provider_errors: int = 0
    """Looks in a row that could not read the numbers."""
    observed_share: float | None = None
    """Canary's share of invocations since the weight was confirmed, 0-100."""


ACTIVITY_NAMES = (
    *("preflight", "publish", "warm", "cool", "probe", "confirm", "ask_gate"),
    *("create", "shift", "restore", "bake", "read_alias", "drain"),
)

"""What happened in a release, in order, and the state document that people and machines read.

The document lives in the workflow's memo, so reading it needs no worker. It is bounded: texts are cut and the oldest
events go first; Temporal's own history keeps everything.
"""

from enum import StrEnum
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from orchestrator.domain.analysis import Measurement, Window
from orchestrator.domain.release import Cause, Outcome, Phase, Target
from orchestrator.domain.traffic import Frozen

MAX_TEXT = 400
MAX_SENTENCE = 4_000
"""Characters of the present sentence: it may list every problem that a preflight has found."""
MAX_JOURNAL = 9_000
"""Characters of all events together, so that the whole document stays below the smallest memo limit known (32 KB on
Temporal Cloud; a self-hosted server allows 2 MB and warns from 2 KB)."""
EVENT_FRAME = 120
"""Characters that an event takes beside its text."""
SCHEMA_VERSION = 1


class EventKind(StrEnum):
    """What kind of thing happened; stable names for machines."""

    STARTED = "started"
    WARNING = "warning"
    PREPARED = "prepared"
    PUBLISHED = "published"
    PROBED = "probed"
    SHIFTED = "shifted"
    CORRECTED = "corrected"
    JUDGED = "judged"
    HOLDING = "holding"
    WAITING = "waiting"
    COMMAND = "command"
    PROMOTED = "promoted"
    ROLLING_BACK = "rolling_back"
    DRIFT = "drift"
    FAILING = "failing"
    ENDED = "ended"


class Event(Frozen):
    """One line of the journal. `text` is a sentence with its numbers; `data` holds the same for machines."""

    at: AwareDatetime
    kind: EventKind
    text: str
    actor: str | None = None
    data: dict[str, Any] = Field(default_factory=dict)


class StepState(Frozen):
    """A step as shown: what it does, and how far it is."""

    kind: Literal["shift", "approval", "gate", "promote"]
    label: str
    """E.g. `10 %`, `approval`, `100 %`."""
    weight: float | None = None
    seconds: float = 0
    """How long the step bakes, or may wait."""
    status: Literal["waiting", "current", "done", "skipped"] = "waiting"
    started_at: AwareDatetime | None = None


class ReleaseState(Frozen):
    """Everything there is to know about one release at one moment."""

    schema_version: int = SCHEMA_VERSION
    release_id: str
    target: Target
    strategy: str
    actor: str
    reason: str
    started_at: AwareDatetime
    phase: Phase = Phase.PENDING
    outcome: Outcome | None = None
    cause: Cause | None = None
    sentence: str = ""
    """What is going on, or how it ended, in plain words with numbers."""
    ended_at: AwareDatetime | None = None
    stable: str | None = None
    canary: str | None = None
    weight: float = 0
    """Canary weight last read back from the alias, 0-100; never the wish."""
    observed_weight: float | None = None
    """Canary's share of the invocations measured at the present weight, 0-100; None while nothing was measured."""
    trouble: str | None = None
    """The call that is being retried just now, and its last error."""
    windows: tuple[Window, ...] = ()
    step: int | None = None
    steps: tuple[StepState, ...] = ()
    paused_by: str | None = None
    drifted: bool = False
    """The way back is blocked (somebody else moved the alias, or AWS refuses): `adopt` or `restore` is awaited."""
    waiting_until: AwareDatetime | None = None
    """When the present wait ends by itself; what then happens stands in `sentence`."""
    measurements: tuple[Measurement, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def done(self) -> bool:
        """Whether the release has ended."""
        return self.phase is Phase.DONE


def record(state: ReleaseState, event: Event, **changes: Any) -> ReleaseState:
    """Return `state` with `changes` and one more event, texts cut to `MAX_TEXT`, oldest events dropped."""
    room, kept = MAX_JOURNAL, [event.model_copy(update={"text": cut(event.text, MAX_TEXT)})]
    for earlier in reversed(state.events):
        room -= EVENT_FRAME + len(earlier.text)
        if room < 0:
            break
        kept.append(earlier)
    return state.model_copy(update={**changes, "events": tuple(reversed(kept))})


def cut(text: str, longest: int) -> str:
    """Return `text` in at most `longest` characters; one that is cut ends in an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"

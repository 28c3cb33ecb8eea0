"""A shape and a word for everything that has a state, so that nothing is told by colour alone. Pure."""

from typing import Literal, NamedTuple

from orchestrator.domain.analysis import Measurement, Verdict, worst
from orchestrator.domain.journal import EventKind, ReleaseState, StepState
from orchestrator.domain.release import Outcome, Phase
from orchestrator.figures import BAKES, HOLDS

Shape = Literal["dot", "ring", "check", "cross", "back", "bars", "diamond", "triangle", "dash", "skip", "dots"]
Tone = Literal["good", "bad", "warn", "busy", "calm"]
"""What the style sheet colours by."""


class Mark(NamedTuple):
    """How a state looks, and what it is called."""

    shape: Shape
    tone: Tone
    word: str


_OUTCOMES = {
    Outcome.PROMOTED: Mark("check", "good", "Promoted"),
    Outcome.ROLLED_BACK: Mark("back", "bad", "Rolled back"),
    Outcome.REJECTED: Mark("dash", "warn", "Rejected"),
    Outcome.FAILED: Mark("cross", "bad", "FAILED"),
}
_PHASES = {
    Phase.AWAITING_APPROVAL: Mark("diamond", "warn", "Awaiting approval"),
    Phase.ROLLING_BACK: Mark("back", "bad", "Rolling back"),
}
_VERDICTS = {
    Verdict.PASS: Mark("check", "good", "pass"),
    Verdict.INCONCLUSIVE: Mark("dots", "warn", "undecided"),
    Verdict.ERROR: Mark("triangle", "warn", "not readable"),
    Verdict.FAIL: Mark("cross", "bad", "fail"),
}
_STEPS = {
    "done": Mark("check", "good", "done"),
    "current": Mark("dot", "busy", "current"),
    "waiting": Mark("ring", "calm", "to come"),
    "skipped": Mark("skip", "calm", "skipped"),
}
_EVENTS = {
    EventKind.WARNING: Mark("triangle", "warn", "warning"),
    EventKind.HOLDING: Mark("dots", "warn", "holding"),
    EventKind.ROLLING_BACK: Mark("back", "bad", "rolling back"),
    EventKind.DRIFT: Mark("triangle", "bad", "drift"),
    EventKind.FAILING: Mark("cross", "bad", "failing"),
    EventKind.PROMOTED: Mark("check", "good", "promoted"),
    EventKind.COMMAND: Mark("diamond", "busy", "command"),
}


def words_of(name: str) -> str:
    """Return a name of the domain as words: `ROLLING_BACK` is `rolling back`."""
    return name.replace("_", " ").lower()


def state_mark(state: ReleaseState) -> Mark:
    """Return where the release is. A phase that is not known here is shown by its own name."""
    if state.outcome is not None:
        return _OUTCOMES[state.outcome]
    if state.drifted:
        return Mark("triangle", "bad", "Drifted")
    if state.paused_by:
        return Mark("bars", "warn", "Paused")
    if state.phase is Phase.PAUSED:
        return Mark("bars", "busy", "Waiting for a gate")
    if holds(state):
        return Mark("dots", "warn", "Holding")
    waiting = state.phase in {Phase.PENDING, "QUEUED"}
    other = Mark("ring" if waiting else "dot", "calm" if waiting else "busy", words_of(state.phase).capitalize())
    return _PHASES.get(state.phase, other)


def holds(state: ReleaseState) -> bool:
    """Whether a bake is over but for too little data."""
    return state.phase in BAKES and state.sentence.startswith(HOLDS)


def verdict_mark(measurement: Measurement) -> Mark:
    """Return what the check says. Without data it says so: that is a state of its own, and never a pass."""
    mark = _VERDICTS[measurement.verdict]
    if measurement.verdict is not Verdict.INCONCLUSIVE:
        return mark
    if not measurement.samples:
        return mark._replace(word="no data")
    few = measurement.sentence.startswith("too little data")
    return mark._replace(word="too little data") if few else mark


def worst_measurement(state: ReleaseState) -> Measurement | None:
    """Return the check that speaks loudest: one that acts before one that only observes; None without any."""
    acting = [m for m in state.measurements if m.mode == "enforce"] or list(state.measurements)
    if not acting:
        return None
    loudest = worst(m.verdict for m in acting)
    return next(m for m in acting if m.verdict is loudest)


def step_mark(step: StepState, state: ReleaseState) -> Mark:
    """Return how far the step is; the one at which a release ended early is where it stopped."""
    if step.status == "current" and state.done and state.outcome is not Outcome.PROMOTED:
        return Mark("cross", "bad", "ended here")
    return _STEPS[step.status]


def event_mark(kind: EventKind) -> Mark:
    """Return the mark of a line of the journal."""
    return _EVENTS.get(kind, Mark("ring", "calm", words_of(kind)))

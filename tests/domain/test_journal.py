"""The state document: what is cut, what is dropped, and that it fits where it is kept."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain import judging
from orchestrator.domain.analysis import AlarmReading, Alarms, Window
from orchestrator.domain.journal import (
    EVENT_FRAME,
    MAX_JOURNAL,
    MAX_SENTENCE,
    MAX_TEXT,
    Event,
    EventKind,
    ReleaseState,
    StepState,
    cut,
    record,
)
from orchestrator.domain.release import Target

TARGET = Target(account="123456789012", region="eu-west-1", function="f" * 64, alias="a" * 128)
NOW = datetime(2026, 1, 5, tzinfo=UTC)
SMALLEST_LIMIT = 32_000
"""Characters; Temporal Cloud's limit for a memo."""


def empty() -> ReleaseState:
    return ReleaseState(
        release_id="r1", target=TARGET, strategy="canary", actor="anna", reason="r" * MAX_TEXT, started_at=NOW
    )


@given(st.lists(st.text(max_size=2 * MAX_TEXT), min_size=1, max_size=80))
@settings(deadline=None)
def test_the_newest_events_are_kept_in_order(texts: list[str]) -> None:
    """However long each is, and however many."""
    state = empty()
    for text in texts:
        state = record(state, Event(at=NOW, kind=EventKind.WARNING, text=text))
    kept = [e.text for e in state.events]
    assert kept == [cut(t, MAX_TEXT) for t in texts][-len(kept) :]
    assert sum(len(t) + EVENT_FRAME for t in kept[:-1]) <= MAX_JOURNAL


def test_a_recorded_event_changes_the_state_with_it() -> None:
    """One event, one new state."""
    state = record(empty(), Event(at=NOW, kind=EventKind.SHIFTED, text="10 %"), weight=10.0)
    assert (state.weight, state.events[-1].text) == (10, "10 %")


def test_the_longest_document_fits_into_the_smallest_memo() -> None:
    """Twenty steps, ten alarm checks of a hundred names each, and every text at its longest."""
    state = empty()
    for _ in range(200):
        state = record(state, Event(at=NOW, kind=EventKind.ROLLING_BACK, text="t" * 999, actor="anna"))
    names = tuple(f"alarm-{i:03}-{'x' * 240}" for i in range(100))
    red = [AlarmReading(name=n, state="ALARM", since=0, reason="y" * 1000) for n in names]
    measured = tuple(judging.alarms(Alarms(name=f"c{i}", names=names), red, {}, since=0) for i in range(10))
    state = state.model_copy(
        update={
            "sentence": cut("s" * 99_999, MAX_SENTENCE),
            "measurements": measured,
            "windows": tuple(Window(step=i, weight=i, start=1.7e9 + i / 3, end=1.7e9 + i) for i in range(20)),
            "steps": (StepState(kind="shift", label="10 %", weight=10, seconds=300, started_at=NOW),) * 20,
        }
    )
    assert len(state.model_dump_json()) < SMALLEST_LIMIT

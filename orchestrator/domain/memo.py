"""The state document cut to what a memo holds: measured in bytes as it is written, never in characters of one field.

A memo over its limit ends the workflow on the spot, with the alias split. The full state stays in the workflow, and
Temporal's history keeps every reason and every reading.
"""

from collections.abc import Callable

from orchestrator.domain.journal import Event, ReleaseState, cut

MEMO_BYTES = 28_000
"""Bytes of the document, UTF-8. The smallest limit known for all memos of a workflow is 32,768 (Temporal Cloud); the
rest is left for the idempotency key. 200 steps alone take 20,000."""
NEWEST_EVENTS = 10
"""So many are kept until everything older or longer has gone."""
NEWEST_WINDOWS = 20
SHORT = 200
"""Characters of a text once room is short."""
SHORTEST = 60


def fitted(state: ReleaseState, budget: int = MEMO_BYTES) -> ReleaseState:
    """Return `state` in at most `budget` bytes of JSON, unchanged where it fits; what matters least goes first.

    Phase, outcome, cause, versions, weight, step and drift are never touched: people act on them in an emergency.
    """
    for less in _CUTS:
        excess = size(state) - budget
        if excess <= 0:
            break
        state = less(state, excess)
    return state


def size(state: ReleaseState | Event) -> int:
    """Bytes of the JSON that is written."""
    return len(state.model_dump_json().encode())


def _fewer_events(keep: int) -> Callable[[ReleaseState, int], ReleaseState]:
    def less(state: ReleaseState, excess: int) -> ReleaseState:
        events = state.events
        while excess > 0 and len(events) > keep:
            excess -= size(events[0]) + 1
            events = events[1:]
        return state.model_copy(update={"events": events})

    return less


def _short_measurements(state: ReleaseState, _: int) -> ReleaseState:
    short = (
        m.model_copy(update={"sentence": cut(m.sentence, SHORT), "query": cut(m.query, SHORT)})
        for m in state.measurements
    )
    return state.model_copy(update={"measurements": tuple(short)})


def _short_texts(state: ReleaseState, _: int) -> ReleaseState:
    texts = {"sentence": cut(state.sentence, 2 * SHORT), "reason": cut(state.reason, SHORT)}
    trouble = None if state.trouble is None else cut(state.trouble, SHORT)
    return state.model_copy(update={**texts, "trouble": trouble})


def _past_without_times(state: ReleaseState, _: int) -> ReleaseState:
    steps = (s if s.status == "current" else s.model_copy(update={"started_at": None}) for s in state.steps)
    return state.model_copy(update={"steps": tuple(steps), "windows": state.windows[-NEWEST_WINDOWS:]})


def _events_without_data(state: ReleaseState, _: int) -> ReleaseState:
    bare = (e.model_copy(update={"text": cut(e.text, SHORT), "data": {}}) for e in state.events)
    return state.model_copy(update={"events": tuple(bare)})


def _bare(state: ReleaseState, _: int) -> ReleaseState:
    """Return what is left when nothing else helps: who, where, what now, and the steps by their kind."""
    steps = (
        s.model_copy(update={"label": s.label if len(s.label.encode()) < SHORT // 10 else s.kind}) for s in state.steps
    )
    paused = None if state.paused_by is None else cut(state.paused_by, SHORTEST)
    texts = {name: cut(getattr(state, name), SHORTEST) for name in ("sentence", "reason", "actor", "strategy")}
    last = tuple(e.model_copy(update={"text": cut(e.text, SHORTEST), "actor": None}) for e in state.events[-1:])
    return state.model_copy(
        update={
            **texts,
            "trouble": None if state.trouble is None else cut(state.trouble, SHORTEST),
            "paused_by": paused,
            "steps": tuple(steps),
            "windows": state.windows[-1:],
            "measurements": (),
            "events": last,
        }
    )


_CUTS: tuple[Callable[[ReleaseState, int], ReleaseState], ...] = (
    _fewer_events(NEWEST_EVENTS),
    _short_measurements,
    _short_texts,
    _past_without_times,
    _events_without_data,
    _fewer_events(1),
    _bare,
)

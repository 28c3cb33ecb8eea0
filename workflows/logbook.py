"""The release's state document, kept where reading it needs no worker: memo and search attributes."""

from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.journal import (
        MAX_SENTENCE,
        MAX_TEXT,
        Event,
        EventKind,
        ReleaseState,
        StepState,
        cut,
        record,
    )
    from orchestrator.domain.memo import fitted
    from orchestrator.domain.plan import Approval, Gate, Plan, Promote, Shift, Step
    from orchestrator.domain.release import Outcome, Phase, ReleaseRequest

MEMO_STATE = "release"
MEMO_KEY = "idempotency_key"
RELEASE_ID = SearchAttributeKey.for_keyword("SluiceReleaseId")
FUNCTION = SearchAttributeKey.for_keyword("SluiceFunction")
TARGET = SearchAttributeKey.for_keyword("SluiceTarget")
PHASE = SearchAttributeKey.for_keyword("SluicePhase")
OUTCOME = SearchAttributeKey.for_keyword("SluiceOutcome")
STEP = SearchAttributeKey.for_int("SluiceStep")
SEARCH_ATTRIBUTES = (RELEASE_ID, FUNCTION, TARGET, PHASE, OUTCOME, STEP)


def first_state(request: ReleaseRequest) -> ReleaseState:
    """Return the document of a release that was submitted and that no worker has seen yet."""
    return ReleaseState(
        release_id=request.release_id,
        target=request.target,
        strategy=request.plan.strategy,
        actor=request.actor.name,
        reason=cut(request.reason, MAX_TEXT),
        started_at=request.submitted_at,
        sentence="waiting for a worker",
        steps=tuple(_step_state(step) for step in request.plan.steps),
    )


def first_attributes(request: ReleaseRequest) -> TypedSearchAttributes:
    """Search attributes of a new release (free at the start, one action each time later)."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(RELEASE_ID, request.release_id),
            SearchAttributePair(FUNCTION, request.target.function),
            SearchAttributePair(TARGET, str(request.target)),
            SearchAttributePair(PHASE, Phase.PENDING.value),
        ]
    )


class Logbook:
    """Holds the state, notes events and publishes both; one publication per change of phase or step, not per note."""

    def __init__(self, request: ReleaseRequest) -> None:
        self.state = first_state(request)

    def note(
        self,
        kind: EventKind,
        text: str,
        *,
        actor: str | None = None,
        data: dict[str, Any] | None = None,
        **changes: Any,
    ) -> None:
        """Add an event and change fields of the state; published with the next `publish`."""
        event = Event(at=workflow.now(), kind=kind, text=text, actor=actor, data=data or {})
        self.state = record(self.state, event, **changes)

    def enter(self, phase: Phase, sentence: str, *, until: datetime | None = None, **changes: Any) -> None:
        """Change the phase and publish."""
        self.state = self.state.model_copy(
            update={"phase": phase, "sentence": cut(sentence, MAX_SENTENCE), "waiting_until": until, **changes}
        )
        self.publish()

    def begin_step(self, index: int) -> None:
        """Mark step `index` as the current one, everything before it as done."""
        steps = [s.model_copy(update={"status": "done"}) if s.status == "current" else s for s in self.state.steps]
        steps[index] = steps[index].model_copy(update={"status": "current", "started_at": workflow.now()})
        self.state = self.state.model_copy(update={"step": index, "steps": tuple(steps)})

    def skip_step(self, index: int) -> None:
        """Mark a step that a `promote` has jumped over."""
        steps = list(self.state.steps)
        steps[index] = steps[index].model_copy(update={"status": "skipped"})
        self.state = self.state.model_copy(update={"steps": tuple(steps)})

    def finish_steps(self) -> None:
        """Mark the last step as done: the release has performed them all."""
        steps = tuple(s.model_copy(update={"status": "done"}) if s.status == "current" else s for s in self.state.steps)
        self.state = self.state.model_copy(update={"steps": steps})

    def publish(self) -> None:
        """Write memo and search attributes, two events: every reader sees the new state, as far as a memo holds it."""
        state = self.state
        workflow.upsert_memo({MEMO_STATE: fitted(state)})
        pairs: list[Any] = [PHASE.value_set(state.phase.value)]
        if state.step is not None:
            pairs.append(STEP.value_set(state.step))
        if isinstance(state.outcome, Outcome):
            pairs.append(OUTCOME.value_set(state.outcome.value))
        workflow.upsert_search_attributes(pairs)
        workflow.set_current_details(f"**{state.phase}** {state.sentence}")


def planned(plan: Plan) -> tuple[StepState, ...]:
    """Return the plan's steps as shown before any of them has been performed."""
    return tuple(_step_state(step) for step in plan.steps)


def _step_state(step: Step) -> StepState:
    match step:
        case Shift():
            return StepState(
                kind="shift", label=f"{step.weight:g} %", weight=step.weight, seconds=_seconds(step.bake.duration)
            )
        case Promote():
            return StepState(kind="promote", label="100 %", weight=100, seconds=_seconds(step.bake.duration))
        case Approval():
            who = f" by {', '.join(step.who)}" if step.who else ""
            return StepState(kind="approval", label=f"approval{who}", seconds=_seconds(step.timeout))
        case Gate():
            return StepState(kind="gate", label=f"gate {step.gate.name}", seconds=_seconds(step.timeout))


def _seconds(span: timedelta) -> float:
    return span.total_seconds()

"""A memo over its limit ends the workflow with the alias split: the document is measured before it is written."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain.analysis import Measurement, Verdict, Window
from orchestrator.domain.journal import Event, EventKind, ReleaseState, StepState, record
from orchestrator.domain.memo import MEMO_BYTES, fitted, size
from orchestrator.domain.release import Command, Order, Outcome, Phase, Target
from orchestrator.releasefile.loading import check
from tests.workflows.stage import Stage, plan, steps

NOW = datetime(2026, 1, 5, tzinfo=UTC)
TARGET = Target(account="123456789012", region="eu-west-1", function="f" * 64, alias="a" * 128)
JAPANESE = "障害が発生した。"
LINEAR = tuple(StepState(kind="shift", label=f"{i} %", weight=i, seconds=300, started_at=NOW) for i in range(1, 101))


def long(count: int, *, text: str, labels: tuple[StepState, ...] = LINEAR) -> ReleaseState:
    """A release with `count` of everything that grows, each text as long as it may be or longer."""
    state = ReleaseState(
        release_id="r1", target=TARGET, strategy=text, actor=text, reason=text, started_at=NOW, phase=Phase.BAKING
    )
    for _ in range(count):
        event = Event(at=NOW, kind=EventKind.COMMAND, text=text, actor=text, data={"order": {"reason": text}})
        state = record(state, event)
    measured = Measurement(check="errors", kind="compare", verdict=Verdict.FAIL, sentence=text, query=text)
    return state.model_copy(
        update={
            "sentence": text * 10,
            "trouble": text,
            "paused_by": text,
            "steps": labels,
            "step": 7,
            "weight": 8.0,
            "drifted": True,
            "windows": tuple(Window(step=i, weight=i, start=1.7e9, end=1.7e9 + i) for i in range(count)),
            "measurements": (measured,) * 10,
        }
    )


@pytest.mark.parametrize("kind", ["shift", "approval"])
@given(count=st.integers(0, 200), text=st.sampled_from(["", "x", JAPANESE, JAPANESE * 125, '\n"' * 500]))
@settings(deadline=None, max_examples=30)
def test_case_04_every_document_fits_in_bytes(kind: str, count: int, text: str) -> None:
    """Two hundred steps, Japanese reasons of a thousand characters: what safety needs is still there."""
    label = "10 %" if kind == "shift" else f"approval by {JAPANESE * 20}"
    parts = tuple(StepState(kind=kind, label=label, seconds=86400, started_at=NOW) for _ in range(200))
    state = long(count, text=text, labels=parts)
    kept = fitted(state)
    assert size(kept) <= MEMO_BYTES
    same = ("release_id", "target", "phase", "step", "weight", "drifted", "stable", "canary")
    assert [getattr(kept, name) for name in same] == [getattr(state, name) for name in same]
    assert kept.events[-1:] == () or kept.events[-1].kind is state.events[-1].kind


def test_case_04_what_fits_is_left_alone_and_the_oldest_goes_first() -> None:
    """The newest events are whole while older ones can go."""
    small = long(1, text="short")
    assert fitted(small) == small
    state = long(50, text=JAPANESE * 4)
    kept = fitted(state)
    assert size(state) > MEMO_BYTES
    assert kept.events == state.events[-len(kept.events) :]
    assert (len(kept.events) >= 10, kept.steps) == (True, state.steps)


@pytest.mark.parametrize(("weights", "refused"), [(199, False), (200, True)])
def test_case_04_a_plan_of_more_steps_than_a_memo_holds_is_refused(weights: int, refused: bool) -> None:
    """The release file says so before anything is started; the promotion is one more step."""
    listed = ", ".join(f"{i / 4:g}" for i in range(1, weights + 1))
    _, problems = check(f"""
targets:
  checkout:
    account: "123456789012"
    region: eu-west-1
    function: checkout
    alias: live
    strategy: slow
strategies:
  slow: {{kind: canary, weights: [{listed}], bake: 1m}}
""")
    told = [str(p) for p in problems]
    why = "slow has 201 steps with its gates, and a release takes at most 200: use fewer, larger ones"
    assert told == ([f"sluice.yaml:8:15 targets.checkout.strategy: {why}"] if refused else [])


async def test_case_04_state_document_over_memo_limit(stage: Stage) -> None:
    """A plan by 1 %, a Japanese reason, commands with a thousand characters, and a pasted report of 11 kB."""
    request = stage.request(plan=plan(*steps(*range(1, 100))), reason=JAPANESE * 1000)
    _, handle = await stage.baking(request)
    for index, reason in enumerate([JAPANESE * 125] * 6 + ["incident " * 1200] * 4):
        command = Command.RESUME if index % 2 else Command.PAUSE
        order = Order(command=command, actor=request.actor, release_id=request.release_id, reason=reason, step=0)
        await stage.service.command(order, key=f"{index}")
    memo = (await handle.describe()).raw_description.workflow_execution_info.memo
    assert sum(len(field.data) for field in memo.fields.values()) <= MEMO_BYTES + 1_000
    await stage.order(request, Command.ABORT)
    assert (await stage.finish(handle)).outcome is Outcome.ROLLED_BACK

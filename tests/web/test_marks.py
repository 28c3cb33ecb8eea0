"""Shapes, words and places in pictures: one state in, what is shown of it out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.api.roles import Principal
from orchestrator.domain.analysis import Measurement, Verdict
from orchestrator.domain.commands import refusal
from orchestrator.domain.journal import ReleaseState, StepState
from orchestrator.domain.release import Actor, Cause, Command, Order, Outcome, Phase, Target
from orchestrator.settings import GrantEntry
from orchestrator.web.marks import state_mark, verdict_mark, worst_measurement
from orchestrator.web.needs import urgency
from orchestrator.web.offers import ROLLBACK, offers
from orchestrator.web.pages import title_of
from orchestrator.web.pictures import rail_of, reading_of, scale_of, traffic_of

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SHIFT = StepState(kind="shift", label="10 %", weight=10, seconds=300, status="current", started_at=NOON)
APPROVAL = StepState(kind="approval", label="approval", seconds=86400, status="current", started_at=NOON)
EVERYTHING = Principal("anna", "token", (GrantEntry(roles=("admin",), targets=("*",)),))


def state_of(phase: Phase = Phase.BAKING, first: StepState = SHIFT, **changes: Any) -> ReleaseState:
    values: dict[str, Any] = {
        "release_id": "3f9a1c07d2e4",
        "target": Target(account="123456789012", region="eu-west-1", function="checkout", alias="live"),
        "strategy": "canary",
        "actor": "anna",
        "reason": "",
        "started_at": NOON,
        "phase": phase,
        "stable": "41",
        "canary": "42",
        "weight": 25,
        "step": 0,
        "steps": (first, StepState(kind="promote", label="100 %", weight=100)),
    }
    return ReleaseState(**{**values, **changes})


def ended(outcome: Outcome, **changes: Any) -> ReleaseState:
    return state_of(Phase.DONE, outcome=outcome, ended_at=NOON + timedelta(minutes=5), **changes)


def measured(verdict: Verdict = Verdict.PASS, **changes: Any) -> Measurement:
    values: dict[str, Any] = {"check": "errors", "kind": "compare", "sentence": "", "samples": 100, "unit": " %"}
    return Measurement(verdict=verdict, **{**values, **changes})


HOLDING = "holding: errors: too little data; everything rolls back after 24 h"


@pytest.mark.parametrize(
    ("state", "word", "urgent", "title"),
    [
        (state_of(), "Baking", False, "25 % · checkout:live v41→v42"),
        (state_of(sentence=HOLDING), "Holding", True, "Holding · checkout:live v41→v42"),
        (state_of(Phase.PAUSED, paused_by="bob"), "Paused", True, "Paused · checkout:live v41→v42"),
        (state_of(Phase.PAUSED), "Waiting for a gate", False, "25 % · checkout:live v41→v42"),
        (state_of(Phase.AWAITING_APPROVAL), "Awaiting approval", True, "Awaiting approval · checkout:live v41→v42"),
        (state_of(Phase.ROLLING_BACK), "Rolling back", False, "25 % · checkout:live v41→v42"),
        (state_of(Phase.ROLLING_BACK, drifted=True), "Drifted", True, "Drifted · checkout:live v41→v42"),
        (state_of(Phase.QUEUED, stable=None, canary=None, weight=0), "Queued", False, "0 % · checkout:live"),
        (ended(Outcome.PROMOTED), "Promoted", False, "Promoted · checkout:live v41→v42"),
        (ended(Outcome.FAILED), "FAILED", True, "FAILED · checkout:live v41→v42"),
        (ended(Outcome.REJECTED, canary=None), "Rejected", False, "Rejected · checkout:live v41→v?"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_state_has_a_word_and_a_title(state: ReleaseState, word: str, urgent: bool, title: str) -> None:
    assert state_mark(state).word == word
    assert (urgency(state) is not None) is urgent
    assert title_of(state) == title


@pytest.mark.parametrize("phase", list(Phase))
def test_a_phase_that_no_table_names_is_shown_by_its_name(phase: Phase) -> None:
    assert state_mark(state_of(phase)).word
    unknown = state_of().model_copy(update={"phase": "COOLING_DOWN"})
    assert state_mark(unknown).word == "Cooling down"
    assert [offer.command for offer in offers(unknown, EVERYTHING)] == ["abort"]


@pytest.mark.parametrize(
    ("measurement", "word"),
    [
        (measured(), "pass"),
        (measured(Verdict.FAIL), "fail"),
        (measured(Verdict.ERROR), "not readable"),
        (measured(Verdict.INCONCLUSIVE, samples=0), "no data"),
        (
            measured(Verdict.INCONCLUSIVE, samples=7, sentence="too little data: 7 of 30"),
            "too little data",
        ),
        (measured(Verdict.INCONCLUSIVE, sentence="environment: stable is over the limit too"), "undecided"),
    ],
)
def test_no_verdict_looks_like_another(measurement: Measurement, word: str) -> None:
    assert verdict_mark(measurement).word == word


def test_the_worst_check_is_one_that_acts() -> None:
    seen = measured(Verdict.FAIL, check="seen", mode="observe")
    unsure = measured(Verdict.INCONCLUSIVE, check="unsure")
    assert worst_measurement(state_of(measurements=(measured(), seen, unsure))) == unsure
    assert worst_measurement(state_of(measurements=(seen,))) == seen
    assert worst_measurement(state_of()) is None


OFFERED = [
    (state_of(Phase.PENDING, step=None, steps=()), ["abort"]),
    (state_of(Phase.QUEUED, step=None, steps=()), ["abort"]),
    (state_of(Phase.PREPARING), ["abort"]),
    (state_of(Phase.SHIFTING), ["pause", "abort"]),
    (state_of(Phase.BAKING), ["skip", "pause", "promote", "abort"]),
    (state_of(Phase.BAKING, paused_by="bob"), ["resume", "abort"]),
    (state_of(Phase.PAUSED, paused_by="bob"), ["resume", "abort"]),
    (state_of(Phase.PAUSED, StepState(kind="gate", label="gate")), ["skip", "pause", "promote", "abort"]),
    (state_of(Phase.AWAITING_APPROVAL, APPROVAL), ["approve", "reject", "abort"]),
    (state_of(Phase.PROMOTING), ["pause", "abort"]),
    (state_of(Phase.FINAL_BAKE), ["skip", "pause", "abort"]),
    (state_of(Phase.ROLLING_BACK), []),
    (state_of(Phase.ROLLING_BACK, drifted=True), ["restore", "adopt"]),
    (state_of(Phase.ROLLING_BACK, outcome=Outcome.ROLLED_BACK, cause=Cause.VERDICT), ["abort"]),
    (ended(Outcome.PROMOTED), [ROLLBACK]),
    (ended(Outcome.PROMOTED, stable=None), []),
    (ended(Outcome.ROLLED_BACK, cause=Cause.VERDICT), []),
    (ended(Outcome.FAILED), []),
]


@pytest.mark.parametrize(("state", "commands"), OFFERED, ids=lambda v: ",".join(v) if isinstance(v, list) else v.phase)
def test_what_is_offered_fits(state: ReleaseState, commands: list[str]) -> None:
    found = offers(state, EVERYTHING)
    assert [offer.command for offer in found] == commands
    for offer in found:
        assert offer.lacking is None
        if offer.command != ROLLBACK:
            order = Order(
                command=Command(offer.command), actor=Actor(name="x"), release_id=state.release_id, step=offer.step
            )
            assert refusal(state, order) is None, "the button as it is sent"


def test_only_the_safe_way_never_asks() -> None:
    asked = {o.command: o.asks for state, _ in OFFERED for o in offers(state, EVERYTHING)}
    assert {command for command, asks in asked.items() if not asks} == {"abort", "pause", "resume", "approve"}


def test_a_later_release_takes_the_way_back_unless_it_has_changed_nothing() -> None:
    promoted = ended(Outcome.PROMOTED)
    for later, offered in (
        (ended(Outcome.PROMOTED), False),
        (state_of(), False),
        (ended(Outcome.FAILED), False),
        (ended(Outcome.REJECTED), True),
        (ended(Outcome.ROLLED_BACK), True),
    ):
        assert bool(offers(promoted, EVERYTHING, later)) is offered


def test_a_missing_role_is_named() -> None:
    watcher = Principal("bob", "token", (GrantEntry(roles=("approve",), targets=("*/checkout:live",)),))
    found = offers(state_of(Phase.AWAITING_APPROVAL, APPROVAL), watcher)
    assert {o.command: o.lacking for o in found} == {"approve": None, "reject": None, "abort": "operate"}


@pytest.mark.parametrize(("weight", "split"), [(0, 100), (0.1, 98.5), (25, 75), (99.9, 1.5), (100, 0)])
def test_a_small_share_is_drawn_too(weight: float, split: float) -> None:
    traffic = traffic_of(state_of(weight=weight))
    assert traffic is not None
    assert traffic.split == split
    assert traffic.canary_share == weight


def test_the_bar_says_what_it_rests_on() -> None:
    assert traffic_of(state_of(stable=None, canary=None)) is None
    seen = traffic_of(state_of(observed_weight=24.6))
    assert seen is not None
    assert seen.told == "v41 takes 75 %, v42 takes 25 %, read back from the alias, 24.6 % observed"
    assert seen.observed == pytest.approx(75.4)
    for unsure in (ended(Outcome.FAILED), state_of(drifted=True)):
        assert reading_of(unsure).startswith("as Sluice last read the alias")


def test_a_scale_holds_all_numbers() -> None:
    scale = scale_of(measured(value=2.3, baseline=0.28, limit=1))
    assert scale is not None
    assert scale.told == "canary 2.3 %, baseline 0.28 %, limit 1 %"
    assert scale.limit is not None
    assert scale.baseline is not None
    assert scale.baseline < scale.limit < scale.canary < 100
    for nothing in ({"value": None}, {"value": 3.0}, {"value": 0.0, "baseline": 0.0}, {"value": -1.0, "limit": 1.0}):
        assert scale_of(measured(**nothing)) is None


def test_a_step_lasts_until_the_next_one_begins() -> None:
    later = NOON + timedelta(minutes=3)
    steps = (
        SHIFT.model_copy(update={"status": "done"}),
        StepState(kind="shift", label="50 %", weight=50, status="skipped"),
        StepState(kind="promote", label="100 %", weight=100, status="current", started_at=later),
    )
    rail = rail_of(state_of(steps=steps, step=2))
    assert [(leg.began, leg.ended) for leg in rail] == [(NOON, later), (None, None), (later, None)]
    over = ended(Outcome.PROMOTED, steps=steps, step=2)
    assert rail_of(over)[2].ended == over.ended_at

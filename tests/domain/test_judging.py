"""From readings to verdicts, and from verdicts to what a bake does."""

from datetime import timedelta
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain import judging
from orchestrator.domain.analysis import (
    AlarmReading,
    Alarms,
    ArmReading,
    Compare,
    Limit,
    Measurement,
    Observation,
    Verdict,
)
from orchestrator.domain.plan import Bake

BAKE = Bake(duration=timedelta(minutes=5), max_hold=timedelta(minutes=10))
COMPARE = Compare(name="errors", latency=False)
LIMIT = Limit(name="limit", metric="error_rate", maximum=5)


def periods(canary: ArmReading | None, stable: ArmReading | None, *, complete: bool = True, count: int = 1) -> Any:
    return [
        Observation(
            start=60 * i,
            seconds=60,
            weight=10,
            step=0,
            since_change=i,
            complete=complete,
            canary=canary,
            baseline=stable,
        )
        for i in range(count)
    ]


def compared(observations: list[Observation], check: Compare = COMPARE) -> Measurement:
    return judging.compare(check, observations, step=0, weight=10, next_weight=50, seconds_in_step=300, slow=None)


def measured(verdict: Verdict, **more: Any) -> Measurement:
    return Measurement(check="c", kind="limit", verdict=verdict, sentence="s", **more)


def test_no_invocation_is_no_pass() -> None:
    """Scenarios 13 and 18: both series empty is no evidence."""
    for m in (compared([]), compared(periods(None, None)), judging.limit(LIMIT, periods(None, None), step=0)):
        assert m.verdict is Verdict.INCONCLUSIVE
        assert "no evidence is not a pass" in m.sentence


def test_fewer_samples_than_the_minimum_are_inconclusive() -> None:
    """Scenario 14: 8 invocations, 50 needed, good or bad."""
    for errors in (0, 2):
        reading = periods(ArmReading(invocations=8, errors=errors), ArmReading(invocations=100))
        assert judging.limit(LIMIT, reading, step=0).verdict is Verdict.INCONCLUSIVE


def test_same_error_rate_is_no_reason_to_go_back() -> None:
    """Scenario 15: 3 of 100 against 2,900 of 100,000."""
    found = compared(periods(ArmReading(invocations=100, errors=3), ArmReading(invocations=100_000, errors=2_900)))
    assert found.verdict is not Verdict.FAIL


def test_far_higher_error_rate_is_seen_in_one_look() -> None:
    """Scenario 15: 20 of 100 against 100 of 100,000."""
    bad = ArmReading(invocations=100, errors=20)
    good = ArmReading(invocations=100_000, errors=100)
    found = compared(periods(bad, good, count=2))
    assert found.verdict is Verdict.FAIL


def test_pass_rests_on_complete_periods() -> None:
    """Scenario 16: what may still grow proves nothing, and condemns all the same."""
    good = periods(ArmReading(invocations=500), ArmReading(invocations=500), complete=False)
    assert judging.limit(LIMIT, good, step=0).verdict is Verdict.INCONCLUSIVE
    bad = periods(ArmReading(invocations=500, errors=250), ArmReading(invocations=500), complete=False)
    assert judging.limit(LIMIT, bad, step=0).verdict is Verdict.FAIL


def test_both_over_the_limit_is_the_environment() -> None:
    """Scenario 43."""
    both = ArmReading(invocations=500, errors=100)
    found = judging.limit(LIMIT, periods(both, both), step=0)
    assert (found.verdict, found.sentence.partition(":")[0]) == (Verdict.INCONCLUSIVE, "environment")


def test_limit_looks_at_its_own_step_alone() -> None:
    """Bad numbers of an earlier weight have had their say."""
    early = periods(ArmReading(invocations=500, errors=250), None)
    assert judging.limit(LIMIT, early, step=1).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("since", "verdict"), [(100.0, Verdict.PASS), (99.0, Verdict.PASS), (101.0, Verdict.FAIL)])
def test_alarm_that_was_red_at_the_start_counts_on_a_new_transition(since: float, verdict: Verdict) -> None:
    """Scenario 20."""
    red = [AlarmReading(name="a", state="ALARM", since=since)]
    assert judging.alarms(Alarms(name="x", names=("a",)), red, {"a": 100.0}, since=0).verdict is verdict


def test_alarm_that_was_deleted_meanwhile_is_no_pass() -> None:
    """It cannot tell any more."""
    assert judging.alarms(Alarms(name="x", names=("a",)), [], {}, since=0).verdict is Verdict.ERROR


verdicts = st.sampled_from(Verdict)
measurements = st.lists(
    st.builds(
        measured,
        verdicts,
        on_failure=st.sampled_from(["rollback", "pause", "notify"]),
        on_inconclusive=st.sampled_from(["hold", "advance", "rollback"]),
        mode=st.sampled_from(["enforce", "observe"]),
        proven=st.booleans(),
    ),
    max_size=4,
)


@given(measurements, st.floats(min_value=0, max_value=2000), st.booleans())
@settings(deadline=None)
def test_conclusions_keep_their_order(found: list[Measurement], elapsed: float, waits: bool) -> None:
    """The first rollback wins; nothing advances early, nor against an unread number or a choice to hold."""
    action = judging.conclude(BAKE, found, elapsed=elapsed, waits=waits).action
    acting = [m for m in found if m.mode == "enforce"]
    failing = {m.on_failure for m in acting if m.verdict is Verdict.FAIL}
    if "rollback" in failing:
        assert action == "rollback"
    elif "pause" in failing:
        assert action == "pause"
    elif action == "advance":
        assert elapsed >= 300
        assert all(m.verdict is not Verdict.ERROR for m in acting)
        unsure = [m for m in acting if m.verdict is Verdict.INCONCLUSIVE]
        assert all(m.on_inconclusive == "advance" for m in unsure)
        assert waits or not unsure
    elif action in ("hold", "rollback"):
        assert waits
        assert elapsed >= 900


@given(measurements, st.floats(min_value=0, max_value=2000))
@settings(deadline=None)
def test_a_check_that_only_observes_changes_nothing(found: list[Measurement], elapsed: float) -> None:
    """It is shown, and never acts."""
    action = judging.conclude(BAKE, found, elapsed=elapsed).action
    watching = [*found, measured(Verdict.FAIL, mode="observe"), measured(Verdict.ERROR, mode="observe")]
    assert judging.conclude(BAKE, watching, elapsed=elapsed).action == action


@pytest.mark.parametrize(("advance", "action"), [("on_time", "advance"), ("on_evidence", "wait")])
def test_comparison_that_is_not_proven_ends_a_step_only_on_time(
    advance: Literal["on_time", "on_evidence"], action: str
) -> None:
    """With `on_evidence` a pass is not enough: the comparison must have proven the canary."""
    bake = BAKE.model_copy(update={"advance": advance})
    unproven = measured(Verdict.PASS).model_copy(update={"kind": "compare"})
    assert judging.conclude(bake, [unproven], elapsed=300).action == action
    proven = unproven.model_copy(update={"proven": True})
    early = judging.conclude(bake, [proven], elapsed=60).action
    assert early == ("advance" if advance == "on_evidence" else "wait")


def test_a_step_that_ends_by_its_time_says_so_where_the_comparison_has_proven_nothing() -> None:
    """The shift does not stand beside a bare "undecided"; neither a proof nor a failed check gets these words."""
    unproven = Measurement(check="c", kind="compare", verdict=Verdict.PASS, sentence="undecided: x")
    found = judging.conclude(BAKE, [unproven], elapsed=300)
    assert (found.action, found.sentence) == ("advance", "bake over, nothing worse shown; c: undecided: x")
    proof = unproven.model_copy(update={"proven": True, "sentence": "proven: x"})
    assert judging.conclude(BAKE, [proof], elapsed=300).sentence == "c: proven: x"
    told_only = measured(Verdict.FAIL, on_failure="notify")
    assert judging.conclude(BAKE, [unproven, told_only], elapsed=300).sentence == "c: undecided: x"

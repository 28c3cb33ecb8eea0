"""What a plan must be, and what it says of its own weights."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from orchestrator.domain.analysis import Compare
from orchestrator.domain.plan import Approval, Bake, Plan, Promote, Shift, Step

BAKE = Bake(duration=timedelta(minutes=5))


def plan(*steps: Step) -> Plan:
    return Plan(strategy="canary", steps=steps)


@given(st.lists(st.integers(1, 99), unique=True, max_size=5).map(sorted), st.data())
@settings(deadline=None)
def test_weights_of_a_plan_only_rise(weights: list[int], data: st.DataObject) -> None:
    """I1: what is in force after a step is never above what the next one brings."""
    parts: list[Step] = [Shift(weight=w, bake=BAKE) for w in weights]
    parts.insert(data.draw(st.integers(0, len(parts))), Approval())
    found = plan(*parts, Promote(bake=BAKE))
    for index in range(len(found.steps)):
        after = found.next_weight(index)
        assert after is None or after > found.weight_after(index)
    assert found.weight_after(len(found.steps) - 1) == 100
    assert found.splits == bool(weights)


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        (
            (Shift(weight=50, bake=BAKE), Shift(weight=10, bake=BAKE), Promote(bake=BAKE)),
            "weights must ascend, got 50, 10",
        ),
        ((Shift(weight=10, bake=BAKE), Shift(weight=10, bake=BAKE), Promote(bake=BAKE)), "weights must ascend"),
        ((Shift(weight=10, bake=BAKE),), "the last step, and no other, must promote"),
        ((Promote(bake=BAKE), Promote(bake=BAKE)), "the last step, and no other, must promote"),
    ],
)
def test_plan_that_could_not_end_well_is_refused(steps: tuple[Step, ...], why: str) -> None:
    """At submission, with the reason."""
    with pytest.raises(ValidationError, match=why):
        plan(*steps)


@pytest.mark.parametrize("weight", [0, 100, -1, 101])
def test_shift_is_a_share_between_both(weight: float) -> None:
    """Nothing at 0, and 100 is the promotion."""
    with pytest.raises(ValidationError):
        Shift(weight=weight, bake=BAKE)


def test_two_checks_of_one_name_are_refused() -> None:
    """A verdict must say which check it is of."""
    with pytest.raises(ValidationError, match="every check needs a name of its own, got a, a"):
        Plan(strategy="x", steps=(Promote(bake=BAKE),), checks=(Compare(name="a"), Compare(name="a")))


@pytest.mark.parametrize(
    ("wished", "written"), [(33.3333, 33.33), (100 / 3, 33.33), (12.345, 12.34), (0.125, 0.12), (0.29, 0.29), (10, 10)]
)
def test_a_weight_is_what_the_alias_is_given(wished: float, written: float) -> None:
    """Whole hundredths of a per cent, never more than wished: what is read back must agree."""
    assert Shift(weight=wished, bake=BAKE).weight == written


def test_a_weight_below_the_smallest_is_refused() -> None:
    with pytest.raises(ValidationError, match="the smallest is"):
        Shift(weight=0.004, bake=BAKE)

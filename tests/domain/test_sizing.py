"""Steps made to measure: the traffic of the alias decides the first weights, and nothing else of a plan."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from orchestrator.domain.plan import Approval, Bake, Gate, Plan, Plugin, Promote, Shift, Sizing
from orchestrator.domain.sizing import ramp, sized

BAKE = Bake(duration=timedelta(minutes=5))
rates = st.floats(min_value=0, max_value=1e7)


def gate(name):
    return Gate(gate=Plugin(name=name, kind="freeze"))


def longest(*before_first, before_ten=(), before_promotion=()):
    one, five, ten, fifty = (Shift(weight=w, bake=BAKE) for w in (1, 5, 10, 50))
    return (*before_first, one, five, *before_ten, ten, fifty, *before_promotion, Promote(bake=BAKE))


def weights(steps):
    return [s.weight for s in steps if isinstance(s, Shift)]


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (0, [10, 50]),
        (300, [10, 50]),
        (600, [5, 10, 50]),
        (1000, [3, 10, 50]),
        (2000, [1.5, 7.5, 10, 50]),
        (3000, [1, 5, 10, 50]),
        (1e6, [1, 5, 10, 50]),
    ],
)
def test_the_ramp_by_traffic(rate, expected):
    assert list(ramp(rate)) == expected
    assert weights(sized(longest(), rate)) == expected


@given(rate=rates)
def test_every_sized_plan_can_be_performed(rate):
    """About 30 requests a minute on the canary at first, if 1 to 10 % can give them; then 10 and 50 % for certain."""
    steps = sized(longest(), rate)
    Plan(strategy="auto", steps=steps)
    found = weights(steps)
    assert found[-2:] == [10, 50]
    assert all(a < b <= 5 * a + 1e-9 for a, b in pairwise(found))
    assert 1 <= found[0] <= 10
    if 300 < rate < 3000:
        assert 30 <= rate * found[0] / 100 <= 30 + rate / 1000 + 1e-6
    assert {s.bake for s in steps if isinstance(s, Shift)} == {BAKE}
    assert steps[-1] == Promote(bake=BAKE)


def test_what_guards_a_weight_that_is_left_out_guards_the_next_one():
    """A gate before 1 % is asked before 10 % where the ramp begins there; the same gate is asked once."""
    freeze, change = gate("freeze"), gate("change")
    plan = longest(freeze, before_ten=(freeze, change, Approval()))
    assert sized(plan, 0)[:4] == (freeze, change, Approval(), Shift(weight=10, bake=BAKE))
    assert [type(s) for s in sized(plan, 3000)][:2] == [Gate, Shift]


@pytest.mark.parametrize("rate", [0, 1000, 1e6])
def test_what_stands_before_the_promotion_stays(rate):
    plan = longest(before_promotion=(Approval(),))
    assert sized(plan, rate)[-2:] == (Approval(), Promote(bake=BAKE))


def test_a_plan_with_sizing_has_the_shifts_of_the_busiest_alias():
    with pytest.raises(ValidationError, match="1, 5, 10 and 50"):
        Plan(strategy="auto", steps=(Shift(weight=10, bake=BAKE), Promote(bake=BAKE)), sizing=Sizing())
    with pytest.raises(ValueError, match="needs 4 shifts, and has 1"):
        sized((Shift(weight=10, bake=BAKE), Promote(bake=BAKE)), 1e6)


@pytest.mark.parametrize("rate", [-1, float("nan"), float("inf")])
def test_traffic_that_is_no_traffic_is_refused(rate):
    with pytest.raises(ValueError, match="finite"):
        ramp(rate)

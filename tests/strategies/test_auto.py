"""Strategy auto: weights by traffic, steps by proof."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from orchestrator.domain.plan import Approval, Plan, Shift
from orchestrator.domain.sizing import sized
from orchestrator.strategies import auto, canary, linear


def written(spec, **options):
    """Read options as they stand in a file."""
    return spec.model_validate_json(json.dumps(options), strict=True)


def weights(steps):
    return [step.weight for step in steps if isinstance(step, Shift)]


def test_without_traffic_the_plan_is_that_of_the_busiest_alias_and_waits_to_be_sized():
    spec = auto.Spec()
    assert weights(auto.plan(spec)) == [1, 5, 10, 50]
    assert auto.sizing(spec).window == timedelta(hours=1)


def test_traffic_that_is_given_fixes_the_weights():
    spec = written(auto.Spec, requests_per_minute=1000)
    assert weights(auto.plan(spec)) == [3, 10, 50]
    assert auto.sizing(spec) is None


@given(rate=st.floats(min_value=0, max_value=1e6))
def test_sizing_at_the_start_and_at_submission_give_the_same_steps(rate):
    asked = {"approvals": [10, 100]}
    later = sized(auto.plan(written(auto.Spec, **asked)), rate)
    assert later == auto.plan(written(auto.Spec, requests_per_minute=rate, **asked))
    Plan(strategy="auto", steps=later)


def test_every_step_ends_on_proof_between_a_minimum_and_a_maximum():
    spec = written(auto.Spec, minimum="2m", maximum="20m")
    for step in auto.plan(spec)[:-1]:
        bake = step.bake
        assert (bake.advance, bake.minimum) == ("on_evidence", timedelta(minutes=2))
        assert bake.duration + bake.max_hold == timedelta(minutes=20)


def test_approvals_stand_before_weights_that_every_release_reaches():
    steps = auto.plan(written(auto.Spec, approvals=[10, 50, 100]))
    kinds = ["approval" if isinstance(s, Approval) else getattr(s, "weight", 100) for s in steps]
    assert kinds == [1, 5, "approval", 10, "approval", 50, "approval", 100]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"approvals": [5]}, "no step reaches 5 %"),
        ({"minimum": "1h", "maximum": "30m"}, "`maximum` is shorter than `minimum`"),
        ({"maximum": "0s"}, "longer than nothing"),
        ({"requests_per_minute": -1}, "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_performed_is_refused(options, told):
    with pytest.raises(ValidationError, match=told):
        written(auto.Spec, **options)


# The same wish on the other strategies that split


def test_linear_may_advance_on_evidence_with_a_minimum():
    spec = written(linear.Spec, step=50, every="10m", advance="on_evidence", minimum="2m", max_hold="5m")
    (shift, _) = linear.plan(spec)
    assert (shift.bake.advance, shift.bake.minimum) == ("on_evidence", timedelta(minutes=2))
    assert shift.bake.duration + shift.bake.max_hold == timedelta(minutes=15)
    with pytest.raises(ValidationError, match="`every` is shorter than `minimum`"):
        written(linear.Spec, every="1m", minimum="2m")


def test_canary_may_give_each_weight_its_own_minimum():
    spec = written(canary.Spec, weights=[10, {"weight": 50, "minimum": "4m"}], minimum="1m", advance="on_evidence")
    assert [s.bake.minimum for s in canary.plan(spec)[:-1]] == [timedelta(minutes=1), timedelta(minutes=4)]
    with pytest.raises(ValidationError, match="the bake at 50 % is shorter"):
        written(canary.Spec, weights=[10, {"weight": 50, "minimum": "1h"}])

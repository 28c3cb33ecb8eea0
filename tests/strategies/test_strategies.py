"""Every strategy, also one added later, gives a plan that the workflow can perform."""

import json
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import orchestrator.strategies
from orchestrator.domain.plan import Approval, Plan, Promote, Shift
from orchestrator.registry import Registry
from orchestrator.strategies import blue_green, canary, linear

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
STRATEGIES = Registry(orchestrator.strategies, "strategy")

weights = st.lists(
    st.floats(min_value=0.01, max_value=99.9).map(lambda w: round(w, 2)), min_size=1, max_size=8, unique=True
).map(sorted)
durations = st.integers(min_value=0, max_value=7 * 86400).map(lambda s: f"{s}s")


def written(spec, **options):
    """Read options as they stand in a file."""
    return spec.model_validate_json(json.dumps(options), strict=True)


def shifted(steps):
    return [step.weight for step in steps if isinstance(step, Shift)]


def assert_performable(steps):
    """What the workflow relies on."""
    Plan(strategy="any", steps=steps)
    found = shifted(steps)
    assert all(0 < w < 100 for w in found)
    assert all(a < b for a, b in pairwise(found))
    assert isinstance(steps[-1], Promote)
    assert not any(isinstance(step, Promote) for step in steps[:-1])
    assert not any(isinstance(a, Approval) and isinstance(b, Approval) for a, b in pairwise(steps))


def test_every_strategy_is_found_by_its_file():
    assert {"all_at_once", "blue_green", "canary", "linear"} <= set(STRATEGIES.names)


@pytest.mark.parametrize("name", STRATEGIES.names)
def test_a_strategy_works_with_its_defaults(name):
    """So that its kind alone can be named in a target."""
    plugin = STRATEGIES[name]
    assert_performable(plugin.plan(plugin.spec()))


@pytest.mark.parametrize("name", STRATEGIES.names)
def test_a_strategy_is_pure_and_its_spec_frozen(name):
    plugin = STRATEGIES[name]
    spec = plugin.spec()
    assert plugin.plan(spec) == plugin.plan(spec)
    with pytest.raises(ValidationError):
        spec.final_bake = timedelta(0)


@pytest.mark.parametrize("name", STRATEGIES.names)
def test_every_option_has_a_text(name):
    """It is what an editor shows."""
    fields = STRATEGIES[name].spec.model_fields
    assert [field for field, info in fields.items() if not info.description] == []


@PATIENT
@given(weights=weights, bake=durations, final=durations, approvals=st.data())
def test_canary_performs_any_ascending_weights(weights, bake, final, approvals):
    asked = approvals.draw(st.lists(st.sampled_from([*weights, 100]), unique=True))
    spec = written(canary.Spec, weights=weights, bake=bake, final_bake=final, approvals=asked)
    steps = canary.plan(spec)
    assert_performable(steps)
    assert shifted(steps) == weights
    following = [b for a, b in pairwise(steps) if isinstance(a, Approval)]
    assert sorted(step.weight if isinstance(step, Shift) else 100 for step in following) == sorted(asked)


@PATIENT
@given(step=st.floats(min_value=1, max_value=99.9).map(lambda s: round(s, 3)), every=durations.filter("0s".__ne__))
def test_linear_takes_equal_steps(step, every):
    steps = linear.plan(written(linear.Spec, step=step, every=every))
    assert_performable(steps)
    found = [0, *shifted(steps)]
    assert all(b - a == pytest.approx(step, abs=0.01 + 1e-9) for a, b in pairwise(found)), "in whole hundredths"
    assert all(weight <= i * step + 1e-9 for i, weight in enumerate(found)), "never more than said"
    assert 100 - found[-1] <= step + 0.01 + 1e-9


def test_linear_by_ten_takes_nine_shifts():
    steps = linear.plan(written(linear.Spec, step=10, every="1m"))
    assert shifted(steps) == [10, 20, 30, 40, 50, 60, 70, 80, 90]
    assert {step.bake.duration for step in steps[:-1]} == {timedelta(minutes=1)}


def test_each_weight_may_bake_for_its_own_time():
    spec = written(canary.Spec, weights=[5, {"weight": 25, "bake": "1h30m"}, {"weight": 50}], bake="5m")
    bakes = [step.bake.duration for step in canary.plan(spec)[:-1]]
    assert bakes == [timedelta(minutes=5), timedelta(hours=1, minutes=30), timedelta(minutes=5)]


def test_a_bake_carries_how_it_ends():
    spec = written(canary.Spec, weights=[10], bake="10m", advance="on_evidence", minimum="2m", max_hold="1h")
    bake = canary.plan(spec)[0].bake
    assert (bake.advance, bake.minimum, bake.max_hold) == ("on_evidence", timedelta(minutes=2), timedelta(hours=1))


def test_blue_green_switches_after_its_approval():
    steps = blue_green.plan(written(blue_green.Spec, approval={"who": ["anna"], "timeout": "2h"}, final_bake="15m"))
    assert [step.kind for step in steps] == ["approval", "promote"]
    assert (steps[0].who, steps[0].timeout) == (("anna",), timedelta(hours=2))
    assert steps[1].bake.duration == timedelta(minutes=15)
    assert [step.kind for step in blue_green.plan(blue_green.Spec())] == ["promote"]


def test_a_final_bake_of_nothing_waits_for_no_data():
    spec = written(canary.Spec, final_bake="0s", max_hold="30m")
    assert canary.plan(spec)[-1].bake.max_hold == timedelta(0)

"""Queries against their bounds, comparisons that share alpha, and slow invocations that nobody counted."""

import pytest
from pydantic import ValidationError

from orchestrator.domain import judging
from orchestrator.domain.analysis import (
    ArmReading,
    Compare,
    Limit,
    Observation,
    Query,
    QueryReading,
    Verdict,
)


def query(**changes):
    given = {"name": "declined", "provider": "prometheus", "query": "sum(x)", "maximum": 5} | changes
    return Query(**given)


def reading(value=None, **more):
    return QueryReading(at=600, value=value, **more)


@pytest.mark.parametrize(
    ("bounds", "value", "verdict"),
    [
        ({}, 5.0, Verdict.PASS),
        ({}, 5.01, Verdict.FAIL),
        ({}, 0.0, Verdict.PASS),
        ({"minimum": 2}, 1.99, Verdict.FAIL),
        ({"minimum": 2}, 2.0, Verdict.PASS),
        ({"minimum": 2, "maximum": None}, 1e9, Verdict.PASS),
        ({"minimum": 2, "maximum": None}, -3.0, Verdict.FAIL),
        ({}, None, Verdict.INCONCLUSIVE),
    ],
)
def test_a_number_must_stay_within_its_bounds(bounds, value, verdict):
    """Both bounds are included; no number is no evidence."""
    assert judging.query(query(**bounds), reading(value)).verdict is verdict


def test_a_measurement_carries_all_that_explains_it():
    check = query(minimum=1, unit=" /s", samples_query="count(x)", min_samples=10, baseline_query="sum(y)")
    found = reading(7.25, baseline=3.0, samples=42.4, query="sum(x{})", warnings=("results may be incomplete",))
    measured = judging.query(check, found)
    assert measured.sentence == (
        "7.25 /s, must be at least 1 /s and at most 5 /s; prometheus warns: results may be incomplete"
    )
    assert (measured.value, measured.baseline, measured.limit, measured.unit) == (7.25, 3.0, 5, " /s")
    assert (measured.samples, measured.window_end, measured.query) == (42, 600, "sum(x{})")
    assert measured.verdict is Verdict.FAIL


def test_what_is_wrong_with_both_versions_is_the_environment():
    check = query(baseline_query="sum(y)")
    measured = judging.query(check, reading(9, baseline=8))
    assert measured.verdict is Verdict.INCONCLUSIVE
    assert measured.sentence == "environment: stable is out of bounds too (8); 9, must be at most 5"
    assert judging.query(check, reading(9)).verdict is Verdict.FAIL


@pytest.mark.parametrize(("samples", "told"), [(9.0, "9 samples, 10 needed"), (None, "no samples, 10 needed")])
def test_too_few_samples_are_inconclusive_whatever_the_number(samples, told):
    check = query(samples_query="count(x)", min_samples=10)
    measured = judging.query(check, reading(99, samples=samples))
    assert (measured.verdict, measured.sentence) == (Verdict.INCONCLUSIVE, f"too little data: {told}")


def test_before_the_first_complete_period_there_is_nothing_to_judge():
    measured = judging.query(query(), None)
    assert measured.verdict is Verdict.INCONCLUSIVE
    assert "first complete period" in measured.sentence


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"maximum": None}, "without a bound nothing could fail"),
        ({"minimum": 9}, "`minimum` 9 is above `maximum` 5"),
        ({"min_samples": 10}, "needs a `samples_query`"),
        ({"query": "sum(x{v='{{vresion}}'})"}, "there is no `{{vresion}}` to fill in"),
        ({"query": ""}, "at least 1 character"),
    ],
)
def test_a_query_that_could_not_be_judged_is_refused(changes, told):
    with pytest.raises(ValidationError, match=told.replace("{", r"\{")):
        query(**changes)


# Comparisons


def observations(canary, baseline, periods=3):
    """Periods of a minute at 10 %; arms are (invocations, errors, slow by name)."""
    arms = [None if a is None else ArmReading(invocations=a[0], errors=a[1], slow=a[2]) for a in (canary, baseline)]
    return [
        Observation(
            start=60 * i, seconds=60, weight=10, step=0, since_change=i, complete=True, canary=arms[0], baseline=arms[1]
        )
        for i in range(periods)
    ]


def compare(found, share=1.0, slow="50", check=None):
    return judging.compare(
        check or Compare(name="errors"),
        found,
        step=0,
        weight=10,
        next_weight=50,
        seconds_in_step=240,
        slow=slow,
        alpha_share=share,
    )


def test_alpha_is_shared_by_the_comparisons_that_may_act():
    """Observers and other kinds take no part; a plan without a comparison has nothing to share."""
    one, two = Compare(name="one"), Compare(name="two")
    limit = Limit(name="rate", metric="error_rate", maximum=1)
    observer = Compare(name="three", mode="observe")
    assert judging.alpha_share((one, limit, observer)) == 1
    assert judging.alpha_share((one, two, observer)) == 0.5
    assert judging.alpha_share((limit,)) == 1


def test_a_comparison_with_a_part_of_alpha_needs_that_much_more_evidence():
    """Three failures of 60 against 1 of 540: enough for 1 %, not for a fiftieth of it."""
    found = observations((60, 4, {}), (540, 1, {}), periods=1)
    whole, part = compare(found), compare(found, share=0.02)
    assert whole.verdict is Verdict.FAIL
    assert "(limit 1 in 100)" in whole.sentence
    assert part.verdict is not Verdict.FAIL


def test_slow_invocations_that_nobody_counted_are_not_taken_for_none():
    """Without a count there is no latency to compare, instead of a canary that looks quick."""
    assert compare(observations((600, 0, {"50": 400}), (5400, 0, {"50": 540}))).verdict is Verdict.FAIL
    unknown = compare(observations((600, 0, {}), (5400, 0, {})))
    assert unknown.verdict is Verdict.PASS
    check = Limit(name="slow", metric="slow_share", maximum=10, slower_than=50)
    assert judging.limit(check, observations((600, 0, {}), (5400, 0, {})), step=0).verdict is Verdict.INCONCLUSIVE
    assert judging.limit(check, observations((600, 0, {"50": 30}), None), step=0).value == 5

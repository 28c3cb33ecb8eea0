"""What the verdict refuses, advances, holds and says."""

import json
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from orchestrator.domain.comparison import (
    Arm,
    ComparisonSettings,
    Decision,
    Evidence,
    InvalidPeriods,
    Period,
    StepView,
    auto_weights,
    decide,
    first_weight,
    fold,
    read_periods,
)


def step(weight=10.0, next_weight=50.0, periods_visible=5, seconds=300.0) -> StepView:
    return StepView(
        index=0,
        weight=weight,
        next_weight=next_weight,
        periods_visible=periods_visible,
        seconds_in_step=seconds,
        limit_seconds=1800,
    )


def minute(index, canary, baseline, weight=10.0, *, slow=(None, None)) -> Period:
    return Period(
        start=60 * index,
        seconds=60,
        weight=weight,
        since_weight_change=index,
        canary=Arm(invocations=canary[0], errors=canary[1], slow=slow[0]),
        baseline=Arm(invocations=baseline[0], errors=baseline[1], slow=slow[1]),
    )


# Refused input


@pytest.mark.parametrize(
    ("values", "value", "limit"),
    [
        ({"invocations": -1, "errors": 0}, -1, "greater than or equal to 0"),
        ({"invocations": 2.5, "errors": 0}, 2.5, "valid integer"),
        ({"invocations": float("nan"), "errors": 0}, "nan", "finite"),
        ({"invocations": 10**16, "errors": 0}, 10**16, "less than or equal to 1000000000000000"),
        ({"invocations": 3, "errors": 4}, 4, "above invocations 3"),
        ({"invocations": 3, "errors": 0, "slow": 9}, 9, "above invocations 3"),
    ],
)
def test_impossible_counts_are_refused_with_value_and_limit(values, value, limit):
    """Directly as a ValueError, and as InvalidPeriods where plain rows are read."""
    with pytest.raises(ValidationError) as refused:
        Arm(**values)
    assert str(value) in str(refused.value)
    assert limit in str(refused.value)
    row = {"start": 0, "seconds": 60, "weight": 10, "since_weight_change": 0, "canary": values}
    with pytest.raises(InvalidPeriods) as read:
        read_periods([row])
    assert str(value) in str(read.value)
    assert limit in str(read.value)
    assert "period 0: canary" in str(read.value)


def test_rows_are_read():
    """Whole numbers given as floats, as CloudWatch does, are counts."""
    row = {"start": 60, "seconds": 60, "weight": 10, "since_weight_change": 1}
    (one,) = read_periods([{**row, "canary": {"invocations": 3.0, "errors": 1.0}}])
    assert one.canary == Arm(invocations=3, errors=1)
    assert one.baseline is None


def test_duplicate_overlapping_and_future_periods_are_refused():
    """Each request may be counted once, and only after the period has closed."""
    first, second = minute(0, (1, 0), (9, 0)), minute(1, (1, 0), (9, 0))
    with pytest.raises(InvalidPeriods, match="two periods start at 0"):
        decide([first, second, first], step())
    long = first.model_copy(update={"seconds": 90})
    with pytest.raises(InvalidPeriods, match="period at 60 begins before the one before it ended at 90"):
        decide([long, second], step())
    with pytest.raises(InvalidPeriods, match=r"ends at 120, after now \(119\)"):
        decide([first, second], step(), now=119)
    assert decide([first, second], step(), now=120).decision is Decision.WAIT


def test_the_streaming_form_refuses_what_it_has_seen():
    """A period that is not later than all before it would count twice."""
    settings = ComparisonSettings()
    seen = fold(Evidence(), minute(1, (1, 0), (9, 0)), settings)
    with pytest.raises(InvalidPeriods, match="period at 60 begins before the one before it ended at 120"):
        fold(seen, minute(1, (1, 0), (9, 0)), settings)


@pytest.mark.parametrize(
    "values",
    [
        {"alpha": 0},
        {"alpha": 0.51},
        {"alpha": float("nan")},
        {"rho": 0.9},
        {"delta": -0.1},
        {"cluster": 0},
        {"cluster": 1.5},
        {"first_mass": 0},
        {"latency_share": 1},
        {"accept_rho": 1.05},
        {"hold_at": 101},
        {"unknown": 1},
    ],
)
def test_settings_out_of_range_are_refused(values):
    """Each names the value."""
    with pytest.raises(ValidationError) as refused:
        ComparisonSettings(**values)
    assert str(next(iter(values.values()))) in str(refused.value)


# Decisions


def healthy(count, weight=10.0, slow=(None, None)):
    return [minute(index, (60, 0), (540, 1), weight, slow=slow) for index in range(count)]


def test_a_healthy_release_advances_from_proof_and_not_before():
    """The decision turns when the acceptance bound falls below the margin."""
    decisions = [decide(healthy(count), step()).decision for count in range(1, 7)]
    assert decisions == [Decision.WAIT] * 3 + [Decision.ADVANCE] * 3


def test_proof_needs_the_visible_periods_at_the_current_weight():
    """Neither too few periods nor proof from another weight advance."""
    config = ComparisonSettings(min_periods=6)
    judgement = decide(healthy(5), step(periods_visible=5), config)
    assert judgement.decision is Decision.WAIT
    assert "5 of the 6 periods needed to advance are visible" in judgement.sentence
    at_another = decide(healthy(9), step(weight=50, next_weight=100))
    assert at_another.decision is Decision.WAIT
    assert at_another.samples.periods == 0
    assert not at_another.evidence


def test_an_incomplete_period_accuses_but_never_clears():
    """Errors still missing from it could be late; errors already in it are real."""
    partial = [one.model_copy(update={"complete": False}) for one in healthy(9)]
    judgement = decide(partial, step())
    assert judgement.decision is Decision.WAIT
    assert not judgement.evidence
    assert judgement.samples.periods == 0
    assert judgement.canary.invocations == 540
    bad = minute(0, (69, 9), (621, 1)).model_copy(update={"complete": False})
    assert decide([bad], step()).decision is Decision.ROLLBACK


def test_time_alone_never_advances():
    """After the longest hold a release is inconclusive; unproven, suspicious and silent can be told apart."""
    unproven = decide(healthy(2), step(seconds=1800))
    suspicious = decide([minute(0, (60, 3), (540, 2))], step(seconds=1800))
    silent = decide([minute(0, (1, 0), (9, 0))], step(seconds=1800))
    assert {one.decision for one in (unproven, suspicious, silent)} == {Decision.INCONCLUSIVE}
    assert [(one.evidence, one.suspicious) for one in (unproven, suspicious, silent)] == [
        (True, False),
        (True, True),
        (False, False),
    ]


def test_a_suspicious_release_does_not_advance_though_proven():
    """Enough proof of earlier health does not outweigh present suspicion."""
    periods = [*healthy(30), minute(30, (60, 6), (540, 0))]
    judgement = decide(periods, step())
    assert judgement.suspicious
    assert judgement.e_accept >= 20
    assert judgement.decision is Decision.WAIT


def test_a_split_that_contradicts_the_weight_holds_and_warns():
    """Throttling or direct calls spoil the comparison; a rollback would still be possible."""
    judgement = decide([minute(index, (300, 0), (300, 0)) for index in range(5)], step())
    assert judgement.hold
    assert judgement.decision is Decision.WAIT
    assert "the canary served 50.00% of 3,000 requests at a weight of 10%" in judgement.warnings[0]
    assert "held: the canary served" in judgement.sentence
    worse = decide([minute(0, (300, 200), (300, 0))], step())
    assert worse.decision is Decision.ROLLBACK


@pytest.mark.parametrize(("canary", "baseline"), [(3, 7), (8, 40), (1050, 8950), (104_000, 896_000)])
def test_a_plausible_split_does_not_hold(canary, baseline):
    """Neither small samples nor harmless deviations of large ones."""
    assert not decide([minute(0, (canary, 0), (baseline, 0))], step()).hold


def test_stragglers_at_full_traffic_do_not_hold_and_real_spill_over_does():
    """A few requests in flight reach the old version after the change to 100 %; a tenth of the traffic must not."""
    assert not decide([minute(0, (5999, 0), (1, 0), 100.0)], step(100, None)).hold
    assert decide([minute(0, (5400, 0), (600, 0), 100.0)], step(100, None)).hold
    assert decide([minute(0, (6000, 0), (0, 0), 100.0)], step(100, None)).warnings == ()


def test_periods_of_one_version_are_counted_in_a_warning():
    """At a weight that gives traffic to both, they are a sign of trouble or of too little traffic."""
    judgement = decide([*healthy(2), minute(2, (3, 0), (0, 0))], step())
    assert judgement.warnings == ("requests on one version only in 1 of the periods: not compared",)


def test_cold_starts_after_a_weight_change_are_not_latency():
    """The warm-up period counts for errors and not for slow requests."""
    cold = minute(0, (600, 0), (5400, 0), slow=(200, 540))
    assert decide([cold], step()).decision is not Decision.ROLLBACK
    warm = minute(1, (600, 0), (5400, 0), slow=(200, 540))
    judgement = decide([cold, warm], step())
    assert judgement.decision is Decision.ROLLBACK
    assert judgement.sentence.startswith(
        "latency: 200 of 600 canary requests were slow against 540 of 5,400 on the stable version in the same 1 min"
    )


def test_a_regression_after_a_long_healthy_time_is_found_and_shown():
    """Forty healthy minutes do not buy the canary an outage; the sentence names the bad stretch, not the average."""
    periods = [*healthy(40), *(minute(40 + index, (60, 12), (540, 1)) for index in range(2))]
    judgement = decide(periods, step())
    assert judgement.decision is Decision.ROLLBACK
    assert "of 60 canary requests failed" in judgement.sentence or "of 120 canary requests failed" in judgement.sentence


def test_the_last_step_is_judged_as_if_all_traffic_followed():
    """next_weight None and 100 agree."""
    periods = healthy(5, weight=10)
    assert decide(periods, step(next_weight=None)) == decide(periods, step(next_weight=100))


# Sentences


def test_the_sentence_of_a_rollback():
    """Value, limit, window, samples, baseline."""
    judgement = decide([minute(0, (69, 9), (621, 1))], step())
    assert judgement.sentence == (
        "errors: 9 of 69 canary requests failed against 1 of 621 on the stable version in the same 1 min; a release "
        "within the margins would show this in fewer than 1 in 1,000,000 releases (limit 1 in 100)"
    )


def test_the_sentence_of_a_wait_says_what_is_missing():
    """The bound reached and the bound needed."""
    assert decide(healthy(2), step()).sentence == (
        "errors: 0 of 120 canary requests failed against 2 of 1,080 on the stable version in the same 2 min; "
        "undecided: errors beyond 1.5 times the stable version's may still be 3.249%, need at most 1.667% to advance"
    )


def test_the_sentence_of_an_advance_says_what_is_proven():
    """Bound, limit, cost and confidence."""
    assert decide(healthy(4), step()).sentence == (
        "errors: 0 of 240 canary requests failed against 4 of 2,160 on the stable version in the same 4 min; "
        "proven: errors beyond 1.5 times the stable version's are at most 1.548% (limit 1.667%); the next step costs "
        "at most 25 failed requests beyond that, at 95% confidence"
    )


def test_the_sentence_of_suspicion_and_of_the_longest_hold():
    """Why it is held, and for how long."""
    judgement = decide([minute(0, (60, 3), (540, 2))], step(seconds=1800))
    assert judgement.sentence.startswith("errors: 3 of 60 canary requests failed against 2 of 540")
    assert "; suspicious: a release within the margins would show this in at most 1 in " in judgement.sentence
    assert judgement.sentence.endswith("; held from 1 in 10; 30 min in this step, limit 30 min")


def test_a_judgement_is_plain_json():
    """No infinity and no NaN: other languages can read it."""
    judgement = decide([minute(index, (10**9, 10**9), (10**9, 0)) for index in range(3)], step())
    json.loads(judgement.model_dump_json(), parse_constant=pytest.fail)


# Ramp


@pytest.mark.parametrize(
    ("requests_per_second", "weights"),
    [
        (0, (10, 50, 100)),
        (5, (10, 50, 100)),
        (10, (5, 10, 50, 100)),
        (20, (2.5, 10, 50, 100)),
        (50, (1, 5, 10, 50, 100)),
        (1000, (1, 5, 10, 50, 100)),
    ],
)
def test_the_ramp_is_sized_by_traffic(requests_per_second, weights):
    """About 30 canary requests per minute first, between 1 and 10 %."""
    assert auto_weights(requests_per_second) == weights


@pytest.mark.parametrize("rate", [-1, float("nan"), float("inf")])
def test_an_impossible_rate_is_refused(rate):
    """The planner names it."""
    with pytest.raises(ValueError, match="requests_per_minute must be finite"):
        first_weight(rate)


def test_it_is_fast_enough_to_judge_at_every_look():
    """60 periods within 60 ms and a day of minutes within 1 s, with slow counts; best of three, for a busy machine."""
    for count, limit in ((60, 0.06), (1440, 1.0)):
        periods = healthy(count, slow=(6, 54))
        best = min(timed(periods) for _ in range(3))
        assert best < limit


def timed(periods) -> float:
    began = time.perf_counter()
    decide(periods, step())
    return time.perf_counter() - began


def test_the_sentences_of_the_explanation_are_real():
    """docs/explanation/verdict.md quotes what decide says, word for word."""
    page = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "verdict.md"
    text = " ".join(page.read_text(encoding="utf-8").replace("\n> ", " ").split())
    quoted = [
        decide([minute(0, (69, 9), (621, 1))], step()),
        decide(healthy(2), step()),
        decide([minute(0, (60, 2), (540, 0))], step()),
    ]
    for judgement in quoted:
        assert judgement.sentence in text

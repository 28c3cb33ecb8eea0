"""An alarm without data is no evidence that the new version is well."""

from datetime import timedelta

import pytest

from orchestrator.domain import judging
from orchestrator.domain.analysis import AlarmReading, Alarms, Verdict
from orchestrator.domain.plan import Bake

SILENT = AlarmReading(
    name="checkout-errors",
    state="INSUFFICIENT_DATA",
    since=0,
    reason="Insufficient Data: 1 datapoint was unknown.",
)
BAKE = Bake(duration=timedelta(minutes=5), max_hold=timedelta(minutes=10))


def test_case_02_alarm_without_data_is_no_pass_unless_the_file_says_so():
    """INCONCLUSIVE, named in the sentence, and the bake does not advance at its end but holds in time."""
    measured = judging.alarms(Alarms(name="pager", names=("checkout-errors",)), [SILENT], {}, since=0)
    assert (measured.verdict, measured.sentence) == (Verdict.INCONCLUSIVE, "alarm without data: checkout-errors")
    assert judging.conclude(BAKE, [measured], elapsed=301).action == "wait"
    held = judging.conclude(BAKE, [measured], elapsed=901)
    assert held.action == "hold"
    assert "checkout-errors" in held.sentence


@pytest.mark.parametrize(("choice", "verdict"), [("ignore", Verdict.PASS), ("fail", Verdict.FAIL)])
def test_case_02_alarm_without_data_counts_as_the_file_says(choice, verdict):
    check = Alarms(name="pager", names=("checkout-errors",), on_insufficient_data=choice)
    assert judging.alarms(check, [SILENT], {}, since=0).verdict is verdict

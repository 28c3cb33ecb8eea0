"""Alarms (lambda.md 2)."""

import asyncio

import pytest

from orchestrator.lab.gateway.alarm_rules import breaching, evaluate_rule
from orchestrator.lab.gateway.wire import AwsError
from tests.lab.calls import RAISE, call, make, refused, until

PLAIN = {
    "Namespace": "AWS/Lambda",
    "MetricName": "Errors",
    "Statistic": "Sum",
    "Period": 1,
    "EvaluationPeriods": 1,
    "Threshold": 0,
    "ComparisonOperator": "GreaterThanThreshold",
}


async def described(cloudwatch, *names, **more):
    answer = await cloudwatch.describe_alarms(AlarmNames=list(names), **more)
    found = answer["MetricAlarms"] + answer["CompositeAlarms"]
    return {alarm["AlarmName"]: alarm["StateValue"] for alarm in found}


async def test_a_new_alarm_has_insufficient_data(cloudwatch, aws):
    await cloudwatch.put_metric_alarm(AlarmName="errors", **PLAIN)
    assert await described(cloudwatch, "errors") == {"errors": "INSUFFICIENT_DATA"}


async def test_unknown_names_are_silently_absent(cloudwatch, aws):
    assert await described(cloudwatch, "none") == {}


async def test_composite_alarms_are_shown_only_when_asked_for(cloudwatch, aws):
    await cloudwatch.put_metric_alarm(AlarmName="errors", **PLAIN)
    await cloudwatch.put_composite_alarm(AlarmName="shop", AlarmRule="ALARM(errors) OR ALARM(errors)")
    assert set(await described(cloudwatch)) == {"errors"}
    assert set(await described(cloudwatch, AlarmTypes=["CompositeAlarm"])) == {"shop"}
    assert set(await described(cloudwatch, AlarmTypes=["CompositeAlarm", "MetricAlarm"])) == {"errors", "shop"}


async def test_a_state_set_again_moves_no_transition_time(cloudwatch, aws):
    await cloudwatch.put_metric_alarm(AlarmName="errors", **PLAIN)

    async def changed():
        (alarm,) = (await cloudwatch.describe_alarms(AlarmNames=["errors"]))["MetricAlarms"]
        return alarm["StateTransitionedTimestamp"], alarm["StateReason"]

    created, _ = await changed()
    await asyncio.sleep(0.01)
    await cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="first")
    first = await changed()
    assert first[0] > created
    await cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="second")
    assert await changed() == (first[0], "second")


async def test_the_admin_may_set_an_alarm_that_does_not_exist_yet(cloudwatch, admin):
    await admin.set_alarm("red", "ALARM")
    assert await described(cloudwatch, "red") == {"red": "ALARM"}
    await admin.set_alarm("red", "OK")
    assert await described(cloudwatch, "red") == {"red": "OK"}


async def test_an_alarm_on_errors_goes_off_and_takes_its_composite_along(functions, cloudwatch):
    await make(functions, RAISE % 1, alias="live")
    dimensions = [{"Name": "FunctionName", "Value": "f"}, {"Name": "Resource", "Value": "f:live"}]
    await cloudwatch.put_metric_alarm(AlarmName="errors", **(PLAIN | {"EvaluationPeriods": 5}), DatapointsToAlarm=1,
                                      Dimensions=dimensions)  # fmt: skip
    await cloudwatch.put_composite_alarm(AlarmName="shop", AlarmRule='NOT OK("errors") AND ALARM("errors")')
    await call(functions, "live")

    async def off():
        kinds = ["MetricAlarm", "CompositeAlarm"]
        return await described(cloudwatch, AlarmTypes=kinds) == {"errors": "ALARM", "shop": "ALARM"}

    await until(off)


async def test_an_unknown_alarm_can_be_neither_set_nor_deleted(cloudwatch, aws):
    with refused("ResourceNotFound", 404):
        await cloudwatch.set_alarm_state(AlarmName="none", StateValue="OK", StateReason="x")
    with refused("ResourceNotFound", 404):
        await cloudwatch.delete_alarms(AlarmNames=["none"])


async def test_more_than_a_hundred_names_are_refused(cloudwatch, aws):
    with refused("ValidationError", 400):
        await cloudwatch.describe_alarms(AlarmNames=[f"a{n}" for n in range(101)])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("ALARM(a)", True),
        ("ALARM(b) OR ALARM(a)", True),
        ("ALARM(a) AND ALARM(b)", False),
        ("NOT (ALARM(a) AND OK(b)) OR FALSE", False),
        ('INSUFFICIENT_DATA("c d") AND TRUE', True),
        ("ALARM(arn:aws:cloudwatch:us-east-1:000000000000:alarm:a)", True),
    ],
)
def test_rules_of_composite_alarms_are_read_as_aws_reads_them(rule, expected):
    assert evaluate_rule(rule, {"a": "ALARM", "b": "OK", "c d": "INSUFFICIENT_DATA"}) is expected


@pytest.mark.parametrize("rule", ["", "ALARM", "ALARM(a", "ALARM(a) ALARM(a)", "ALARM(none)", "a AND b"])
def test_a_rule_that_cannot_be_read_is_refused(rule):
    with pytest.raises(AwsError):
        evaluate_rule(rule, {"a": "OK"})


def test_no_data_is_neither_breach_nor_health():
    assert breaching([None, None], "GreaterThanThreshold", 0, 1) is None
    assert breaching([None, 2.0], "GreaterThanThreshold", 1, 1) is True
    assert breaching([1.0, 2.0], "GreaterThanThreshold", 1, 2) is False

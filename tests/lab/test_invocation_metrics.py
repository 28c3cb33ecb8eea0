"""Which invocations each metric counts (lambda.md 2). All tests look at the same five invocations."""

import time

import pytest

from tests.lab.calls import ECHO, RAISE, call, make, points


@pytest.fixture(scope="module", autouse=True)
async def called(running_lab, clients):
    """Three calls through alias `live` on version 1, one on version 2 that fails, one of version 1 by number."""
    await running_lab.admin.reset()
    functions = clients.functions
    await make(functions, ECHO % 1, RAISE % 2, alias="live")
    for _ in range(3):
        await call(functions, "live")
    await functions.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    await call(functions, "live")
    await call(functions, "1")


@pytest.fixture
def cloudwatch(clients):
    """Without the emptying of the lab that other tests begin with."""
    return clients.cloudwatch


async def test_each_dimension_set_counts_its_own_invocations(cloudwatch):
    async def total(**where):
        return sum(await points(cloudwatch, "Invocations", **where))

    assert await total() == 5
    assert await total(resource="f:live") == 4
    assert await total(resource="f:live", executed="1") == 3
    assert await total(resource="f:live", executed="2") == 1
    assert await total(resource="f:1") == 1
    assert await total(resource="f:1", executed="1") == 0


async def test_errors_are_zero_where_there_were_only_good_invocations(cloudwatch):
    assert set(await points(cloudwatch, "Errors", resource="f:live", executed="1")) == {0.0}
    assert await points(cloudwatch, "Errors", resource="f:live", executed="2") == [1.0]


async def test_without_invocations_there_is_no_point(cloudwatch):
    assert await points(cloudwatch, "Invocations", resource="f:live", executed="9") == []
    assert await points(cloudwatch, "Errors", resource="f:none") == []


async def test_a_metric_of_another_function_or_an_arn_has_no_data(cloudwatch):
    assert await points(cloudwatch, "Invocations", name="arn:aws:lambda:us-east-1:000000000000:function:f") == []


async def test_listed_metrics_are_the_gateway_s_own(cloudwatch):
    listed = await cloudwatch.list_metrics(
        Namespace="AWS/Lambda", MetricName="Errors", Dimensions=[{"Name": "ExecutedVersion"}]
    )
    versions = [{d["Name"]: d["Value"] for d in m["Dimensions"]}["ExecutedVersion"] for m in listed["Metrics"]]
    assert versions == ["1", "2"]


async def test_get_metric_statistics_answers_the_same(cloudwatch):
    now = time.time()
    answer = await cloudwatch.get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Invocations",
        Dimensions=[{"Name": "FunctionName", "Value": "f"}],
        StartTime=now - 120,
        EndTime=now + 60,
        Period=60,
        Statistics=["Sum"],
    )
    assert sum(point["Sum"] for point in answer["Datapoints"]) == 5

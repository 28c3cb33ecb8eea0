"""What CloudWatch answers about invocations (lambda.md 2)."""

import time

import pytest

from tests.lab.calls import ECHO, call, make, points, refused, until


async def test_data_is_visible_only_after_the_lag_and_stamped_at_the_start(functions, cloudwatch, admin):
    await make(functions, ECHO % 1, alias="live")
    await admin.configure(metric_lag=0.6)
    before = time.time()
    await call(functions, "live")
    assert await points(cloudwatch, "Invocations") == []

    async def there():
        return sum(await points(cloudwatch, "Invocations", Period=1, StartTime=before, EndTime=before + 1)) == 1

    await until(there)


async def test_duration_is_that_of_the_handler_alone(functions, cloudwatch):
    await make(functions, "import time\ntime.sleep(0.3)\ndef handler(event, context):\n    time.sleep(0.05)\n")
    await call(functions, "1")
    (slowest,) = await points(cloudwatch, "Duration", "Maximum", resource="f:1")
    assert 50 <= slowest < 200


VALUES = [10.0, 20.0, 30.0, 40.0]


@pytest.mark.parametrize(
    ("stat", "expected"),
    [
        ("Sum", 100),
        ("Average", 25),
        ("Minimum", 10),
        ("Maximum", 40),
        ("SampleCount", 4),
        ("p50", 25),
        ("p99.9", 39.97),
        ("p100", 40),
        ("TC(10:30)", 2),
        ("TC(:30)", 3),
        ("TC(30:)", 1),
        ("PR(:20)", 50),
        ("PR(20:40)", 50),
        ("TM(10:40)", 30),
        ("TS(:20)", 30),
        ("TC(0%:50%)", 1),
    ],
)
async def test_statistics_are_those_of_cloudwatch(cloudwatch, aws, stat, expected):
    now = time.time()
    await cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{"MetricName": "Latency", "Values": VALUES}])
    answer = await cloudwatch.get_metric_data(
        MetricDataQueries=[_query("a", "Shop", "Latency", stat)], StartTime=now - 60, EndTime=now + 60
    )
    assert answer["MetricDataResults"][0]["Values"] == [pytest.approx(expected)]


async def test_an_unknown_statistic_is_refused(cloudwatch, aws):
    with refused("InvalidParameterValue", 400):
        await points(cloudwatch, "Duration", "Median")


async def test_start_is_inclusive_end_exclusive_and_order_newest_first(cloudwatch, aws):
    base = int(time.time()) // 60 * 60 - 300
    data = [{"MetricName": "M", "Timestamp": base + 10 * n, "Value": n} for n in range(4)]
    await cloudwatch.put_metric_data(Namespace="Shop", MetricData=data)
    query = [_query("a", "Shop", "M", "Sum", period=10)]

    async def values(start, end, **more):
        answer = await cloudwatch.get_metric_data(MetricDataQueries=query, StartTime=start, EndTime=end, **more)
        series = answer["MetricDataResults"][0]
        assert series["StatusCode"] == "Complete"
        return [(int(at.timestamp()) - base, value) for at, value in zip(*_columns(series), strict=True)]

    assert await values(base + 10, base + 30) == [(20, 2.0), (10, 1.0)]
    assert await values(base + 10, base + 30, ScanBy="TimestampAscending") == [(10, 1.0), (20, 2.0)]
    # A start inside a period takes the whole period in.
    assert await values(base + 15, base + 31, ScanBy="TimestampAscending") == [(10, 1.0), (20, 2.0), (30, 3.0)]


async def test_periods_below_a_minute_are_kept_apart(cloudwatch, aws):
    base = int(time.time()) - 20
    data = [{"MetricName": "M", "Timestamp": base + n, "Value": 1} for n in (0, 1, 1, 3)]
    await cloudwatch.put_metric_data(Namespace="Shop", MetricData=data)
    answer = await cloudwatch.get_metric_data(
        MetricDataQueries=[_query("a", "Shop", "M", "Sum", period=1)],
        StartTime=base,
        EndTime=base + 10,
        ScanBy="TimestampAscending",
    )
    assert answer["MetricDataResults"][0]["Values"] == [1.0, 2.0, 1.0]


async def test_results_beyond_max_datapoints_come_by_next_token(cloudwatch, aws):
    base = int(time.time()) - 20
    for name in ("A", "B"):
        data = [{"MetricName": name, "Timestamp": base + n, "Value": n} for n in range(3)]
        await cloudwatch.put_metric_data(Namespace="Shop", MetricData=data)
    wanted = {
        "MetricDataQueries": [_query(n.lower(), "Shop", n, "Sum", period=1) for n in ("A", "B")],
        "StartTime": base,
        "EndTime": base + 10,
        "ScanBy": "TimestampAscending",
        "MaxDatapoints": 4,
    }
    first = await cloudwatch.get_metric_data(**wanted)
    assert [(s["Values"], s["StatusCode"]) for s in first["MetricDataResults"]] == [
        ([0, 1, 2], "Complete"),
        ([0], "PartialData"),
    ]
    rest = await cloudwatch.get_metric_data(**wanted, NextToken=first["NextToken"])
    assert [(s["Values"], s["StatusCode"]) for s in rest["MetricDataResults"]] == [
        ([], "Complete"),
        ([1, 2], "Complete"),
    ]
    assert "NextToken" not in rest


async def test_writing_into_a_namespace_of_aws_is_refused(cloudwatch, aws):
    with refused("InvalidParameterValue", 400):
        await cloudwatch.put_metric_data(Namespace="AWS/Lambda", MetricData=[{"MetricName": "Errors", "Value": 1}])


@pytest.mark.parametrize("status", ["PartialData", "InternalError", "Forbidden"])
async def test_a_fault_can_give_every_series_a_status_code(cloudwatch, aws, admin, status):
    await admin.inject("GetMetricData", "metric_status", code=status, count=1)
    now = time.time()
    for expected in (status, "Complete"):
        answer = await cloudwatch.get_metric_data(
            MetricDataQueries=[_query("a", "Shop", "M", "Sum")], StartTime=now - 60, EndTime=now
        )
        assert answer["MetricDataResults"][0]["StatusCode"] == expected


def _query(identity, namespace, name, stat, period=3600):
    metric = {"Namespace": namespace, "MetricName": name, "Dimensions": []}
    return {"Id": identity, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}


def _columns(series):
    return series["Timestamps"], series["Values"]

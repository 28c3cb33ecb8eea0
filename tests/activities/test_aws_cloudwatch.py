"""Metrics and alarms: batches, pages, and answers that are only half of one."""

from datetime import UTC, datetime

import pytest

from activities.aws.calls import Calls
from activities.aws.cloudwatch import CloudWatch
from activities.ports import MetricQuery
from orchestrator.domain.errors import AccessDenied, Unavailable

START = 1_767_600_000


class Client:
    """Gives its pages in order and keeps the requests."""

    def __init__(self, *pages):
        self.pages = list(pages)
        self.requests = []

    async def get_metric_data(self, **request):
        self.requests.append(request)
        if not self.pages:
            return {"MetricDataResults": [result(q["Id"]) for q in request["MetricDataQueries"]]}
        return self.pages.pop(0)

    async def describe_alarms(self, **request):
        self.requests.append(request)
        return self.pages.pop(0) if self.pages else {}


def cloudwatch(client):
    async def connect():
        return client

    return CloudWatch(Calls(connect))


def query(name="one", statistic="Sum"):
    return MetricQuery(id=name, metric="Invocations", statistic=statistic, dimensions={"FunctionName": "checkout"})


def result(key="q0", points=None, status="Complete", **more):
    times = [datetime.fromtimestamp(at, UTC) for at in points or {}]
    return {"Id": key, "Timestamps": times, "Values": list((points or {}).values()), "StatusCode": status, **more}


def page(*results, **more):
    return {"MetricDataResults": list(results), **more}


async def read(client, *queries):
    return await cloudwatch(client).metric_data(queries or (query(),), start=START, end=START + 180, period=60)


async def test_the_request_says_period_order_and_statistic():
    """Oldest first; start inclusive, end exclusive."""
    client = Client()
    assert await read(client, query(statistic="p99")) == {"one": {}}
    assert client.requests == [
        {
            "MetricDataQueries": [
                {
                    "Id": "q0",
                    "MetricStat": {
                        "Metric": {
                            "Namespace": "AWS/Lambda",
                            "MetricName": "Invocations",
                            "Dimensions": [{"Name": "FunctionName", "Value": "checkout"}],
                        },
                        "Period": 60,
                        "Stat": "p99",
                    },
                    "ReturnData": True,
                }
            ],
            "StartTime": datetime.fromtimestamp(START, UTC),
            "EndTime": datetime.fromtimestamp(START + 180, UTC),
            "ScanBy": "TimestampAscending",
        }
    ]


async def test_five_hundred_series_a_call():
    """The 501st goes into a second call; no answer is lost between them."""
    client = Client()
    names = [f"Any name {i}" for i in range(501)]
    found = await read(client, *(query(name) for name in names))
    assert list(found) == names
    assert [len(r["MetricDataQueries"]) for r in client.requests] == [500, 1]


async def test_pages_are_joined_and_partial_data_between_them_is_ordinary():
    """PartialData with a token only means that the next page has more of the series."""
    client = Client(
        page(result(points={START: 1, START + 60: 2}, status="PartialData"), NextToken="t"),
        page(result(points={START + 120: 3, START + 180: 9}), NextToken=None),
    )
    assert await read(client) == {"one": {START: 1, START + 60: 2, START + 120: 3}}
    assert [r.get("NextToken") for r in client.requests] == [None, "t"]


async def test_a_series_that_ended_on_an_earlier_page_is_complete():
    """Later pages hold only what is left."""
    client = Client(
        page(result("q0", {START: 1}), result("q1", {START: 2}, "PartialData"), NextToken="t"),
        page(result("q1", {START + 60: 3})),
    )
    assert await read(client, query("a"), query("b")) == {"a": {START: 1}, "b": {START: 2, START + 60: 3}}


@pytest.mark.parametrize(
    ("pages", "kind", "words"),
    [
        ([page(result(status="PartialData"))], Unavailable, "PartialData"),
        ([page(result(status="InternalError"))], Unavailable, "InternalError"),
        ([page(result(status="InternalError"), NextToken="t"), page(result())], Unavailable, "InternalError"),
        ([page(result(status="Forbidden"))], AccessDenied, "cloudwatch:GetMetricData"),
        ([page(result(status="SomethingNew"))], Unavailable, "SomethingNew"),
        ([page()], Unavailable, "nothing"),
        ([page(result(), Messages=[{"Code": "Limit", "Value": "too many"}])], Unavailable, "Limit too many"),
        ([page(result(Messages=[{"Code": "Unsupported", "Value": "math"}]))], Unavailable, "Unsupported math"),
    ],
)
async def test_half_an_answer_is_an_error(pages, kind, words):
    """Numbers that are not all there must never look like a quiet minute."""
    with pytest.raises(kind, match=words):
        await read(Client(*pages))


async def test_a_token_that_repeats_itself_ends():
    """A broken endpoint must not hold an activity for ever."""
    client = Client(*(page(result(status="PartialData"), NextToken="t") for _ in range(3)))
    with pytest.raises(Unavailable):
        await read(client)
    assert len(client.requests) == 2


def alarm(name, state="OK", **more):
    return {"AlarmName": name, "StateValue": state, "StateUpdatedTimestamp": datetime.fromtimestamp(5, UTC), **more}


async def test_alarms_of_both_kinds_a_hundred_names_a_call():
    """Composite alarms only come when they are asked for; names come back in the order asked, once."""
    client = Client(
        {
            "MetricAlarms": [alarm("a", StateTransitionedTimestamp=datetime.fromtimestamp(3, UTC))],
            "CompositeAlarms": [alarm("c", "ALARM", StateReason="red")],
            "NextToken": "t",
        },
        {"MetricAlarms": [alarm("b", "INSUFFICIENT_DATA")]},
    )
    names = ["c", "b", "a", "missing", "a", *(f"n{i}" for i in range(100))]
    found = await cloudwatch(client).alarms(names)
    assert [(x.name, x.state, x.since, x.reason) for x in found] == [
        ("c", "ALARM", 5, "red"),
        ("b", "INSUFFICIENT_DATA", 5, ""),
        ("a", "OK", 3, ""),
    ]
    assert [len(r["AlarmNames"]) for r in client.requests] == [100, 100, 4]
    assert client.requests[0]["AlarmTypes"] == ["MetricAlarm", "CompositeAlarm"]


async def test_no_names_no_call():
    """DescribeAlarms without names would list them all."""
    client = Client()
    assert await cloudwatch(client).alarms([]) == []
    assert await cloudwatch(client).metric_data([], start=0, end=60, period=60) == {}
    assert client.requests == []

"""Short ways to say what the lab's tests say often."""

import asyncio
import io
import json
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::000000000000:role/r"
ECHO = "def handler(event, context):\n    return {'n': %d, 'event': event, 'version': context.function_version}\n"
RAISE = "def handler(event, context):\n    raise ValueError('broken %d')\n"


def zipped(source):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", source)
    return packed.getvalue()


@contextmanager
def refused(code: str, status: int, words: str = "") -> Iterator[pytest.ExceptionInfo[ClientError]]:
    """The block is answered with this AWS error and HTTP status."""
    with pytest.raises(ClientError) as caught:
        yield caught
    response = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert words in response["Error"]["Message"]


async def until(check, seconds=8.0):
    """Wait until an asynchronous question is answered with yes."""
    async with asyncio.timeout(seconds):
        while not await check():
            await asyncio.sleep(0.02)


async def make(client, *sources, name="f", alias=None, weights=None, **configuration):
    """A function with one published version per source, and optionally an alias on version 1."""
    wanted = {"Runtime": "python3.12", "Role": ROLE, "Handler": "app.handler", **configuration}
    for number, source in enumerate(sources, 1):
        if number == 1:
            await client.create_function(FunctionName=name, Code={"ZipFile": zipped(source)}, **wanted)
        else:
            await client.update_function_code(FunctionName=name, ZipFile=zipped(source))
        await client.publish_version(FunctionName=name)
    if alias:
        routing = {"AdditionalVersionWeights": weights} if weights else {}
        await client.create_alias(FunctionName=name, Name=alias, FunctionVersion="1", RoutingConfig=routing)


async def call(client, qualifier=None, name="f", payload=None, **more):
    """One invocation: answer and decoded payload."""
    target = {"Qualifier": qualifier} if qualifier else {}
    answer = await client.invoke(FunctionName=name, Payload=json.dumps(payload or {}), **target, **more)
    body = await answer["Payload"].read()
    return answer, json.loads(body) if body else None


async def drawn(client, qualifier, times, name="f"):
    """How often each version answered."""
    answers = await asyncio.gather(*(call(client, qualifier, name) for _ in range(times)))
    return Counter(answer["ExecutedVersion"] for answer, _ in answers)


async def points(cloudwatch, metric, stat="Sum", *, name="f", resource=None, executed=None, **more):
    """Values of one series over the last minutes, oldest first, one per minute; `Period` may be given."""
    dimensions = [{"Name": "FunctionName", "Value": name}]
    if resource:
        dimensions.append({"Name": "Resource", "Value": resource})
    if executed:
        dimensions.append({"Name": "ExecutedVersion", "Value": executed})
    period = more.pop("Period", 60)
    now = time.time()
    answer = await cloudwatch.get_metric_data(
        MetricDataQueries=[
            {
                "Id": "q",
                "MetricStat": {
                    "Metric": {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions},
                    "Period": period,
                    "Stat": stat,
                },
            }
        ],
        StartTime=more.pop("StartTime", now - 180),
        EndTime=more.pop("EndTime", now + 60),
        ScanBy="TimestampAscending",
    )
    (series,) = answer["MetricDataResults"]
    return series["Values"]

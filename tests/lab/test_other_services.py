"""What the emulator answers through the gateway, and queues whose mapping draws on an alias."""

import time
from datetime import UTC, datetime
from urllib.parse import urlencode

import botocore.parsers
import botocore.serialize
import botocore.session
import httpx2
import pytest

from orchestrator.lab.gateway import cbor
from tests.lab.calls import ECHO, call, make, points, refused, until

QUEUE = "arn:aws:sqs:us-east-1:000000000000:orders"


async def test_the_caller_is_the_account_of_the_lab(aws):
    assert (await aws.sts.get_caller_identity())["Account"] == "000000000000"


async def test_objects_come_back_as_they_were_stored(aws):
    await aws.s3.create_bucket(Bucket="artifacts")
    await aws.s3.put_object(Bucket="artifacts", Key="a b/c.zip", Body=b"\x00\xff" * 5000, ContentEncoding="gzip")
    answer = await aws.s3.get_object(Bucket="artifacts", Key="a b/c.zip")
    assert await answer["Body"].read() == b"\x00\xff" * 5000
    head = await aws.s3.head_object(Bucket="artifacts", Key="a b/c.zip")
    assert head["ContentLength"] == 10000


async def test_policies_and_urls_of_an_alias_are_kept(functions):
    await make(functions, ECHO % 1, alias="live")
    where = {"FunctionName": "f", "Qualifier": "live"}
    with refused("ResourceNotFoundException", 404):
        await functions.get_policy(**where)
    await functions.add_permission(
        **where, StatementId="s", Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
    )
    assert "function:f:live" in (await functions.get_policy(**where))["Policy"]
    with refused("ResourceNotFoundException", 404):
        await functions.get_function_url_config(**where)
    await functions.create_function_url_config(**where, AuthType="NONE")
    assert (await functions.get_function_url_config(**where))["FunctionArn"].endswith("function:f:live")


async def test_a_queue_mapped_to_an_alias_runs_on_its_versions(aws, functions, cloudwatch):
    await make(functions, ECHO % 1, ECHO % 2, alias="live", weights={"2": 0.5})
    url = (await aws.sqs.create_queue(QueueName="orders"))["QueueUrl"]
    mapping = await functions.create_event_source_mapping(FunctionName="f:live", EventSourceArn=QUEUE, BatchSize=1)
    assert mapping["State"] == "Enabled"
    listed = (await functions.list_event_source_mappings(FunctionName="f:live"))["EventSourceMappings"]
    assert [(entry["UUID"], entry["State"]) for entry in listed] == [(mapping["UUID"], "Enabled")]
    for number in range(12):
        await aws.sqs.send_message(QueueUrl=url, MessageBody=str(number))

    async def counts():
        return [
            sum(await points(cloudwatch, "Invocations", resource="f:live", executed=version)) for version in ("1", "2")
        ]

    async def drained():
        return sum(await counts()) >= 12

    await until(drained)
    assert min(await counts()) >= 1
    await functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    assert (await functions.get_event_source_mapping(UUID=mapping["UUID"]))["State"] == "Disabled"
    await functions.delete_event_source_mapping(UUID=mapping["UUID"])
    with refused("ResourceNotFoundException", 404):
        await functions.get_event_source_mapping(UUID=mapping["UUID"])


async def test_operations_that_the_emulator_answers_need_a_function_too(functions):
    with refused("ResourceNotFoundException", 404):
        await functions.get_function_recursion_config(FunctionName="none")


@pytest.mark.parametrize("protocol", ["query", "json", "smithy-rpc-v2-cbor"])
async def test_cloudwatch_answers_in_the_protocol_it_is_asked_in(lab, functions, protocol):
    await make(functions, ECHO % 1)
    await call(functions, "1")
    model = botocore.session.get_session().get_service_model("cloudwatch")
    model.metadata.update(jsonVersion="1.0", targetPrefix="GraniteServiceVersion20100801")
    now = time.time()
    metric = {
        "Namespace": "AWS/Lambda",
        "MetricName": "Errors",
        "Dimensions": [{"Name": "FunctionName", "Value": "f"}, {"Name": "Resource", "Value": "f:1"}],
    }
    query = {"Id": "q", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "Sum"}}
    found = await _ask(lab, model, protocol, "GetMetricData", {
        "MetricDataQueries": [query],
        "StartTime": datetime.fromtimestamp(now - 3600, UTC),
        "EndTime": datetime.fromtimestamp(now + 3600, UTC),
    })  # fmt: skip
    (series,) = found["MetricDataResults"]
    assert (series["Id"], sum(series["Values"]), series["StatusCode"]) == ("q", 0.0, "Complete")
    assert abs(series["Timestamps"][-1].timestamp() - now) < 7200
    refusal = await _ask(lab, model, protocol, "SetAlarmState", {
        "AlarmName": "none", "StateValue": "OK", "StateReason": "x"
    })  # fmt: skip
    assert (refusal["Error"]["Code"], refusal["Error"]["Message"]) == ("ResourceNotFound", "There is no alarm none.")


async def _ask(lab, model, protocol, operation, parameters):
    """Ask as a client that speaks the protocol would."""
    operation_model = model.operation_model(operation)
    asked = botocore.serialize.create_serializer(protocol).serialize_to_request(parameters, operation_model)
    body = asked["body"]
    content = urlencode(body).encode() if isinstance(body, dict) else body
    scope = "AWS4-HMAC-SHA256 Credential=lab/20260101/us-east-1/monitoring/aws4_request"
    headers = {"content-type": "application/x-www-form-urlencoded"} if isinstance(body, dict) else {}
    headers |= {**asked["headers"], "authorization": scope}
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.post(lab.aws_url + asked["url_path"], headers=headers, content=content)
    raw = {"status_code": answer.status_code, "headers": answer.headers, "body": answer.content}
    return botocore.parsers.create_parser(protocol).parse(raw, operation_model.output_shape)


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, -7, 24, 256, 70000, 2**40, 1.5, "é", True, False], "b": {}},
        [],
        "x" * 300,
    ],
)
def test_cbor_reads_what_it_writes(value):
    assert cbor.loads(cbor.dumps(value)) == value


def test_cbor_refuses_what_is_cut_off():
    with pytest.raises(ValueError, match="not CBOR"):
        cbor.loads(cbor.dumps({"a": "long text"})[:-3])

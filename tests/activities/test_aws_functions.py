"""What goes over the wire to Lambda, and how its answers are read."""

import base64
import hashlib

import botocore.session
import pytest

from activities.aws.configuration import API_PATHS, frozen_settings, function_version, request_fields
from activities.aws.session import AwsClients, AwsSettings
from activities.ports import EventSource
from orchestrator.domain.errors import InvariantError, MissingTarget, NotReleasable, Stale
from orchestrator.domain.release import Configuration, Image, Latest, S3Object, Target
from orchestrator.domain.traffic import Routing, split, whole
from tests.fakes.wire import Reply, WireAws

TARGET = Target(account="123456789012", region="eu-west-1", function="checkout", alias="live")
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:checkout"
VERSION = {
    "FunctionArn": ARN,
    "Version": "$LATEST",
    "RevisionId": "r1",
    "CodeSha256": "abc=",
    "Role": "arn:aws:iam::123456789012:role/app",
    "State": "Active",
    "LastUpdateStatus": "InProgress",
    "Runtime": "python3.12",
    "Handler": "app.handler",
    "MemorySize": 256,
    "Timeout": 10,
}


@pytest.fixture
async def wire():
    async with WireAws() as wire:
        yield wire


@pytest.fixture
async def functions(wire, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    clients = AwsClients(AwsSettings(endpoint_url=wire.url, control_rate=1000))
    yield clients.functions(TARGET)
    await clients.aclose()


@pytest.mark.parametrize(
    ("routing", "version", "weights"),
    [
        (split("1", "2", 10), "1", {"2": 0.1}),
        (split("1", "2", 0.5), "1", {"2": 0.005}),
        (split("1", "2", 100 / 3), "1", {"2": 0.3333}),
        (split("1", "2", 29), "1", {"2": 0.29}),
        (Routing(primary="1", additional="2", weight=0), "1", {"2": 0.0}),
        (whole("2"), "2", {}),
    ],
)
async def test_an_alias_is_written_whole_and_guarded(functions, wire, routing, version, weights):
    """Version, weights and revision in one request: nothing of the old routing can survive."""
    wire.answer(
        {"FunctionVersion": version, "RevisionId": "r2", "RoutingConfig": {"AdditionalVersionWeights": weights}}
    )
    state = await functions.update_alias("checkout", "live", routing, revision="r1")
    assert wire.requests[0].json == {
        "FunctionVersion": version,
        "RoutingConfig": {"AdditionalVersionWeights": weights},
        "RevisionId": "r1",
    }
    assert state.revision == "r2"
    assert state.routing.same_as(routing) or routing.weight == 100 / 3


@pytest.mark.parametrize(
    ("answer", "routing"),
    [
        ({}, whole("1")),
        ({"RoutingConfig": {}}, whole("1")),
        ({"RoutingConfig": {"AdditionalVersionWeights": {}}}, whole("1")),
        ({"RoutingConfig": {"AdditionalVersionWeights": {"2": 0.10000000149}}}, split("1", "2", 10)),
        ({"RoutingConfig": {"AdditionalVersionWeights": {"2": 0.0}}}, Routing(primary="1", additional="2", weight=0)),
        ({"RoutingConfig": {"AdditionalVersionWeights": {"2": 1.0}}}, split("1", "2", 100)),
    ],
)
async def test_an_alias_is_read_in_percent(functions, wire, answer, routing):
    """AWS leaves the routing out, or empty, or as a float that is not quite 0.1."""
    wire.answer({"FunctionVersion": "1", "RevisionId": "r"} | answer)
    assert (await functions.get_alias("checkout", "live")).routing == routing


async def test_two_additional_versions_are_impossible(functions, wire):
    """AWS allows one; an endpoint that shows two is none of AWS."""
    wire.answer({"FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.1, "3": 0.1}}})
    with pytest.raises(InvariantError):
        await functions.get_alias("checkout", "live")


async def test_all_pages_of_aliases_are_read(functions, wire):
    """Fifty a page."""
    wire.answer({"Aliases": [{"Name": "live", "FunctionVersion": "1"}], "NextMarker": "more"})
    wire.answer({"Aliases": [{"Name": "beta", "FunctionVersion": "2"}]})
    assert await functions.list_aliases("checkout") == {"live": whole("1"), "beta": whole("2")}
    assert [r.query.get("Marker") for r in wire.requests] == [None, "more"]


async def test_versions_are_read_by_get_function(functions, wire):
    """The one read with a limit of its own."""
    wire.answer({"Configuration": VERSION | {"DeadLetterConfig": {"TargetArn": "arn:q"}, "StateReason": "r"}})
    version = await functions.get_function("checkout")
    assert wire.requests[0].path == "/2015-03-31/functions/checkout"
    assert wire.requests[0].query == {"Qualifier": "$LATEST"}
    assert (version.version, version.last_update, version.memory, version.dead_letter_queue, version.state_reason) == (
        "$LATEST",
        "InProgress",
        256,
        "arn:q",
        "r",
    )


async def test_code_is_uploaded_guarded_and_unpublished(functions, wire):
    """S3 objects by version, images by URI; what has no code is a bug."""
    for _ in range(2):
        wire.answer(VERSION)
    await functions.update_code("checkout", S3Object(bucket="bucket", key="k", object_version="v"), revision="r1")
    await functions.update_code("checkout", Image(uri="x@sha256:1"), revision="r2")
    assert [r.json for r in wire.requests] == [
        {"S3Bucket": "bucket", "S3Key": "k", "S3ObjectVersion": "v", "Publish": False, "RevisionId": "r1"},
        {"ImageUri": "x@sha256:1", "Publish": False, "RevisionId": "r2"},
    ]
    with pytest.raises(InvariantError):
        await functions.update_code("checkout", Latest(), revision="r1")


async def test_publishing_is_guarded_twice(functions, wire):
    """Revision and hash; a long description is cut to what AWS takes."""
    wire.answer(VERSION | {"Version": "3"})
    published = await functions.publish_version("checkout", revision="r1", code_sha256="abc=", description="d" * 300)
    assert wire.requests[0].json == {"RevisionId": "r1", "CodeSha256": "abc=", "Description": "d" * 256}
    assert published.version == "3"
    wire.refuse(412, "PreconditionFailedException")
    with pytest.raises(Stale):
        await functions.publish_version("checkout", revision="r1", code_sha256="abc=", description="")
    wire.refuse(400, "InvalidParameterValueException", "CodeSHA256 is different")
    with pytest.raises(NotReleasable):
        await functions.publish_version("checkout", revision="r1", code_sha256="abc=", description="")


async def test_an_invocation_tells_all_it_knows(functions, wire):
    """A crashed handler is HTTP 200; the log tail is base64."""
    headers = {
        "X-Amz-Executed-Version": "2",
        "X-Amz-Function-Error": "Unhandled",
        "X-Amz-Log-Result": base64.b64encode("START\nné".encode()).decode(),
    }
    wire.replies.append(Reply('{"errorMessage": "no"}', headers=headers))
    answer = await functions.invoke("checkout", "2", b'{"a": 1}', timeout=5)
    assert (answer.status, answer.executed_version, answer.function_error) == (200, "2", "Unhandled")
    assert answer.payload == '{"errorMessage": "no"}'
    assert answer.log_tail == "START\nné"
    assert 0 < answer.seconds < 5
    request = wire.requests[0]
    assert request.body == b'{"a": 1}'
    assert request.query == {"Qualifier": "2"}
    assert request.headers["X-Amz-Log-Type"] == "Tail"


async def test_a_dry_run_runs_nothing(functions, wire):
    """Only permission is asked for."""
    wire.answer("", status=204)
    answer = await functions.invoke("checkout", "2", b"{}", timeout=5, dry_run=True)
    assert (answer.status, answer.executed_version) == (204, None)
    assert wire.requests[0].headers["X-Amz-Invocation-Type"] == "DryRun"


async def test_no_provisioned_concurrency_is_an_answer(functions, wire):
    """Its own 404 is None; a missing function is not."""
    wire.refuse(404, "ProvisionedConcurrencyConfigNotFoundException")
    assert await functions.provisioned("checkout", "2") is None
    wire.refuse(404, "ResourceNotFoundException")
    with pytest.raises(MissingTarget):
        await functions.provisioned("checkout", "2")
    wire.refuse(404, "ProvisionedConcurrencyConfigNotFoundException")
    await functions.release_provisioned("checkout", "2")


async def test_provisioned_concurrency_by_qualifier(functions, wire):
    """The qualifier is the end of the ARN."""
    configs = [{"FunctionArn": f"{ARN}:2", "RequestedProvisionedConcurrentExecutions": 5}]
    wire.answer({"ProvisionedConcurrencyConfigs": configs, "NextMarker": "m"})
    configs = [{"FunctionArn": f"{ARN}:live", "RequestedProvisionedConcurrentExecutions": 7}]
    wire.answer({"ProvisionedConcurrencyConfigs": configs})
    assert await functions.provisioned_total("checkout") == {"2": 5, "live": 7}


async def test_reserved_concurrency_of_zero_is_not_none(functions, wire):
    """Zero switches the function off."""
    wire.answer({"ReservedConcurrentExecutions": 0})
    assert await functions.reserved("checkout") == 0
    wire.answer({})
    assert await functions.reserved("checkout") is None


async def test_event_sources_of_all_qualifiers_and_of_no_other_function(functions, wire):
    """A name that begins alike is another function."""
    wire.answer(
        {
            "EventSourceMappings": [
                {"UUID": "1", "FunctionArn": f"{ARN}:live", "EventSourceArn": "arn:q", "State": "Enabled"},
                {"UUID": "2", "FunctionArn": f"{ARN}-other", "EventSourceArn": "arn:q"},
            ],
            "NextMarker": "m",
        }
    )
    wire.answer({"EventSourceMappings": [{"UUID": "3", "FunctionArn": ARN, "State": "Disabled"}]})
    assert await functions.event_sources("checkout") == (
        EventSource(uuid="1", source_arn="arn:q", function_arn=f"{ARN}:live", state="Enabled"),
        EventSource(uuid="3", source_arn="self-managed", function_arn=ARN, state="Disabled"),
    )


async def test_a_policy_is_there_or_not(functions, wire):
    """404 is the ordinary answer."""
    wire.answer({"Policy": "{}"})
    assert await functions.has_policy("checkout", "live") is True
    wire.refuse(404, "ResourceNotFoundException")
    assert await functions.has_policy("checkout", None) is False
    assert [r.query for r in wire.requests] == [{"Qualifier": "live"}, {}]


def test_the_table_of_settings_fits_the_api():
    """Each field of Configuration goes somewhere that UpdateFunctionConfiguration knows."""
    assert set(API_PATHS) == set(Configuration.model_fields)
    model = botocore.session.get_session().get_service_model("lambda")
    shape = model.operation_model("UpdateFunctionConfiguration").input_shape
    for outer, *inner in API_PATHS.values():
        assert outer in shape.members
        for name in inner:
            assert name in shape.members[outer].members


def test_only_changes_are_sent():
    """None leaves a setting alone; nested settings keep AWS's shape."""
    change = Configuration(memory=256, environment={"A": "1"}, layers=("arn:l",), dead_letter_queue="arn:q")
    assert request_fields(change) == {
        "MemorySize": 256,
        "Environment": {"Variables": {"A": "1"}},
        "Layers": ["arn:l"],
        "DeadLetterConfig": {"TargetArn": "arn:q"},
    }
    assert request_fields(Configuration()) == {}


def test_frozen_settings_hold_no_secret_and_no_noise():
    """Environment values only as hashes; what is empty or differs by itself is left out."""
    settings = frozen_settings(
        VERSION
        | {
            "Environment": {"Variables": {"TOKEN": "s3cret"}},
            "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": ""},
            "SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"},
            "Layers": [{"Arn": "arn:l", "CodeSize": 10}],
            "RevisionId": "x",
        }
    )
    assert settings == {
        "Environment": {"TOKEN": hashlib.sha256(b"s3cret").hexdigest()},
        "Handler": "app.handler",
        "Layers": ["arn:l"],
        "MemorySize": 256,
        "Role": "arn:aws:iam::123456789012:role/app",
        "Runtime": "python3.12",
        "SnapStart": "PublishedVersions",
        "Timeout": 10,
    }


def test_settings_of_latest_and_of_its_version_are_equal():
    """SnapStart's optimisation and the runtime's patch differ without anybody's doing."""
    latest = VERSION | {"SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}, "Description": ""}
    version = latest | {"Version": "3", "SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}}
    assert function_version(latest).settings == function_version(version).settings
    assert function_version(version).snap_start

"""Alias rules (lambda.md 1.1 to 1.3)."""

import pytest

from tests.lab.calls import ECHO, drawn, make, refused, until, zipped


@pytest.fixture
async def live(functions):
    """Alias `live` on version 1 of a function with three versions."""
    await make(functions, ECHO % 1, ECHO % 2, ECHO % 3, alias="live")
    return {"FunctionName": "f", "Name": "live"}


def weights(**shares):
    return {"AdditionalVersionWeights": {number.removeprefix("v"): share for number, share in shares.items()}}


async def test_an_alias_without_weights_shows_no_routing_config(functions, live):
    shown = await functions.get_alias(**live)
    assert "RoutingConfig" not in shown
    assert shown["FunctionVersion"] == "1"
    assert shown["AliasArn"].endswith(":function:f:live")


async def test_weights_are_kept_and_shown(functions, live):
    await functions.update_alias(**live, RoutingConfig=weights(v2=0.25))
    assert (await functions.get_alias(**live))["RoutingConfig"] == weights(v2=0.25)


async def test_clearing_the_weights_leaves_the_primary_alone(functions, live):
    await functions.update_alias(**live, RoutingConfig=weights(v2=0.2))
    cleared = await functions.update_alias(**live, RoutingConfig=weights())
    assert cleared["FunctionVersion"] == "1"
    assert "RoutingConfig" not in cleared
    assert "RoutingConfig" not in await functions.get_alias(**live)


async def test_promotion_in_one_call_moves_the_primary_and_clears_the_weights(functions, live):
    await functions.update_alias(**live, RoutingConfig=weights(v2=0.5))
    promoted = await functions.update_alias(**live, FunctionVersion="2", RoutingConfig=weights())
    assert (promoted["FunctionVersion"], "RoutingConfig" in promoted) == ("2", False)


async def test_moving_the_primary_onto_the_weighted_version_without_clearing_is_refused(functions, live):
    await functions.update_alias(**live, RoutingConfig=weights(v2=0.5))
    with refused("InvalidParameterValueException", 400, "already included in routing configuration"):
        await functions.update_alias(**live, FunctionVersion="2")


async def test_omitted_fields_stay(functions, live):
    await functions.update_alias(**live, Description="checkout", RoutingConfig=weights(v3=0.1))
    moved = await functions.update_alias(**live, FunctionVersion="2")
    assert (moved["Description"], moved["RoutingConfig"]) == ("checkout", weights(v3=0.1))


async def test_every_write_gives_a_new_revision_even_without_a_change(functions, live):
    first = await functions.update_alias(**live, FunctionVersion="1")
    second = await functions.update_alias(**live, FunctionVersion="1")
    assert len({(await functions.get_alias(**live))["RevisionId"], first["RevisionId"]}) == 2
    assert (await functions.get_alias(**live))["RevisionId"] == second["RevisionId"]


async def test_a_stale_revision_is_refused_with_412_and_changes_nothing(functions, live):
    old = await functions.get_alias(**live)
    await functions.update_alias(**live, RevisionId=old["RevisionId"], RoutingConfig=weights(v2=0.1))
    with refused("PreconditionFailedException", 412):
        await functions.update_alias(**live, RevisionId=old["RevisionId"], RoutingConfig=weights(v2=0.9))
    assert (await functions.get_alias(**live))["RoutingConfig"] == weights(v2=0.1)


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        (weights(v2=0.1, v3=0.1), ("InvalidParameterValueException", 400, "cannot be greater than 1")),
        (weights(v2=1.5), ("ValidationException", 400, "less than or equal to 1.0")),
        (weights(v2=-0.1), ("ValidationException", 400, "greater than or equal to 0.0")),
        ({"AdditionalVersionWeights": {"$LATEST": 0.1}}, ("ValidationException", 400, "Map keys")),
        (weights(v1=0.1), ("InvalidParameterValueException", 400, "already included")),
        (weights(v9=0.1), ("ResourceNotFoundException", 404, "f:9")),
    ],
)
async def test_a_routing_that_aws_refuses_is_refused(functions, live, wanted, refusal):
    with refused(*refusal):
        await functions.update_alias(**live, RoutingConfig=wanted)
    with refused(*refusal):
        await functions.create_alias(FunctionName="f", Name="other", FunctionVersion="1", RoutingConfig=wanted)


async def test_latest_may_be_aliased_alone_but_not_split(functions, live):
    await functions.create_alias(FunctionName="f", Name="edge", FunctionVersion="$LATEST")
    with refused("InvalidParameterValueException", 400, r"$LATEST is not supported"):
        await functions.update_alias(FunctionName="f", Name="edge", RoutingConfig=weights(v1=0.1))


async def test_versions_with_different_roles_cannot_share_an_alias(functions, live):
    await functions.update_function_configuration(FunctionName="f", Role="arn:aws:iam::000000000000:role/other")
    await functions.publish_version(FunctionName="f")
    with refused("InvalidParameterValueException", 400, "execution role"):
        await functions.update_alias(**live, RoutingConfig=weights(v4=0.1))


async def test_versions_with_different_dead_letter_queues_cannot_share_an_alias(aws, functions, live):
    await aws.sqs.create_queue(QueueName="dead")
    queue = {"TargetArn": "arn:aws:sqs:us-east-1:000000000000:dead"}
    await functions.update_function_configuration(FunctionName="f", DeadLetterConfig=queue)
    await functions.publish_version(FunctionName="f")
    with refused("InvalidParameterValueException", 400, "Dead Letter"):
        await functions.update_alias(**live, RoutingConfig=weights(v4=0.1))


async def test_a_second_alias_of_one_name_is_refused(functions, live):
    with refused("ResourceConflictException", 409):
        await functions.create_alias(**live, FunctionVersion="1")


async def test_a_purely_numeric_alias_name_is_refused(functions, live):
    with refused("ValidationException", 400):
        await functions.create_alias(FunctionName="f", Name="12", FunctionVersion="1")


async def test_a_missing_alias_is_not_found_to_read_or_to_update(functions, live):
    for act in (functions.get_alias, functions.update_alias):
        with refused("ResourceNotFoundException", 404):
            await act(FunctionName="f", Name="none")


async def test_deleting_an_alias_succeeds_twice(functions, live):
    await functions.delete_alias(**live)
    answer = await functions.delete_alias(**live)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    with refused("ResourceNotFoundException", 404):
        await functions.get_alias(**live)


async def test_aliases_are_listed_by_page_and_by_primary_version(functions, live):
    await functions.create_alias(FunctionName="f", Name="beta", FunctionVersion="2")
    first = await functions.list_aliases(FunctionName="f", MaxItems=1)
    second = await functions.list_aliases(FunctionName="f", MaxItems=1, Marker=first["NextMarker"])
    assert [entry["Name"] for entry in first["Aliases"] + second["Aliases"]] == ["beta", "live"]
    assert "NextMarker" not in second
    only = await functions.list_aliases(FunctionName="f", FunctionVersion="2")
    assert [entry["Name"] for entry in only["Aliases"]] == ["beta"]


async def test_an_alias_change_reaches_invocations_only_after_its_propagation(functions, live, admin):
    await drawn(functions, "live", 1)  # a worker is running: the calls below are quick
    await admin.configure(propagation_delay=0.8)
    await functions.update_alias(**live, FunctionVersion="2")
    assert (await functions.get_alias(**live))["FunctionVersion"] == "2"
    assert await drawn(functions, "live", 2) == {"1": 2}

    async def arrived():
        return await drawn(functions, "live", 1) == {"2": 1}

    await until(arrived)


async def test_a_version_named_by_an_alias_cannot_be_deleted(functions, live):
    await functions.update_alias(**live, RoutingConfig=weights(v2=0.1))
    for version in ("1", "2"):
        with refused("ResourceConflictException", 409, "live"):
            await functions.delete_function(FunctionName="f", Qualifier=version)
    await functions.delete_function(FunctionName="f", Qualifier="3")
    listed = (await functions.list_versions_by_function(FunctionName="f"))["Versions"]
    assert [entry["Version"] for entry in listed] == ["$LATEST", "1", "2"]


async def test_deleting_the_whole_function_passes_and_numbers_are_never_reused(functions, live):
    await functions.delete_function(FunctionName="f")
    with refused("ResourceNotFoundException", 404):
        await functions.get_function(FunctionName="f")
    await functions.create_function(
        FunctionName="f",
        Runtime="python3.12",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="app.handler",
        Code={"ZipFile": zipped(ECHO % 4)},
    )
    assert (await functions.publish_version(FunctionName="f"))["Version"] == "4"
    assert await drawn(functions, "4", 1) == {"4": 1}

"""Provisioned and reserved concurrency (lambda.md 1.8)."""

import pytest

from tests.lab.calls import ECHO, call, drawn, make, refused, until


@pytest.fixture
async def live(functions):
    await make(functions, ECHO % 1, ECHO % 2, alias="live")
    return {"FunctionName": "f", "Qualifier": "live"}


def on(qualifier, count=2):
    return {"FunctionName": "f", "Qualifier": qualifier, "ProvisionedConcurrentExecutions": count}


async def test_it_is_in_progress_then_ready(functions, live, admin):
    await admin.configure(provisioning_seconds=0.15)
    begun = await functions.put_provisioned_concurrency_config(**on("1"))
    assert (begun["Status"], begun["AvailableProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 0)

    async def ready():
        shown = await functions.get_provisioned_concurrency_config(FunctionName="f", Qualifier="1")
        return shown["Status"] == "READY"

    await until(ready)
    shown = await functions.get_provisioned_concurrency_config(FunctionName="f", Qualifier="1")
    assert shown["AvailableProvisionedConcurrentExecutions"] == 2


async def test_it_can_be_made_to_fail_with_a_reason(functions, live, admin):
    await admin.configure(provisioning_failure="FUNCTION_ERROR_INIT_FAILURE")
    await functions.put_provisioned_concurrency_config(**on("1"))
    shown = await functions.get_provisioned_concurrency_config(FunctionName="f", Qualifier="1")
    assert (shown["Status"], shown["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")
    assert (await call(functions, "1"))[0]["ExecutedVersion"] == "1"


async def test_without_a_configuration_a_code_of_its_own_is_answered(functions, live):
    with refused("ProvisionedConcurrencyConfigNotFoundException", 404):
        await functions.get_provisioned_concurrency_config(FunctionName="f", Qualifier="1")


async def test_latest_cannot_be_provisioned(functions, live):
    with refused("InvalidParameterValueException", 400):
        await functions.put_provisioned_concurrency_config(**on("$LATEST"))


async def test_an_alias_with_weights_cannot_be_provisioned_but_weights_may_come_after(functions, live):
    await functions.update_alias(FunctionName="f", Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}})
    with refused("InvalidParameterValueException", 400, "weights"):
        await functions.put_provisioned_concurrency_config(**on("live"))
    await functions.update_alias(FunctionName="f", Name="live", RoutingConfig={"AdditionalVersionWeights": {}})
    await functions.put_provisioned_concurrency_config(**on("live"))
    await functions.update_alias(FunctionName="f", Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}})


async def test_version_and_alias_of_it_cannot_both_be_provisioned(functions, live):
    await functions.put_provisioned_concurrency_config(**on("live"))
    with refused("ResourceConflictException", 409):
        await functions.put_provisioned_concurrency_config(**on("1"))
    await functions.delete_provisioned_concurrency_config(**live)
    await functions.put_provisioned_concurrency_config(**on("1"))
    with refused("ResourceConflictException", 409):
        await functions.put_provisioned_concurrency_config(**on("live"))


async def test_a_moved_alias_keeps_the_old_version_serving_until_the_new_one_is_warm(functions, live, admin):
    await functions.put_provisioned_concurrency_config(**on("live"))
    await drawn(functions, "live", 1)
    await admin.configure(provisioning_seconds=0.8)
    answer = await functions.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    assert "RoutingConfig" not in answer
    shown = await functions.get_alias(FunctionName="f", Name="live")
    assert shown["FunctionVersion"] == "2"
    assert shown["RoutingConfig"] == {"AdditionalVersionWeights": {"1": 1.0}}
    assert await drawn(functions, "live", 2) == {"1": 2}

    async def moved():
        return "RoutingConfig" not in await functions.get_alias(FunctionName="f", Name="live")

    await until(moved)
    assert await drawn(functions, "live", 2) == {"2": 2}


async def test_when_warming_fails_the_weight_stays_and_blocks_the_way_back(functions, live, admin):
    await functions.put_provisioned_concurrency_config(**on("live"))
    await admin.configure(provisioning_failure="FUNCTION_ERROR_INIT_FAILURE")
    await functions.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    with refused("InvalidParameterValueException", 400, "already included"):
        await functions.update_alias(FunctionName="f", Name="live", FunctionVersion="1")
    await functions.update_alias(
        FunctionName="f", Name="live", FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {}}
    )


async def test_the_sum_may_not_exceed_what_is_reserved(functions, live):
    await functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=3)
    await functions.put_provisioned_concurrency_config(**on("1", 2))
    with refused("InvalidParameterValueException", 400):
        await functions.put_provisioned_concurrency_config(**on("2", 2))
    with refused("InvalidParameterValueException", 400):
        await functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)


async def test_reserving_only_what_is_provisioned_throttles_every_other_version(functions, live):
    await functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=2)
    await functions.put_provisioned_concurrency_config(**on("1", 2))
    await call(functions, "1")
    with refused("TooManyRequestsException", 429):
        await call(functions, "2")


async def test_more_than_the_account_has_is_refused(functions, live):
    with refused("InvalidParameterValueException", 400, "900"):
        await functions.put_provisioned_concurrency_config(**on("1", 901))
    with refused("InvalidParameterValueException", 400):
        await functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=950)


async def test_configurations_are_listed_and_go_with_their_alias(functions, live):
    await functions.put_provisioned_concurrency_config(**on("live"))
    listed = await functions.list_provisioned_concurrency_configs(FunctionName="f")
    assert [entry["FunctionArn"].rpartition(":")[2] for entry in listed["ProvisionedConcurrencyConfigs"]] == ["live"]
    await functions.delete_alias(FunctionName="f", Name="live")
    listed = await functions.list_provisioned_concurrency_configs(FunctionName="f")
    assert listed["ProvisionedConcurrencyConfigs"] == []


async def test_reserved_concurrency_is_shown_where_aws_shows_it(functions, live):
    assert "ReservedConcurrentExecutions" not in await functions.get_function_concurrency(FunctionName="f")
    await functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=5)
    assert (await functions.get_function_concurrency(FunctionName="f"))["ReservedConcurrentExecutions"] == 5
    assert (await functions.get_function(FunctionName="f"))["Concurrency"] == {"ReservedConcurrentExecutions": 5}
    limits = (await functions.get_account_settings())["AccountLimit"]
    assert limits["UnreservedConcurrentExecutions"] == 995

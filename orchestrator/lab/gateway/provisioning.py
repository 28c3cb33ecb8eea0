"""Reserved and provisioned concurrency, and what an alias with provisioned concurrency does when it moves.

Source of all rules here: lambda.md 1.8.
"""

from orchestrator.lab.gateway.functions import Function, Provisioned, timestamp
from orchestrator.lab.gateway.paging import page
from orchestrator.lab.gateway.routing import LATEST, Alias, Routing
from orchestrator.lab.gateway.wire import (
    AwsError,
    Call,
    Reply,
    conflict,
    failed_validation,
    invalid,
    json_reply,
    not_found,
)
from orchestrator.lab.gateway.world import World

_UNRESERVABLE = 100


async def put_provisioned(world: World, call: Call) -> Reply:
    """PutProvisionedConcurrencyConfig: 202 and IN_PROGRESS; a second one while in progress replaces the first."""
    function = world.function(call.function)
    wanted = int(call.document().get("ProvisionedConcurrentExecutions") or 0)
    qualifier = call.qualifier or LATEST
    if qualifier == LATEST:
        raise invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
    if wanted < 1:
        raise failed_validation(
            f"1 validation error detected: Value '{wanted}' at 'provisionedConcurrentExecutions' failed to satisfy "
            "constraint: Member must have value greater than or equal to 1"
        )
    version = _target(function, qualifier)
    _check_capacity(world, function, qualifier, wanted)
    config = Provisioned(wanted, modified=timestamp(world.now()), version=version)
    function.provisioned[qualifier] = config
    reply = json_reply(config.document(), 202)
    await _allocate(world, function, qualifier, config)
    return reply


async def get_provisioned(world: World, call: Call) -> Reply:
    """GetProvisionedConcurrencyConfig; 404 with a code of its own when there is none."""
    function = world.function(call.function)
    qualifier = call.qualifier or LATEST
    _known(function, qualifier)
    if qualifier not in function.provisioned:
        raise AwsError(
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
            404,
        )
    return json_reply(function.provisioned[qualifier].document())


async def delete_provisioned(world: World, call: Call) -> Reply:
    """DeleteProvisionedConcurrencyConfig: 204, also when there is none."""
    function = world.function(call.function)
    qualifier = call.qualifier or LATEST
    _known(function, qualifier)
    function.provisioned.pop(qualifier, None)
    return Reply(204)


async def list_provisioned(world: World, call: Call) -> Reply:
    """ListProvisionedConcurrencyConfigs."""
    function = world.function(call.function)
    shown = [
        {"FunctionArn": f"{function.arn}:{qualifier}", **config.document()}
        for qualifier, config in sorted(function.provisioned.items())
    ]
    return json_reply(page(call, "ProvisionedConcurrencyConfigs", shown))


async def put_concurrency(world: World, call: Call) -> Reply:
    """PutFunctionConcurrency: reserve, never below what is provisioned."""
    function = world.function(call.function)
    wanted = int(call.document().get("ReservedConcurrentExecutions", -1))
    if wanted < 0:
        raise failed_validation("1 validation error detected: Value at 'reservedConcurrentExecutions' must be >= 0")
    if wanted < _provisioned_sum(function):
        raise invalid(
            "ReservedConcurrentExecutions  can not be set below the sum of ProvisionedConcurrentExecutions: "
            f"{_provisioned_sum(function)}"
        )
    others = sum(other.reserved or 0 for other in world.functions.values() if other is not function)
    if wanted and world.settings.account_concurrency - others - wanted < _UNRESERVABLE:
        raise invalid(
            f"Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{_UNRESERVABLE}]."
        )
    function.reserved = wanted
    return json_reply({"ReservedConcurrentExecutions": wanted})


async def get_concurrency(world: World, call: Call) -> Reply:
    """GetFunctionConcurrency: an empty object when nothing is reserved."""
    reserved = world.function(call.function).reserved
    return json_reply({} if reserved is None else {"ReservedConcurrentExecutions": reserved})


async def delete_concurrency(world: World, call: Call) -> Reply:
    """DeleteFunctionConcurrency."""
    world.function(call.function).reserved = None
    return Reply(204)


async def account_settings(world: World, _: Call) -> Reply:
    """GetAccountSettings: limits and what is used of them."""
    reserved = sum(function.reserved or 0 for function in world.functions.values())
    packages = [
        len(package)
        for function in world.functions.values()
        for package in (function.package, *(version.package for version in function.versions.values()))
    ]
    return json_reply(
        {
            "AccountLimit": {
                "TotalCodeSize": 322122547200,
                "CodeSizeUnzipped": 262144000,
                "CodeSizeZipped": 52428800,
                "ConcurrentExecutions": world.settings.account_concurrency,
                "UnreservedConcurrentExecutions": world.settings.account_concurrency - reserved,
            },
            "AccountUsage": {"TotalCodeSize": sum(packages), "FunctionCount": len(world.functions)},
        }
    )


async def follow_alias(world: World, function: Function, alias: Alias, before: Routing) -> None:
    """Move an alias' provisioned concurrency onto its new primary.

    Lambda itself puts the old version at weight 1.0 until the new one is warm; the answer to UpdateAlias does not
    show it, a later GetAlias does. When warming fails the weight stays.
    """
    config = function.provisioned.get(alias.name)
    if config is None or alias.routing.version == before.version:
        return
    moved = Provisioned(config.requested, modified=timestamp(world.now()), version=alias.routing.version)
    function.provisioned[alias.name] = moved
    held = Routing(alias.routing.version, {before.version: 1.0})
    alias.write(held, world.now() + world.settings.propagation_delay)
    await _allocate(world, function, alias.name, moved)


async def _allocate(world: World, function: Function, qualifier: str, config: Provisioned) -> None:
    async def finish() -> None:
        if function.provisioned.get(qualifier) is not config:
            return
        failure = world.settings.provisioning_failure
        config.status = "FAILED" if failure else "READY"
        config.reason = failure or ""
        alias = function.aliases.get(qualifier)
        if failure is None and alias and 1.0 in alias.routing.weights.values():
            alias.write(Routing(alias.routing.version), world.now() + world.settings.propagation_delay)

    await world.after(world.settings.provisioning_seconds, finish)


def _known(function: Function, qualifier: str) -> None:
    if qualifier not in function.aliases:
        function.version_configuration(qualifier)


def _target(function: Function, qualifier: str) -> str:
    """The version to warm; refuses version and alias both, and aliases with weights."""
    alias = function.aliases.get(qualifier)
    if alias is None:
        if qualifier not in function.versions and not qualifier.isdigit():
            raise not_found(f"Cannot find alias arn: {function.arn}:{qualifier}")
        function.version_configuration(qualifier)
        if any(function.aliases[name].names(qualifier) for name in function.provisioned if name in function.aliases):
            raise conflict("Version is pointed by a Provisioned Concurrency alias")
        return qualifier
    if alias.routing.weights:
        raise invalid("Alias with weights can not be used with Provisioned Concurrency")
    if alias.routing.version == LATEST:
        raise invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
    if alias.routing.version in function.provisioned:
        raise conflict(
            "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
        )
    return alias.routing.version


def _check_capacity(world: World, function: Function, qualifier: str, wanted: int) -> None:
    others = sum(config.requested for name, config in function.provisioned.items() if name != qualifier)
    if function.reserved is not None:
        if wanted + others > function.reserved:
            raise invalid(
                "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for "
                "function"
            )
        return
    reserved = sum(other.reserved or 0 for other in world.functions.values())
    free = world.settings.account_concurrency - reserved - _UNRESERVABLE
    if wanted + others > free:
        raise invalid(
            f"Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [{free}]."
        )


def _provisioned_sum(function: Function) -> int:
    return sum(config.requested for config in function.provisioned.values())


def throttle_reason(function: Function, version: str) -> str | None:
    """Why an invocation may not start now, in the words of Lambda's `Reason`, or None.

    Reserved concurrency bounds what runs at once; what is provisioned for one version is taken away from the others.
    """
    if function.reserved is None:
        return None
    own = sum(config.requested for config in function.provisioned.values() if config.version == version)
    if function.in_flight >= function.reserved or (own == 0 and _provisioned_sum(function) >= function.reserved):
        return "ReservedFunctionConcurrentInvocationLimitExceeded"
    return None


HANDLERS = {
    "PutProvisionedConcurrencyConfig": put_provisioned,
    "GetProvisionedConcurrencyConfig": get_provisioned,
    "DeleteProvisionedConcurrencyConfig": delete_provisioned,
    "ListProvisionedConcurrencyConfigs": list_provisioned,
    "PutFunctionConcurrency": put_concurrency,
    "GetFunctionConcurrency": get_concurrency,
    "DeleteFunctionConcurrency": delete_concurrency,
    "GetAccountSettings": account_settings,
}

"""CreateAlias, UpdateAlias, GetAlias, ListAliases, DeleteAlias."""

from contextlib import suppress

from orchestrator.lab.gateway import provisioning
from orchestrator.lab.gateway.functions import Function
from orchestrator.lab.gateway.paging import page
from orchestrator.lab.gateway.routing import LATEST, Alias, Routing, check_name, check_split, read_weights
from orchestrator.lab.gateway.wire import AwsError, Call, Reply, conflict, json_reply, not_found, stale_revision
from orchestrator.lab.gateway.world import World


async def create_alias(world: World, call: Call) -> Reply:
    """CreateAlias: 201; a name in use is refused with 409."""
    function = world.function(call.function)
    wanted = call.document()
    name = str(wanted.get("Name", ""))
    check_name(name)
    if name in function.aliases:
        raise conflict(f"Alias already exists: {function.arn}:{name}")
    routing = Routing(str(wanted.get("FunctionVersion", LATEST)), read_weights(wanted.get("RoutingConfig")))
    _check_versions(function, routing)
    alias = Alias(name, f"{function.arn}:{name}", str(wanted.get("Description", "")))
    alias.write(routing, world.now())
    function.aliases[name] = alias
    await mirror(world, function, alias)
    return json_reply(alias.document(), 201)


async def update_alias(world: World, call: Call) -> Reply:
    """UpdateAlias: omitted fields stay; an empty weight map removes the weights (lambda.md 1.2)."""
    function = world.function(call.function)
    wanted = call.document()
    if call.alias not in function.aliases:
        raise not_found(f"Alias not found: {function.arn}:{call.alias}")
    alias = function.aliases[call.alias]
    weights = read_weights(wanted["RoutingConfig"]) if wanted.get("RoutingConfig") is not None else None
    before = alias.routing
    routing = Routing(
        str(wanted.get("FunctionVersion") or before.version), before.weights if weights is None else weights
    )
    if wanted.get("RevisionId") is not None and wanted["RevisionId"] != alias.revision:
        raise stale_revision()
    _check_versions(function, routing)
    alias.description = str(wanted.get("Description", alias.description))
    alias.write(routing, world.now() + world.settings.propagation_delay)
    reply = json_reply(alias.document())
    await provisioning.follow_alias(world, function, alias, before)
    await mirror(world, function, alias)
    return reply


async def get_alias(world: World, call: Call) -> Reply:
    """GetAlias."""
    return json_reply(world.function(call.function).alias(call.alias).document())


async def list_aliases(world: World, call: Call) -> Reply:
    """ListAliases; the filter `FunctionVersion` looks at primaries."""
    found = sorted(world.function(call.function).aliases.values(), key=lambda alias: alias.name)
    wanted = call.query.get("FunctionVersion")
    chosen = [alias for alias in found if wanted in {None, alias.routing.version}]
    return json_reply(page(call, "Aliases", [alias.document() for alias in chosen]))


async def delete_alias(world: World, call: Call) -> Reply:
    """DeleteAlias: 204, also when there is none; its provisioned concurrency goes with it (lambda.md 1.8)."""
    function = world.function(call.function)
    if function.aliases.pop(call.alias, None):
        function.provisioned.pop(call.alias, None)
        with suppress(AwsError):
            await world.upstream.functions("DELETE", f"/{function.name}/aliases/{call.alias}")
    return Reply(204)


async def mirror(world: World, function: Function, alias: Alias) -> None:
    """Let the emulator know the alias, so that policies and URLs bound to it can be kept there."""
    version = alias.routing.version
    backend = version if version == LATEST else function.versions[version].backend or LATEST
    document = {"Name": alias.name, "FunctionVersion": backend}
    try:
        await world.upstream.functions("PUT", f"/{function.name}/aliases/{alias.name}", document)
    except AwsError:
        await world.upstream.functions("POST", f"/{function.name}/aliases", document)


def _check_versions(function: Function, routing: Routing) -> None:
    named = [routing.version, *routing.weights]
    check_split(routing, {version: function.version_configuration(version) for version in named})


HANDLERS = {
    "CreateAlias": create_alias,
    "UpdateAlias": update_alias,
    "GetAlias": get_alias,
    "ListAliases": list_aliases,
    "DeleteAlias": delete_alias,
}

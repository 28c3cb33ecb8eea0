"""GetFunction, GetFunctionConfiguration, ListVersionsByFunction, ListFunctions, tags, runtime management."""

from http import HTTPStatus
from urllib.parse import unquote

from orchestrator.lab.gateway.functions import Function
from orchestrator.lab.gateway.operations import split_reference
from orchestrator.lab.gateway.paging import page
from orchestrator.lab.gateway.wire import Call, Document, Reply, json_reply
from orchestrator.lab.gateway.world import World


async def get_function(world: World, call: Call) -> Reply:
    """GetFunction: configuration, where the code can be fetched, tags, reserved concurrency."""
    function = world.function(call.function)
    configuration = function.configuration(call.qualifier)
    host = call.headers.get("host", "127.0.0.1")
    shown: Document = {
        "Configuration": configuration,
        "Code": {
            "RepositoryType": "S3",
            "Location": f"http://{host}/_lab/code/{function.name}/{configuration['Version']}",
        },
    }
    if function.tags:
        shown["Tags"] = function.tags
    if function.reserved is not None:
        shown["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved}
    return json_reply(shown)


async def get_configuration(world: World, call: Call) -> Reply:
    """GetFunctionConfiguration."""
    return json_reply(world.function(call.function).configuration(call.qualifier))


async def list_versions(world: World, call: Call) -> Reply:
    """ListVersionsByFunction: `$LATEST` first, then by number."""
    function = world.function(call.function)
    numbered = sorted(function.versions.values(), key=lambda version: int(version.number))
    latest = {**function.latest, "FunctionArn": f"{function.arn}:$LATEST"}
    return json_reply(page(call, "Versions", [latest, *(version.configuration for version in numbered)]))


async def list_functions(world: World, call: Call) -> Reply:
    """ListFunctions, by name; with `FunctionVersion=ALL` every version."""
    shown: list[Document] = []
    for _, function in sorted(world.functions.items()):
        shown.append(function.latest)
        if call.query.get("FunctionVersion") == "ALL":
            shown += [version.configuration for version in function.versions.values()]
    return json_reply(page(call, "Functions", shown))


async def get_runtime_management(world: World, call: Call) -> Reply:
    """GetRuntimeManagementConfig: always Auto."""
    arn = world.function(call.function).configuration(call.qualifier)["FunctionArn"]
    return json_reply({"UpdateRuntimeOn": "Auto", "FunctionArn": arn})


async def function_url(world: World, call: Call) -> Reply:
    """Create-, Get- and UpdateFunctionUrlConfig, kept by the emulator, under the ARN of the alias they belong to."""
    function = world.function(call.function)
    reply = await world.upstream.forward(call)
    if reply.status >= HTTPStatus.BAD_REQUEST or not call.qualifier:
        return reply
    return json_reply({**reply.document(), "FunctionArn": f"{function.arn}:{call.qualifier}"}, reply.status)


async def list_tags(world: World, call: Call) -> Reply:
    """ListTags of a function."""
    return json_reply({"Tags": _tagged(world, call).tags})


async def tag(world: World, call: Call) -> Reply:
    """TagResource; refused while an update is in progress."""
    function = _tagged(world, call)
    function.refuse_while_busy()
    function.tags |= call.document().get("Tags") or {}
    return Reply(204)


async def untag(world: World, call: Call) -> Reply:
    """UntagResource."""
    function = _tagged(world, call)
    for pair in call.raw_target.decode("latin-1").partition("?")[2].split("&"):
        function.tags.pop(unquote(pair.partition("=")[2]), None)
    return Reply(204)


def _tagged(world: World, call: Call) -> Function:
    return world.function(split_reference(call.resource)[0])


HANDLERS = {
    "GetFunction": get_function,
    "GetFunctionConfiguration": get_configuration,
    "ListVersionsByFunction": list_versions,
    "ListFunctions": list_functions,
    "GetRuntimeManagementConfig": get_runtime_management,
    "CreateFunctionUrlConfig": function_url,
    "GetFunctionUrlConfig": function_url,
    "UpdateFunctionUrlConfig": function_url,
    "ListTags": list_tags,
    "TagResource": tag,
    "UntagResource": untag,
}

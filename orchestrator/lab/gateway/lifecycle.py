"""CreateFunction, UpdateFunctionCode, UpdateFunctionConfiguration, PublishVersion, DeleteFunction."""

import base64
import copy
from collections.abc import Awaitable, Callable
from uuid import uuid4

from orchestrator.lab.gateway.functions import Function, Version, creating, settle, timestamp
from orchestrator.lab.gateway.packages import (
    describe,
    for_our_runtime,
    read_package,
    runs_on_our_runtime,
    with_runtime,
)
from orchestrator.lab.gateway.routing import LATEST
from orchestrator.lab.gateway.wire import AwsError, Call, Document, Reply, conflict, invalid, json_reply
from orchestrator.lab.gateway.world import World

_DEFAULT_TIMEOUT = 3
CONFIGURABLE = (
    "Runtime", "Handler", "Description", "Timeout", "MemorySize", "Role", "Environment", "Layers", "TracingConfig",
    "DeadLetterConfig", "KMSKeyArn", "EphemeralStorage", "LoggingConfig", "VpcConfig", "FileSystemConfigs", "SnapStart",
)  # fmt: skip


async def create_function(world: World, call: Call) -> Reply:
    """CreateFunction: 201 and Pending; `Publish` also makes a version."""
    wanted = call.document()
    name = str(wanted.get("FunctionName", ""))
    if name in world.functions:
        raise conflict(f"Function already exist: {name}")
    package = await read_package(world.upstream, wanted.get("Code") or {})
    sent = {**wanted, "Publish": False}
    if package is not None and runs_on_our_runtime(wanted):
        sent = for_our_runtime({"Timeout": _DEFAULT_TIMEOUT, **sent})
        sent["Code"] = {"ZipFile": with_runtime(package, str(wanted.get("Handler")))}
    made = (await world.upstream.functions("POST", "", sent)).document()
    made |= {"RevisionId": str(uuid4()), "LastUpdateStatus": "Successful", "Version": LATEST, **creating()}
    made |= {"Handler": wanted.get("Handler", ""), "Timeout": wanted.get("Timeout") or _DEFAULT_TIMEOUT}
    made["FunctionArn"] = world.arn("lambda", f"function:{name}")
    if package is not None:
        made |= describe(package)
    _drop_empty(made)
    function = Function(made, package or b"", tags=dict(wanted.get("Tags") or {}))
    function.last_number = world.retired_numbers.get(name, 0)
    world.functions[name] = function
    reply = copy.deepcopy(made)

    async def finish() -> None:
        settle(function.latest, "Active")

    if wanted.get("Publish"):
        version = await _publish(world, function, wanted.get("Description"))
        reply = copy.deepcopy(version.configuration)
        await _activate(world, function, version)
    await world.after(world.settings.pending_seconds, finish)
    return json_reply(reply, 201)


async def update_code(world: World, call: Call) -> Reply:
    """UpdateFunctionCode: InProgress, then Successful; `DryRun` changes nothing, `Publish` answers with a version."""
    function = world.function(call.function)
    wanted = call.document()
    _only_latest(call)
    package = await read_package(world.upstream, wanted)
    function.check_revision(wanted.get("RevisionId"))
    changes: Document = {"ImageUri": wanted["ImageUri"]} if package is None else describe(package)
    if wanted.get("DryRun"):
        return json_reply({**function.latest, **changes})
    function.refuse_while_busy()
    sent: Document = {"ImageUri": wanted.get("ImageUri")}
    old = function.package
    if package is not None:
        function.package = package
        sent = {"ZipFile": _packed(function, package)}
        if wanted.get("Architectures"):
            changes["Architectures"] = wanted["Architectures"]

    async def apply() -> None:
        try:
            await world.upstream.functions("PUT", f"/{function.name}/code", sent)
        except AwsError:
            function.package = old
            raise

    return await _update(world, function, changes, apply, publish=bool(wanted.get("Publish")))


async def update_configuration(world: World, call: Call) -> Reply:
    """UpdateFunctionConfiguration: omitted fields stay; InProgress, then Successful."""
    function = world.function(call.function)
    wanted = call.document()
    _only_latest(call)
    function.check_revision(wanted.get("RevisionId"))
    function.refuse_while_busy()
    changes = {name: wanted[name] for name in CONFIGURABLE if wanted.get(name) is not None}
    if "Layers" in changes:
        changes["Layers"] = [{"Arn": arn, "CodeSize": 0} for arn in changes["Layers"]]
    sent = {name: wanted[name] for name in CONFIGURABLE if wanted.get(name) is not None}
    if runs_on_our_runtime(function.latest):
        sent = for_our_runtime(sent)

    async def apply() -> None:
        await world.upstream.functions("PUT", f"/{function.name}/configuration", sent)

    return await _update(world, function, changes, apply, publish=False)


async def publish_version(world: World, call: Call) -> Reply:
    """PublishVersion: 201; the same version again when nothing changed since the last one.

    Both guards are honoured: `RevisionId` (412) and `CodeSha256` (400). Source: lambda.md 1.4.
    """
    function = world.function(call.function)
    wanted = call.document()
    async with function.writing:
        function.check_revision(wanted.get("RevisionId"))
        expected, found = wanted.get("CodeSha256"), function.latest.get("CodeSha256")
        if expected and expected != found:
            raise invalid(
                f"CodeSHA256 ({expected}) is different from current CodeSHA256 in $LATEST ({found}). "
                "Please try again with the CodeSHA256 in $LATEST."
            )
        function.refuse_while_busy()
        newest = function.newest()
        if newest and newest.fingerprint == function.fingerprint():
            return json_reply(newest.configuration, 201)
        version = await _publish(world, function, wanted.get("Description"))
        reply = json_reply(version.configuration, 201)
    await _activate(world, function, version)
    return reply


async def delete_function(world: World, call: Call) -> Reply:
    """DeleteFunction: without a qualifier the whole function, with one that version unless an alias names it."""
    function = world.function(call.function)
    if call.qualifier is None:
        await world.upstream.functions("DELETE", f"/{function.name}")
        world.retired_numbers[function.name] = function.last_number
        del world.functions[function.name]
        return Reply(204)
    if call.qualifier == LATEST:
        raise invalid("$LATEST version cannot be deleted without deleting the function.")
    holders = sorted(alias.name for alias in function.aliases.values() if alias.names(call.qualifier))
    if holders:
        raise conflict(f"Unable to delete version because the following aliases reference it: [{', '.join(holders)}]")
    version = function.versions.pop(call.qualifier, None)
    if version:
        function.provisioned.pop(call.qualifier, None)
        await world.upstream.functions("DELETE", f"/{function.name}", Qualifier=version.backend)
    return Reply(204)


async def _update(
    world: World, function: Function, changes: Document, apply: Callable[[], Awaitable[None]], *, publish: bool
) -> Reply:
    before = copy.deepcopy(function.latest)
    function.latest |= changes
    function.latest |= {
        "LastModified": timestamp(world.now()),
        "LastUpdateStatus": "InProgress",
        "LastUpdateStatusReason": "The function is being created.",
        "LastUpdateStatusReasonCode": "Creating",
    }
    function.revise()
    reply = copy.deepcopy(function.latest)
    version: Version | None = None
    if publish:
        version = function.freeze(function.last_number + 1, None)
        reply = copy.deepcopy(version.configuration)

    async def finish() -> None:
        try:
            await apply()
        except AwsError as refusal:
            # A failed update leaves the function active with its old code (lambda.md 1.5).
            function.latest |= {**before, "LastUpdateStatus": "Failed", "LastUpdateStatusReason": refusal.message}
        else:
            function.latest["LastUpdateStatus"] = "Successful"
            function.latest.pop("LastUpdateStatusReason", None)
            function.latest.pop("LastUpdateStatusReasonCode", None)
        function.revise()
        if version:
            await _keep(world, function, version)
            await _activate(world, function, version)

    await world.after(world.settings.update_seconds, finish)
    return json_reply(reply)


async def _publish(world: World, function: Function, description: str | None) -> Version:
    version = function.freeze(function.last_number + 1, description)
    await _keep(world, function, version)
    return version


async def _keep(world: World, function: Function, version: Version) -> None:
    """Have the emulator keep the version under a number of its own; publishing revises `$LATEST` (lambda.md 1.3)."""
    kept = (await world.upstream.functions("POST", f"/{function.name}/versions", {})).document()
    version.backend = str(kept["Version"])
    function.revise()


async def _activate(world: World, function: Function, version: Version) -> None:
    failure, function.next_publish_fails = function.next_publish_fails, None

    async def finish() -> None:
        settle(version.configuration, "Failed" if failure else "Active", failure)

    await world.after(world.settings.pending_seconds, finish)


def _packed(function: Function, package: bytes) -> str:
    if runs_on_our_runtime(function.latest):
        return with_runtime(package, str(function.latest["Handler"]))
    return base64.b64encode(package).decode()


def _only_latest(call: Call) -> None:
    if call.qualifier not in {None, LATEST}:
        raise invalid("This operation is permitted on Lambda functions only. Lambda aliases and versions are refused.")


def _drop_empty(configuration: Document) -> None:
    """Leave out what AWS leaves out when it is not set."""
    for name in ("LastUpdateStatusReason", "LastUpdateStatusReasonCode", "KMSKeyArn", "Layers"):
        if not configuration.get(name):
            configuration.pop(name, None)


HANDLERS = {
    "CreateFunction": create_function,
    "UpdateFunctionCode": update_code,
    "UpdateFunctionConfiguration": update_configuration,
    "PublishVersion": publish_version,
    "DeleteFunction": delete_function,
}

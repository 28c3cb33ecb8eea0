"""Functions that survive a restart of the lab: written to a folder after each change, brought back at the start.

Releases outlive a restart in Temporal's file; what they release must too. Metrics, queues, buckets and alarms do not.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from orchestrator.lab.gateway.aliases import mirror
from orchestrator.lab.gateway.functions import Function, Provisioned, Version, settle
from orchestrator.lab.gateway.lifecycle import CONFIGURABLE
from orchestrator.lab.gateway.packages import for_our_runtime, runs_on_our_runtime, with_runtime
from orchestrator.lab.gateway.routing import Alias, Routing
from orchestrator.lab.gateway.wire import Call, Document, Reply
from orchestrator.lab.gateway.world import World

_READING = ("Get", "List", "Invoke")


class FunctionShelf:
    """A folder with one JSON file of all functions, and their packages by hash."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, made when missing."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._file = folder / "functions.json"

    def after(self, world: World, call: Call, reply: Reply) -> None:
        """Write everything down when a call may have changed it."""
        if call.service == "lambda" and reply.status < 400 and not call.operation.startswith(_READING):
            self.save(world)

    def save(self, world: World) -> None:
        """Write all functions; the file is replaced as a whole, so that a crash leaves the old or the new one."""
        document = {
            "functions": [self._written(function) for function in world.functions.values()],
            "retired_numbers": world.retired_numbers,
        }
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(document))
        fresh.replace(self._file)

    async def restore(self, world: World) -> None:
        """Bring all functions back, here and in the emulator, which begins empty; nothing when none were written."""
        if not self._file.exists():
            return
        document = json.loads(self._file.read_text())
        world.retired_numbers = document["retired_numbers"]
        for written in document["functions"]:
            function = self._read(written)
            await _rebuild(world, function)
            world.functions[function.name] = function
            for alias in function.aliases.values():
                await mirror(world, function, alias)

    def _written(self, function: Function) -> Document:
        return {
            "latest": function.latest,
            "package": self._store(function.package),
            "versions": [
                {
                    "configuration": version.configuration,
                    "fingerprint": version.fingerprint,
                    "package": self._store(version.package),
                }
                for version in function.versions.values()
            ],
            "aliases": [
                {
                    "name": alias.name,
                    "arn": alias.arn,
                    "description": alias.description,
                    "revision": alias.revision,
                    "routing": asdict(alias.routing),
                }
                for alias in function.aliases.values()
            ],
            "provisioned": {qualifier: asdict(config) for qualifier, config in function.provisioned.items()},
            "tags": function.tags,
            "reserved": function.reserved,
            "last_number": function.last_number,
        }

    def _read(self, written: Document) -> Function:
        function = Function(written["latest"], self._load(written["package"]))
        for entry in written["versions"]:
            version = Version(entry["configuration"], entry["fingerprint"], self._load(entry["package"]))
            function.versions[version.number] = version
        for entry in written["aliases"]:
            routing = [(0.0, Routing(**entry.pop("routing")))]
            function.aliases[entry["name"]] = Alias(**entry, history=routing)
        for qualifier, config in written["provisioned"].items():
            function.provisioned[qualifier] = Provisioned(**config)
        function.tags, function.reserved = written["tags"], written["reserved"]
        function.last_number = written["last_number"]
        return function

    def _store(self, package: bytes) -> str:
        name = hashlib.sha256(package).hexdigest()
        place = self._folder / f"{name}.zip"
        if not place.exists():
            place.write_bytes(package)
        return name

    def _load(self, name: str) -> bytes:
        return (self._folder / f"{name}.zip").read_bytes()


async def _rebuild(world: World, function: Function) -> None:
    """Replay a function into the emulator: each version in order, then `$LATEST`."""
    made = False
    for version in [*function.versions.values(), None]:
        configuration = version.configuration if version else function.latest
        package = version.package if version else function.package
        await _push(world, function.name, configuration, package, create=not made)
        made = True
        _finish(configuration)
        if version:
            kept = (await world.upstream.functions("POST", f"/{function.name}/versions", {})).document()
            version.backend = str(kept["Version"])
    for config in function.provisioned.values():
        config.status = "READY" if config.status == "IN_PROGRESS" else config.status


async def _push(world: World, name: str, configuration: Document, package: bytes, *, create: bool) -> None:
    sent: dict[str, Any] = {field: configuration[field] for field in CONFIGURABLE if field in configuration}
    if "Layers" in sent:
        sent["Layers"] = [layer["Arn"] for layer in sent["Layers"]]
    if not runs_on_our_runtime(configuration):
        raise RuntimeError(f"{name}: only Python functions in zip packages survive a restart of the lab.")
    code = {"ZipFile": with_runtime(package, str(configuration["Handler"]))}
    sent = for_our_runtime(sent)
    if create:
        await world.upstream.functions("POST", "", {**sent, "FunctionName": name, "Code": code})
        return
    await world.upstream.functions("PUT", f"/{name}/code", code)
    await world.upstream.functions("PUT", f"/{name}/configuration", sent)


def _finish(configuration: Document) -> None:
    """End what was under way when the lab ended."""
    if configuration["State"] == "Pending":
        settle(configuration, "Active")
    configuration["LastUpdateStatus"] = "Successful"

"""The LambdaPort of the fake: each method writes itself down, meets its faults, and asks the rules."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from activities.aws.configuration import request_fields
from activities.ports import Clock, Concurrency, Decision, EventSource, FunctionVersion, Invocation
from orchestrator.domain.errors import InvariantError, MissingTarget, NotReleasable, Unavailable
from orchestrator.domain.release import Artifact, Configuration, Image, S3Object
from orchestrator.domain.traffic import AliasState, Routing
from tests.fakes import concurrency
from tests.fakes.code import Code
from tests.fakes.function import FakeFunction
from tests.fakes.journal import Journal

T = TypeVar("T")


@dataclass
class Region:
    """One account in one region."""

    account: str
    """Whom the credentials belong to; set another number to play wrong credentials."""
    functions: dict[str, FakeFunction] = field(default_factory=dict)
    objects: dict[str, Code | None] = field(default_factory=dict)
    """Code by `s3://bucket/key` (None: no such object) or image URI; one that is not listed has code of that name."""
    concurrency: int = 1000
    decisions: dict[tuple[str, str], Decision] = field(default_factory=dict)
    """What IAM refuses, by action and resource (an ARN, or `*`)."""

    def function(self, name: str) -> FakeFunction:
        if name not in self.functions:
            raise MissingTarget(f"there is no function {name}")
        function = self.functions[name]
        function.settle()
        return function

    def code(self, artifact: Artifact) -> Code:
        if isinstance(artifact, S3Object):
            where = f"s3://{artifact.bucket}/{artifact.key}"
            name = f"{where}?{artifact.object_version}" if artifact.object_version else where
        elif isinstance(artifact, Image):
            where = name = artifact.uri
        else:
            raise InvariantError(f"artifact {artifact.kind} has no code to upload")
        code = self.objects.get(where, Code(name))
        if code is None:
            raise MissingTarget(f"there is no {where}")
        return code

    @property
    def unreserved(self) -> int:
        return self.concurrency - sum(f.reserved or 0 for f in self.functions.values())


class FakeLambda:
    """Bound to one region; `urgent` only shows in the journal."""

    def __init__(self, region: Region, journal: Journal, clock: Clock, *, urgent: bool = False) -> None:
        self._region = region
        self._journal = journal
        self._clock = clock
        self._urgent = urgent

    async def _perform(self, operation: str, apply: Callable[[], T], **arguments: Any) -> T:
        return await self._journal.perform(operation, arguments, apply, urgent=self._urgent)

    async def account(self) -> str:
        return await self._perform("account", lambda: self._region.account)

    async def get_alias(self, function: str, alias: str) -> AliasState:
        def read() -> AliasState:
            found = self._region.function(function).alias(alias)
            return AliasState(routing=found.routing, revision=found.revision)

        return await self._perform("get_alias", read, function=function, alias=alias)

    async def update_alias(self, function: str, alias: str, routing: Routing, *, revision: str) -> AliasState:
        return await self._perform(
            "update_alias",
            lambda: self._region.function(function).update_alias(alias, routing, revision),
            function=function,
            alias=alias,
            routing=routing,
            revision=revision,
        )

    async def create_alias(self, function: str, alias: str, version: str) -> AliasState:
        return await self._perform(
            "create_alias",
            lambda: self._region.function(function).create_alias(alias, version),
            function=function,
            alias=alias,
            version=version,
        )

    async def list_aliases(self, function: str) -> Mapping[str, Routing]:
        def read() -> dict[str, Routing]:
            return {name: alias.routing for name, alias in self._region.function(function).aliases.items()}

        return await self._perform("list_aliases", read, function=function)

    async def get_function(self, function: str, qualifier: str = "$LATEST") -> FunctionVersion:
        return await self._perform(
            "get_function",
            lambda: self._region.function(function).read(qualifier),
            function=function,
            qualifier=qualifier,
        )

    async def update_configuration(self, function: str, change: Configuration, *, revision: str) -> FunctionVersion:
        return await self._perform(
            "update_configuration",
            lambda: self._region.function(function).update(request_fields(change), None, revision),
            function=function,
            change=change,
            revision=revision,
        )

    async def update_code(self, function: str, artifact: Artifact, *, revision: str) -> FunctionVersion:
        return await self._perform(
            "update_code",
            lambda: self._region.function(function).update({}, self._region.code(artifact), revision),
            function=function,
            artifact=artifact,
            revision=revision,
        )

    async def publish_version(
        self, function: str, *, revision: str, code_sha256: str, description: str
    ) -> FunctionVersion:
        def publish() -> FunctionVersion:
            found = self._region.function(function)
            return found.publish(revision, code_sha256, description, pace=found.paces.publish)

        arguments = {"function": function, "revision": revision, "code_sha256": code_sha256}
        return await self._perform("publish_version", publish, **arguments, description=description)

    async def invoke(
        self,
        function: str,
        qualifier: str,
        payload: bytes,
        *,
        timeout: float,
        dry_run: bool = False,
    ) -> Invocation:
        return await self._perform(
            "invoke",
            lambda: self._run(self._region.function(function), qualifier, payload, dry_run=dry_run),
            function=function,
            qualifier=qualifier,
            payload=payload,
            timeout=timeout,
            dry_run=dry_run,
        )

    def _run(self, function: FakeFunction, qualifier: str, payload: bytes, *, dry_run: bool) -> Invocation:
        version = function.draw(qualifier)
        if dry_run:
            return Invocation(status=204, executed_version=None)
        state = version.configuration["State"]
        if state == "Failed":
            raise NotReleasable(f"{function.name}:{version.number} failed to start")
        if state == "Inactive":
            function.wake(version)
        if state != "Active":  # ResourceConflictException
            raise Unavailable(f"{function.name}:{version.number} is {state}")
        function.invocations.append((qualifier, version.number))
        answer = version.code.answer(payload)
        return Invocation(
            status=200,
            executed_version=version.number,
            function_error=answer.error,
            payload=answer.payload,
            log_tail=answer.log,
            seconds=answer.seconds,
        )

    async def provisioned(self, function: str, qualifier: str) -> Concurrency | None:
        def read() -> Concurrency | None:
            found = self._region.function(function).provisioned.get(qualifier)
            if found is None:
                return None
            answer = found.reading()
            if found.settling is not None:
                found.settling.seen()
            return answer

        return await self._perform("provisioned", read, function=function, qualifier=qualifier)

    async def provision(self, function: str, qualifier: str, count: int) -> None:
        def provision() -> None:
            found = self._region.function(function)
            concurrency.provision(found, qualifier, count, unreserved=self._region.unreserved, now=self._clock.now())

        await self._perform("provision", provision, function=function, qualifier=qualifier, count=count)

    async def release_provisioned(self, function: str, qualifier: str) -> None:
        await self._perform(
            "release_provisioned",
            lambda: concurrency.release(self._region.function(function), qualifier),
            function=function,
            qualifier=qualifier,
        )

    async def provisioned_total(self, function: str) -> Mapping[str, int]:
        def read() -> dict[str, int]:
            return {name: p.requested for name, p in self._region.function(function).provisioned.items()}

        return await self._perform("provisioned_total", read, function=function)

    async def reserved(self, function: str) -> int | None:
        return await self._perform("reserved", lambda: self._region.function(function).reserved, function=function)

    async def event_sources(self, function: str) -> Sequence[EventSource]:
        return await self._perform(
            "event_sources", lambda: tuple(self._region.function(function).event_sources), function=function
        )

    async def has_policy(self, function: str, qualifier: str | None) -> bool:
        return await self._perform(
            "has_policy",
            lambda: qualifier in self._region.function(function).policies,
            function=function,
            qualifier=qualifier,
        )

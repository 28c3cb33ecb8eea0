"""A real account as a world: one function that exists and may be changed, named on the command line."""

from typing import Self

import pytest

from orchestrator.domain.release import S3Object, Target
from orchestrator.domain.traffic import whole
from tests.conformance.wire_world import WireWorld, package
from tests.conformance.worlds import CodeName, settled


class RealWorld(WireWorld):
    """Uploads, publishes and moves the alias of the named function; creates and deletes nothing else."""

    name = "real"

    def __init__(self, target: Target) -> None:
        super().__init__(None, target.account, target.region)
        self._target = target

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        found = await self.aws.functions(self._target).account()
        assert found == self.account, f"the credentials belong to account {found}"
        return self

    async def function(self, code: CodeName = "first") -> Target:
        port = self.aws.functions(self._target)
        await self._lambda.update_function_code(FunctionName=self._target.function, ZipFile=package(code))
        await settled(port, self._target)
        version = await self.publish(self._target)
        found = await port.get_alias(self._target.function, self._target.alias)
        await port.update_alias(self._target.function, self._target.alias, whole(version), revision=found.revision)
        return self._target

    async def other_role(self) -> str:
        pytest.skip("real: a second role is not given")

    async def uploaded(self, code: CodeName) -> S3Object:
        pytest.skip("real: no bucket is given")

    async def _queue(self) -> str:
        pytest.skip("real: no queue is given")

    async def reserve(self, target: Target, count: int) -> None:
        self._cannot("reserve concurrency of an account in use")

    async def bind(self, target: Target, qualifier: str) -> None:
        self._cannot("bind a queue")

    async def allow(self, target: Target, qualifier: str) -> None:
        self._cannot("change a policy")

    async def alarm(self, name: str, state: str) -> None:
        self._cannot("create alarms")

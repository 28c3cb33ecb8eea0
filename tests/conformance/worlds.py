"""What a conformance test needs beside the port: a way to arrange one AWS, whichever it is."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import pytest

from activities.ports import Aws, LambdaPort
from orchestrator.domain.release import S3Object, Target

CodeName = Literal["first", "second", "third", "crash"]
"""Code that answers with its own name as `{"code": name}`; `crash` raises instead."""


@dataclass(frozen=True)
class Window:
    """Where metrics of invocations can be found: [start, end) in epoch seconds, in periods."""

    start: int
    end: int
    period: int


class World(Protocol):
    """One AWS. Methods that an AWS cannot do skip the test with a reason."""

    name: str
    aws: Aws

    async def begin(self) -> None:
        """Forget what earlier tests set in the AWS as a whole."""
        ...

    async def function(self, code: CodeName = "first") -> Target:
        """Return a function of this code with version 1 and an alias on it, which no other test uses."""
        ...

    async def change(self, target: Target, code: CodeName) -> None:
        """Give `$LATEST` other code and wait until it has it."""
        ...

    async def publish(self, target: Target) -> str:
        """Publish `$LATEST` and wait until the version is Active."""
        ...

    async def reconfigure(self, target: Target, *, role: bool = False, dead_letter_queue: bool = False) -> None:
        """Give `$LATEST` another role or dead-letter queue and wait until it has it."""
        ...

    async def uploaded(self, code: CodeName) -> S3Object:
        """Put code into a bucket."""
        ...

    async def reserve(self, target: Target, count: int) -> None:
        """Set reserved concurrency."""
        ...

    async def bind(self, target: Target, qualifier: str) -> None:
        """Let a queue invoke the qualifier."""
        ...

    async def allow(self, target: Target, qualifier: str) -> None:
        """Put a policy on the qualifier."""
        ...

    async def serve(self, target: Target, invocations: int, errors: int = 0) -> Window:
        """Invoke the alias, which is whole, and return where the metrics are."""
        ...

    async def alarm(self, name: str, state: str) -> None:
        """Create a metric alarm, or move it."""
        ...

    async def composite_alarm(self, name: str, over: str) -> None:
        """Create a composite alarm that is red when `over` is."""
        ...

    async def slow(self, seconds: float) -> None:
        """Let publishing, updating and provisioning take this long."""
        ...

    async def pass_time(self, seconds: float) -> None:
        """Wait, or move the clock."""
        ...

    async def fail_next_publish(self, target: Target) -> None:
        """Let the next published version end as Failed."""
        ...

    async def fail_provisioning(self, target: Target) -> None:
        """Let provisioned concurrency of the next version published end as FAILED."""
        ...

    async def idle(self, target: Target, version: str) -> None:
        """Make the version Inactive."""
        ...

    async def lose_reply(self, operation: str) -> None:
        """Let the next call of the operation (the port's method) apply, and lose its answer."""
        ...

    async def throttle(self, operation: str) -> None:
        """Let the next call of the operation (the port's method) be refused for its rate."""
        ...

    async def metrics_end_as(self, status: str) -> None:
        """Let the next reading of metrics carry this StatusCode."""
        ...

    def stranger(self, target: Target) -> LambdaPort:
        """Return the port of somebody without credentials."""
        ...


class Limits:
    """Skips what an AWS cannot be made to do; worlds inherit it and override what they can."""

    name: str

    def _cannot(self, what: str) -> None:
        pytest.skip(f"{self.name}: cannot {what}")

    async def begin(self) -> None:
        pass

    async def slow(self, seconds: float) -> None:
        self._cannot("take longer on demand")

    async def pass_time(self, seconds: float) -> None:
        self._cannot("wait")

    async def fail_next_publish(self, target: Target) -> None:
        self._cannot("let a version fail to start")

    async def fail_provisioning(self, target: Target) -> None:
        self._cannot("let provisioning fail")

    async def idle(self, target: Target, version: str) -> None:
        self._cannot("make a version inactive")

    async def metrics_end_as(self, status: str) -> None:
        self._cannot("answer metrics in part")

    async def serve(self, target: Target, invocations: int, errors: int = 0) -> Window:
        self._cannot("show metrics within a test")
        raise AssertionError

    async def reserve(self, target: Target, count: int) -> None:
        self._cannot("reserve concurrency")

    async def bind(self, target: Target, qualifier: str) -> None:
        self._cannot("bind a queue")

    async def allow(self, target: Target, qualifier: str) -> None:
        self._cannot("change a policy")

    async def alarm(self, name: str, state: str) -> None:
        self._cannot("create alarms")

    async def composite_alarm(self, name: str, over: str) -> None:
        self._cannot("create composite alarms")


async def settled(port: LambdaPort, target: Target, qualifiers: Sequence[str] = ("$LATEST",)) -> None:
    """Read until nothing is under way any more."""
    for qualifier in qualifiers:
        for _ in range(600):
            found = await port.get_function(target.function, qualifier)
            if found.state != "Pending" and found.last_update != "InProgress":
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail(f"{target.function}:{qualifier} never settled")

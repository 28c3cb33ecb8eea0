"""The lab as a world: it runs the code, and trouble comes from the endpoint itself."""

import asyncio
import time

from orchestrator.domain.release import Target
from orchestrator.lab.stack import Lab
from tests.conformance.wire_world import API_NAMES, WireWorld
from tests.conformance.worlds import Window


class LabWorld(WireWorld):
    """Arranges a running lab."""

    name = "lab"

    def __init__(self, lab: Lab) -> None:
        options = lab.options
        super().__init__(lab.aws_url, "000000000000", options.region, options.access_key_id, options.secret_access_key)
        self._admin = lab.admin

    async def begin(self) -> None:
        await self._admin.reset()

    async def serve(self, target: Target, invocations: int, errors: int = 0) -> Window:
        assert errors in (0, invocations), "the code either crashes or does not"
        port = self.aws.functions(target)
        start = int(time.time())
        for _ in range(invocations):
            await port.invoke(target.function, target.alias, b"{}", timeout=30)
        return Window(start, int(time.time()) + 1, 1)

    async def slow(self, seconds: float) -> None:
        await self._admin.configure(pending_seconds=seconds, update_seconds=seconds, provisioning_seconds=seconds)

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds + 0.2)

    async def fail_next_publish(self, target: Target) -> None:
        await self.change(target, "third")
        await self._admin.fail_next_publish(target.function, "The image does not start.")

    async def fail_provisioning(self, target: Target) -> None:
        await self._admin.configure(provisioning_failure="FUNCTION_ERROR_INIT_FAILURE")

    async def idle(self, target: Target, version: str) -> None:
        await self._admin.set_state(target.function, version, "Inactive")

    async def lose_reply(self, operation: str) -> None:
        await self._admin.inject(API_NAMES[operation], "lose_reply", count=1)

    async def throttle(self, operation: str) -> None:
        await self._admin.inject(API_NAMES[operation], "throttle", count=1)

    async def metrics_end_as(self, status: str) -> None:
        await self._admin.inject("GetMetricData", "metric_status", code=status, count=1)

"""The activity `confirm`: does the alias really answer with the new version? Reading the alias cannot tell.

Source: an alias write takes a moment to reach every host of Lambda's data plane; how long is not documented.
"""

import asyncio
import json
from datetime import timedelta

from temporalio import activity

from activities.errors import translated
from activities.ports import Aws, Clock
from activities.waiting import Sleep
from orchestrator.domain.work import Confirm, Confirmed

PAUSE = 0.2
"""Seconds between two invocations."""
INVOKE_SECONDS = 30.0


class Confirmation:
    """Invokes the alias through `aws`."""

    def __init__(self, aws: Aws, clock: Clock, *, sleep: Sleep = asyncio.sleep) -> None:
        self._aws = aws
        self._clock = clock
        self._sleep = sleep

    @activity.defn(name="confirm")
    @translated
    async def confirm(self, work: Confirm) -> Confirmed:
        """Invoke until `in_a_row` answers came from the new version, or `seconds` have passed. Repeating is safe."""
        functions = self._aws.functions(work.target)
        payload = json.dumps(work.probe.options.get("payload", {})).encode()
        end = self._clock.now() + timedelta(seconds=work.seconds)
        right = asked = 0
        while right < work.in_a_row and self._clock.now() < end:
            answer = await functions.invoke(work.target.function, work.target.alias, payload, timeout=INVOKE_SECONDS)
            asked += 1
            right = right + 1 if answer.executed_version == work.version else 0
            activity.heartbeat(f"{right} of {work.in_a_row} in a row")
            if right < work.in_a_row:
                await self._sleep(PAUSE)
        if right >= work.in_a_row:
            return Confirmed(
                passed=True, sentence=f"the alias answers with version {work.version} ({asked} invocations)"
            )
        return Confirmed(
            passed=False,
            sentence=f"after {work.seconds:g} s the alias still answers with another version than {work.version} now "
            f"and then: AWS has not brought the change to every host yet ({asked} invocations)",
        )

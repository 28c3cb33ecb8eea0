"""Alarms of one account and region, read for every release of this process together.

DescribeAlarms may be called 9 times a second and takes 100 names. With a call for each look, 300 releases would wait
for their turns until their looks are given up; so what is wanted while a call is out goes into the next one together.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from activities.aws.calls import TOKENS, Calls
from activities.errors import clean
from orchestrator.domain.analysis import AlarmReading

ALARMS_PER_CALL = 100
"""Source: DescribeAlarms, API reference."""
LONGEST_REASON = 300
"""Characters of an alarm's reason that are kept."""
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,255}")
"""Source: PutMetricAlarm and DescribeAlarms, API reference. AWS refuses a call for any other name that is in it."""

Answer = asyncio.Future[AlarmReading | None]
"""None: there is no alarm of that name."""


class AlarmReads:
    """Asks for what everybody wants to know, one call at a time. It belongs to the event loop that first uses it."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._wanted: dict[str, Answer] = {}
        self._asking: asyncio.Task[None] | None = None

    async def read(self, names: Sequence[str]) -> Sequence[AlarmReading]:
        """Metric and composite alarms in the order of `names`, each once, as they are after this was asked.

        One that does not exist, or cannot, is absent. Raises what the call has raised in which one of them was.
        """
        loop = asyncio.get_running_loop()
        possible = filter(_NAME.fullmatch, dict.fromkeys(names))
        answers = [self._wanted.setdefault(name, loop.create_future()) for name in possible]
        if answers and (self._asking is None or self._asking.done()):
            self._asking = loop.create_task(self._ask())
        # shielded, because others may wait for the same answer
        found = await asyncio.gather(*(asyncio.shield(answer) for answer in answers))
        return [alarm for alarm in found if alarm is not None]

    def close(self) -> None:
        """Give up what is asked for; whoever waits for it is cancelled. A second run does nothing."""
        if self._asking is not None:
            self._asking.cancel()

    async def _ask(self) -> None:
        try:
            while self._wanted:
                names = list(islice(self._wanted, ALARMS_PER_CALL))
                await self._answer({name: self._wanted.pop(name) for name in names})
        finally:
            for answer in self._wanted.values():
                answer.cancel()
            self._wanted.clear()

    async def _answer(self, wanted: Mapping[str, Answer]) -> None:
        try:
            found = await self._described(list(wanted))
        except Exception as error:  # noqa: BLE001  whoever has asked raises it
            for answer in wanted.values():
                answer.set_exception(error)
        except asyncio.CancelledError:
            for answer in wanted.values():
                answer.cancel()
            raise
        else:
            for name, answer in wanted.items():
                answer.set_result(found.get(name))

    async def _described(self, names: list[str]) -> dict[str, AlarmReading]:
        """Ask AWS. Source: without AlarmTypes, DescribeAlarms leaves composite alarms out."""
        request = {"AlarmNames": names, "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": ALARMS_PER_CALL}
        doing = f"read {len(names)} alarms"
        found: dict[str, AlarmReading] = {}
        async for page in self._calls.pages("describe_alarms", doing, names=TOKENS, **request):
            for alarm in (*(page.get("MetricAlarms") or ()), *(page.get("CompositeAlarms") or ())):
                found[alarm["AlarmName"]] = _alarm(alarm)
        return found


def _alarm(alarm: Mapping[str, Any]) -> AlarmReading:
    since = alarm.get("StateTransitionedTimestamp") or alarm.get("StateUpdatedTimestamp")
    return AlarmReading(
        name=alarm["AlarmName"],
        state=alarm["StateValue"],
        since=since.timestamp() if since is not None else 0,
        reason=clean(alarm.get("StateReason") or "")[:LONGEST_REASON],
    )

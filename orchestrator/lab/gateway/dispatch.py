"""One request from arrival to answer: budget, fault, rule or forwarding, journal."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from xml.sax.saxutils import escape

import httpx2

from orchestrator.lab.gateway import (
    alarms,
    aliases,
    cloudwatch,
    invocations,
    lifecycle,
    mappings,
    policies,
    provisioning,
    reading,
)
from orchestrator.lab.gateway.budget import ControlPlaneBudget
from orchestrator.lab.gateway.cloudwatch_wire import read_parameters, write_refusal, write_result
from orchestrator.lab.gateway.faults import Fault, FaultBoard
from orchestrator.lab.gateway.journal import CallJournal
from orchestrator.lab.gateway.keeping import FunctionShelf
from orchestrator.lab.gateway.wire import AwsError, Call, Document, Reply
from orchestrator.lab.gateway.world import World

LambdaRule = Callable[[World, Call], Awaitable[Reply]]
CloudWatchRule = Callable[[World, Document], Document]

LAMBDA_RULES: dict[str, LambdaRule] = {
    **reading.HANDLERS,
    **lifecycle.HANDLERS,
    **aliases.HANDLERS,
    **provisioning.HANDLERS,
    **invocations.HANDLERS,
    **mappings.HANDLERS,
    **policies.HANDLERS,
}
CLOUDWATCH_RULES: dict[str, CloudWatchRule] = {**cloudwatch.HANDLERS, **alarms.HANDLERS}
_REAL_KEY = re.compile(r"Credential=A[KS]IA")


class Dropped(Exception):
    """The connection is to be closed without an answer."""


class Desk:
    """Where all AWS requests of one lab arrive."""

    def __init__(self, world: World, shelf: FunctionShelf | None = None) -> None:
        """Serve one world, without faults and with an empty journal; changes of functions go to the shelf."""
        self._shelf = shelf
        self.world = world
        self.faults = FaultBoard()
        self.journal = CallJournal()
        self._budget = ControlPlaneBudget()

    async def answer(self, call: Call) -> Reply:
        """Answer one request.

        Raises:
            Dropped: a fault asked for it.
        """
        arrived = self.world.now()
        fault = self.faults.strike(call)
        kind = fault.kind if fault else None
        try:
            reply, error = await self._settled(call, fault)
        except Dropped:
            self.journal.note(call, arrived, None, None, kind)
            raise
        self.journal.note(call, arrived, reply.status, error, kind)
        return reply

    async def _settled(self, call: Call, fault: Fault | None) -> tuple[Reply, str | None]:
        try:
            _refuse_real_credentials(call)
            self._budget.spend(call, self.world.settings)
            return await self._with_fault(call, fault), None
        except AwsError as refusal:
            return refused(call, refusal), refusal.code
        except httpx2.HTTPError as failure:
            broken = AwsError("ServiceException", f"The emulator did not answer: {failure!r}", 500)
            return refused(call, broken), broken.code

    async def _with_fault(self, call: Call, fault: Fault | None) -> Reply:
        if fault is None:
            return await self.apply(call)
        if fault.kind in {"fail", "throttle"}:
            raise fault.refusal(call)
        if fault.kind == "hang":
            await asyncio.sleep(fault.delay)
            raise Dropped
        if fault.kind == "late":
            await asyncio.sleep(fault.delay)
            return await self.apply(call)
        if fault.kind == "late_apply":
            self.world.spawn(self._apply_later(call, fault.delay))
            await asyncio.sleep(fault.delay)
            raise Dropped
        if fault.kind in {"lose_reply", "withhold"}:
            await self.apply(call)
            if fault.kind == "withhold":
                await asyncio.sleep(fault.delay)
            raise Dropped
        return await self.apply(call, status_code=fault.code)

    async def _apply_later(self, call: Call, delay: float) -> None:
        await asyncio.sleep(delay)
        reply, error = await self._settled(call, None)
        self.journal.note(call, self.world.now(), reply.status, error, "late_apply")

    async def apply(self, call: Call, status_code: str | None = None) -> Reply:
        """Apply a request by the gateway's own rule, or let the emulator answer.

        Args:
            call: the request.
            status_code: StatusCode that every series of GetMetricData is to carry.
        """
        if call.service == "lambda" and call.operation in LAMBDA_RULES:
            reply = await LAMBDA_RULES[call.operation](self.world, call)
            if self._shelf:
                self._shelf.after(self.world, call, reply)
            return reply
        if call.service == "monitoring" and call.operation in CLOUDWATCH_RULES:
            result = CLOUDWATCH_RULES[call.operation](self.world, read_parameters(call))
            if status_code is not None:
                for series in result.get("MetricDataResults", []):
                    series["StatusCode"] = status_code
            return write_result(call, result)
        if call.function:
            self.world.function(call.function)
        return await self.world.upstream.forward(call)


def _refuse_real_credentials(call: Call) -> None:
    if _REAL_KEY.search(call.headers.get("authorization", "")):
        raise AwsError("UnrecognizedClientException", "The lab takes no credentials that look real.", 403)


def refused(call: Call, refusal: AwsError) -> Reply:
    """The refusal in the protocol of the service asked."""
    if call.service == "lambda":
        return refusal.reply()
    if call.service == "s3":
        body = f"<Error><Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}</Message></Error>"
        return Reply(refusal.status, {"content-type": "application/xml"}, body.encode())
    return write_refusal(call, refusal)

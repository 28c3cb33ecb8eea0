"""Synchronous invocations."""

import asyncio
import base64
import time
from typing import Any

from activities.aws.calls import Calls
from activities.errors import translating
from activities.ports import Invocation


class Invocations:
    """The data-plane part of LambdaPort."""

    _invoking: Calls

    async def invoke(
        self,
        function: str,
        qualifier: str,
        payload: bytes,
        *,
        timeout: float,
        dry_run: bool = False,
    ) -> Invocation:
        """Invoke once and wait up to `timeout` seconds. A handler that raises is an answer with `function_error`.

        Raises TimedOut (the function may still run), Throttled, MissingTarget, Unavailable while it starts. `seconds`
        is measured here, from request to the end of the payload.
        """
        kind = {"InvocationType": "DryRun"} if dry_run else {"InvocationType": "RequestResponse", "LogType": "Tail"}
        with translating(f"invoke {function}:{qualifier}"):
            invoke = await self._invoking.method("invoke")
            started = time.perf_counter()
            async with asyncio.timeout(timeout):
                answer = await invoke(FunctionName=function, Qualifier=qualifier, Payload=payload, **kind)
                body = await answer["Payload"].read()
        return _invocation(answer, body, time.perf_counter() - started)


def _invocation(answer: dict[str, Any], body: bytes, seconds: float) -> Invocation:
    tail = base64.b64decode(answer.get("LogResult") or "")
    return Invocation(
        status=answer["StatusCode"],
        executed_version=answer.get("ExecutedVersion") or None,
        function_error=answer.get("FunctionError") or None,
        payload=body.decode(errors="replace"),
        log_tail=tail.decode(errors="replace"),
        seconds=seconds,
    )

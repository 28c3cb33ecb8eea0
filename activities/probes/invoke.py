"""Invoke the version by its number and look at what it answers."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from activities.ports import Invocation
from activities.probes import ProbePorts
from orchestrator.domain.errors import TargetError, TimedOut, TransientError
from orchestrator.domain.release import Target
from orchestrator.domain.traffic import Frozen
from orchestrator.domain.work import ProbeAnswer

LOG_LINES = 5
"""Last lines of the version's own log that a failed answer shows."""
LONGEST_TEXT = 200


class InvokeOptions(Frozen):
    """What is sent and what must come back. The payload must be safe to send more than once."""

    payload: Annotated[Any, Field(description="JSON value that the version is invoked with")] = Field(
        default_factory=dict
    )
    expect: Annotated[
        Any,
        Field(
            description="JSON value that the answer must contain: objects may have more keys than named here, lists "
            "and single values must be equal; nothing is compared without it"
        ),
    ] = None
    status: Annotated[
        int | None,
        Field(ge=100, le=599, description="`statusCode` that the answer must have, as an API Gateway answer has one"),
    ] = None
    max_seconds: Annotated[float, Field(gt=0, le=900, description="seconds in which the answer must be there")] = 10
    attempts: Annotated[
        int,
        Field(
            ge=1,
            le=10,
            description="times that the version is asked at most while its answers are late, so that a cold start does "
            "not count against it; a wrong answer is never asked for again",
        ),
    ] = 3
    warm_up_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=300,
            description="seconds for which a version that is not ready yet (SnapStart) or a busy Lambda is asked again",
        ),
    ] = 60
    pause_seconds: Annotated[float, Field(gt=0, le=60, description="seconds between two attempts")] = 2


class Invoke:
    """Passes when the version itself answered in time, without an error, with what is expected."""

    Options = InvokeOptions

    async def ask(self, options: InvokeOptions, target: Target, version: str, ports: ProbePorts) -> ProbeAnswer:
        """Invoke until an answer is in time or certainly wrong. Raises TransientError past `warm_up_seconds`."""
        late = ""
        for attempt in range(options.attempts):
            if attempt:
                await ports.sleep(options.pause_seconds)
            try:
                answer = await _invoked(options, target, version, ports)
            except TimedOut:
                late = f"version {version} gave no answer within {options.max_seconds:g} s"
                continue
            except TargetError as refusal:
                return _answer(f"version {version} could not be invoked: {refusal}")
            wrong = _wrong(options, version, answer)
            if wrong:
                return _answer(f"{wrong}{_log(answer)}", seconds=answer.seconds)
            if answer.seconds <= options.max_seconds:
                return _answer(
                    f"version {version} answered as expected in {answer.seconds:.3g} s",
                    passed=True,
                    seconds=answer.seconds,
                )
            late = f"version {version} took {answer.seconds:.3g} s, allowed are {options.max_seconds:g} s"
        times = "in one attempt" if options.attempts == 1 else f"in each of {options.attempts} attempts"
        return _answer(f"{late}, {times}")


async def _invoked(options: InvokeOptions, target: Target, version: str, ports: ProbePorts) -> Invocation:
    """Invoke once, again while Lambda is not ready for it. Raises TimedOut for an answer that did not come."""
    payload = json.dumps(options.payload).encode()
    waited = 0.0
    while True:
        try:
            return await ports.functions.invoke(target.function, version, payload, timeout=options.max_seconds)
        except TimedOut:
            raise
        except TransientError:
            if waited >= options.warm_up_seconds:
                raise
        await ports.sleep(options.pause_seconds)
        waited += options.pause_seconds


def _wrong(options: InvokeOptions, version: str, answer: Invocation) -> str:
    """Say what is wrong with the answer; empty when nothing is. A crash comes as status 200 with an error beside it."""
    if answer.function_error:
        return f"version {version} failed ({answer.function_error}): {_cut(answer.payload)}"
    if answer.executed_version != version:
        return f"version {answer.executed_version or 'unknown'} answered instead of version {version}"
    if answer.status != 200:
        return f"the invocation was answered with status {answer.status}, expected 200"
    return "" if options.expect is None and options.status is None else _unexpected(options, answer.payload)


def _unexpected(options: InvokeOptions, payload: str) -> str:
    try:
        found = json.loads(payload)
    except ValueError:
        return f"the answer is not JSON: {_cut(payload)}"
    if options.status is not None:
        told = found.get("statusCode") if isinstance(found, Mapping) else None
        if told != options.status:
            return f"expected statusCode {options.status}, found {_cut(json.dumps(told))}"
    return _mismatch(options.expect, found, "answer") if options.expect is not None else ""


def _mismatch(expected: Any, found: Any, where: str) -> str:
    """Say where `found` first departs from `expected`; empty when it contains it."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        for key, wished in expected.items():
            if key not in found:
                return f"expected {where}.{key} to be {_cut(json.dumps(wished))}, found nothing there"
            departs = _mismatch(wished, found[key], f"{where}.{key}")
            if departs:
                return departs
        return ""
    if _same(expected, found):
        return ""
    return f"expected {where} to be {_cut(json.dumps(expected))}, found {_cut(json.dumps(found))}"


def _same(expected: Any, found: Any) -> bool:
    """Compare as JSON does: true is not 1."""
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return expected.keys() == found.keys() and all(_same(v, found[k]) for k, v in expected.items())
    if isinstance(expected, Sequence) and isinstance(found, Sequence) and not isinstance(expected, str):
        return len(expected) == len(found) and all(map(_same, expected, found))
    return bool(expected == found)


def _log(answer: Invocation) -> str:
    lines = [line.strip() for line in answer.log_tail.splitlines() if line.strip()][-LOG_LINES:]
    return f"; its log ends with: {' | '.join(_cut(line) for line in lines)}" if lines else ""


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def _answer(sentence: str, *, passed: bool = False, seconds: float = 0) -> ProbeAnswer:
    return ProbeAnswer(name="invoke", passed=passed, sentence=sentence, seconds=seconds)


PLUGIN = Invoke()

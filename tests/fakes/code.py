"""Code that a fake function runs, and how long AWS takes for things."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256


@dataclass(frozen=True)
class Answer:
    """What one invocation gives: `error` as in X-Amz-Function-Error, e.g. Unhandled."""

    payload: str = '{"ok": true}'
    error: str | None = None
    log: str = ""
    seconds: float = 0.01


def fine(payload: bytes) -> Answer:
    return Answer()


def crash(payload: bytes) -> Answer:
    """A handler that raises: HTTP 200 with a FunctionError."""
    return Answer(
        json.dumps({"errorType": "ValueError", "errorMessage": "no"}), "Unhandled", "[ERROR] ValueError: no\n"
    )


@dataclass(frozen=True)
class Code:
    """A zip or image. Two of the same name are the same code; the behaviour travels into the published version."""

    name: str
    answer: Callable[[bytes], Answer] = field(default=fine, compare=False)
    fails_to_start: str = field(default="", compare=False)
    """StateReason of a version that ends in Failed; empty for one that becomes Active."""
    fails_to_provision: str = field(default="", compare=False)
    """StatusReason of provisioned concurrency that ends in FAILED, e.g. FUNCTION_ERROR_INIT_FAILURE."""

    @property
    def sha256(self) -> str:
        return base64.b64encode(sha256(self.name.encode()).digest()).decode()


@dataclass(frozen=True)
class Pace:
    """How long something takes: `reads` looks still see it under way, and `seconds` pass on the fake's clock."""

    reads: int = 0
    seconds: float = 0


@dataclass
class Paces:
    """By default everything is under way in the answer that starts it and over at the next call."""

    publish: Pace = Pace()
    update: Pace = Pace()
    provision: Pace = Pace()


class Settling:
    """Something under way since `now`."""

    def __init__(self, pace: Pace, now: datetime) -> None:
        self._reads = pace.reads
        self._until = now + timedelta(seconds=pace.seconds)

    def over(self, now: datetime) -> bool:
        return self._reads <= 0 and now >= self._until

    def seen(self) -> None:
        self._reads -= 1

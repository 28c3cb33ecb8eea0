"""Gates: one file asks one kind of gate. A new file here is a new gate, found by its name.

A plug-in module has `PLUGIN` with `Options` (a frozen model, every field with a description) and `ask`.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import httpx2

from activities.ports import Clock
from orchestrator.domain.traffic import Frozen
from orchestrator.domain.work import AskGate


class GateAnswer(Frozen):
    """What a gate said, or why it could not be asked, which is the same as closed."""

    open: bool
    sentence: str


@dataclass(frozen=True)
class GatePorts:
    """All that a gate may use of the outside world."""

    http: httpx2.AsyncClient
    clock: Clock


class GatePlugin(Protocol):
    """What a gate's `PLUGIN` fulfils."""

    Options: type[Frozen]

    async def ask(self, options: Any, question: AskGate, ports: GatePorts) -> GateAnswer:
        """Ask once; repeating it is safe. `options` is an instance of `Options`. Never raises for a closed gate."""
        ...

"""Probes: one file asks one kind of question of a version before it gets traffic. A new file here is a new probe.

A plug-in module has `PLUGIN` with `Options` (a frozen model, every field with a description) and `ask`.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import httpx2

from activities.ports import LambdaPort
from activities.waiting import Sleep
from orchestrator.domain.release import Target
from orchestrator.domain.traffic import Frozen
from orchestrator.domain.work import ProbeAnswer


@dataclass(frozen=True)
class ProbePorts:
    """All that a probe may use of the outside world; `functions` is bound to the target's account and region."""

    functions: LambdaPort
    http: httpx2.AsyncClient
    sleep: Sleep


class ProbePlugin(Protocol):
    """What a probe's `PLUGIN` fulfils."""

    Options: type[Frozen]

    async def ask(self, options: Any, target: Target, version: str, ports: ProbePorts) -> ProbeAnswer:
        """Ask `version` by its number. `options` is an instance of `Options`; the answer's name is set by the caller.

        A version that answers wrongly is an answer that has not passed. Raises TransientError when the version could
        not be asked at all.
        """
        ...

"""Builds every activity from the clients that it needs; the only list of them."""

from collections.abc import Callable
from typing import Any, Protocol

from activities.analysis import Analysis
from activities.confirming import Confirmation
from activities.gating import Gating
from activities.ports import Aws, Clock, LambdaPort
from activities.preflight import Preflighting
from activities.probing import Probing
from activities.traffic import Traffic
from activities.versions import Versions
from orchestrator.domain.release import Target

Activities = list[Callable[..., Any]]


class AwsWithReserve(Aws, Protocol):
    """Clients that keep part of AWS's request budget for what cannot wait."""

    def urgent(self, target: Target) -> LambdaPort:
        """The Lambda API, not queued behind the normal budget."""
        ...

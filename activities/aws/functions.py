"""The Lambda API of one account and region."""

from activities.aws.aliases import Aliases
from activities.aws.bindings import Bindings
from activities.aws.calls import Calls
from activities.aws.concurrency import ProvisionedConcurrency
from activities.aws.invocations import Invocations
from activities.aws.versions import Versions


class Functions(Aliases, Versions, Invocations, ProvisionedConcurrency, Bindings):
    """Fulfils `activities.ports.LambdaPort`; raises only errors of `orchestrator.domain.errors`."""

    def __init__(self, calls: Calls, invoking: Calls, sts: Calls) -> None:
        """Take the control plane, the data plane (long answers, no budget) and the identity service."""
        self._calls = calls
        self._invoking = invoking
        self._sts = sts

"""AWS's rules for provisioned concurrency, on one function within one account.

**Source:** recorded answers of AWS; "Configuring provisioned concurrency" in the Lambda developer guide.
"""

from datetime import datetime

from orchestrator.domain.errors import NotReleasable
from tests.fakes.code import Settling
from tests.fakes.function import LATEST, FakeFunction, FakeProvisioned

KEPT_FREE = 100
"""Environments that AWS keeps unreserved in an account."""


def provision(function: FakeFunction, qualifier: str, count: int, *, unreserved: int, now: datetime) -> None:
    """PutProvisionedConcurrencyConfig: a later one replaces an earlier one, also while that is under way."""
    version = function.resolve(qualifier)
    if qualifier == LATEST:
        raise NotReleasable(f"provisioned concurrency of {function.name} needs a published version, not $LATEST")
    alias = function.aliases.get(qualifier)
    if alias is not None and alias.routing.additional is not None:
        raise NotReleasable("Alias with weights can not be used with Provisioned Concurrency")
    if alias is not None and version.number in function.provisioned:
        raise NotReleasable(f"version {version.number} of {function.name} has provisioned concurrency of its own")
    if alias is None and any(a.wished.primary == qualifier for n, a in function.aliases.items() if _has(function, n)):
        raise NotReleasable(f"an alias with provisioned concurrency points at version {qualifier} of {function.name}")
    others = sum(p.requested for name, p in function.provisioned.items() if name != qualifier)
    room = unreserved - KEPT_FREE if function.reserved is None else function.reserved
    if others + count > room:
        raise NotReleasable(f"{others + count} provisioned environments of {function.name} exceed the {room} there are")
    settling = Settling(function.paces.provision, now)
    function.provisioned[qualifier] = FakeProvisioned(count, version.code, settling)


def release(function: FakeFunction, qualifier: str) -> None:
    """DeleteProvisionedConcurrencyConfig; weights that Lambda injected go with it."""
    function.provisioned.pop(qualifier, None)
    alias = function.aliases.get(qualifier)
    if alias is not None and alias.injected is not None:
        function.set_alias(qualifier, alias.wished)


def _has(function: FakeFunction, qualifier: str) -> bool:
    return qualifier in function.provisioned

"""Aliases. Weights are percentages everywhere but here: AWS's 0-1 fraction does not leave this module."""

from collections.abc import Mapping
from typing import Any

from activities.aws.calls import Answer, Calls
from orchestrator.domain.errors import InvariantError
from orchestrator.domain.traffic import AliasState, Routing


class Aliases:
    """The alias half of LambdaPort."""

    _calls: Calls

    async def get_alias(self, function: str, alias: str) -> AliasState:
        """Read the alias. Raises MissingTarget."""
        answer = await self._calls("get_alias", f"read alias {function}:{alias}", FunctionName=function, Name=alias)
        return _state(answer)

    async def update_alias(self, function: str, alias: str, routing: Routing, *, revision: str) -> AliasState:
        """Set primary version and weights in one call, guarded. Raises Stale, IncompatibleVersions, NotReleasable.

        Repeating it after a lost answer raises Stale, since the first call made a new revision.

        Source: UpdateAlias keeps what is left out, so weights that are not named would survive a promotion.
        """
        weights = {} if routing.additional is None else {routing.additional: round(routing.weight / 100, 4)}
        answer = await self._calls(
            "update_alias",
            f"set alias {function}:{alias} to {routing}",
            FunctionName=function,
            Name=alias,
            FunctionVersion=routing.primary,
            RoutingConfig={"AdditionalVersionWeights": weights},
            RevisionId=revision,
        )
        return _state(answer)

    async def create_alias(self, function: str, alias: str, version: str) -> AliasState:
        """Create the alias on a published version. Raises Unavailable where it exists already: read it then."""
        answer = await self._calls(
            "create_alias",
            f"create alias {function}:{alias} on version {version}",
            FunctionName=function,
            Name=alias,
            FunctionVersion=version,
        )
        return _state(answer)

    async def list_aliases(self, function: str) -> Mapping[str, Routing]:
        """Every alias of the function, by name. Raises MissingTarget."""
        pages = self._calls.pages("list_aliases", f"list aliases of {function}", FunctionName=function)
        return {alias["Name"]: _routing(alias) async for page in pages for alias in page["Aliases"]}


def _state(answer: Answer) -> AliasState:
    return AliasState(routing=_routing(answer), revision=answer["RevisionId"])


def _routing(alias: Any) -> Routing:
    """Read an alias. A weight of 0 stays visible as an additional version: AWS still holds it against some calls."""
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    if len(weights) > 1:
        raise InvariantError(f"alias {alias.get('Name')} has {len(weights)} additional versions; AWS allows one")
    for version, fraction in weights.items():
        return Routing(primary=alias["FunctionVersion"], additional=version, weight=round(float(fraction) * 100, 3))
    return Routing(primary=alias["FunctionVersion"])

"""What is bound to a function or one of its qualifiers, and to whom the credentials belong."""

from collections.abc import Mapping, Sequence
from typing import Any

from activities.aws.calls import Calls
from activities.ports import EventSource


class Bindings:
    """The part of LambdaPort that only preflight asks."""

    _calls: Calls
    _sts: Calls

    async def account(self) -> str:
        """Return the account of the credentials. Raises AccessDenied where there are none."""
        answer = await self._sts("get_caller_identity", "find out whose credentials these are")
        account: str = answer["Account"]
        return account

    async def event_sources(self, function: str) -> Sequence[EventSource]:
        """Mappings of the function and all its qualifiers.

        All mappings of the region are read (100 a page): whether AWS's own filter by function name covers its versions
        and aliases is not documented.
        """
        doing = f"list event sources of {function}"
        pages = self._calls.pages("list_event_source_mappings", doing, MaxItems=100)
        mappings = [mapping async for page in pages for mapping in page.get("EventSourceMappings") or ()]
        return tuple(_event_source(m) for m in mappings if _name(m.get("FunctionArn", "")) == function)

    async def has_policy(self, function: str, qualifier: str | None) -> bool:
        """Whether a resource policy exists on exactly this qualifier; False also where the qualifier is missing."""
        where = {"FunctionName": function} if qualifier is None else {"FunctionName": function, "Qualifier": qualifier}
        doing = f"read the policy of {function}" + (f":{qualifier}" if qualifier else "")
        absent = ("ResourceNotFoundException",)
        return await self._calls.or_none("get_policy", doing, absent=absent, **where) is not None


def _event_source(mapping: Mapping[str, Any]) -> EventSource:
    return EventSource(
        uuid=mapping["UUID"],
        source_arn=mapping.get("EventSourceArn") or "self-managed",
        function_arn=mapping["FunctionArn"],
        state=mapping.get("State") or "",
    )


def _name(arn: str) -> str:
    """The function's name in `arn:aws:lambda:region:account:function:name[:qualifier]`."""
    parts = arn.split(":")
    return parts[6] if len(parts) > 6 else arn

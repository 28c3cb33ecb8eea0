"""Marker paging as Lambda's list operations do it."""

from typing import Any

from orchestrator.lab.gateway.wire import Call, Document, invalid

_PAGE = 50


def page(call: Call, member: str, items: list[Document]) -> Document:
    """One page: at most `MaxItems` (50 by default) from `Marker` on, with `NextMarker` when there is more."""
    try:
        start = int(call.query.get("Marker") or 0)
        size = min(int(call.query.get("MaxItems") or _PAGE), _PAGE)
    except ValueError:
        raise invalid("Invalid Marker or MaxItems") from None
    shown: dict[str, Any] = {member: items[start : start + size]}
    if start + size < len(items):
        shown["NextMarker"] = str(start + size)
    return shown

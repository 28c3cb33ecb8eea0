"""A shop's checkout, as small as it can be: adds up a basket. What differs between releases is in `variant.py`."""

import random
import time
from typing import Any

from variant import ERROR_RATE, RELEASE, SECONDS  # type: ignore[import-not-found,unused-ignore]


class PaymentRefused(Exception):
    """What a broken release raises."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer with the basket's total and the release that computed it.

    Args:
        event: may have `items`, each with `price` and `quantity`; a queue's `Records` are counted. With `health` no
            card is charged: a release that fails its payments passes such a probe, as broken releases do. What
            surrounds the function and hits every release alike: `outage`, the share (0-1) of calls that a downstream
            service fails, and `pace`, by which everything takes longer.
        context: Lambda's context.
    """
    time.sleep(SECONDS * event.get("pace", 1))
    if random.random() < event.get("outage", 0):  # noqa: S311 - chance, no secret
        raise PaymentRefused("the payment provider is down")
    if not event.get("health") and random.random() < ERROR_RATE:  # noqa: S311 - chance, no secret
        print(f"release {RELEASE} lost a payment")  # noqa: T201 - a function logs by printing
        raise PaymentRefused(f"release {RELEASE} could not charge the card")
    total = sum(item["price"] * item.get("quantity", 1) for item in event.get("items", []))
    return {
        "release": RELEASE,
        "version": context.function_version,
        "total": total,
        "records": len(event.get("Records", [])),
    }

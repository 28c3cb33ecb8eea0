"""From CloudTrail's record of a call to the change of an alias that it was; no rule of the release file is needed.

**Source:** CloudTrail record contents and userIdentity element (User Guide); Lambda's API reference for the forms of a
function's name.
"""

import re
from typing import Any, get_args

from orchestrator.domain.drift import LONGEST_NAME, AliasChange, AliasEvent
from orchestrator.domain.intake import Delivery, Intake
from orchestrator.domain.release import Target
from orchestrator.intake_mapping import Mapped
from orchestrator.intake_senders import MISSING, value_at

ALIAS_CHANGED = "lambda.alias_changed"
"""Kind of event: `aws.lambda`, `AWS API Call via CloudTrail`."""
_FUNCTION = re.compile(
    r"(?:arn:aws[a-z-]*:lambda:)?(?:(?P<region>[a-z0-9]+(?:-[a-z0-9]+)+):(?=\d{12}:|function:))?"
    r"(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<function>[A-Za-z0-9_-]+)(?::(?:\$LATEST|[A-Za-z0-9_-]+))?"
)
"""A function by name, partial ARN or ARN, with or without a qualifier; `checkout-eu:live` names no region."""


def changed(delivery: Delivery) -> Mapped | None:
    """Return the change that the delivery tells of, or why it is none; None for a delivery of another kind."""
    if (delivery.provider, delivery.event) != ("eventbridge", ALIAS_CHANGED):
        return None
    if why := _why_ignored(delivery.payload):
        return Mapped(None, why)
    try:
        change = _change(delivery)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Mapped(None, "the event does not say which alias was changed, when, or to what")
    if change.event == "UpdateAlias20150331" and change.version is None and change.weights is None:
        return Mapped(None, "it changes neither the version nor the weights")
    intake = Intake(provider=delivery.provider, delivery=delivery.id, event=delivery.event, changes=(change,))
    return Mapped(intake)


def _why_ignored(payload: dict[str, Any]) -> str | None:
    name = value_at(payload, "detail.eventName")
    if name not in get_args(AliasEvent):
        return f"`{str(name)[:60]}` changes no alias" if isinstance(name, str) else "it is no record of CloudTrail"
    if value_at(payload, "detail.readOnly") is True:
        return "the call has only read"
    code = value_at(payload, "detail.errorCode")
    return None if code in (MISSING, None) else f"the call failed ({str(code)[:60]}), so the alias is as it was"


def _change(delivery: Delivery) -> AliasChange:
    detail = delivery.payload["detail"]
    asked: dict[str, Any] = detail["requestParameters"] or {}
    answered: dict[str, Any] = detail.get("responseElements") or {}
    return AliasChange.model_validate(
        {
            "id": detail.get("eventID") or delivery.id,
            "target": _target(delivery.payload, asked),
            "event": detail["eventName"],
            "by": _who(detail.get("userIdentity") or {})[:LONGEST_NAME],
            "at": detail["eventTime"],
            "version": asked.get("functionVersion") or answered.get("functionVersion"),
            "weights": _weights(detail["eventName"], asked, answered),
        }
    )


def _target(payload: dict[str, Any], asked: dict[str, Any]) -> Target:
    """The owner's account and region: those of the ARN where the caller named one, else where it was recorded."""
    named = _FUNCTION.fullmatch(asked["functionName"])
    if named is None:
        raise ValueError(asked["functionName"])
    detail = payload["detail"]
    return Target(
        account=named["account"] or detail.get("recipientAccountId") or payload["account"],
        region=named["region"] or detail.get("awsRegion") or payload["region"],
        function=named["function"],
        alias=asked["name"],
    )


def _weights(event: str, asked: dict[str, Any], answered: dict[str, Any]) -> dict[str, float] | None:
    """What was sent, for it took effect; else what was answered; None where neither says.

    A creation without weights has none.
    """
    for side in (asked, answered):
        if "routingConfig" in side:
            fractions = (side["routingConfig"] or {}).get("additionalVersionWeights") or {}
            return {version: round(float(fraction) * 100, 3) for version, fraction in fractions.items()}
    return {} if event == "CreateAlias20150331" or "functionVersion" in answered else None


def _who(identity: dict[str, Any]) -> str:
    """Return the caller's ARN; services and some identities have none. A service that acts for a person is told too."""
    service = identity.get("invokedBy")
    names = (identity.get(key) for key in ("arn", "userName", "principalId"))
    name = next((name for name in names if isinstance(name, str) and name), None)
    if name is None:
        return service if isinstance(service, str) and service else "somebody whom CloudTrail does not name"
    return f"{name} through {service}" if isinstance(service, str) and service else name

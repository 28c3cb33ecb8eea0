"""When an alarm is in ALARM: thresholds over data points, and the rule language of composite alarms."""

import operator
import re
from collections.abc import Callable, Mapping

from orchestrator.lab.gateway.wire import AwsError

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_TOKEN = re.compile(
    r"\s*(?:(?P<word>AND|OR|NOT|TRUE|FALSE|ALARM|OK|INSUFFICIENT_DATA)\b|(?P<mark>[()])|\"(?P<quoted>[^\"]+)\""
    r"|(?P<bare>[^\s()\"]+))"
)


def breaching(values: list[float | None], comparison: str, threshold: float, needed: int) -> bool | None:
    """Whether at least `needed` of the latest periods breach.

    Args:
        values: one per period of the alarm's window, None where there was no data.
        comparison: AWS' name of the comparison.
        threshold: what values are compared with.
        needed: `DatapointsToAlarm`.

    Returns:
        None when no period has data.
    """
    compare = _COMPARISONS[comparison]
    seen = [value for value in values if value is not None]
    if not seen:
        return None
    return sum(compare(value, threshold) for value in seen) >= needed


def evaluate_rule(rule: str, states: Mapping[str, str]) -> bool:
    """Whether a composite alarm's rule holds, given the states of alarms by name.

    Raises:
        AwsError: `ValidationError` for a rule that cannot be read or names an unknown alarm.
    """
    tokens = [found.groupdict() for found in _TOKEN.finditer(rule)]
    value, place = _any_of(tokens, 0, states)
    if place != len(tokens):
        raise _unreadable()
    return value


def _any_of(tokens: list[dict[str, str | None]], place: int, states: Mapping[str, str]) -> tuple[bool, int]:
    value, place = _all_of(tokens, place, states)
    while place < len(tokens) and tokens[place]["word"] == "OR":
        more, place = _all_of(tokens, place + 1, states)
        value = value or more
    return value, place


def _all_of(tokens: list[dict[str, str | None]], place: int, states: Mapping[str, str]) -> tuple[bool, int]:
    value, place = _one(tokens, place, states)
    while place < len(tokens) and tokens[place]["word"] == "AND":
        more, place = _one(tokens, place + 1, states)
        value = value and more
    return value, place


def _one(tokens: list[dict[str, str | None]], place: int, states: Mapping[str, str]) -> tuple[bool, int]:
    if place >= len(tokens):
        raise _unreadable()
    token = tokens[place]
    if token["word"] == "NOT":
        value, place = _one(tokens, place + 1, states)
        return not value, place
    if token["word"] in {"TRUE", "FALSE"}:
        return token["word"] == "TRUE", place + 1
    if token["mark"] == "(":
        value, place = _any_of(tokens, place + 1, states)
        _expect(tokens, place, ")")
        return value, place + 1
    if token["word"] not in {"ALARM", "OK", "INSUFFICIENT_DATA"}:
        raise _unreadable()
    _expect(tokens, place + 1, "(")
    _expect(tokens, place + 3, ")")
    name = str(tokens[place + 2]["quoted"] or tokens[place + 2]["bare"]).rpartition(":alarm:")[2]
    if name not in states:
        raise AwsError("ValidationError", f"Could not evaluate the alarm rule: there is no alarm {name}.")
    return states[name] == token["word"], place + 4


def _expect(tokens: list[dict[str, str | None]], place: int, mark: str) -> None:
    if place >= len(tokens) or tokens[place]["mark"] != mark:
        raise _unreadable()


def _unreadable() -> AwsError:
    return AwsError("ValidationError", "Could not parse the alarm rule.")

"""What every strategy is made of. One file in this folder is one strategy; it knows nothing of the others.

A strategy turns its `Spec` into steps, run once when a release is submitted. Here stands what their specs share:
durations as people write them, and approvals before a weight.
"""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from orchestrator.domain.plan import Approval, Bake, Promote, Sizing, Step
from orchestrator.domain.traffic import Frozen

DURATION_PATTERN = (
    r"^(?:(?=\d)(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+(?:\.\d+)?s)?"
    r"|P(?=[\dT])(?:\d+W)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?)$"
)
"""`1h30m` or ISO 8601; years and months are left out because their length varies."""

_UNIT_SECONDS = {"w": 604800.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}


def fault(sentence: str, *at: str | int) -> PydanticCustomError:
    """Return an error whose place is `at`, relative to the value under validation (e.g. the second weight)."""
    return PydanticCustomError("fault", "{sentence}", {"sentence": sentence, "at": at})


def parse_duration(value: object) -> timedelta:
    """Read `30s`, `5m`, `1h30m`, `2d` or ISO 8601 (`PT5M`). Raises a pydantic error that says how to write it."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise fault(f"{value:g} has no unit: write `{value:g}s` for seconds or `{value:g}m` for minutes")
    if not isinstance(value, str) or not re.match(DURATION_PATTERN, value):
        if isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?", value):
            raise fault(f"{value} has no unit: write `{value}s` for seconds or `{value}m` for minutes")
        shown = value if isinstance(value, str) else json.dumps(value, default=str)
        raise fault(f"`{shown}` is not a duration: write `30s`, `5m`, `1h30m`, `2d`, or ISO 8601 such as `PT5M`")
    parts = re.findall(r"(\d+(?:\.\d+)?)([WDHMS])", value.upper())
    return timedelta(seconds=sum(float(n) * _UNIT_SECONDS[unit.lower()] for n, unit in parts))


def format_duration(value: timedelta) -> str:
    """Return the shortest spelling that `parse_duration` reads back, e.g. `1h30m`; `0s` for nothing."""
    whole, fraction = divmod(value.total_seconds(), 1)
    rest = int(whole)
    text = ""
    for unit in "dhm":
        count, rest = divmod(rest, int(_UNIT_SECONDS[unit]))
        text += f"{count}{unit}" if count else ""
    seconds = rest + round(fraction, 6)
    return f"{text}{seconds:g}s" if seconds or not text else text


def _positive(value: timedelta) -> timedelta:
    if not value:
        raise fault("must be longer than nothing")
    return value


_SCHEMA: dict[str, Any] = {"type": "string", "pattern": DURATION_PATTERN, "examples": ["30s", "5m", "1h30m", "2d"]}
_written = PlainSerializer(format_duration, return_type=str, when_used="json")

Duration = Annotated[timedelta, BeforeValidator(parse_duration), _written, WithJsonSchema(_SCHEMA)]
"""A length of time, from `0s`."""

PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
"""A length of time above zero."""


def check_weight(value: object) -> object:
    """Refuse in plain words what is no share of traffic. Other types than numbers are left to pydantic."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    if value == 0:
        raise fault("a weight of 0 sends nothing to the new version: weights are per cent above 0 and below 100")
    if value == 100:
        raise fault("a weight of 100 is the promotion, which ends every plan by itself: leave it out")
    if not 0 < value < 100:
        raise fault(f"a weight of {value:g} is no share of traffic: weights are per cent above 0 and below 100")
    return value


WrittenWeight = Annotated[float, Field(gt=0, lt=100), BeforeValidator(check_weight)]
"""Per cent of the alias' traffic, 0 and 100 excluded."""


class SpecModel(Frozen):
    """Base of every strategy's `Spec`: the docstring under each field is its text in the JSON Schema."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class AskFor(SpecModel):
    """An approval, as written in a release file."""

    who: tuple[str, ...] = ()
    """Whom to ask, for people to read; who may approve is decided by roles."""
    timeout: PositiveDuration = timedelta(hours=24)
    """How long to wait for the answer; then the release is rolled back."""

    def step(self) -> Approval:
        """Return the step that waits for it."""
        return Approval(who=self.who, timeout=self.timeout)


def _number_is_before(value: object) -> object:
    if isinstance(value, dict):  # pydantic takes a JSON list for a tuple, but not the Python list it has become here
        return {k: tuple(v) if isinstance(v, list) else v for k, v in value.items()}
    if isinstance(value, AskFor):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise fault("must be a weight in per cent, or a mapping with `before`")
    return {"before": value}


class AskBefore(AskFor):
    """An approval asked before the traffic reaches `before` per cent; 100 is the promotion."""

    before: Annotated[float, Field(gt=0, le=100)]
    """Weight in per cent that needs the approval; 100 is the promotion."""


Approvals = tuple[
    Annotated[
        AskBefore,
        BeforeValidator(_number_is_before, json_schema_input_type=float | AskBefore),
    ],
    ...,
]
"""Written as `[50, 100]`, or with `before`, `who` and `timeout` each."""


def approvals_fit(approvals: Approvals, weights: tuple[float, ...]) -> None:
    """Raise a pydantic error where an approval is asked before a weight that the plan never reaches, or twice."""
    seen: set[float] = set()
    for i, approval in enumerate(approvals):
        if approval.before not in {*weights, 100}:
            listed = ", ".join(f"{w:g}" for w in weights)
            raise fault(f"no step reaches {approval.before:g} %: there is {listed} and 100", "approvals", i)
        if approval.before in seen:
            raise fault(f"an approval before {approval.before:g} % is asked twice", "approvals", i)
        seen.add(approval.before)


def promotion(final_bake: timedelta, max_hold: timedelta) -> Promote:
    """Return the last step; a final bake of nothing waits for no data either."""
    return Promote(bake=Bake(duration=final_bake, max_hold=max_hold if final_bake else timedelta(0)))


class Strategy(NamedTuple):
    """What a strategy's module exposes as `PLUGIN`."""

    spec: type[SpecModel]
    """Pydantic model of the options, as written in a release file."""
    plan: Callable[[Any], tuple[Step, ...]]
    """Pure function from a `spec` to steps; weights ascend and the last step promotes."""
    sizing: Callable[[Any], Sizing | None] = lambda _: None
    """Pure function from a `spec` to how its first weights are found when the release starts; None: all are fixed."""

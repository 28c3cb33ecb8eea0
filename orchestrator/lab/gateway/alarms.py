"""Metric and composite alarms: PutMetricAlarm, PutCompositeAlarm, DescribeAlarms, SetAlarmState, DeleteAlarms.

An alarm is evaluated when it is read and a period has begun since the last evaluation; SetAlarmState therefore
holds for the rest of the period, and, unlike on AWS, as long as its window has no data.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.lab.gateway.alarm_rules import breaching, evaluate_rule
from orchestrator.lab.gateway.cloudwatch_wire import at
from orchestrator.lab.gateway.metrics import SeriesKey
from orchestrator.lab.gateway.statistics import statistic
from orchestrator.lab.gateway.wire import AwsError, Document

if TYPE_CHECKING:
    from orchestrator.lab.gateway.world import World

_STATES = ("OK", "ALARM", "INSUFFICIENT_DATA")
_MAX_NAMES = 100


@dataclass
class Alarm:
    """One alarm; `rule` is set for composite alarms."""

    definition: Document
    rule: str | None
    changed: float
    state: str = "INSUFFICIENT_DATA"
    reason: str = "Unchecked: Initial alarm creation"
    updated: float = 0.0
    evaluated: float = 0.0

    def become(self, state: str, reason: str, now: float) -> None:
        """Take a state; only a real change moves the time of transition (lambda.md 2)."""
        if state != self.state:
            self.changed = now
            self.updated = now
        self.state, self.reason = state, reason

    def document(self) -> Document:
        """As DescribeAlarms shows it."""
        return {
            **self.definition,
            "StateValue": self.state,
            "StateReason": self.reason,
            "StateUpdatedTimestamp": at(self.updated),
            "StateTransitionedTimestamp": at(self.changed),
        }


class AlarmBook:
    """All alarms of one account and region, metric and composite, under one set of names."""

    def __init__(self, arn_prefix: str) -> None:
        """Begin empty."""
        self._arn_prefix = arn_prefix
        self._alarms: dict[str, Alarm] = {}

    def __contains__(self, name: object) -> bool:
        """Whether there is an alarm of this name."""
        return name in self._alarms

    def clear(self) -> None:
        """Forget all alarms."""
        self._alarms.clear()

    def put(self, definition: Document, rule: str | None, now: float) -> None:
        """Create or replace; a replaced alarm keeps its state, a new one has INSUFFICIENT_DATA."""
        name = str(definition["AlarmName"])
        shown = {"AlarmArn": self._arn_prefix + name, **definition}
        old = self._alarms.get(name)
        if old:
            old.definition, old.rule, old.evaluated = shown, rule, 0.0
        else:
            self._alarms[name] = Alarm(shown, rule, now, updated=now)

    def set_state(self, name: str, state: str, reason: str, now: float) -> None:
        """Force a state.

        Raises:
            AwsError: `ResourceNotFound` for an unknown name, `ValidationError` for an unknown state.
        """
        if name not in self._alarms:
            raise AwsError("ResourceNotFound", f"There is no alarm {name}.", 404)
        if state not in _STATES:
            raise AwsError("ValidationError", f"StateValue must be one of {', '.join(_STATES)}.")
        alarm = self._alarms[name]
        alarm.become(state, reason, now)
        alarm.evaluated = now

    def delete(self, names: list[str]) -> None:
        """Forget some; all must exist."""
        missing = [name for name in names if name not in self._alarms]
        if missing:
            raise AwsError("ResourceNotFound", f"There is no alarm {missing[0]}.", 404)
        for name in names:
            del self._alarms[name]

    def read(self, world: "World") -> list[Alarm]:
        """All alarms by name, evaluated."""
        now = world.now()
        for alarm in self._alarms.values():
            if alarm.rule is None:
                _evaluate_metric(world, alarm, now)
        states = {name: alarm.state for name, alarm in self._alarms.items()}
        for name, alarm in self._alarms.items():
            if alarm.rule is not None and now > alarm.evaluated + 1.0:
                holds = evaluate_rule(alarm.rule, states)
                alarm.become("ALARM" if holds else "OK", f"Rule evaluated to {holds}", now)
                states[name] = alarm.state
        return [alarm for _, alarm in sorted(self._alarms.items())]


def _evaluate_metric(world: "World", alarm: Alarm, now: float) -> None:
    wanted = alarm.definition
    period = int(wanted["Period"])
    end = now // period * period
    if end <= alarm.evaluated:
        return
    count = int(wanted["EvaluationPeriods"])
    dimensions = frozenset((entry["Name"], entry["Value"]) for entry in wanted.get("Dimensions") or [])
    key = SeriesKey(str(wanted["Namespace"]), str(wanted["MetricName"]), dimensions)
    start = end - count * period
    found = world.metrics.buckets(key, period, start, end, now)
    evaluate = statistic(str(wanted.get("Statistic") or wanted.get("ExtendedStatistic")))
    values = [evaluate(found[begin]) if begin in found else None for begin in range(int(start), int(end), period)]
    needed = int(wanted.get("DatapointsToAlarm") or count)
    verdict = breaching(values, str(wanted["ComparisonOperator"]), float(wanted["Threshold"]), needed)
    alarm.evaluated = end
    if verdict is not None:
        alarm.become("ALARM" if verdict else "OK", f"Threshold evaluated on {values}", now)


def put_metric_alarm(world: "World", wanted: Document) -> Document:
    """PutMetricAlarm over a single metric."""
    if "MetricName" not in wanted:
        raise AwsError("ValidationError", "The lab's alarms watch one metric each; metric math is not evaluated.")
    statistic(str(wanted.get("Statistic") or wanted.get("ExtendedStatistic")))
    world.alarms.put(_typed(wanted), None, world.now())
    return {}


def put_composite_alarm(world: "World", wanted: Document) -> Document:
    """PutCompositeAlarm; the rule must be readable and name existing alarms."""
    rule = str(wanted.get("AlarmRule", ""))
    evaluate_rule(rule, {alarm.definition["AlarmName"]: alarm.state for alarm in world.alarms.read(world)})
    world.alarms.put(_typed(wanted), rule, world.now())
    return {}


def describe_alarms(world: "World", wanted: Document) -> Document:
    """DescribeAlarms: metric alarms only unless AlarmTypes asks for composite ones; unknown names are left out.

    Raises:
        AwsError: `ValidationError` for more than 100 names.
    """
    names = wanted.get("AlarmNames") or []
    if len(names) > _MAX_NAMES:
        raise AwsError("ValidationError", f"At most {_MAX_NAMES} AlarmNames are allowed.")
    kinds = wanted.get("AlarmTypes") or ["MetricAlarm"]
    shown: dict[str, list[Document]] = {"MetricAlarms": [], "CompositeAlarms": []}
    for alarm in world.alarms.read(world):
        name = str(alarm.definition["AlarmName"])
        kind = "MetricAlarm" if alarm.rule is None else "CompositeAlarm"
        if kind not in kinds or (names and name not in names):
            continue
        if not name.startswith(str(wanted.get("AlarmNamePrefix") or "")):
            continue
        if wanted.get("StateValue") in {None, alarm.state}:
            shown[f"{kind}s"].append(alarm.document())
    return {**shown}


def set_alarm_state(world: "World", wanted: Document) -> Document:
    """SetAlarmState."""
    reason = str(wanted.get("StateReason", ""))
    world.alarms.set_state(str(wanted.get("AlarmName")), str(wanted.get("StateValue")), reason, world.now())
    return {}


def delete_alarms(world: "World", wanted: Document) -> Document:
    """DeleteAlarms."""
    world.alarms.delete([str(name) for name in wanted.get("AlarmNames") or []])
    return {}


def _typed(wanted: Document) -> Document:
    """Definition with numbers as numbers, whatever protocol brought them."""
    read: dict[str, Callable[[str], object]] = {
        "Period": int,
        "EvaluationPeriods": int,
        "DatapointsToAlarm": int,
        "Threshold": float,
        "ActionsEnabled": lambda value: str(value).lower() == "true",
    }
    return {name: read[name](value) if name in read else value for name, value in wanted.items() if name != "Tags"}


HANDLERS: dict[str, Callable[["World", Document], Document]] = {
    "PutMetricAlarm": put_metric_alarm,
    "PutCompositeAlarm": put_composite_alarm,
    "DescribeAlarms": describe_alarms,
    "SetAlarmState": set_alarm_state,
    "DeleteAlarms": delete_alarms,
}

"""A plan before it starts, and many releases at a glance. Pure: values and clock in, lines out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from pydantic import AwareDatetime, BaseModel

from orchestrator.cli.render import NARROWEST, phase_of
from orchestrator.cli.text import Line, Span, columns, line, paragraph
from orchestrator.domain.analysis import Alarms, Check, Compare, Limit, Query
from orchestrator.domain.comparison_weights import (
    FACTOR,
    FIRST_STEP_INVOCATIONS,
    HIGHEST_FIRST_WEIGHT,
    LOWEST_WEIGHT,
)
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.plan import Approval, Bake, Gate, Plan, Promote, Shift, Sizing, Step
from orchestrator.domain.release import Cause, Outcome, Phase, Target
from orchestrator.figures import number, span_of, versions_of
from orchestrator.releasefile.model import ResolvedTarget
from orchestrator.releasefile.resolving import shortest
from orchestrator.strategies import format_duration


def render_plan(plan: Plan, width: int = 100) -> list[Line]:
    """Return every step with its weight and times, what is watched, and how long it takes in all."""
    width = max(width, NARROWEST)
    head: list[Span] = [(title, "dim") for title in ("step", "what", "weight", "bake", "")]
    rows = [_step_cells(i, step, plan) for i, step in enumerate(plan.steps)]
    table = columns([head, *rows], right=frozenset({0, 2}))
    lines = [line("strategy  ", (plan.strategy, "bold")), *(_cut(row, width) for row in table)]
    if plan.sizing is not None:
        lines += paragraph(_sizing_words(plan.sizing), width, first="sized     ", indent=10)
    lines += _list("checks", [_check_words(check) for check in plan.checks], width)
    lines += _list("probes", [f"{p.name} ({p.kind})" for p in plan.probes], width)
    limits = plan.limits
    total = (
        f"at least {format_duration(shortest(plan))}; rolled back after {format_duration(limits.deadline)} in all, "
        f"or {format_duration(limits.hold)} of pause or hold"
    )
    return [*lines, *paragraph(total, width, first="takes     ", indent=10)]


def render_target(resolved: ResolvedTarget, width: int = 100) -> list[Line]:
    """Return the target, what changes beside the code, and its plan."""
    target = resolved.target
    lines = [line("target    ", (str(target), "bold"), f"  {target.region}/{target.account}")]
    if changes := resolved.configuration.changes():
        # Values of the environment are left out: they may be secrets, and plans are printed in CI logs.
        words = [f"{k} ({', '.join(v)})" if isinstance(v, dict) else f"{k} = {v}" for k, v in changes.items()]
        lines += paragraph("; ".join(words), width, first="changes   ", indent=10)
    if resolved.provisioned_concurrency:
        lines.append(line(f"keeps     {resolved.provisioned_concurrency} environments ready on the new version"))
    return [*lines, *render_plan(resolved.plan, width)]


def render_list(states: Sequence[ReleaseState], now: datetime, width: int = 100) -> list[Line]:
    """Return one line per release in the order given; on a narrow screen the rightmost columns are left out."""
    if not states:
        return [line("no releases")]
    titles = ("release", "target", "versions", "state", "weight", "step", "age", "by", "reason")
    rows: list[list[Span]] = [[(title, "dim") for title in titles]]
    for state in states:
        step = f"{state.step + 1}/{len(state.steps)}" if state.step is not None and not state.done else ""
        rows.append(
            [
                (state.release_id, ""),
                (str(state.target), "bold"),
                (versions_of(state), ""),
                phase_of(state),
                (f"{number(state.weight)} %", ""),
                (step, ""),
                (span_of((now - state.started_at).total_seconds()), ""),
                (state.actor, ""),
                (" ".join(state.reason.split())[:40], ""),
            ]
        )
    return _fitted(rows, width)


def render_wide_list(states: Sequence[ReleaseState], now: datetime) -> list[Line]:
    """Return one line per release with all there is to tell, however wide that is."""
    if not states:
        return [line("no releases")]
    titles = ("release", "target", "place", "strategy", "versions", "state", "weight", "step", "started", "ended", "by")
    rows: list[list[Span]] = [[(title, "dim") for title in (*titles, "reason", "sentence")]]
    rows += [_wide_cells(state, now) for state in states]
    return columns(rows, right=frozenset({6}))


def _wide_cells(state: ReleaseState, now: datetime) -> list[Span]:
    def clock(at: datetime | None) -> str:
        return f"{at.astimezone(now.tzinfo):%Y-%m-%d %H:%M:%S}" if at else ""

    return [
        (state.release_id, ""),
        (str(state.target), "bold"),
        (f"{state.target.region}/{state.target.account}", ""),
        (state.strategy, ""),
        (versions_of(state), ""),
        phase_of(state),
        (f"{number(state.weight)} %", ""),
        ("" if state.step is None else f"{state.step + 1}/{len(state.steps)}", ""),
        (clock(state.started_at), ""),
        (clock(state.ended_at), ""),
        (state.actor, ""),
        (" ".join(state.reason.split()), ""),
        (" ".join(state.sentence.split()), ""),
    ]


class ListedRelease(BaseModel):
    """One entry of a list as a document: the release without its checks, its journal and the content of its steps."""

    schema_version: int
    release_id: str
    target: Target
    strategy: str
    actor: str
    reason: str
    started_at: AwareDatetime
    ended_at: AwareDatetime | None
    phase: Phase
    outcome: Outcome | None
    cause: Cause | None
    sentence: str
    stable: str | None
    canary: str | None
    weight: float
    step: int | None
    steps: int
    """How many."""
    paused_by: str | None
    drifted: bool
    waiting_until: AwareDatetime | None

    @classmethod
    def of(cls, state: ReleaseState) -> Self:
        """Return the entry."""
        kept = {name: getattr(state, name) for name in cls.model_fields if name != "steps"}
        return cls(steps=len(state.steps), **kept)


def _fitted(rows: list[list[Span]], width: int) -> list[Line]:
    """Leave out whole columns from the right until the table fits; the first four are always there."""
    for count in range(len(rows[0]), 3, -1):
        lines = columns([row[:count] for row in rows], right=frozenset({4}))
        if max(sum(len(text) for text, _ in row) for row in lines) <= width:
            return lines
    return lines


def _cut(row: Line, width: int) -> Line:
    """Shorten the last cell, a remark, where the row is too wide."""
    *cells, (remark, style) = row
    room = width - sum(len(text) for text, _ in cells)
    return (*cells, (remark if len(remark.rstrip()) <= room else remark[: max(room - 1, 0)] + "…", style))


def _step_cells(index: int, step: Step, plan: Plan) -> list[Span]:
    what, weight, bake, more = _step_words(step)
    weight = weight or f"{number(plan.weight_after(index))} %"
    return [(str(index + 1), ""), (what, ""), (weight, ""), (bake, ""), (more, "dim")]


def _step_words(step: Step) -> tuple[str, str, str, str]:
    match step:
        case Shift(weight=weight, bake=bake):
            return "shift", f"{number(weight)} %", format_duration(bake.duration), _bake_words(bake)
        case Promote(bake=bake):
            more = "watched at 100 %" if bake.duration else "the release ends at once"
            return "promote", "100 %", format_duration(bake.duration), more
        case Approval(who=who, timeout=timeout):
            asked = f"by {', '.join(who)}; " if who else ""
            return "approval", "", "", f"{asked}expires after {format_duration(timeout)}"
        case Gate(gate=gate, timeout=timeout, interval=interval):
            often = f"asked every {format_duration(interval)}; expires after {format_duration(timeout)}"
            return f"gate {gate.name}", "", "", often


def _sizing_words(sizing: Sizing) -> str:
    return (
        f"at the start, by the traffic of the alias in the {format_duration(sizing.window)} before: the first weight "
        f"gives the canary about {FIRST_STEP_INVOCATIONS:g} invocations a minute (at least {number(LOWEST_WEIGHT)} %), "
        f"then times {number(FACTOR)} up to {number(HIGHEST_FIRST_WEIGHT)} %; shown are the steps of the busiest alias"
    )


def _bake_words(bake: Bake) -> str:
    hold = f"holds up to {format_duration(bake.max_hold)} for data" if bake.max_hold else ""
    if bake.advance == "on_evidence":
        least = f"from {format_duration(bake.minimum)}, " if bake.minimum else ""
        return f"{least}until proven; {hold}".removesuffix("; ")
    return hold


def _check_words(check: Check) -> str:
    match check:
        case Compare():
            what = "errors and slow invocations" if check.latency else "errors"
            words = f"canary against stable: {what}, from {check.min_samples} invocations on"
        case Limit():
            words = f"{check.metric} ≤ {number(check.maximum)}{check.unit}, from {check.min_samples} invocations on"
            if check.slower_than is not None:
                words += f", slow above {number(check.slower_than)} ms"
        case Alarms():
            words = f"alarms {', '.join(check.names)}"
        case Query():
            low = [] if check.minimum is None else [f"≥ {number(check.minimum)}{check.unit}"]
            high = [] if check.maximum is None else [f"≤ {number(check.maximum)}{check.unit}"]
            words = f"{check.provider} {' and '.join((*low, *high))}: {' '.join(check.query.split())}"
    act = {"rollback": "rolls back", "pause": "pauses", "notify": "only tells"}[check.on_failure]
    return f"{check.name}: {words}; {act if check.mode == 'enforce' else 'only observes'}"


def _list(title: str, entries: list[str], width: int) -> list[Line]:
    lines: list[Line] = []
    for i, entry in enumerate(entries):
        lines += paragraph(entry, width, first=(title if i == 0 else "").ljust(10), indent=10)
    return lines

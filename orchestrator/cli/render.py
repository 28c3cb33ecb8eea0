"""One release as a screen, as one line, and as lines of its journal. Pure: state and clock in, lines out."""

from datetime import datetime, timedelta

from orchestrator.cli.text import Line, Span, columns, flow, length, line, paragraph
from orchestrator.domain.analysis import Measurement, Verdict, worst
from orchestrator.domain.journal import Event, EventKind, ReleaseState, StepState
from orchestrator.domain.release import Outcome, Phase
from orchestrator.figures import number, span_of, versions_of, wait_of
from orchestrator.strategies import format_duration

NARROWEST = 60
_WIDEST_BAR = 42
_EVENTS = 6
_STABLE = "blue"
_VERDICTS = {
    Verdict.PASS: ("✔ pass", "green"),
    Verdict.INCONCLUSIVE: ("… too little data", "yellow"),
    Verdict.ERROR: ("! not readable", "yellow"),
    Verdict.FAIL: ("✖ fail", "red"),
}
_STEPS = {"done": ("✔", "green"), "current": ("●", "bold"), "waiting": ("○", "dim"), "skipped": ("↷", "dim")}
_OUTCOMES = {
    Outcome.PROMOTED: ("✔ Promoted", "green"),
    Outcome.ROLLED_BACK: ("✖ Rolled back", "red"),
    Outcome.REJECTED: ("✖ Rejected", "yellow"),
    Outcome.FAILED: ("✖ FAILED: a person must look", "bold red"),
}
_EVENT_STYLES = {
    EventKind.WARNING: "yellow",
    EventKind.HOLDING: "yellow",
    EventKind.ROLLING_BACK: "red",
    EventKind.DRIFT: "red",
    EventKind.FAILING: "red",
    EventKind.PROMOTED: "green",
}


def phase_of(state: ReleaseState) -> Span:
    """Return where the release is, with its symbol and style."""
    if state.outcome is not None:
        text, style = _OUTCOMES[state.outcome]
        cause = state.cause.replace("_", " ") if state.cause and state.outcome is not Outcome.FAILED else ""
        return (f"{text} ({cause})" if cause else text, style)
    if state.drifted:
        return ("✖ Drifted: adopt or restore", "bold red")
    if state.paused_by:
        return (f"‖ Paused by {state.paused_by}", "yellow")
    style = {Phase.ROLLING_BACK: "red", Phase.AWAITING_APPROVAL: "yellow"}.get(state.phase, "cyan")
    return (f"● {state.phase.replace('_', ' ').capitalize()}", style)


def render_release(state: ReleaseState, now: datetime, width: int = 100, height: int | None = None) -> list[Line]:
    """Return the whole screen, at most `width` characters wide (at least 60). Times are told in `now`'s time zone.

    Where `height` lines are too few, the older lines of the journal are left out, never the newest.
    """
    width = max(width, NARROWEST)
    lines = _header(state, now, width)
    if state.sentence:
        lines += paragraph(state.sentence, width)
    if state.trouble:
        lines += paragraph(f"retrying: {state.trouble}", width, style="red")
    if state.stable is not None:
        lines += _traffic(state, now, width)
    lines += flow([_step(step, state) for step in state.steps], width, gap=3, indent=0)
    if state.measurements:
        lines += _checks(state.measurements, width)
    journal = [row for event in state.events[-_EVENTS:] for row in render_event(event, now, width)]
    room = len(journal) if height is None else max(height - len(lines), 1)
    return lines + journal[-room:]


def render_event(event: Event, now: datetime, width: int | None = None) -> list[Line]:
    """Return one event: `14:02:11 weight 10 → 50 % confirmed`; one line only where there is no `width`."""
    at = event.at.astimezone(now.tzinfo)
    first = f"{at:%H:%M:%S} "
    style = _EVENT_STYLES.get(event.kind, "")
    text = f"{event.text} (by {event.actor})" if event.actor and event.actor not in event.text else event.text
    if width is None:
        return [line(first, (" ".join(text.split()), style))]
    return paragraph(text, width, style=style, first=first, indent=len(first))


def render_line(state: ReleaseState) -> Line:
    """Return one line that says where the release is."""
    step = f" step {state.step + 1}/{len(state.steps)}" if state.step is not None and not state.done else ""
    text, style = phase_of(state)
    sentence = f": {state.sentence}" if state.sentence else ""
    return line(f"{state.target} {state.release_id} ", (f"{text}{step}", style), sentence)


def _header(state: ReleaseState, now: datetime, width: int) -> list[Line]:
    versions = versions_of(state)
    title = line((str(state.target), "bold"), f"  {versions}" if versions else "")
    parts = [title, line(f"{state.target.region}/{state.target.account}"), line(phase_of(state))]
    if state.done:
        ended = state.ended_at or now
        took = format_duration(timedelta(seconds=round((ended - state.started_at).total_seconds())))
        when = f"ended {span_of((now - ended).total_seconds())} ago after {took}, started by {state.actor}"
    else:
        if state.step is not None:
            parts.append(line(f"step {state.step + 1}/{len(state.steps)}"))
        begun = "submitted" if state.phase is Phase.QUEUED else "started"
        when = f"{begun} {span_of((now - state.started_at).total_seconds())} ago by {state.actor}"
    parts.append(line(f"{when} ({state.reason})" if state.reason else when))
    return flow(parts, width)


def _canary_style(state: ReleaseState) -> str:
    judged = [m.verdict for m in state.measurements if m.mode == "enforce"]
    if state.outcome is Outcome.ROLLED_BACK or state.phase is Phase.ROLLING_BACK:
        return "red"
    return _VERDICTS[worst(judged)][1] if judged else "green"


def _traffic(state: ReleaseState, now: datetime, width: int) -> list[Line]:
    style = _canary_style(state)
    split = f"{number(100 - state.weight)} / {number(state.weight)} %"
    after = [line(f"{split} when last read" if state.outcome is Outcome.FAILED else split)]
    if state.observed_weight is not None:
        after.append(line(f"observed {number(state.observed_weight)} %"))
    if wait := wait_of(state, now):
        after.append(line(wait.told(now)))
    left = line("traffic   ", (f"v{state.stable} ", _STABLE))
    right = line((f" v{state.canary}", style)) if state.canary else ()
    taken = length(left) + length(right) + sum(length(part) + 3 for part in after)
    cells = min(_WIDEST_BAR, max(10, width - taken))
    canary = round(cells * state.weight / 100)
    if 0 < state.weight < 100:  # a small share is drawn too, and so is what a large one leaves
        canary = min(max(canary, 1), cells - 1)
    bar = line(*left, ("█" * (cells - canary), _STABLE), ("░" * canary, style), *right)
    return flow([bar, *after], width, indent=10)


def _step(step: StepState, state: ReleaseState) -> Line:
    symbol, style = _STEPS[step.status]
    if step.status == "current" and state.done and state.outcome is not Outcome.PROMOTED:
        symbol, style = "✖", "red"
    bakes = step.kind in {"shift", "promote"} and step.seconds > 0
    length_of_bake = f" {format_duration(timedelta(seconds=step.seconds))}" if bakes else ""
    return line((f" {symbol} {step.label}{length_of_bake}", style))


def _checks(measurements: tuple[Measurement, ...], width: int) -> list[Line]:
    head = [(title, "dim") for title in ("check", "canary", "baseline", "limit", "n", "verdict")]
    aligned = columns([head, *(_cells(m) for m in measurements)], gap=3)
    lines = aligned[:1]
    for measurement, row in zip(measurements, aligned[1:], strict=True):
        lines.append(row)
        if measurement.verdict is not Verdict.PASS and measurement.sentence:
            lines += paragraph(measurement.sentence, width, style="dim", first="  ", indent=2)
    return lines


def _cells(m: Measurement) -> list[Span]:
    verdict, style = _VERDICTS[m.verdict]
    return [
        (m.check[:20], ""),
        ("" if m.value is None else f"{number(m.value)}{m.unit}", ""),
        ("" if m.baseline is None else f"{number(m.baseline)}{m.unit}", ""),
        ("" if m.limit is None else f"≤ {number(m.limit)}{m.unit}", ""),
        (number(m.samples) if m.samples else "", ""),
        (verdict if m.mode == "enforce" else f"{verdict} (observed only)", style),
    ]

"""How numbers, spans and waits of a release are written, alike on the command line and on the pages. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Phase

HOLDS = "holding: "
"""Begins the sentence of a bake that is over but for too little data."""
BAKES = frozenset({Phase.BAKING, Phase.FINAL_BAKE})
_WAITS = {
    Phase.BAKING: ("bake", "left"),
    Phase.FINAL_BAKE: ("final bake", "left"),
    Phase.AWAITING_APPROVAL: ("approval expires in", ""),
    Phase.PAUSED: ("rolled back in", "unless resumed"),
}


def number(value: float) -> str:
    """Return at most three digits that matter, thousands apart: `0.31`, `412`, `1 204`."""
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) >= 0.1 or value == 0 else f"{value:.2g}"


def span_of(seconds: float) -> str:
    """Return the largest whole unit: `40s`, `12m`, `3h`, `2d`."""
    whole = max(0, int(seconds))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole >= size:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def countdown(seconds: float) -> str:
    """Return `04:12`, or `1:04:12` from an hour on; `00:00` when it is over."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def versions_of(state: ReleaseState) -> str:
    """Return `v41 → v42`; a version that is not known yet is `?`."""
    if state.stable is None and state.canary is None:
        return ""
    return f"v{state.stable or '?'} → v{state.canary or '?'}"


@dataclass(frozen=True)
class Wait:
    """What a release waits for just now: words, a time that runs down between them, or words alone."""

    before: str
    until: datetime | None = None
    behind: str = ""

    def told(self, now: datetime) -> str:
        """Return e.g. `bake 04:12 left`."""
        if self.until is None:
            return self.before
        return f"{self.before} {countdown((self.until - now).total_seconds())} {self.behind}".rstrip()


def wait_of(state: ReleaseState, now: datetime) -> Wait | None:
    """Return the present wait; None where nothing is waited for, or no end of it is known."""
    before, behind = _WAITS.get(state.phase, ("at most", "more"))
    if state.drifted:
        before, behind = "FAILED in", "unless resolved"
    step = state.steps[state.step] if state.step is not None else None
    bakes = state.phase in BAKES and not state.drifted
    until = state.waiting_until
    if until is None and bakes and step and step.started_at:
        until = step.started_at + timedelta(seconds=step.seconds)
    if until is None or state.done:
        return None
    if bakes and until < now:
        return Wait("waiting for evidence")
    if bakes and state.sentence.startswith(HOLDS):
        return Wait("waiting for evidence, at most", until)
    return Wait(before, until, behind)

"""A release in every stage, a client that plays them, and a way to run the command."""

import io
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from orchestrator.cli import main, session
from orchestrator.cli import watch as watching
from orchestrator.domain.analysis import Measurement, Verdict
from orchestrator.domain.errors import NotFound
from orchestrator.domain.journal import Event, EventKind, ReleaseState, StepState
from orchestrator.domain.release import Actor, Outcome, Phase, Target

NOON = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
FILE = """\
targets:
  checkout:
    account: "123456789012"
    region: eu-west-1
    function: checkout
    alias: live
    strategy: {kind: canary, weights: [10, 50], bake: 5m}
"""


def at(minutes, seconds=0):
    return NOON + timedelta(minutes=minutes, seconds=seconds)


def event(minutes, kind, text, **more):
    return Event(at=at(minutes, 11), kind=EventKind(kind), text=text, **more)


def measurement(check="errors", verdict="PASS", **more):
    values = {"kind": "compare", "sentence": "", "unit": " %", "samples": 1204, "value": 0.31, "baseline": 0.28, **more}
    return Measurement(check=check, verdict=Verdict(verdict), **values)


def steps(current=None, done=0):
    """Three steps: 10 %, 50 %, 100 %."""
    written = [("shift", "10 %", 10, 300), ("shift", "50 %", 50, 600), ("promote", "100 %", 100, 0)]
    status = ["done" if i < done else "current" if i == current else "waiting" for i in range(3)]
    return tuple(
        StepState(
            kind=kind, label=label, weight=weight, seconds=seconds, status=status[i],
            started_at=at(2) if i == current else None,
        )
        for i, (kind, label, weight, seconds) in enumerate(written)
    )  # fmt: skip


def release(**changes):
    """Baking at 50 %, the second step of three."""
    values = {
        "release_id": "3f9a1c07d2e4",
        "target": Target(account="123456789012", region="eu-west-1", function="checkout", alias="live"),
        "strategy": "careful",
        "actor": "anna",
        "reason": "",
        "started_at": NOON,
        "phase": Phase.BAKING,
        "sentence": "Baking at 50 %; then promotes",
        "stable": "41",
        "canary": "42",
        "weight": 50,
        "observed_weight": 49.6,
        "step": 1,
        "steps": steps(current=1, done=1),
        "waiting_until": at(16, 12),
        "measurements": (measurement(),),
        "events": (
            event(0, "started", "release of version 42 to checkout:live", actor="anna"),
            event(1, "shifted", "weight 0 → 10 % confirmed"),
            event(2, "shifted", "weight 10 → 50 % confirmed"),
        ),
    }
    return ReleaseState(**{**values, **changes})


def ended(outcome=Outcome.PROMOTED, cause=None, **changes):
    """After 24 minutes."""
    sentence = {
        Outcome.PROMOTED: "Version 42 serves everything.",
        Outcome.ROLLED_BACK: "Rolled back: error rate 2.3 % against 0.28 % (n=1 204).",
        Outcome.REJECTED: "Nothing was changed: alarm checkout-5xx is red.",
        Outcome.FAILED: "The alias could not be brought back: AccessDenied.",
    }[outcome]
    weight = 100 if outcome is Outcome.PROMOTED else 0
    last = event(24, "ended", sentence)
    base = release()
    values = {
        "phase": Phase.DONE, "outcome": outcome, "cause": cause, "sentence": sentence, "ended_at": at(24),
        "weight": weight, "waiting_until": None, "observed_weight": None, "events": (*base.events, last),
        "steps": steps(done=3) if outcome is Outcome.PROMOTED else base.steps,
    }  # fmt: skip
    return release(**{**values, **changes})


class FakeClient:
    """Plays states one after another; an exception among them is raised. Remembers what was sent."""

    def __init__(self, *played):
        self.played = list(played)
        self.sent = []

    async def get(self, ref):
        self.sent.append(("get", ref))
        if not self.played:
            raise NotFound(f"there is no release {ref}")
        found = self.played.pop(0) if len(self.played) > 1 else self.played[0]
        if isinstance(found, BaseException):
            raise found
        return found(ref) if callable(found) else found

    async def hand_in(self, submission):
        self.sent.append(("hand_in", submission))
        return await self.get(submission.request.release_id)

    async def list(self, *, limit=50, running=False):
        self.sent.append(("list", limit, running))
        return list(self.played)

    async def command(self, order, *, key):
        self.sent.append(("command", order, key))
        return await self.get(order.release_id)

    async def rollback(self, ref, *, actor, reason):
        self.sent.append(("rollback", ref, actor, reason))
        return await self.get(ref)


@pytest.fixture(scope="session")
def states():
    """The builders above, for tests that must not import this file."""
    return SimpleNamespace(release=release, ended=ended, measurement=measurement, event=event, at=at, steps=steps)


@pytest.fixture
def sluice(monkeypatch, tmp_path, capsys):
    """Run the command against a client that plays states; returns code, out and err."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sluice.yaml").write_text(FILE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "SLUICE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(session, "actor", lambda: Actor(name="anna", source="cli"))
    monkeypatch.setattr(session, "now", lambda: at(12))
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.001)

    def run(*argv, client=None):
        @asynccontextmanager
        async def connected():
            yield client

        monkeypatch.setattr(session, "connected", connected)
        code = main.main(argv)
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err, client=client)

    run.client = FakeClient
    return run


@pytest.fixture
def terminal(monkeypatch):
    """A stdout that is a terminal of some width and encoding."""

    class Terminal(io.TextIOWrapper):
        def isatty(self):
            return True

        @property
        def shown(self):
            self.flush()
            return self.buffer.getvalue().decode(self.encoding)

    def made(encoding="utf-8", columns=100):
        stream = Terminal(io.BytesIO(), encoding=encoding)
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "xterm-256color")
        return stream

    return made

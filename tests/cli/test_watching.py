"""Following a release: what is shown where, and what the exit code says."""

import json
import os
import signal

import pytest
from inline_snapshot import snapshot

from orchestrator.cli import watch as watching
from orchestrator.domain.errors import Unavailable
from orchestrator.domain.release import Cause, Outcome

ENDS = [
    (Outcome.PROMOTED, None, 0),
    (Outcome.ROLLED_BACK, Cause.VERDICT, 3),
    (Outcome.ROLLED_BACK, Cause.PROBE, 3),
    (Outcome.ROLLED_BACK, Cause.GATE, 3),
    (Outcome.ROLLED_BACK, Cause.DEADLINE, 3),
    (Outcome.ROLLED_BACK, Cause.ERROR, 3),
    (Outcome.ROLLED_BACK, Cause.DRIFT, 3),
    (Outcome.ROLLED_BACK, Cause.ABORT, 4),
    (Outcome.REJECTED, Cause.ABORT, 4),
    (Outcome.REJECTED, Cause.PROBE, 3),
    (Outcome.REJECTED, Cause.PREFLIGHT, 6),
    (Outcome.REJECTED, Cause.NOTHING_TO_RELEASE, 6),
    (Outcome.REJECTED, Cause.ERROR, 6),
    (Outcome.FAILED, Cause.DRIFT, 7),
    (Outcome.FAILED, Cause.ABORT, 7),
]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("argv", [["wait", "x"], ["get", "x", "-w"], ["start", "checkout", "--latest", "--wait"]])
def test_waiting_ends_with_the_code_of_the_release(sluice, states, argv, end):
    outcome, cause, code = end
    ran = sluice(*argv, client=sluice.client(states.release(), states.release(), states.ended(outcome, cause)))
    assert ran.code == code


def test_off_a_terminal_every_event_is_one_line(sluice, states):
    first = states.release(events=states.release().events[:1])
    ran = sluice("wait", "x", client=sluice.client(first, states.release(), states.ended()))
    assert "\n" + ran.out == snapshot("""\

14:00:11 release of version 42 to checkout:live (by anna)
14:01:11 weight 0 → 10 % confirmed
14:02:11 weight 10 → 50 % confirmed
14:24:11 Version 42 serves everything.
checkout:live 3f9a1c07d2e4 ✔ Promoted: Version 42 serves everything.
""")


def test_events_that_were_dropped_meanwhile_are_not_repeated(sluice, states):
    """A state holds only the newest events."""
    later = tuple(states.event(minute, "judged", f"look {minute}") for minute in range(3, 6))
    ran = sluice(
        "wait", "x", client=sluice.client(states.release(), states.release(events=later), states.ended(events=later))
    )
    assert [line.split(" ", 1)[1] for line in ran.out.splitlines()[3:6]] == ["look 3", "look 4", "look 5"]


def test_jsonl_prints_each_change_once(sluice, states):
    played = [states.release(), states.release(), states.release(weight=51), states.ended()]
    ran = sluice("get", "x", "-w", "-o", "jsonl", client=sluice.client(*played))
    assert [json.loads(line)["weight"] for line in ran.out.splitlines()] == [50, 51, 100]


def test_json_prints_the_end(sluice, states):
    ran = sluice("wait", "x", "-o", "json", client=sluice.client(states.release(), states.ended()))
    assert json.loads(ran.out)["outcome"] == "PROMOTED"


def test_a_wait_has_its_limit(sluice, states):
    ran = sluice("wait", "x", "--timeout", "0.02s", client=sluice.client(states.release()))
    assert ran.code == 5
    assert ran.err == "the time to wait is over: release 3f9a1c07d2e4 of checkout:live goes on\n"


def test_a_hiccup_of_the_server_does_not_end_a_wait(sluice, states):
    ran = sluice("wait", "x", client=sluice.client(states.release(), Unavailable("no answer"), states.ended()))
    assert (ran.code, ran.err) == (0, "no answer; still waiting\n")


def test_a_server_that_stays_away_ends_a_wait(sluice, states, monkeypatch):
    monkeypatch.setattr(watching, "PATIENCE_SECONDS", 0)
    ran = sluice("wait", "x", client=sluice.client(states.release(), Unavailable("no answer")))
    assert ran.code == 1
    assert ran.err == (
        "left: release 3f9a1c07d2e4 of checkout:live goes on; `sluice get 3f9a1c07d2e4 -w` shows it again, "
        "`sluice abort 3f9a1c07d2e4` ends it\nsluice: no answer\n"
    )


@pytest.mark.parametrize("argv", [["wait", "x"], ["get", "x", "-w"]])
def test_ctrl_c_leaves_the_release_running_and_says_so(sluice, states, argv):
    state = states.release()

    def pressed(_ref):
        os.kill(os.getpid(), signal.SIGINT)  # as the terminal sends it
        return state

    ran = sluice(*argv, client=sluice.client(state, pressed, state))
    assert ran.code == 130
    assert ran.err == (
        "left: release 3f9a1c07d2e4 of checkout:live goes on; `sluice get 3f9a1c07d2e4 -w` shows it again, "
        "`sluice abort 3f9a1c07d2e4` ends it\n"
    )


def test_a_watched_list_is_left_with_ctrl_c(sluice, states):
    class Pressed(sluice.client):
        async def list(self, *, limit=50, running=False):
            if self.sent:
                os.kill(os.getpid(), signal.SIGINT)
            return await super().list(limit=limit, running=running)

    ran = sluice("list", "-w", client=Pressed(states.release()))
    assert (ran.code, ran.err) == (130, "left: every release goes on\n")
    assert ran.out == "checkout:live 3f9a1c07d2e4 ● Baking step 2/3: Baking at 50 %; then promotes\n"


def test_a_watched_list_is_redrawn_on_a_terminal(sluice, states, terminal):
    stream = terminal()

    class Pressed(sluice.client):
        async def list(self, *, limit=50, running=False):
            if self.sent:
                os.kill(os.getpid(), signal.SIGINT)
            return await super().list(limit=limit, running=running)

    assert sluice("list", "-w", client=Pressed(states.release())).code == 130
    assert "● Baking" in stream.shown


def test_a_terminal_sees_the_screen(sluice, states, terminal):
    stream = terminal()
    ran = sluice("wait", "x", client=sluice.client(states.release(), states.ended()))
    assert ran.code == 0
    assert "\x1b[" in stream.shown
    assert "✔ Promoted" in stream.shown
    assert "bake" in stream.shown


def test_no_color_means_no_redraw_either(sluice, states, terminal, monkeypatch):
    stream = terminal()
    monkeypatch.setenv("NO_COLOR", "1")
    sluice("wait", "x", client=sluice.client(states.release(), states.ended()))
    assert "\x1b" not in stream.shown
    assert "14:02:11 weight 10 → 50 % confirmed" in stream.shown


def test_a_dumb_terminal_gets_lines(sluice, states, terminal, monkeypatch):
    stream = terminal()
    monkeypatch.setenv("TERM", "dumb")
    sluice("get", "x", client=sluice.client(states.release()))
    assert "\x1b" not in stream.shown


def test_an_ascii_terminal_gets_ascii(sluice, states, terminal):
    stream = terminal("ascii")
    sluice("get", "x", "--no-color", client=sluice.client(states.release()))
    assert "v41 -> v42" in stream.shown
    assert "###---" in stream.shown


def test_force_color_colours_a_pipe(sluice, states, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in sluice("get", "x", client=sluice.client(states.release())).out


def test_a_timeout_may_be_written_as_iso(sluice, states):
    assert sluice("wait", "x", "--timeout", "PT1H", client=sluice.client(states.ended())).code == 0

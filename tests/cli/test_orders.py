"""Commands at a terminal: what is asked, what is followed, and what never waits for anybody."""

import io
import json
import sys

import pytest

from orchestrator.cli.main import main
from orchestrator.domain.release import Cause, Outcome


class Typed(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def typed(monkeypatch):
    """Somebody at a terminal who types."""

    def made(text):
        monkeypatch.setattr(sys, "stdin", Typed(text))
        monkeypatch.setattr(sys, "stderr", Typed())
        return sys.stderr

    return made


@pytest.mark.parametrize("command", ["promote", "skip"])
def test_a_missing_reason_is_asked_for(sluice, states, typed, command):
    screen = typed("\n  looks good \n")
    ran = sluice(command, "x", client=sluice.client(states.release()))
    assert (ran.code, ran.client.sent[1][1].reason) == (0, "looks good")
    assert screen.getvalue() == "reason, for the journal (Ctrl-C sends nothing): " * 2


def test_a_pasted_report_is_no_reason(sluice, states):
    """A release would keep it in its history; nothing is sent."""
    ran = sluice("pause", "x", "--reason", "r" * 10_001, client=sluice.client(states.release()))
    assert ran.code != 0
    assert not ran.client.sent
    assert "10001 characters is too long" in " ".join(f"{ran.out}{ran.err}".split())


def test_no_answer_sends_nothing(sluice, states, typed):
    typed("")
    ran = sluice("promote", "x", client=sluice.client(states.release()))
    assert (ran.code, ran.client.sent) == (130, [])


@pytest.mark.parametrize("argv", [["promote", "x", "--reason", "r"], ["abort", "x"], ["pause", "x"]])
def test_nothing_else_is_asked(sluice, states, typed, argv):
    screen = typed("never read\n")
    ran = sluice(*argv, client=sluice.client(states.release()))
    assert ran.code == 0
    assert "reason" not in screen.getvalue()
    assert sys.stdin.tell() == 0


def test_without_a_terminal_nothing_is_asked(sluice, states, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("never read\n"))
    ran = sluice("promote", "x", client=sluice.client(states.release()))
    assert (ran.code, ran.client.sent[1][1].reason, sys.stdin.tell()) == (0, "", 0)


def test_an_abort_says_that_it_was_taken(sluice, states):
    ran = sluice("abort", "x", client=sluice.client(states.release()))
    assert (ran.code, ran.err) == (0, "the abort of release 3f9a1c07d2e4 of checkout:live was taken\n")


END = (Outcome.ROLLED_BACK, Cause.ABORT)


def test_an_abort_may_wait_for_the_end(sluice, states):
    ran = sluice("abort", "x", "--wait", client=sluice.client(states.release(), states.release(), states.ended(*END)))
    assert ran.code == 4
    assert ran.out.endswith("✖ Rolled back (abort): Rolled back: error rate 2.3 % against 0.28 % (n=1 204).\n")


def test_an_abort_is_followed_on_a_terminal(sluice, states, terminal):
    stream = terminal()
    ran = sluice("abort", "x", client=sluice.client(states.release(), states.release(), states.ended(*END)))
    assert ran.code == 4
    assert "✖ Rolled back (abort)" in stream.shown


def test_logs(sluice, states):
    client = sluice.client(states.ended(Outcome.ROLLED_BACK, Cause.VERDICT))
    ran = sluice("logs", "x", "-f", client=client)
    assert (ran.code, ran.out.splitlines()[1]) == (0, "14:01:11 weight 0 → 10 % confirmed")
    documents = [json.loads(row) for row in sluice("logs", "x", "-o", "jsonl", client=client).out.splitlines()]
    assert [event["kind"] for event in documents] == ["started", "shifted", "shifted", "ended"]


def test_logs_follow_without_repeating(sluice, states):
    played = [states.release(), states.release(), states.release(), states.ended()]
    ran = sluice("logs", "x", "-f", client=sluice.client(*played))
    assert ran.code == 0
    assert [row.split(" ", 1)[1] for row in ran.out.splitlines()[2:]] == [
        "weight 10 → 50 % confirmed",
        "Version 42 serves everything.",
    ]


def test_a_wide_list_leaves_nothing_out(sluice, states):
    ran = sluice("list", "-o", "wide", client=sluice.client(states.release(reason="a very long reason " * 4)))
    assert ran.code == 0
    assert "a very long reason a very long reason a very long reason a very long reason" in ran.out
    titles = " ".join(ran.out.splitlines()[0].split())
    assert titles == "release target place strategy versions state weight step started ended by reason sentence"


def test_a_listed_release_is_a_document_without_its_details(sluice, states):
    (entry,) = json.loads(sluice("list", "-o", "json", client=sluice.client(states.release())).out)
    assert (entry["steps"], entry["schema_version"], entry["target"]["function"]) == (3, 1, "checkout")
    assert {"events", "measurements"} & entry.keys() == set()


def test_unknown_commands_do_not_ask_either(capsys):
    assert main(["promot"]) == 2

"""`wait --for`: what is reached, what is not any more, and what the exit code says of the rest."""

import pytest

from orchestrator.cli.awaited import NAMES, awaited
from orchestrator.domain.errors import InvalidSpec
from orchestrator.domain.release import Cause, Outcome, Phase

AT = {
    "pending": {"phase": Phase.PENDING, "weight": 0, "step": None},
    "queued": {"phase": Phase.QUEUED, "weight": 0, "step": None},
    "preparing": {"phase": Phase.PREPARING, "weight": 0, "step": None},
    "shifting": {"phase": Phase.SHIFTING, "weight": 0, "step": 0},
    "10 %": {"phase": Phase.BAKING, "weight": 10, "step": 0},
    "50 %": {"phase": Phase.BAKING, "weight": 50, "step": 1},
    "approval": {"phase": Phase.AWAITING_APPROVAL, "weight": 50, "step": 1},
    "paused": {"phase": Phase.PAUSED, "weight": 50, "step": 1},
    "promoting": {"phase": Phase.PROMOTING, "weight": 100, "step": 2},
    "final bake": {"phase": Phase.FINAL_BAKE, "weight": 100, "step": 2},
    "back": {"phase": Phase.ROLLING_BACK, "weight": 100, "step": 2},
}
ONWARD = ["pending", "queued", "preparing", "shifting", "10 %", "50 %", "approval", "paused", "promoting", "final bake"]
FROM = {
    "started": "preparing",
    "baking": "10 %",
    "step=1": "shifting",
    "step=2": "50 %",
    "step=3": "promoting",
    "weight=0.5": "10 %",
    "weight=10": "10 %",
    "weight=11": "50 %",
    "weight=100": "promoting",
    "promoted": "final bake",
}


@pytest.mark.parametrize("wished", FROM)
def test_a_stage_is_reached_from_there_on_and_not_on_the_way_back(states, wished):
    reached = awaited(wished).reached
    found = [name for name in ONWARD if reached(states.release(**AT[name]))]
    assert found == ONWARD[ONWARD.index(FROM[wished]) :]
    assert not reached(states.release(**AT["back"]))
    assert not reached(states.ended(Outcome.ROLLED_BACK, Cause.VERDICT, weight=10))
    assert reached(states.ended(Outcome.PROMOTED))


@pytest.mark.parametrize("wished", ["approval", "paused"])
def test_a_moment_is_there_or_it_is_not(states, wished):
    reached = awaited(wished).reached
    assert [name for name in AT if reached(states.release(**AT[name]))] == [wished]
    assert not reached(states.ended(Outcome.PROMOTED))


CODES = [
    ("done", Outcome.PROMOTED, None, 0),
    ("done", Outcome.ROLLED_BACK, Cause.VERDICT, 3),
    *((name, Outcome.PROMOTED, None, 0) for name in ("started", "baking", "promoted", "step=3", "weight=50")),
    *((name, Outcome.PROMOTED, None, 6) for name in ("approval", "paused")),
    *((name, Outcome.ROLLED_BACK, Cause.PROBE, 3) for name in ("baking", "approval", "weight=100")),
    *((name, Outcome.ROLLED_BACK, Cause.ABORT, 4) for name in ("promoted", "paused")),
    *((name, Outcome.REJECTED, Cause.BUSY, 6) for name in ("started", "step=1")),
    *((name, Outcome.FAILED, Cause.DRIFT, 7) for name in ("promoted", "approval")),
]


@pytest.mark.parametrize("case", CODES)
def test_a_release_that_ends_otherwise_gives_its_own_code(sluice, states, case):
    wished, outcome, cause, code = case
    ended = states.ended(outcome, cause)
    ran = sluice("wait", "x", f"--for={wished}", client=sluice.client(states.release(**AT["preparing"]), ended, ended))
    if wished == "started":  # it is before the end
        ran = sluice("wait", "x", "--for", wished, client=sluice.client(states.release(**AT["queued"]), ended, ended))
    assert ran.code == code, ran.err
    said = f"release {ended.release_id} of checkout:live was promoted, and `{wished}` was never seen on its way\n"
    assert ran.err == (said if outcome is Outcome.PROMOTED and code == 6 else "")


def test_what_is_reached_is_shown_and_ends_the_wait(sluice, states):
    """The release goes on: nothing is said that sounds like an end."""
    played = [states.release(**AT[name]) for name in ("shifting", "10 %", "50 %")]
    ran = sluice("wait", "x", "--for=weight=10", client=sluice.client(*played))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[-1].startswith("checkout:live 3f9a1c07d2e4 ● Baking")
    assert len(ran.client.played) == 1
    there = sluice("wait", "x", "--for=baking", "-o", "json", client=sluice.client(states.release()))
    assert (there.code, [call[0] for call in there.client.sent]) == (0, ["get"])


def test_time_is_up(sluice, states):
    ran = sluice("wait", "x", "--for=promoted", "--timeout", "0.05s", client=sluice.client(states.release()))
    assert (ran.code, ran.err) == (5, "the time to wait is over: release 3f9a1c07d2e4 of checkout:live goes on\n")


def test_a_wish_that_is_none_is_refused_before_anything_is_asked(sluice, states):
    for wished, words in (
        ("doen", "`doen` is none of done, started, baking, promoted, approval, paused, step=N and weight=N"),
        ("step", "`step` is none of"),
        ("step=0", "`step=0` names no step: write its number as shown, from 1"),
        ("step=x", "`step=x` names no step"),
        ("weight=101", "`weight=101` is no weight: write a percentage above 0, up to 100"),
        ("weight=", "`weight=` is no weight"),
        ("weight=nan", "`weight=nan` is no weight"),
        ("done=1", "`done=1` is none of"),
    ):
        ran = sluice("wait", "x", f"--for={wished}", client=sluice.client(states.release()))
        assert (ran.code, words in ran.err, ran.client.sent) == (2, True, []), ran.err
    ran = sluice("wait", "x", "--for=step=4", client=sluice.client(states.release()))
    assert (ran.code, ran.err) == (2, "sluice: --for: release 3f9a1c07d2e4 has 3 steps, and no step 4\n")


def test_every_wish_is_on_the_page():
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs/reference/cli.md").read_text().split("### Waiting\n")[1].split("\n## ")[0]
    for name in NAMES:
        assert f"| `{name}N` |" in page or f"| `{name}` |" in page or f"| `{name}` (default) |" in page
    with pytest.raises(InvalidSpec):
        awaited("step=N")

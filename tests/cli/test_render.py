"""Whole screens, as an operator sees them."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from orchestrator.cli.render import render_event, render_line, render_release
from orchestrator.cli.tables import render_list
from orchestrator.cli.text import SYMBOLS, ascii_only, plain, styled
from orchestrator.domain.analysis import Verdict
from orchestrator.domain.release import Cause, Outcome, Phase
from orchestrator.figures import countdown, number, span_of

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def screen(state, now, width=100):
    text = plain(render_release(state, now, width))
    assert max(map(len, text.splitlines())) <= width
    return "\n" + text + "\n"


def test_a_bake(states):
    state = states.release(
        measurements=(
            states.measurement(),
            states.measurement("p99", value=412, baseline=379, limit=1200, unit=" ms"),
            states.measurement("alarms", value=None, baseline=None, samples=0),
        )
    )
    assert screen(state, states.at(12)) == snapshot("""\

checkout:live  v41 → v42   eu-west-1/123456789012   ● Baking   step 2/3   started 12m ago by anna
Baking at 50 %; then promotes
traffic   v41 █████████████████░░░░░░░░░░░░░░░░░ v42   50 / 50 %   observed 49.6 %   bake 04:12 left
 ✔ 10 % 5m    ● 50 % 10m    ○ 100 %
check    canary   baseline   limit        n       verdict
errors   0.31 %   0.28 %                  1 204   ✔ pass
p99      412 ms   379 ms     ≤ 1 200 ms   1 204   ✔ pass
alarms                                            ✔ pass
14:00:11 release of version 42 to checkout:live (by anna)
14:01:11 weight 0 → 10 % confirmed
14:02:11 weight 10 → 50 % confirmed
""")


def test_a_bake_on_a_narrow_screen(states):
    assert screen(states.release(reason="deploy #881 of the payment team"), states.at(12), 80) == snapshot("""\

checkout:live  v41 → v42   eu-west-1/123456789012   ● Baking   step 2/3
  started 12m ago by anna (deploy #881 of the payment team)
Baking at 50 %; then promotes
traffic   v41 ███████░░░░░░░ v42   50 / 50 %   observed 49.6 %   bake 04:12 left
 ✔ 10 % 5m    ● 50 % 10m    ○ 100 %
check    canary   baseline   limit   n       verdict
errors   0.31 %   0.28 %             1 204   ✔ pass
14:00:11 release of version 42 to checkout:live (by anna)
14:01:11 weight 0 → 10 % confirmed
14:02:11 weight 10 → 50 % confirmed
""")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"waiting_until": 11}, "50 / 50 %   observed 49.6 %   waiting for evidence"),
        ({"waiting_until": None}, "50 / 50 %   observed 49.6 %   waiting for evidence"),
        (
            {"waiting_until": 40, "sentence": "holding: errors: too little data; everything rolls back after 30m"},
            "50 / 50 %   observed 49.6 %   waiting for evidence, at most 27:00",
        ),
        (
            {"waiting_until": 11, "phase": Phase.PAUSED},
            "50 / 50 %   observed 49.6 %   rolled back in 00:00 unless resumed",
        ),
    ],
)
def test_a_bake_past_its_time_says_what_it_waits_for(states, changes, words):
    minutes = changes["waiting_until"]
    state = states.release(**{**changes, "waiting_until": None if minutes is None else states.at(minutes)})
    now = states.at(13)
    assert words in screen(state, now, 120)


def test_too_little_data_says_what_is_missing(states):
    few = states.measurement(
        "errors", "INCONCLUSIVE", samples=7, value=0, baseline=0.28, sentence="7 of 30 invocations needed so far"
    )
    assert screen(states.release(measurements=(few,)), states.at(12)) == snapshot("""\

checkout:live  v41 → v42   eu-west-1/123456789012   ● Baking   step 2/3   started 12m ago by anna
Baking at 50 %; then promotes
traffic   v41 █████████████████░░░░░░░░░░░░░░░░░ v42   50 / 50 %   observed 49.6 %   bake 04:12 left
 ✔ 10 % 5m    ● 50 % 10m    ○ 100 %
check    canary   baseline   limit   n   verdict
errors   0 %      0.28 %             7   … too little data
  7 of 30 invocations needed so far
14:00:11 release of version 42 to checkout:live (by anna)
14:01:11 weight 0 → 10 % confirmed
14:02:11 weight 10 → 50 % confirmed
""")


def test_a_failing_check_turns_back(states):
    bad = states.measurement(
        "errors", "FAIL", value=2.3, sentence="error rate 2.3 % against 0.28 % in the same 5 minutes: likelihood 1:4000"
    )
    seen = states.measurement("p99", "FAIL", mode="observe", value=1500, baseline=None, limit=1200, unit=" ms")
    state = states.release(
        phase=Phase.ROLLING_BACK,
        sentence="Rolling back to version 41: error rate 2.3 % against 0.28 %",
        trouble="UpdateAlias: Throttled, 3 times",
        measurements=(bad, seen),
        waiting_until=None,
    )
    assert screen(state, states.at(12)) == snapshot("""\

checkout:live  v41 → v42   eu-west-1/123456789012   ● Rolling back   step 2/3
  started 12m ago by anna
Rolling back to version 41: error rate 2.3 % against 0.28 %
retrying: UpdateAlias: Throttled, 3 times
traffic   v41 █████████████████████░░░░░░░░░░░░░░░░░░░░░ v42   50 / 50 %   observed 49.6 %
 ✔ 10 % 5m    ● 50 % 10m    ○ 100 %
check    canary     baseline   limit        n       verdict
errors   2.3 %      0.28 %                  1 204   ✖ fail
  error rate 2.3 % against 0.28 % in the same 5 minutes: likelihood 1:4000
p99      1 500 ms              ≤ 1 200 ms   1 204   ✖ fail (observed only)
14:00:11 release of version 42 to checkout:live (by anna)
14:01:11 weight 0 → 10 % confirmed
14:02:11 weight 10 → 50 % confirmed
""")


def test_an_awaited_approval(states):
    state = states.release(
        phase=Phase.AWAITING_APPROVAL,
        sentence="Waits for approval by payments; rolls back when nobody answers",
        waiting_until=states.at(12) + timedelta(hours=3, minutes=59, seconds=1),
        measurements=(),
    )
    assert screen(state, states.at(12)) == snapshot("""\

checkout:live  v41 → v42   eu-west-1/123456789012   ● Awaiting approval   step 2/3
  started 12m ago by anna
Waits for approval by payments; rolls back when nobody answers
traffic   v41 ███████████░░░░░░░░░░░ v42   50 / 50 %   observed 49.6 %   approval expires in 3:59:01
 ✔ 10 % 5m    ● 50 % 10m    ○ 100 %
14:00:11 release of version 42 to checkout:live (by anna)
14:01:11 weight 0 → 10 % confirmed
14:02:11 weight 10 → 50 % confirmed
""")


def test_a_pause(states):
    state = states.release(phase=Phase.PAUSED, paused_by="anna", sentence="Paused by anna", events=(), measurements=())
    assert screen(state, states.at(12)) == snapshot("""\

checkout:live  v41 → v42   eu-west-1/123456789012   ‖ Paused by anna   step 2/3
  started 12m ago by anna
Paused by anna
traffic   v41 ███████░░░░░░░ v42   50 / 50 %   observed 49.6 %   rolled back in 04:12 unless resumed
 ✔ 10 % 5m    ● 50 % 10m    ○ 100 %
""")


def test_a_drift(states):
    state = states.release(drifted=True, phase=Phase.ROLLING_BACK, events=(), measurements=(), steps=(), step=None)
    assert screen(state, states.at(12)) == snapshot("""\

checkout:live  v41 → v42   eu-west-1/123456789012   ✖ Drifted: adopt or restore
  started 12m ago by anna
Baking at 50 %; then promotes
traffic   v41 █████████░░░░░░░░░ v42   50 / 50 %   observed 49.6 %   FAILED in 04:12 unless resolved
""")


def test_before_anything_is_known(states):
    state = states.release(
        phase=Phase.PREPARING, stable=None, canary=None, weight=0, step=None, measurements=(), events=(),
        sentence="Preflight", waiting_until=None, observed_weight=None, steps=states.steps(),
    )  # fmt: skip
    assert screen(state, states.at(0, 40)) == snapshot("""\

checkout:live   eu-west-1/123456789012   ● Preparing   started 40s ago by anna
Preflight
 ○ 10 % 5m    ○ 50 % 10m    ○ 100 %
""")


@pytest.mark.parametrize(
    ("outcome", "cause", "expected"),
    [
        (
            Outcome.PROMOTED,
            None,
            snapshot("""\

checkout:live  v41 → v42   eu-west-1/123456789012   ✔ Promoted
  ended 6m ago after 24m, started by anna
Version 42 serves everything.
traffic   v41 ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ v42   0 / 100 %
 ✔ 10 % 5m    ✔ 50 % 10m    ✔ 100 %
check    canary   baseline   limit   n       verdict
errors   0.31 %   0.28 %             1 204   ✔ pass
14:00:11 release of version 42 to checkout:live (by anna)
14:01:11 weight 0 → 10 % confirmed
14:02:11 weight 10 → 50 % confirmed
14:24:11 Version 42 serves everything.
"""),
        ),
        (
            Outcome.ROLLED_BACK,
            Cause.VERDICT,
            snapshot("""\

checkout:live  v41 → v42   eu-west-1/123456789012   ✖ Rolled back (verdict)
  ended 6m ago after 24m, started by anna
Rolled back: error rate 2.3 % against 0.28 % (n=1 204).
traffic   v41 ██████████████████████████████████████████ v42   100 / 0 %
 ✔ 10 % 5m    ✖ 50 % 10m    ○ 100 %
check    canary   baseline   limit   n       verdict
errors   0.31 %   0.28 %             1 204   ✔ pass
14:00:11 release of version 42 to checkout:live (by anna)
14:01:11 weight 0 → 10 % confirmed
14:02:11 weight 10 → 50 % confirmed
14:24:11 Rolled back: error rate 2.3 % against 0.28 % (n=1 204).
"""),
        ),
        (
            Outcome.REJECTED,
            Cause.PREFLIGHT,
            snapshot("""\

checkout:live  v41 → v42   eu-west-1/123456789012   ✖ Rejected (preflight)
  ended 6m ago after 24m, started by anna
Nothing was changed: alarm checkout-5xx is red.
traffic   v41 ██████████████████████████████████████████ v42   100 / 0 %
 ✔ 10 % 5m    ✖ 50 % 10m    ○ 100 %
check    canary   baseline   limit   n       verdict
errors   0.31 %   0.28 %             1 204   ✔ pass
14:00:11 release of version 42 to checkout:live (by anna)
14:01:11 weight 0 → 10 % confirmed
14:02:11 weight 10 → 50 % confirmed
14:24:11 Nothing was changed: alarm checkout-5xx is red.
"""),
        ),
        (
            Outcome.FAILED,
            Cause.DRIFT,
            snapshot("""\

checkout:live  v41 → v42   eu-west-1/123456789012   ✖ FAILED: a person must look
  ended 6m ago after 24m, started by anna
The alias could not be brought back: AccessDenied.
traffic   v41 ██████████████████████████████████████████ v42   100 / 0 % when last read
 ✔ 10 % 5m    ✖ 50 % 10m    ○ 100 %
check    canary   baseline   limit   n       verdict
errors   0.31 %   0.28 %             1 204   ✔ pass
14:00:11 release of version 42 to checkout:live (by anna)
14:01:11 weight 0 → 10 % confirmed
14:02:11 weight 10 → 50 % confirmed
14:24:11 The alias could not be brought back: AccessDenied.
"""),
        ),
    ],
)
def test_every_end(states, outcome, cause, expected):
    assert screen(states.ended(outcome, cause), states.at(30)) == expected


def test_a_list(states):
    rows = [
        states.release(),
        states.ended(release_id="77aa00bb11cc", reason="deploy #880"),
        states.ended(Outcome.ROLLED_BACK, Cause.VERDICT, release_id="0123456789ab"),
    ]
    assert "\n" + plain(render_list(rows, states.at(60), 130)) + "\n" == snapshot("""\

release       target         versions   state                    weight  step  age  by    reason
3f9a1c07d2e4  checkout:live  v41 → v42  ● Baking                   50 %  2/3   1h   anna
77aa00bb11cc  checkout:live  v41 → v42  ✔ Promoted                100 %        1h   anna  deploy #880
0123456789ab  checkout:live  v41 → v42  ✖ Rolled back (verdict)     0 %        1h   anna
""")


def test_a_list_leaves_out_columns_on_a_narrow_screen(states):
    lines = plain(render_list([states.release(reason="because " * 9)], states.at(60), 80))
    assert max(map(len, lines.splitlines())) <= 80
    assert lines.startswith("release       target         versions   state")


def test_an_empty_list(states):
    assert plain(render_list([], states.at(0))) == "no releases"


def test_a_release_in_one_line(states):
    assert plain([render_line(states.release())]) == snapshot(
        "checkout:live 3f9a1c07d2e4 ● Baking step 2/3: Baking at 50 %; then promotes"
    )
    assert plain([render_line(states.ended())]) == snapshot(
        "checkout:live 3f9a1c07d2e4 ✔ Promoted: Version 42 serves everything."
    )


def test_an_event_is_told_in_the_zone_of_the_reader(states):
    event = states.event(2, "command", "paused", actor="ben")
    assert plain(render_event(event, states.at(3))) == "14:02:11 paused (by ben)"


def test_an_event_is_one_line_in_a_log(states):
    event = states.event(2, "warning", "two\nlines " + "and very long " * 20)
    assert len(render_event(event, states.at(3))) == 1


@PATIENT
@given(width=st.integers(60, 200), weight=st.floats(0, 100))
def test_every_screen_fits(states, width, weight):
    state = states.release(weight=weight, sentence="words " * 40, reason="because " * 6)
    lines = render_release(state, states.at(12), width)
    assert max(sum(len(text) for text, _ in line) for line in lines) <= width


def test_a_low_screen_keeps_the_newest_of_the_journal(states):
    state = states.release(events=tuple(states.event(i, "judged", f"look {i}") for i in range(6)))
    lines = plain(render_release(state, states.at(12), height=9)).splitlines()
    assert len(lines) == 9
    assert [line.split(" ", 1)[1] for line in lines[-3:]] == ["look 3", "look 4", "look 5"]
    assert plain(render_release(state, states.at(12), height=2)).splitlines()[-1] == "14:05:11 look 5"


@PATIENT
@given(weight=st.floats(0.001, 99.999))
def test_both_versions_are_seen_while_both_serve(states, weight):
    text = plain(render_release(states.release(weight=weight), states.at(12)))
    assert "█" in text
    assert "░" in text


@pytest.mark.parametrize(
    ("verdict", "colour"),
    [(Verdict.PASS, "green"), (Verdict.INCONCLUSIVE, "yellow"), (Verdict.ERROR, "yellow"), (Verdict.FAIL, "red")],
)
def test_the_canary_has_the_colour_of_the_worst_verdict(states, verdict, colour):
    state = states.release(measurements=(states.measurement(), states.measurement("other", verdict)))
    styles = {text: style for line in render_release(state, states.at(12)) for text, style in line}
    assert styles[" v42"] == colour
    assert styles["v41 "] == "blue"


def test_ascii_terminals_see_the_same_layout(states):
    text = ascii_only(plain(render_release(states.release(), states.at(12))))
    assert text.isascii()
    assert "?" not in text
    assert not any(symbol in text for symbol in SYMBOLS)
    assert "v41 -> v42" in text
    assert "* 50 % 10m" in text


def test_colour_and_plain_have_the_same_words(states):
    lines = render_release(states.release(), states.at(12))
    assert [row.rstrip() for row in styled(lines).plain.split("\n")] == plain(lines).split("\n")
    assert styled(lines, to_ascii=True).plain.isascii()


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.31, "0.31"), (0.004, "0.004"), (24.6, "24.6"), (412, "412"), (1204.4, "1 204")]
)
def test_numbers(value, text):
    assert number(value) == text


@pytest.mark.parametrize(("seconds", "text"), [(252, "04:12"), (0, "00:00"), (-5, "00:00"), (3852, "1:04:12")])
def test_countdowns(seconds, text):
    assert countdown(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(40, "40s"), (720, "12m"), (10800, "3h"), (172800, "2d"), (-1, "0s")])
def test_ages(seconds, text):
    assert span_of(seconds) == text

"""Targets sized at their start, and checks that ask a metric provider."""

import pytest

from orchestrator.cli import session
from orchestrator.cli.tables import render_target
from orchestrator.domain.plan import Shift
from orchestrator.releasefile.loading import check
from orchestrator.releasefile.resolving import resolve

PROMETHEUS = """
    checks: [errors, declined]
checks:
  declined:
    kind: prometheus
    query: sum(rate(declined_total{function="{{function}}", version="{{version}}"}[2m]))
    baseline_query: sum(rate(declined_total{version="{{stable}}"}[2m]))
    maximum: 0.5
    unit: /s
    url: https://prometheus.example.com/prometheus
    token: SLUICE_PROMETHEUS_TOKEN
    on_failure: pause
"""


def plan_of(text):
    found, problems = check(text, "sluice.yaml", session.plugins())
    assert problems == ()
    return resolve(found, "checkout")


def shown(resolved):
    """`sluice plan`, on a wide screen and with every run of blanks as one."""
    lines = ["".join(text for text, _ in line) for line in render_target(resolved, 400)]
    return [" ".join(line.split()) for line in lines]


def test_auto_carries_its_sizing_and_says_so(target_with):
    resolved = plan_of(target_with(strategy="auto", sections=""))
    assert resolved.plan.sizing is not None
    (told,) = [line for line in shown(resolved) if line.startswith("sized")]
    assert told == (
        "sized at the start, by the traffic of the alias in the 1h before: the first weight gives the canary about 30 "
        "invocations a minute (at least 1 %), then times 5 up to 10 %; shown are the steps of the busiest alias"
    )


def test_auto_with_its_traffic_given_is_a_plan_like_any_other(target_with):
    resolved = plan_of(target_with(strategy="{kind: auto, requests_per_minute: 1000}", sections=""))
    assert resolved.plan.sizing is None
    assert [s.weight for s in resolved.plan.steps if isinstance(s, Shift)] == [3, 10, 50]
    assert not any(line.startswith("sized") for line in shown(resolved))


def test_a_gate_may_guard_only_what_every_size_of_auto_reaches(target_with, told):
    sections = "gates: {calm: {kind: hook, before: [5, 10, 100]}}\n"
    (problem,) = told(target_with("gates: [calm]", strategy="auto", sections=sections))
    assert "gate `calm` is asked before 5 %, which auto does not reach at every traffic" in problem
    fixed = told(target_with("gates: [calm]", strategy="{kind: auto, requests_per_minute: 600}", sections=sections))
    assert fixed == []


def test_a_query_is_a_check_with_its_providers_options(good):
    resolved = plan_of(good.replace("    strategy: careful\n", "    strategy: careful" + PROMETHEUS))
    _, declined = resolved.plan.checks
    assert (declined.kind, declined.provider, declined.name) == ("query", "prometheus", "declined")
    assert declined.options == {
        "url": "https://prometheus.example.com/prometheus",
        "token": "SLUICE_PROMETHEUS_TOKEN",
    }
    assert (declined.maximum, declined.unit, declined.on_failure) == (0.5, "/s", "pause")
    (line,) = [line for line in shown(resolved) if line.startswith("declined:")]
    assert line.startswith("declined: prometheus ≤ 0.5/s: sum(rate(declined_total{")
    assert line.endswith("; pauses")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{kind: prometheus, maximum: 1}", "query: is missing"),
        ("{kind: prometheus, query: x}", "give `minimum`, `maximum` or both"),
        ("{kind: prometheus, query: 'x{{verison}}', maximum: 1}", "there is no `{{verison}}` to fill in"),
        ("{kind: prometheus, query: x, maximum: 1, token: AWS_SECRET_ACCESS_KEY}", "token: `AWS_SECRET_ACCESS_KEY`"),
        ("{kind: prometheus, query: x, maximum: 1, min_samples: 5}", "`min_samples` needs a `samples_query`"),
        ("{kind: prometheus, query: x, maximum: 1, provider: cloudwatch}", "unknown key `provider`"),
        ("{kind: prometeus, query: x, maximum: 1}", "did you mean `prometheus`?"),
        ("{kind: cloudwatch, query: x, maximum: 1}", "unknown kind of check `cloudwatch`"),
    ],
)
def test_a_query_that_cannot_be_asked_is_told_with_its_place(good, told, written, said):
    problems = told(f"{good}checks:\n  declined: {written}\n", session.plugins())
    assert any(said in problem and "checks.declined" in problem for problem in problems), problems

"""From names to a plan with everything in it."""

from datetime import timedelta
from types import ModuleType, SimpleNamespace

import pytest
from pydantic import BaseModel

from orchestrator.domain.analysis import Compare, Limit
from orchestrator.domain.errors import InvalidSpec
from orchestrator.domain.plan import Limits, Sampling
from orchestrator.registry import Registry
from orchestrator.releasefile.loading import Plugins, check, load
from orchestrator.releasefile.model import LimitsEntry, SamplingEntry
from orchestrator.releasefile.resolving import resolve, shortest

WHOLE = """\
targets:
  checkout:
    account: "123456789012"
    region: eu-west-1
    function: checkout
    alias: live
    strategy: {kind: canary, weights: [10, 50], approvals: [50], bake: 5m, final_bake: 1m}
    checks: [p99, errors]
    probes: [health]
    gates: [freeze, load]
    provisioned_concurrency: 3
    configuration: {memory: 512, layers: ["arn:aws:lambda:eu-west-1:1:layer:l:1"]}
    labels: {team: payments}
    limits: {hold: 1h}
    sampling: {lag: 0s}
checks:
  p99: {kind: limit, metric: duration_p99, maximum: 900}
probes:
  health: {kind: ping, payload: {a: 1}}
gates:
  freeze: {kind: calendar, wait: 2h, every: 1m, days: [fri]}
  load: {kind: hook, before: [100]}
limits: {hold: 2h, deadline: 10h}
sampling: {period: 5s, lag: 9s}
"""


@pytest.fixture
def resolved():
    file, problems = check(WHOLE)
    assert problems == ()
    return resolve(file, "checkout")


def test_gates_stand_right_before_what_they_guard(resolved):
    """Approvals come first, so that a gate's answer is fresh."""
    names = [s.gate.name if s.kind == "gate" else getattr(s, "weight", s.kind) for s in resolved.plan.steps]
    assert names == ["freeze", 10, "approval", "freeze", 50, "freeze", "load", "promote"]


def test_a_gate_keeps_its_own_options_apart_from_how_it_is_asked(resolved):
    gate = resolved.plan.steps[0]
    assert (gate.gate.kind, gate.gate.options) == ("calendar", {"days": ["fri"]})
    assert (gate.timeout, gate.interval) == (timedelta(hours=2), timedelta(minutes=1))


def test_parts_are_resolved_in_the_order_of_the_target(resolved):
    assert [type(c) for c in resolved.plan.checks] == [Limit, Compare]
    assert [(p.name, p.kind, p.options) for p in resolved.plan.probes] == [("health", "ping", {"payload": {"a": 1}})]
    assert str(resolved.target) == "checkout:live"
    assert resolved.plan.strategy == "canary"
    assert resolved.configuration.changes() == {"memory": 512, "layers": ("arn:aws:lambda:eu-west-1:1:layer:l:1",)}
    assert (resolved.provisioned_concurrency, resolved.labels) == (3, {"team": "payments"})


def test_limits_and_sampling_go_target_before_file_before_default(resolved):
    assert resolved.plan.limits == Limits(hold=timedelta(hours=1), deadline=timedelta(hours=10))
    assert resolved.plan.sampling == Sampling(period=timedelta(seconds=5), lag=timedelta(0))


def test_the_shortest_time_counts_bakes_alone(resolved):
    assert shortest(resolved.plan) == timedelta(minutes=11)


@pytest.mark.parametrize(("entry", "domain"), [(LimitsEntry, Limits), (SamplingEntry, Sampling)])
def test_the_file_can_set_everything_that_the_plan_has(entry, domain):
    assert list(entry.model_fields) == list(domain.model_fields)


def test_without_checks_one_comparison_is_made(target_with):
    file, _ = check(target_with())
    assert resolve(file, "checkout").plan.checks == (Compare(name="errors"),)


def test_errors_may_be_given_another_meaning(target_with):
    file, _ = check(target_with(sections="checks: {errors: {kind: compare, min_samples: 5}}\n", strategy="canary"))
    assert resolve(file, "checkout").plan.checks == (Compare(name="errors", min_samples=5),)


def test_a_strategy_of_the_file_goes_before_a_kind_of_the_same_name(target_with):
    file, _ = check(target_with(strategy="canary", sections="strategies: {canary: {kind: all_at_once}}\n"))
    assert [s.kind for s in resolve(file, "checkout").plan.steps] == ["promote"]


def test_a_plan_that_never_splits_needs_no_check(target_with):
    file, problems = check(target_with("checks: []", strategy="all_at_once", sections=""))
    assert problems == ()
    assert resolve(file, "checkout").plan.checks == ()


def test_a_gate_before_a_weight_that_is_never_reached_is_refused(told, target_with):
    """It would silently never be asked."""
    gates = "gates: {freeze: {kind: calendar, before: [30]}}\n"
    assert told(target_with("gates: [freeze]", strategy="canary", sections=gates)) == [
        "sluice.yaml:8:13 targets.checkout.gates.0: gate `freeze` is asked before 30 %, which canary never reaches"
    ]


def test_an_unknown_target_is_told_with_those_that_exist(good):
    file, _ = check(good)
    with pytest.raises(InvalidSpec) as caught:
        resolve(file, "chekout")
    assert str(caught.value) == "unknown target `chekout`; did you mean `checkout`? There is checkout in sluice.yaml"


def test_load_raises_every_problem(tmp_path):
    path = tmp_path / "sluice.yaml"
    path.write_text("targets: {}\nlimits: {hold: 5}\n")
    with pytest.raises(InvalidSpec) as caught:
        load(path)
    assert str(caught.value) == f"{path} has 2 problems"
    assert caught.value.problems == (
        f"{path}:1:10 targets: must not be empty",
        f"{path}:2:16 limits.hold: 5 has no unit: write `5s` for seconds or `5m` for minutes",
    )


@pytest.mark.parametrize(
    ("content", "sentence"), [(None, "no such file or directory"), (b"\xff\xfe", "it is not UTF-8 text")]
)
def test_a_file_that_cannot_be_read_is_told(tmp_path, content, sentence):
    path = tmp_path / "sluice.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidSpec) as caught:
        load(path)
    assert str(caught.value) == f"cannot read {path}: {sentence}"


class Ping(BaseModel, extra="forbid"):
    seconds: float = 1


class _Kinds(Registry):
    """A registry of one plug-in, without a folder."""

    def __init__(self):
        empty = ModuleType("empty")
        empty.__path__ = []
        super().__init__(empty, "probe")
        self._plugins = {"ping": SimpleNamespace(Options=Ping)}


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("{kind: ping, seconds: 2}", None),
        ("{kind: pong}", "1:20 probes.p.kind: unknown kind of probe `pong`; did you mean `ping`? There is ping"),
        ("{second: 2}", "1:10 probes.p.kind: is missing: say which kind of probe, one of ping"),
        (
            "{kind: ping, second: 2}",
            "1:26 probes.p.second: unknown key `second`; did you mean `seconds`? There is seconds",
        ),
        ("{kind: ping, seconds: x}", "1:35 probes.p.seconds: must be a number, got `x`"),
    ],
)
def test_options_of_plugins_are_checked_by_the_plugin(told, good, entry, sentence):
    lines = told(f"probes: {{p: {entry}}}\n{good}", Plugins(probes=_Kinds()))
    assert lines == ([f"sluice.yaml:{sentence}"] if sentence else [])

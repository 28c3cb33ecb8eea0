"""A `DeploymentPreference` carries over unchanged: names, weights and times as CodeDeploy documents them."""

from datetime import timedelta

import pytest

from orchestrator.domain.plan import Promote, Shift
from orchestrator.releasefile.codedeploy import NAMES, SPELLINGS
from orchestrator.releasefile.loading import check
from orchestrator.releasefile.resolving import resolve

TENS = [10, 20, 30, 40, 50, 60, 70, 80, 90]
DOCUMENTED = {
    "LambdaCanary10Percent5Minutes": ([10], 5),
    "LambdaCanary10Percent10Minutes": ([10], 10),
    "LambdaCanary10Percent15Minutes": ([10], 15),
    "LambdaCanary10Percent30Minutes": ([10], 30),
    "LambdaLinear10PercentEvery1Minute": (TENS, 1),
    "LambdaLinear10PercentEvery2Minutes": (TENS, 2),
    "LambdaLinear10PercentEvery3Minutes": (TENS, 3),
    "LambdaLinear10PercentEvery10Minutes": (TENS, 10),
    "LambdaAllAtOnce": ([], 0),
}


def test_every_predefined_name_is_there():
    assert sorted(NAMES) == sorted(DOCUMENTED)


@pytest.mark.parametrize("prefix", ["Lambda", "", "CodeDeployDefault.Lambda"])
@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_predefined_name_means_what_it_means_in_codedeploy(target_with, name, prefix):
    spelling = prefix + name.removeprefix("Lambda")
    assert SPELLINGS[spelling] == name
    file, problems = check(target_with(strategy=spelling))
    assert problems == ()
    plan = resolve(file, "checkout").plan
    weights, minutes = DOCUMENTED[name]
    assert plan.strategy == name
    assert [s.weight for s in plan.steps if isinstance(s, Shift)] == weights
    assert {s.bake.duration for s in plan.steps if isinstance(s, Shift)} <= {timedelta(minutes=minutes)}
    assert isinstance(plan.steps[-1], Promote)
    assert plan.steps[-1].bake.duration == timedelta(0)

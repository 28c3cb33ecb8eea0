"""The IAM policies allow what Sluice calls, and nothing else; `sluice doctor` asks for the same."""

import json
import re
from pathlib import Path

from activities.permissions import NEEDS

ROOT = Path(__file__).parents[2]
VERBS = "get|put|list|update|publish|delete|describe|invoke|create|add|remove|simulate"
OPERATION = re.compile(rf'"((?:{VERBS})_?[a-z_]*)"')
SPECIAL = {"invoke": "lambda:InvokeFunction"}
CLOUDWATCH = {"get_metric_data", "describe_alarms"}
IAM = {"get_role", "simulate_principal_policy"}
NEEDS_NO_PERMISSION = {"get_caller_identity"}


def _called() -> set[str]:
    actions = set()
    for path in (ROOT / "activities" / "aws").glob("*.py"):
        for name in OPERATION.findall(path.read_text()):
            if name not in NEEDS_NO_PERMISSION:
                service = "cloudwatch" if name in CLOUDWATCH else "iam" if name in IAM else "lambda"
                camel = "".join(part.title() for part in name.split("_"))
                actions.add(SPECIAL.get(name, f"{service}:{camel}"))
    return actions


def _granted(name: str) -> set[tuple[str, str]]:
    """Action and resource of every grant."""
    policy = json.loads((ROOT / f"deploy/iam/{name}.json").read_text())
    return {
        (action, resource)
        for statement in policy["Statement"]
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    }


def _listed(written: str | list[str]) -> list[str]:
    return [written] if isinstance(written, str) else written


def test_policies_name_exactly_the_operations_that_the_aws_room_calls() -> None:
    """A call without a permission fails in production; a permission without a call is a risk for nothing."""
    actions = {name: {action for action, _ in _granted(name)} for name in ("release-policy", "doctor-policy")}
    assert {action for action in _called() if not action.startswith("iam:")} == actions["release-policy"]
    assert {action for action in _called() if action.startswith("iam:")} == actions["doctor-policy"]


def test_doctor_asks_for_what_the_policy_grants() -> None:
    """Every action, and on a resource on which it is granted."""
    function = "arn:aws:lambda:REGION:ACCOUNT:function:FUNCTION"
    where = {"function": function, "qualifier": f"{function}:*", "everything": "*"}
    asked = {(need.action, where[need.on]) for need in NEEDS}
    assert asked <= _granted("release-policy")
    assert {action for action, _ in asked} == {action for action, _ in _granted("release-policy")}

"""The IAM policy allows what Sluice calls, and nothing else."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
OPERATION = re.compile(r'"((?:get|put|list|update|publish|delete|describe|invoke|create|add|remove)_?[a-z_]*)"')
SPECIAL = {"invoke": "lambda:InvokeFunction"}
CLOUDWATCH = {"get_metric_data", "describe_alarms"}
NEEDS_NO_PERMISSION = {"get_caller_identity"}


def _called() -> set[str]:
    actions = set()
    for path in (ROOT / "activities" / "aws").glob("*.py"):
        for name in OPERATION.findall(path.read_text()):
            if name not in NEEDS_NO_PERMISSION:
                service = "cloudwatch" if name in CLOUDWATCH else "lambda"
                camel = "".join(part.title() for part in name.split("_"))
                actions.add(SPECIAL.get(name, f"{service}:{camel}"))
    return actions


def _allowed() -> set[str]:
    policy = json.loads((ROOT / "deploy/iam/release-policy.json").read_text())
    return {
        action
        for statement in policy["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


def test_policy_names_exactly_the_operations_that_the_aws_room_calls() -> None:
    """A call without a permission fails in production; a permission without a call is a risk for nothing."""
    assert _called() == _allowed()

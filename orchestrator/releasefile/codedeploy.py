"""The predefined deployment configurations of CodeDeploy and SAM, as options of Sluice's strategies.

A `DeploymentPreference` carries over unchanged, with its timing: CodeDeploy has no bake after 100 %, so neither have
these. Source: AWS CodeDeploy user guide, "Predefined deployment configurations for an AWS Lambda compute platform";
SAM leaves out the prefix `Lambda`, the CodeDeploy API puts `CodeDeployDefault.` before it.
"""

from typing import Any

_NO_BAKE_AT_THE_END = {"final_bake": "0s", "max_hold": "30m"}

NAMES: dict[str, dict[str, Any]] = {
    **{
        f"LambdaCanary10Percent{minutes}Minutes": {
            "kind": "canary",
            "weights": [10],
            "bake": f"{minutes}m",
            **_NO_BAKE_AT_THE_END,
        }
        for minutes in (5, 10, 15, 30)
    },
    **{
        f"LambdaLinear10PercentEvery{minutes}Minute{'s' if minutes > 1 else ''}": {
            "kind": "linear",
            "step": 10,
            "every": f"{minutes}m",
            **_NO_BAKE_AT_THE_END,
        }
        for minutes in (1, 2, 3, 10)
    },
    "LambdaAllAtOnce": {"kind": "all_at_once", **_NO_BAKE_AT_THE_END},
}
"""Strategy options by CodeDeploy's name, as they would stand in a release file."""

SPELLINGS: dict[str, str] = {
    spelling: name for name in NAMES for spelling in (name, name.removeprefix("Lambda"), f"CodeDeployDefault.{name}")
}
"""CodeDeploy's name by every spelling that is understood."""

"""Problems of release files as SARIF 2.1.0, which code scanners show beside the lines.

Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0", sections 3.13, 3.14, 3.18, 3.27.
"""

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from orchestrator.releasefile.document import Problem

RULE = "release-file"


def sarif(problems: Sequence[Problem], version: str) -> dict[str, Any]:
    """Return the log of one run; without a problem its results are empty. `version` is Sluice's."""
    driver = {
        "name": "sluice",
        "semanticVersion": version,
        "rules": [{"id": RULE, "shortDescription": {"text": "A release file keeps its rules"}}],
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": [_result(problem) for problem in problems]}],
    }


def _result(problem: Problem) -> dict[str, Any]:
    text = f"{problem.path}: {problem.sentence}" if problem.path else problem.sentence
    place = {
        "artifactLocation": {"uri": PurePath(problem.file).as_posix()},
        "region": {"startLine": problem.line, "startColumn": problem.column},
    }
    return {
        "ruleId": RULE,
        "level": "error",
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
    }

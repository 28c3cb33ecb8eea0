"""Commands that need nothing running: validate, schema and version."""

import json
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from orchestrator.cli import session
from orchestrator.cli.exits import Exit
from orchestrator.cli.output import show
from orchestrator.cli.sarif import sarif
from orchestrator.cli.text import line
from orchestrator.releasefile.document import Problem
from orchestrator.releasefile.loading import check, read
from orchestrator.releasefile.schema import json_schema


def validate(
    *files: Annotated[Path, Parameter(help="Release files; sluice.yaml here or above without any.")],
    form: Annotated[
        Literal["text", "github", "sarif"],
        Parameter(name="--format", help="`github` annotates the lines of a pull request, `sarif` is for scanners."),
    ] = "text",
) -> Exit:
    """Check release files; every problem with its line and column."""
    plugins = session.plugins()
    code = Exit.OK
    all_problems: list[Problem] = []
    for path in files or (session.find_file(),):
        found, problems = check(read(path), str(path), plugins)
        all_problems += problems
        for problem in problems if form != "sarif" else ():
            show([line(str(problem) if form == "text" else _annotation(problem))])
        if found is None:
            code = Exit.USAGE
        elif form == "text":
            count = len(found.targets)
            show([line(f"{path}: no problem, {count} target{'s' if count > 1 else ''}")])
    if form == "sarif":
        show([line(json.dumps(sarif(all_problems, _installed() or "0.0.0"), indent=2))])
    return code


def schema() -> Exit:
    """Print the JSON Schema of release files, for editors."""
    show([line(json.dumps(json_schema(session.plugins()), indent=2))])
    return Exit.OK


def version() -> Exit:
    """Print Sluice's version."""
    show([line(f"sluice {_installed() or 'unknown (not installed)'}")])
    return Exit.OK


def _installed() -> str:
    try:
        return installed("sluice")
    except PackageNotFoundError:
        return ""


def _annotation(problem: Problem) -> str:
    """Return a workflow command. Source: GitHub Actions, "Workflow commands", with its escapes."""
    text = f"{problem.path}: {problem.sentence}" if problem.path else problem.sentence
    message = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    file = problem.file.replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
    return f"::error file={file},line={problem.line},col={problem.column},title=Release file::{message}"

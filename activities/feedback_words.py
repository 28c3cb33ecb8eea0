"""A release's standing in the words, lengths and tables that CI systems take."""

from orchestrator.domain.analysis import Measurement
from orchestrator.domain.intake import Standing
from orchestrator.domain.journal import ReleaseState, cut
from orchestrator.domain.release import Phase

GITHUB_DESCRIPTION = 140
"""Characters of a deployment or commit status. **Source:** GitHub REST API, "Create a deployment status"."""
GITLAB_DESCRIPTION = 255
"""Characters of a commit status. **Source:** GitLab API, "Set commit pipeline status"."""
_MARKS = {"done": "✓", "current": "▶", "skipped": "»", "waiting": " "}


def page_of(standing: Standing, public_url: str | None) -> str | None:
    """Return the address of the release's page, there from the first moment; None where nobody can reach one."""
    if not public_url:
        return None
    return f"{public_url.rstrip('/')}/releases/{standing.release_id}"


def title(standing: Standing) -> str:
    """Return e.g. `25 %: baking at 25 % for 10 min`, cut to what GitHub takes."""
    return cut(" ".join(standing.description.split()), GITHUB_DESCRIPTION)


def summary(standing: Standing) -> str:
    """Return Markdown: where the release is, its steps, and what was measured, each with its limit and samples."""
    release = standing.release
    if release is None:
        return standing.description
    lines = [f"**{release.target}** {standing.description}", ""]
    if release.stable and release.canary:
        lines += [f"Version {release.stable} → {release.canary}, {release.weight:g} % of the traffic", ""]
    lines += ["| | step | status |", "|---|---|---|"]
    lines += [f"| {_MARKS[step.status]} | {_cell(step.label)} | {step.status} |" for step in release.steps]
    if release.measurements:
        lines += ["", "| check | verdict | value | limit | samples | |", "|---|---|---|---|---|---|"]
        lines += [_row(measured) for measured in release.measurements]
    return "\n".join(lines)


def buttons(release: ReleaseState | None) -> list[dict[str, str]]:
    """Return the actions of a check run, at most three; each names the step that it is meant for.

    **Source:** GitHub REST API, "Create a check run": label 20, description 40, identifier 20 characters.
    """
    if release is None or release.done or release.phase is Phase.ROLLING_BACK:
        return []
    abort = {"label": "Abort", "description": "All traffic back to stable", "identifier": "abort"}
    if release.phase is not Phase.AWAITING_APPROVAL or release.step is None:
        return [abort]
    step = release.step
    return [
        {"label": "Approve", "description": f"Go on with step {step + 1}", "identifier": f"approve:{step}"},
        {"label": "Reject", "description": "Refuse, and roll back", "identifier": f"reject:{step}"},
        abort,
    ]


def _row(measured: Measurement) -> str:
    cells = [
        measured.check,
        measured.verdict,
        _number(measured.value, measured.unit),
        _number(measured.limit, measured.unit),
        str(measured.samples),
        measured.sentence,
    ]
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _number(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:.3g}{unit}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

"""What `start` and `plan` ask a server for: a target by its name, or written out as a release file has it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.cli import session
from orchestrator.domain.errors import InvalidSpec
from orchestrator.domain.release import Artifact
from orchestrator.releasefile.wording import unknown

SECTIONS = ("strategies", "checks", "probes", "gates", "limits", "sampling")


def body_of(name: str, file: Path | None, artifact: Artifact, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of `POST /v1/releases`; with `file`, its target is written out. Raises InvalidSpec.

    `chosen` are reason, idempotency_key, adopt, create and override_red_alarms.
    """
    return {
        "target": name if file is None else _written_out(name, file),
        "artifact": artifact.model_dump(mode="json"),
        "reason": chosen["reason"],
        "options": {option: chosen[option] for option in ("adopt", "create", "override_red_alarms")},
        "source": source(os.environ, once=not chosen["idempotency_key"]),
    }


def source(environment: Mapping[str, str], *, once: bool) -> dict[str, str]:
    """Return what a CI job tells of itself.

    Source: "Default environment variables" of GitHub Actions, "Predefined CI/CD variables" of GitLab. The run is left
    out unless the release is started only `once`: the same key from another run must mean the same request.
    """
    found: dict[str, str | None] = {}
    if environment.get("GITHUB_ACTIONS") == "true":
        run = "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}"
        found = {"repo": environment.get("GITHUB_REPOSITORY"), "sha": environment.get("GITHUB_SHA")}
        names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
        if once and all(environment.get(name) for name in names):
            found["run_url"] = run.format_map(environment)
    elif environment.get("GITLAB_CI") == "true":
        found = {"repo": environment.get("CI_PROJECT_PATH"), "sha": environment.get("CI_COMMIT_SHA")}
        found["run_url"] = environment.get("CI_JOB_URL") if once else None
    return {name: value for name, value in found.items() if value}


def _written_out(name: str, file: Path) -> dict[str, Any]:
    document = session.document_of(file)
    if name not in document["targets"]:
        raise InvalidSpec(f"{unknown('target', name, document['targets'])} in {file}")
    sections = {section: document[section] for section in SECTIONS if document.get(section)}
    return {"target": document["targets"][name], **sections}

"""What each sender's events look like: which of them may start a release at all, who acts, and where to answer."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from orchestrator.domain.intake import Feedback, GitHubCheck, GitHubDeployment, GitHubStatus, GitLabStatus, Told

MISSING = object()
BUTTON = "check_run.requested_action"


class Guard(NamedTuple):
    """A condition that every event of its kind must meet before any rule is asked."""

    path: str
    fits: tuple[Any, ...]
    ignored: str
    """Why an event that does not fit is ignored."""


class Kind(NamedTuple):
    """One kind of event: its guards, the default feedback, and paths to what is told about it."""

    guards: tuple[Guard, ...] = ()
    feedback: tuple[Told, ...] = ()
    sha: str = ""
    url: str = ""
    key: tuple[str, ...] = ()
    """Paths that name the thing itself: two deliveries about one thing start one release. Empty: the delivery's id."""


def _is(path: str, *fits: Any, but: str) -> Guard:
    return Guard(path, fits, but)


_PUSHED = ("push", "workflow_dispatch", "schedule", "release", "create", "repository_dispatch")
_GITHUB: Mapping[str, Kind] = {
    "deployment": Kind(
        (_is("action", "created", MISSING, but="only created deployments start releases"),),
        ("deployment",),
        "deployment.sha",
        "deployment.url",
        ("repository.id", "deployment.id"),
    ),
    "release": Kind(
        (
            _is("action", "published", but="only published releases start releases"),
            _is("release.draft", False, MISSING, but="it is a draft"),
        ),
        (),
        "",
        "release.html_url",
        ("repository.id", "release.id"),
    ),
    "workflow_run": Kind(
        (
            _is("action", "completed", but="the workflow has not completed"),
            _is("workflow_run.conclusion", "success", but="the workflow did not succeed"),
            _is("workflow_run.event", *_PUSHED, but="the workflow was not triggered from the repository itself"),
        ),
        ("status",),
        "workflow_run.head_sha",
        "workflow_run.html_url",
        ("repository.id", "workflow_run.id", "workflow_run.run_attempt"),
    ),
    "repository_dispatch": Kind(),
    BUTTON: Kind(),
}
_GITLAB: Mapping[str, Kind] = {
    "deployment": Kind(
        (_is("status", "success", but="the deployment job did not succeed"),),
        ("status",),
        "commit.id",
        "deployable_url",
        ("project.id", "deployment_id"),
    ),
    "pipeline": Kind(
        (
            _is("object_attributes.status", "success", but="the pipeline did not succeed"),
            _is("merge_request.id", MISSING, None, but="it is the pipeline of a merge request"),
        ),
        ("status",),
        "object_attributes.sha",
        "object_attributes.url",
        ("project.id", "object_attributes.id"),
    ),
    "release": Kind(
        (_is("action", "create", but="only new releases start releases"),),
        ("status",),
        "commit.id",
        "url",
    ),
    "tag_push": Kind(feedback=("status",), sha="checkout_sha", url="project.web_url"),
}
_EVENTBRIDGE: Mapping[str, Kind] = {
    "ecr.push": Kind(
        (
            _is("detail.action-type", "PUSH", but="nothing was pushed"),
            _is("detail.result", "SUCCESS", but="the push did not succeed"),
        )
    ),
    "s3.object_created": Kind(),
}
EVENTS: Mapping[str, Mapping[str, Kind]] = {"github": _GITHUB, "gitlab": _GITLAB, "eventbridge": _EVENTBRIDGE}
"""Kinds of events by provider; a Standard Webhooks sender may call its events as it likes."""

_ACTOR = {
    "github": "sender.login",
    "gitlab": "user.username user_username",
    "standard": "data.actor",
    "eventbridge": "source",
}
_REPOSITORY = {"github": "repository.full_name", "gitlab": "project.path_with_namespace"}
ZERO_SHA = "0" * 40


def kind_of(provider: str, event: str) -> Kind:
    """Return what is known of that kind of event; nothing for one that is not listed."""
    return EVENTS.get(provider, {}).get(event, Kind())


def value_at(payload: Any, path: str) -> Any:
    """Return the value at a dotted path (`a.b.0.c`), or MISSING. Text that holds a JSON object is looked into."""
    node = payload
    for part in path.split("."):
        if isinstance(node, dict):
            node = node.get(part, MISSING)
        elif isinstance(node, list) and part.isdecimal() and int(part) < len(node):
            node = node[int(part)]
        else:
            return MISSING
    return node


def why_ignored(provider: str, event: str, payload: dict[str, Any]) -> str | None:
    """Say why this event can never start a release, whatever the rules; None when it can."""
    known = EVENTS.get(provider)
    if known is not None and event not in known:
        return f"`{event}` starts no releases"
    for guard in kind_of(provider, event).guards:
        if value_at(payload, guard.path) not in guard.fits:
            return guard.ignored
    if provider == "github" and event == "workflow_run":
        head = value_at(payload, "workflow_run.head_repository.full_name")
        if head != value_at(payload, "repository.full_name"):
            return "the workflow ran for a fork"
    if provider == "gitlab" and event == "tag_push" and value_at(payload, "after") == ZERO_SHA:
        return "the tag was deleted"
    return None


def actor_of(provider: str, payload: dict[str, Any]) -> str:
    """Return who caused the event, by name; the provider where it does not say."""
    for path in _ACTOR[provider].split():
        if isinstance(found := value_at(payload, path), str) and found:
            return found[:100]
    return provider


def labels_of(provider: str, event: str, payload: dict[str, Any]) -> dict[str, str]:
    """Return where the release comes from: provider, event, repository, commit and address, as far as it is said."""
    kind = kind_of(provider, event)
    paths = {"repository": _REPOSITORY.get(provider, ""), "sha": kind.sha, "url": kind.url}
    found = {name: value_at(payload, path) for name, path in paths.items() if path}
    texts = {name: value for name, value in found.items() if isinstance(value, str) and len(value) <= 300}
    return {"source": f"{provider}/{event}", **texts}


def feedback_of(provider: str, event: str, payload: dict[str, Any], told: tuple[Told, ...] | None) -> list[Feedback]:
    """Return where the event's sender is told how the release goes; what the event does not name is left out."""
    kind = kind_of(provider, event)
    wanted = kind.feedback if told is None else told
    sha = value_at(payload, kind.sha) if kind.sha else MISSING
    if provider == "gitlab":
        project = value_at(payload, "project.id")
        if not wanted or not isinstance(project, int) or not isinstance(sha, str):
            return []
        return _made(GitLabStatus, project=project, sha=sha, ref=_ref(payload))
    repository = value_at(payload, "repository.full_name")
    if provider != "github" or not isinstance(repository, str):
        return []
    number = value_at(payload, "installation.id")
    place: dict[str, Any] = {"repository": repository, "installation": number if isinstance(number, int) else None}
    deployment = value_at(payload, "deployment.id")
    found: list[Feedback] = []
    if "deployment" in wanted and isinstance(deployment, int):
        found += _made(GitHubDeployment, **place, deployment=deployment)
    if "check" in wanted and isinstance(sha, str):
        found += _made(GitHubCheck, **place, sha=sha)
    if "status" in wanted and isinstance(sha, str):
        found += _made(GitHubStatus, **place, sha=sha)
    return found


def _made(kind: Callable[..., Feedback], **fields: Any) -> list[Feedback]:
    """Return one destination; none where a name in the event could not stand in an address."""
    try:
        return [kind(**fields)]
    except ValidationError:
        return []


def _ref(payload: dict[str, Any]) -> str:
    found = value_at(payload, "object_attributes.ref")
    return found if isinstance(found, str) else ""

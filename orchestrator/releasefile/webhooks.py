"""The section `webhooks`: which events of which senders start what."""

import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from orchestrator.domain.intake import ArtifactRule, Button, OnBusy, Provider, Rule, Told
from orchestrator.releasefile.document import Path
from orchestrator.releasefile.faults import Faults
from orchestrator.releasefile.model import FileModel
from orchestrator.releasefile.wording import unknown
from orchestrator.strategies import fault

EVENTS: Mapping[str, tuple[str, ...]] = {
    "github": ("deployment", "release", "workflow_run", "repository_dispatch", "check_run.requested_action"),
    "gitlab": ("deployment", "pipeline", "release", "tag_push"),
    "eventbridge": ("ecr.push", "s3.object_created"),
}
"""Events by provider; those of a Standard Webhooks sender are its own."""
_PLACE = re.compile(r"\{([^{}]*)\}")
_DOTTED = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_SCALARS = (str, int)


def _texts(value: object) -> object:
    """Take one value or a list, numbers and true or false as they are written."""
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(each, _SCALARS) for each in values):
        raise fault("must be a value, or a list of values of which one must fit")
    return tuple(str(each).lower() if isinstance(each, bool) else str(each) for each in values)


Condition = Annotated[
    tuple[str, ...],
    BeforeValidator(
        _texts,
        json_schema_input_type=str | int | bool | Annotated[list[str | int | bool], Field(min_length=1)],
    ),
    Field(min_length=1),
]


class ArtifactEntry(FileModel):
    """What is released: exactly one of these. All but `latest` may hold `{dotted.path}` of the payload."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    version: str | None = None
    """A published version, e.g. `"{client_payload.version}"`."""
    s3: str | None = None
    """A zip in S3, e.g. `"s3://builds/checkout/{deployment.sha}.zip"`."""
    image: str | None = None
    """A container image, best by digest."""
    latest: Literal[True] | None = None
    """`true`: publish `$LATEST` as it stands."""


class WebhookEntry(FileModel):
    """One rule: an event that fits starts a release, or its button is pressed."""

    provider: Provider
    """Who sends: `github`, `gitlab`, `standard` (Standard Webhooks) or `eventbridge`."""
    sender: str = ""
    """With `standard`: the name at the end of the address."""
    event: Annotated[str, Field(min_length=1)]
    """Kind of event, e.g. `deployment`."""
    when: dict[str, Condition] = Field(default_factory=dict)
    """Conditions, all of which must hold: dotted path into the payload, and a text, glob, or list of them."""
    target: str | None = None
    """Name under `targets`, or a template such as `"{deployment.environment}"` together with `allow`."""
    allow: tuple[str, ...] = ()
    """Targets that a template may name."""
    artifact: ArtifactEntry | None = None
    """What is released."""
    commands: tuple[Button, ...] = ()
    """With `check_run.requested_action`: the buttons that are taken, of `approve`, `reject` and `abort`."""
    on_busy: OnBusy | None = None
    """As for the target, which it overrides."""
    feedback: tuple[Told, ...] | None = None
    """Where the sender is told: `deployment`, `check`, `status`; without it, what fits the event; `[]` for nowhere."""
    reason: str = ""
    """Text for the journal; may hold `{dotted.path}`."""


def rules_of(written: Mapping[str, Any], targets: Collection[str], faults: Faults) -> dict[str, Rule]:
    """Return the rules without a problem, by name in the order of the file; the others are recorded."""
    found: dict[str, Rule] = {}
    for name, entry in written.items():
        at: Path = ("webhooks", name)
        model = faults.model(WebhookEntry, entry, at)
        if model is None:
            continue
        _event(model, at, faults)
        _button(model, at, faults)
        _templates(model, at, faults)
        _target(model, targets, at, faults)
        found[name] = _rule(name, model)
    return found


def _event(entry: WebhookEntry, at: Path, faults: Faults) -> None:
    known = EVENTS.get(entry.provider)
    if known is not None and entry.event not in known:
        faults.add((*at, "event"), unknown(f"event of {entry.provider}", entry.event, known))
    if (entry.provider == "standard") != bool(entry.sender):
        faults.add((*at, "sender"), "goes with provider `standard`, which needs it, and with no other")


def _button(entry: WebhookEntry, at: Path, faults: Faults) -> None:
    button = entry.event == "check_run.requested_action"
    for key, wanted in (("target", not button), ("artifact", not button), ("commands", button)):
        if bool(getattr(entry, key)) != wanted:
            verb = "is missing: this event needs it" if wanted else "does not go with this event"
            faults.add((*at, key), verb)


def _templates(entry: WebhookEntry, at: Path, faults: Faults) -> None:
    for path in entry.when:
        if not _DOTTED.fullmatch(path):
            faults.add((*at, "when", path), f"`{path}` is no dotted path such as `deployment.environment`", at_key=True)
    texts: dict[tuple[str, ...], str | None] = {("target",): entry.target, ("reason",): entry.reason}
    if entry.artifact is not None:
        written = entry.artifact.model_dump(exclude_none=True)
        texts |= {("artifact", key): text for key, text in written.items() if key != "latest"}
        if len(written) != 1:
            faults.add((*at, "artifact"), "must be exactly one of version, s3, image and latest")
    for key, text in texts.items():
        left = _PLACE.sub("", text or "")
        bad = [path for path in _PLACE.findall(text or "") if not _DOTTED.fullmatch(path)]
        if bad or "{" in left or "}" in left:
            faults.add((*at, *key), f"`{text}` is no template: write a value of the payload as {{dotted.path}}")


def _target(entry: WebhookEntry, targets: Collection[str], at: Path, faults: Faults) -> None:
    faults.names("target", list(entry.allow), targets, (*at, "allow"))
    if not entry.target:
        return
    if not _PLACE.search(entry.target):
        if entry.target not in targets:
            faults.add((*at, "target"), unknown("target", entry.target, targets))
    elif not entry.allow:
        faults.add((*at, "target"), "is a template: list the targets that it may name under `allow`")


def _rule(name: str, entry: WebhookEntry) -> Rule:
    written = entry.artifact.model_dump(exclude_none=True) if entry.artifact else {}
    artifacts = [{"kind": kind, "template": "" if kind == "latest" else text} for kind, text in written.items()]
    artifact = ArtifactRule.model_validate(artifacts[0]) if artifacts else None
    kept = entry.model_dump(exclude={"artifact", "target"})
    return Rule(name=name, artifact=artifact, target=entry.target or "", **kept)

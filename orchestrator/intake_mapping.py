"""From an event to what it starts: pure, so that it can be tried offline, and not asked again once it is durable."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from orchestrator.domain.errors import InvalidSpec
from orchestrator.domain.intake import ArtifactRule, Delivery, Intake, Rule, Submission
from orchestrator.domain.release import (
    Actor,
    Artifact,
    Command,
    Image,
    Latest,
    Order,
    PublishedVersion,
    ReleaseRequest,
    S3Object,
)
from orchestrator.intake_senders import (
    BUTTON,
    MISSING,
    actor_of,
    feedback_of,
    kind_of,
    labels_of,
    value_at,
    why_ignored,
)
from orchestrator.releasefile.model import ReleaseFile, ResolvedTarget

PLACE = re.compile(r"\{([^{}]*)\}")
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@+=~-]{0,511}")
"""What a payload may put into a template: no white space, no query, no braces."""


class Mapped(NamedTuple):
    """What becomes of a delivery: an intake, or why nothing does."""

    intake: Intake | None
    ignored: str = ""


def mapped(delivery: Delivery, rules: Iterable[Rule], file: ReleaseFile) -> Mapped:
    """Apply the rules in the order of the file; each that fits starts a release, one per target.

    Raises InvalidSpec where a rule fits and the event lacks what it needs: target, artifact or a button's release.
    """
    payload = delivery.payload
    if why := why_ignored(delivery.provider, delivery.event, payload):
        return Mapped(None, why)
    fitting = [rule for rule in rules if fits(rule, delivery)]
    if not fitting:
        return Mapped(None, "no rule under `webhooks` fits it")
    intake = Intake(provider=delivery.provider, delivery=delivery.id, event=delivery.event)
    if delivery.event == BUTTON:
        return Mapped(intake.model_copy(update={"orders": (_order(delivery, fitting),)}))
    chosen: dict[str, Submission] = {}
    for rule in fitting:
        target = _target(rule, payload, file)
        submission = _submission(delivery, rule, target)
        chosen.setdefault(submission.request.target.workflow_id, submission)
    return Mapped(intake.model_copy(update={"submissions": tuple(chosen.values())}))


def fits(rule: Rule, delivery: Delivery) -> bool:
    """Whether provider, sender, event and every condition fit."""
    if (rule.provider, rule.sender, rule.event) != (delivery.provider, delivery.sender, delivery.event):
        return False
    return all(_fits(value_at(delivery.payload, path), globs) for path, globs in rule.when.items())


def release_id_of(delivery: Delivery, target: ResolvedTarget) -> str:
    """Return the release's id, the same for every delivery about the same thing: 12 hexadecimal digits."""
    key = f"{idempotency_key(delivery)}\n{target.target.workflow_id}"
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def idempotency_key(delivery: Delivery) -> str:
    """Return what makes two deliveries the same: the ids of the thing that they are about, else the delivery's own.

    GitHub does not sign the delivery's id: somebody who has got hold of a signed body could send it under another.
    """
    paths = kind_of(delivery.provider, delivery.event).key
    ids = [value_at(delivery.payload, path) for path in paths]
    if not ids or not all(isinstance(each, int) for each in ids):
        return delivery.workflow_id
    return "/".join([delivery.provider, delivery.event, *map(str, ids)])


def _fits(value: Any, globs: tuple[str, ...]) -> bool:
    if value is MISSING or isinstance(value, (dict, list)):
        return False
    return any(fnmatchcase(_text(value), glob) for glob in globs)


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value)


def _target(rule: Rule, payload: Mapping[str, Any], file: ReleaseFile) -> ResolvedTarget:
    name = filled(rule.target, payload, rule.name)
    if PLACE.search(rule.target) and name not in rule.allow:
        raise InvalidSpec(f"webhook {rule.name}: target `{name}` is not in its `allow`")
    return file.targets[name]


def _submission(delivery: Delivery, rule: Rule, target: ResolvedTarget) -> Submission:
    payload, actor = delivery.payload, actor_of(delivery.provider, delivery.payload)
    assert rule.artifact is not None
    reason = f"{delivery.provider} {delivery.event} ({rule.name})"
    request = ReleaseRequest(
        release_id=release_id_of(delivery, target),
        target=target.target,
        artifact=artifact_of(rule.artifact, payload, rule.name),
        plan=target.plan,
        actor=Actor(name=actor, source=delivery.provider),
        reason=filled(rule.reason, payload, rule.name, free=True) if rule.reason else reason,
        configuration=target.configuration,
        provisioned_concurrency=target.provisioned_concurrency,
        labels={**labels_of(delivery.provider, delivery.event, delivery.payload), **target.labels},
        idempotency_key=idempotency_key(delivery),
        submitted_at=delivery.received_at,
    )
    return Submission(
        request=request,
        on_busy=rule.on_busy or target.on_busy,
        feedback=tuple(feedback_of(delivery.provider, delivery.event, delivery.payload, rule.feedback)),
    )


def _order(delivery: Delivery, rules: list[Rule]) -> Order:
    """Read a button: its identifier is `command` or `command:step`, and its run's external id names the release."""
    pressed = value_at(delivery.payload, "requested_action.identifier")
    release_id = value_at(delivery.payload, "check_run.external_id")
    command, _, step = str(pressed).partition(":")
    if not isinstance(release_id, str) or not re.fullmatch(r"[0-9a-f]{12}", release_id):
        raise InvalidSpec("the check run is not one of a release")
    if command not in {name for rule in rules for name in rule.commands}:
        raise InvalidSpec(f"no rule under `webhooks` lets this sender `{command[:20]}`")
    return Order(
        command=Command(command),
        actor=Actor(name=actor_of(delivery.provider, delivery.payload), source=delivery.provider),
        release_id=release_id,
        reason="button of the check run",
        step=int(step) if step.isdecimal() else None,
    )


def artifact_of(rule: ArtifactRule, payload: Mapping[str, Any], name: str) -> Artifact:
    """Return the artifact with the template filled in. Raises InvalidSpec that names the rule."""
    text = filled(rule.template, payload, name)
    match rule.kind:
        case "latest":
            return Latest()
        case "image":
            return Image(uri=text)
        case "version":
            if not text.isdecimal():
                raise InvalidSpec(f"webhook {name}: `{text}` is no version number")
            return PublishedVersion(version=text)
        case "s3":
            return _s3_object(text, name)


def filled(template: str, payload: Mapping[str, Any], name: str, *, free: bool = False) -> str:
    """Return the template with every `{path}` replaced. Raises InvalidSpec for a value that is missing or unsafe.

    `free` lets any text through, for what only people read.
    """

    def value(found: re.Match[str]) -> str:
        path = found.group(1)
        raw = value_at(payload, path)
        if raw is MISSING or raw is None or isinstance(raw, (dict, list)):
            raise InvalidSpec(f"webhook {name}: the event has no value at `{path}`")
        text = _text(raw)
        if not free and (not _SAFE.fullmatch(text) or ".." in text):
            raise InvalidSpec(f"webhook {name}: the value at `{path}` has characters that may not stand in a name")
        return text[:200] if free else text

    return PLACE.sub(value, template)


def _s3_object(text: str, name: str) -> S3Object:
    found = S3Object.at(text)
    if found is None:
        raise InvalidSpec(f"webhook {name}: `{text}` is no S3 object: s3://bucket/key or s3://bucket/key?versionId=...")
    return found

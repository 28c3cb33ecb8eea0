"""From a body to a release: the target by name, or checked as a release file of its own would be."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel

import activities.gates
import activities.metrics
import activities.probes
from orchestrator.api.bodies import InlineTarget, ReleaseBody
from orchestrator.api.problems import INVALID_PLAN, INVALID_REQUEST, Fault, ProblemError
from orchestrator.api.roles import Principal, full_name
from orchestrator.domain.errors import InvalidSpec
from orchestrator.domain.release import ReleaseRequest
from orchestrator.registry import Registry
from orchestrator.releasefile.loading import Plugins, check, load
from orchestrator.releasefile.model import ReleaseFile, ResolvedTarget
from orchestrator.releasefile.wording import unknown
from orchestrator.service import new_release_id

INLINE = "inline"
NO_FILE = ReleaseFile("the server's release file (SLUICE_API__RELEASE_FILE is not set)", {})


def installed() -> Plugins:
    """Return the kinds of probes, gates and metric providers that are installed."""
    return Plugins(
        probes=Registry(activities.probes, "probe"),
        gates=Registry(activities.gates, "gate"),
        metrics=Registry(activities.metrics, "metric provider"),
    )


class Targets:
    """The server's release file, read again when it changes. A version with problems does not replace a good one."""

    def __init__(self, path: Path | None) -> None:
        """Read the file. Raises InvalidSpec with every problem of it."""
        self._path = path
        self.plugins = installed()
        self._stamp = self._changed()
        self._file = load(path, self.plugins) if path is not None else NO_FILE

    @property
    def file(self) -> ReleaseFile:
        """The newest version without a problem."""
        stamp = self._changed()
        if self._path is not None and stamp != self._stamp:
            self._stamp = stamp
            try:
                self._file = load(self._path, self.plugins)
            except InvalidSpec:
                return self._file
        return self._file

    def _changed(self) -> float:
        try:
            return self._path.stat().st_mtime if self._path is not None else 0
        except OSError:
            return 0

    def visible(self, who: Principal) -> dict[str, ResolvedTarget]:
        """Return the targets that the principal may view, by name, in the order of the file."""
        return {name: t for name, t in self.file.targets.items() if who.may("view", full_name(t.target))}

    def resolve(self, wished: str | InlineTarget, who: Principal) -> ResolvedTarget:
        """Return the target with its plan. Raises ProblemError with every problem and its place in the body."""
        if isinstance(wished, InlineTarget):
            return self._inline(wished)
        file = self.file
        if wished not in file.targets:
            sentence = f"{unknown('target', wished, self.visible(who))} in {file.name}"
            raise ProblemError(INVALID_PLAN, sentence, problems=[Fault(location="body.target", detail=sentence)])
        return file.targets[wished]

    def _inline(self, wished: InlineTarget) -> ResolvedTarget:
        sections = wished.model_dump(exclude={"target"}, exclude_defaults=True)
        # JSON is YAML, so that one reader checks both.
        text = json.dumps({**sections, "targets": {INLINE: wished.target}}, ensure_ascii=False)
        found, problems = check(text, "body", self.plugins)
        if found is None:
            faults = [Fault(location=_place(p.path), detail=p.sentence) for p in problems]
            raise ProblemError(INVALID_PLAN, "the target breaks its rules: see `problems`", problems=faults)
        return found.targets[INLINE]


def _place(path: str) -> str:
    inside = path.replace(f"targets.{INLINE}", "target", 1) if path else ""
    return f"body.target.{inside}".rstrip(".")


def encodable(body: ReleaseBody) -> None:
    """Refuse text that is no Unicode (lone surrogates), which JSON can write and nothing can store."""
    try:
        json.dumps(body.model_dump(mode="python"), ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        sentence = "some text is not Unicode: it holds half of a surrogate pair"
        raise ProblemError(INVALID_REQUEST, sentence, problems=[Fault(location="body", detail=sentence)]) from None


def release_request(
    body: ReleaseBody, resolved: ResolvedTarget, who: Principal, *, request_id: str, key: str | None
) -> ReleaseRequest:
    """Put the request together. With a key, id and key of the release follow from who sent it and what it says."""
    source = {f"source.{name}": value for name, value in body.source.model_dump(exclude_none=True).items()}
    return ReleaseRequest(
        release_id=release_id_of(who, key) if key else new_release_id(),
        target=resolved.target,
        artifact=body.artifact,
        plan=resolved.plan,
        actor=who.actor(f"api/{request_id}"),
        reason=body.reason,
        configuration=resolved.configuration,
        provisioned_concurrency=resolved.provisioned_concurrency,
        adopt=body.options.adopt,
        create=body.options.create,
        override_red_alarms=body.options.override_red_alarms,
        labels={**resolved.labels, **body.labels, **source},
        idempotency_key=stored_key(key, "start", body) if key else "",
        submitted_at=datetime.now(UTC),
    )


def release_id_of(who: Principal, key: str) -> str:
    """Return the id of the release that this principal starts with this key, on whichever target."""
    return hashlib.sha256(f"{who.method}\n{who.name}\n{key}".encode()).hexdigest()[:12]


def stored_key(key: str, action: str, body: BaseModel) -> str:
    """Return what the release keeps: the key, and a digest of what was asked for with it."""
    written = json.dumps([action, body.model_dump(mode="json")], sort_keys=True)
    return f"{key}#{hashlib.sha256(written.encode()).hexdigest()[:32]}"

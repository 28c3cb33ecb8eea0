"""What differs between two versions of a function, in words. Pure; values of environment variables never appear."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from activities.aws.configuration import frozen_settings, request_fields
from activities.ports import FunctionVersion
from orchestrator.domain.release import Configuration

_NAMES = {
    "MemorySize": "memory",
    "EphemeralStorage": "ephemeral storage",
    "TracingConfig": "tracing",
    "DeadLetterConfig": "dead-letter queue",
    "VpcConfig": "network",
    "SnapStart": "SnapStart",
}
_LONGEST = 120
_LABEL = "Description"


def differences(stable: FunctionVersion, canary: FunctionVersion) -> tuple[str, ...]:
    """Return what differs in code and settings as `memory 128 -> 256`, stable first; the description is left out."""
    return tuple(_code(stable, canary)) + tuple(_settings(stable.settings, canary.settings, skip={_LABEL}))


def edits(expected: FunctionVersion, found: FunctionVersion) -> tuple[str, ...]:
    """Return what differs between two readings of `$LATEST`, the description included; empty when nothing does."""
    return tuple(_code(expected, found)) + tuple(_settings(expected.settings, found.settings, skip=frozenset()))


def incompatibilities(stable: FunctionVersion, canary: FunctionVersion) -> tuple[str, ...]:
    """Return why the two cannot share an alias; empty when they can.

    **Source:** AWS Lambda developer guide, aliases with weights: same execution role, same dead-letter queue.
    """
    found = []
    if stable.role != canary.role:
        found.append(f"the execution role differs: {stable.role} on stable, {canary.role} on the canary")
    if (stable.dead_letter_queue or None) != (canary.dead_letter_queue or None):
        found.append(
            f"the dead-letter queue differs: {stable.dead_letter_queue or 'none'} on stable, "
            f"{canary.dead_letter_queue or 'none'} on the canary"
        )
    return tuple(found)


def carries(latest: FunctionVersion, wished: Configuration) -> bool:
    """Whether `latest` has every setting that `wished` names; a wish of nothing is always there."""
    fields = request_fields(wished)
    frozen = frozen_settings(fields)
    return all(latest.settings.get(name) == frozen.get(name) for name in fields)


def _code(before: FunctionVersion, after: FunctionVersion) -> Iterator[str]:
    if before.code_sha256 != after.code_sha256:
        yield f"code {before.code_sha256[:12]} -> {after.code_sha256[:12]}"


def _settings(before: Mapping[str, Any], after: Mapping[str, Any], skip: set[str] | frozenset[str]) -> Iterator[str]:
    for name in sorted((before.keys() | after.keys()) - skip):
        old, new = before.get(name), after.get(name)
        if old == new or (not old and not new):
            continue
        if name == "Environment":
            yield f"environment: {_variables(old or {}, new or {})}"
        else:
            yield f"{_NAMES.get(name, name.lower())} {_brief(old)} -> {_brief(new)}"


def _variables(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Say which variables were added, removed or changed, by name only: their values are often secret."""
    changed = [f"{name} changed" for name in sorted(old.keys() & new.keys()) if old[name] != new[name]]
    added = [f"{name} added" for name in sorted(new.keys() - old.keys())]
    removed = [f"{name} removed" for name in sorted(old.keys() - new.keys())]
    return ", ".join((*changed, *added, *removed))


def _brief(value: Any) -> str:
    """Return a setting in few words: `{"Size": 512}` as 512, a list by its members, nothing as none."""
    if value in (None, "", {}, []):
        return "none"
    if isinstance(value, Mapping):
        inner = list(value.values())
        return (
            _brief(inner[0]) if len(inner) == 1 else ", ".join(f"{k} {_brief(v)}" for k, v in value.items())[:_LONGEST]
        )
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_brief(member) for member in value)[:_LONGEST]
    return str(value)[:_LONGEST]

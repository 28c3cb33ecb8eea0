"""Read a release file and check it as a whole: nothing is left to be found out when a release starts."""

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any, NamedTuple

import orchestrator.strategies
from orchestrator.domain.analysis import Check, Query
from orchestrator.domain.errors import InvalidSpec
from orchestrator.domain.plan import Plugin
from orchestrator.registry import Registry
from orchestrator.releasefile.codedeploy import NAMES, SPELLINGS
from orchestrator.releasefile.document import Document, NotReadable, Path, Problem
from orchestrator.releasefile.faults import Faults
from orchestrator.releasefile.model import (
    CHECKS,
    DEFAULT_CHECKS,
    Asking,
    LimitsEntry,
    ReleaseFile,
    ResolvedTarget,
    SamplingEntry,
    Sections,
    TargetEntry,
)
from orchestrator.releasefile.resolving import AskedGate, Parts, Recipe, resolved
from orchestrator.releasefile.webhooks import rules_of
from orchestrator.releasefile.wording import unknown

STRATEGIES = Registry(orchestrator.strategies, "strategy")


class Plugins(NamedTuple):
    """The kinds of probes and gates that exist; None where they are not known here, then any kind is accepted.

    `metrics` are the kinds of checks beside Sluice's own; None for none.
    """

    probes: Registry | None = None
    gates: Registry | None = None
    metrics: Registry | None = None


def load(path: FilePath, plugins: Plugins = Plugins()) -> ReleaseFile:  # noqa: B008  immutable
    """Read the file at `path`. Raises InvalidSpec with every problem, each with file, line and column."""
    found, problems = check(read(path), str(path), plugins)
    if found is None:
        count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise InvalidSpec(f"{path} has {count}", tuple(map(str, problems)))
    return found


def read(path: FilePath) -> str:
    """Return the file's text. Raises InvalidSpec where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidSpec(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise InvalidSpec(f"cannot read {path}: it is not UTF-8 text") from error


def check(
    text: str,
    name: str = "sluice.yaml",
    plugins: Plugins = Plugins(),  # noqa: B008  immutable
) -> tuple[ReleaseFile | None, tuple[Problem, ...]]:
    """Return the file's content and no problem, or None and every problem in the order of the file."""
    try:
        document = Document(text, name)
    except NotReadable as error:
        return None, (error.problem,)
    faults = Faults(document)
    faults.model(Sections, document.data, ())
    targets = _targets(document.data, _parts(document.data, plugins, faults), faults)
    names = [n for n, _ in _entries(document.data, "targets")]
    webhooks = rules_of(dict(_entries(document.data, "webhooks")), names, faults)
    problems = faults.problems
    return (None, problems) if problems else (ReleaseFile(name, targets, webhooks), ())


def _parts(data: Mapping[str, Any], plugins: Plugins, faults: Faults) -> Parts:
    strategies = {n: _strategy(e, n, ("strategies", n), faults) for n, e in _entries(data, "strategies")}
    for name in strategies:
        if name in SPELLINGS:
            faults.add(
                ("strategies", name), f"`{name}` is predefined: give your own strategy another name", at_key=True
            )
    checks: dict[str, Check | None] = dict(DEFAULT_CHECKS)
    checks |= {n: _check(e, plugins.metrics, ("checks", n), faults) for n, e in _entries(data, "checks")}
    return Parts(
        strategies=strategies,
        checks=checks,
        probes={n: _plugin(e, plugins.probes, ("probes", n), faults) for n, e in _entries(data, "probes")},
        gates={n: _gate(e, plugins.gates, ("gates", n), faults) for n, e in _entries(data, "gates")},
        limits=_part(LimitsEntry, data.get("limits")),
        sampling=_part(SamplingEntry, data.get("sampling")),
    )


def _part(model: Any, written: Any) -> Any:
    """Return a section whose problems are told by `Sections`; the defaults where it has any."""
    try:
        return model.model_validate(written or {})
    except ValueError:
        return model()


def _entries(data: Mapping[str, Any], section: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the well-formed entries; `Sections` has told of the others."""
    entries = data.get(section)
    return [(n, e) for n, e in entries.items() if isinstance(e, dict)] if isinstance(entries, dict) else []


def _options(entry: Mapping[str, Any], *without: str) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in {"kind", *without}}


def _strategy(entry: Mapping[str, Any], name: str, at: Path, faults: Faults) -> Recipe | None:
    kind = faults.kind("strategy", entry, STRATEGIES.names, at)
    if kind is None:
        return None
    plugin = STRATEGIES[kind]
    spec = faults.model(plugin.spec, _options(entry), at)
    return Recipe(name, plugin.plan(spec), plugin.sizing(spec)) if spec is not None else None


def _check(entry: Mapping[str, Any], metrics: Registry | None, at: Path, faults: Faults) -> Check | None:
    name = str(at[-1])
    kind = faults.kind("check", entry, (*CHECKS, *(metrics.names if metrics else ())), at)
    if kind is None:
        return None
    if "name" in entry:
        faults.add((*at, "name"), "the key above is the check's name: leave `name` out", at_key=True)
    if kind in CHECKS:
        return faults.model(CHECKS[kind], {"name": name, "kind": kind, **_options(entry, "name")}, at)
    assert metrics is not None
    own = Query.model_fields.keys() - {"kind", "provider", "options"}
    options = {key: value for key, value in _options(entry).items() if key not in own}
    common = {key: value for key, value in entry.items() if key in own}
    asked = faults.model(Query, {**common, "name": name, "kind": "query", "provider": kind}, at)
    fits = faults.model(metrics[kind].Options, options, at, strict=False) is not None
    return asked.model_copy(update={"options": options}) if asked is not None and fits else None


def _plugin(entry: Mapping[str, Any], kinds: Registry | None, at: Path, faults: Faults) -> Plugin | None:
    noun, name = str(at[0]).removesuffix("s"), str(at[1])
    known = kinds.names if kinds is not None else {str(entry["kind"])} if "kind" in entry else ()
    kind = faults.kind(noun, entry, known, at)
    if kind is None:
        return None
    options = _options(entry)
    # A plug-in's options come from whoever wrote it, so they are read as leniently as when it will be asked.
    if kinds is not None and faults.model(kinds[kind].Options, options, at, strict=False) is None:
        return None
    return Plugin(name=name, kind=kind, options=options)


def _gate(entry: Mapping[str, Any], kinds: Registry | None, at: Path, faults: Faults) -> AskedGate | None:
    own = Asking.model_fields.keys()
    asking = faults.model(Asking, {key: value for key, value in entry.items() if key in own}, at)
    plugin = _plugin({k: v for k, v in entry.items() if k not in own}, kinds, at, faults)
    return AskedGate(plugin, asking) if plugin is not None and asking is not None else None


def _targets(data: Mapping[str, Any], parts: Parts, faults: Faults) -> dict[str, ResolvedTarget]:
    found: dict[str, ResolvedTarget] = {}
    for name, written in _entries(data, "targets"):
        at: Path = ("targets", name)
        entry = faults.model(TargetEntry, written, at)
        recipe = _recipe(written.get("strategy"), parts, (*at, "strategy"), faults)
        faults.names("check", written.get("checks"), parts.checks, (*at, "checks"))
        faults.names("probe", written.get("probes"), parts.probes, (*at, "probes"))
        faults.names("gate", written.get("gates"), parts.gates, (*at, "gates"))
        if entry is None or recipe is None:
            continue
        if (target := resolved(name, entry, recipe, parts, faults)) is not None:
            found[name] = target
    return found


def _recipe(written: Any, parts: Parts, at: Path, faults: Faults) -> Recipe | None:
    """Return the strategy meant; one from the file goes before a kind of the same name."""
    if isinstance(written, dict):
        return _strategy(written, str(written.get("kind")), at, faults)
    if not isinstance(written, str):
        return None
    if written in parts.strategies:
        return parts.strategies[written]
    if written in SPELLINGS:
        return _strategy(NAMES[SPELLINGS[written]], SPELLINGS[written], at, faults)
    if written in STRATEGIES.names:
        return _strategy({"kind": written}, written, at, faults)
    faults.add(at, unknown("strategy", written, (*parts.strategies, *STRATEGIES.names, *NAMES)))
    return None

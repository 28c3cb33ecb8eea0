"""Put a target's parts together: from names to one plan with everything in it."""

from datetime import timedelta
from typing import NamedTuple

from orchestrator.domain.analysis import Check
from orchestrator.domain.errors import InvalidSpec
from orchestrator.domain.plan import MAX_STEPS, Gate, Limits, Plan, Plugin, Promote, Sampling, Shift, Sizing, Step
from orchestrator.domain.release import Target
from orchestrator.domain.sizing import sized
from orchestrator.releasefile.faults import Faults
from orchestrator.releasefile.model import (
    Asking,
    LimitsEntry,
    ReleaseFile,
    ResolvedTarget,
    SamplingEntry,
    TargetEntry,
)
from orchestrator.releasefile.wording import unknown
from orchestrator.strategies import format_duration


class AskedGate(NamedTuple):
    """A gate of the file: what to ask, and how."""

    plugin: Plugin
    asking: Asking


class Recipe(NamedTuple):
    """A strategy of the file, already planned."""

    name: str
    steps: tuple[Step, ...]
    sizing: Sizing | None = None


class Parts(NamedTuple):
    """What a target may name. None stands for a part that exists but has a problem, which is told where it stands."""

    strategies: dict[str, Recipe | None]
    checks: dict[str, Check | None]
    probes: dict[str, Plugin | None]
    gates: dict[str, AskedGate | None]
    limits: LimitsEntry
    sampling: SamplingEntry


def resolve(file: ReleaseFile, name: str) -> ResolvedTarget:
    """Return the target of that name. Raises InvalidSpec naming those that exist."""
    if name not in file.targets:
        raise InvalidSpec(f"{unknown('target', name, file.targets)} in {file.name}")
    return file.targets[name]


def shortest(plan: Plan) -> timedelta:
    """Return the least time that the plan's bakes take when everything goes well and nobody skips one."""
    bakes = [step.bake for step in plan.steps if isinstance(step, (Shift, Promote))]
    return sum((b.minimum if b.advance == "on_evidence" else b.duration for b in bakes), timedelta(0))


def resolved(name: str, entry: TargetEntry, recipe: Recipe, parts: Parts, faults: Faults) -> ResolvedTarget | None:
    """Return the target with its plan; None, with problems recorded, where the parts do not fit together."""
    names = ("errors",) if entry.checks is None else entry.checks
    checks = [parts.checks.get(c) for c in dict.fromkeys(names)]
    probes = [parts.probes.get(p) for p in entry.probes]
    gates = [parts.gates.get(g) for g in entry.gates]
    if None in (*checks, *probes, *gates):
        return None
    if not checks and any(isinstance(step, Shift) for step in recipe.steps):
        faults.add(
            ("targets", name, "checks"),
            f"{recipe.name} splits traffic, and without a check nothing would be measured: list at least one",
        )
        return None
    steps = _with_gates(recipe, [g for g in gates if g is not None], ("targets", name), faults)
    if len(steps) > MAX_STEPS:
        faults.add(
            ("targets", name, "strategy"),
            f"{recipe.name} has {len(steps)} steps with its gates, and a release takes at most {MAX_STEPS}: use fewer, "
            "larger ones",
        )
        return None
    plan = Plan(
        strategy=recipe.name,
        steps=steps,
        checks=tuple(c for c in checks if c is not None),
        probes=tuple(p for p in probes if p is not None),
        sampling=Sampling(**_merged(parts.sampling, entry.sampling)),
        limits=Limits(**_merged(parts.limits, entry.limits)),
        sizing=recipe.sizing,
    )
    if shortest(plan) > plan.limits.deadline:
        faults.add(
            ("targets", name, "strategy"),
            f"{recipe.name} takes at least {format_duration(shortest(plan))}, "
            f"longer than the deadline of {format_duration(plan.limits.deadline)}",
        )
    place = Target(**{field: getattr(entry, field) for field in Target.model_fields})
    kept = entry.model_dump(include={"provisioned_concurrency", "labels", "on_busy"})
    return ResolvedTarget(name=name, target=place, plan=plan, configuration=entry.configuration, **kept)


def _merged(file: LimitsEntry | SamplingEntry, target: LimitsEntry | SamplingEntry) -> dict[str, timedelta]:
    return {**file.model_dump(exclude_none=True), **target.model_dump(exclude_none=True)}


def _with_gates(recipe: Recipe, gates: list[AskedGate], at: tuple[str, str], faults: Faults) -> tuple[Step, ...]:
    """Return the steps with each gate right before the shifts and the promotion that it guards."""
    sure = recipe.steps if recipe.sizing is None else sized(recipe.steps, 0)
    reached = {_weight(step) for step in sure}
    never = "never reaches" if recipe.sizing is None else "does not reach at every traffic"
    for i, gate in enumerate(gates):
        for weight in sorted({*gate.asking.before} - reached):
            faults.add(
                (*at, "gates", i),
                f"gate `{gate.plugin.name}` is asked before {weight:g} %, which {recipe.name} {never}",
            )
    steps: list[Step] = []
    for step in recipe.steps:
        if (to := _weight(step)) is not None:
            steps += [_gate_step(gate) for gate in gates if to in (gate.asking.before or (to,))]
        steps.append(step)
    return tuple(steps)


def _weight(step: Step) -> float | None:
    if isinstance(step, Shift):
        return step.weight
    return 100.0 if isinstance(step, Promote) else None


def _gate_step(gate: AskedGate) -> Gate:
    return Gate(gate=gate.plugin, timeout=gate.asking.wait, interval=gate.asking.every)

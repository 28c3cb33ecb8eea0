"""One switch, for changes that two versions cannot share an alias over, and for targets that nobody waits on."""

from datetime import timedelta

from orchestrator.domain.plan import Step
from orchestrator.strategies import Duration, SpecModel, Strategy, promotion


class Spec(SpecModel):
    """Options of `kind: all_at_once`."""

    final_bake: Duration = timedelta(minutes=10)
    """How long to watch at 100 % before the release ends."""
    max_hold: Duration = timedelta(minutes=30)
    """How much longer than the final bake to wait for enough data before `on_inconclusive` applies."""


def plan(spec: Spec) -> tuple[Step, ...]:
    """Return the promotion alone."""
    return (promotion(spec.final_bake, spec.max_hold),)


PLUGIN = Strategy(Spec, plan)

"""Publish and probe the new version beside the old one, then switch all traffic at once and watch."""

from datetime import timedelta

from orchestrator.domain.plan import Step
from orchestrator.strategies import AskFor, Duration, SpecModel, Strategy, promotion


class Spec(SpecModel):
    """Options of `kind: blue_green`."""

    approval: AskFor | None = None
    """Ask a person before the switch; `{}` for whoever may approve."""
    final_bake: Duration = timedelta(minutes=30)
    """How long to watch at 100 % before the release ends."""
    max_hold: Duration = timedelta(minutes=30)
    """How much longer than the final bake to wait for enough data before `on_inconclusive` applies."""


def plan(spec: Spec) -> tuple[Step, ...]:
    """Return the approval, if one is asked, and the promotion. Publishing and probing come before every first step."""
    approval: tuple[Step, ...] = () if spec.approval is None else (spec.approval.step(),)
    return (*approval, promotion(spec.final_bake, spec.max_hold))


PLUGIN = Strategy(Spec, plan)

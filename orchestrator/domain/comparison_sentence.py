"""The verdict in one sentence. Pure text from the judgement; nothing is decided here."""

from orchestrator.domain.comparison_evidence import Span
from orchestrator.domain.comparison_models import Decision, Judgement, StepView
from orchestrator.domain.comparison_settings import ComparisonSettings
from orchestrator.domain.significance import Counts

ODDS_LIMIT = 1_000_000
"""Longest odds ever printed; the model is not true to more digits than that."""

_CAPPED = f"1 in {ODDS_LIMIT:,}"
_FAILED = {"errors": "failed", "latency": "were slow"}


def describe(
    judgement: Judgement, step: StepView, settings: ComparisonSettings, loudest: tuple[str, Span], here: Span
) -> str:
    """Say the decision and its reason in one line.

    Args:
        judgement: everything but its sentence.
        step: where the release stands.
        settings: the limits that were applied.
        loudest: the stream (``errors`` or ``latency``) that carries more of the evidence, and the stretch in which it
            spoke loudest; an empty stretch when it never spoke.
        here: errors compared at the current weight.
    """
    if judgement.decision is Decision.ROLLBACK:
        return f"{_counts(*loudest)}; {_would_show(judgement)} (limit {_odds(settings.alpha)})"
    if here.periods == 0:
        text = f"no complete period with requests on both versions at a weight of {step.weight:g}%; nothing to compare"
    elif judgement.suspicious:
        text = f"{_counts(*loudest)}; suspicious: {_would_show(judgement)}; held from 1 in {settings.hold_at:g}"
    else:
        text = f"{_counts('errors', here)}; {_progress(judgement, step, settings)}"
    if judgement.decision is Decision.INCONCLUSIVE and step.limit_seconds is not None:
        text += f"; {_time(step.seconds_in_step)} in this step, limit {_time(step.limit_seconds)}"
    return text


def _would_show(judgement: Judgement) -> str:
    odds = _odds(judgement.p_value)
    bound = "fewer than" if odds == _CAPPED else "at most"
    return f"a release within the margins would show this in {bound} {odds} releases"


def _progress(judgement: Judgement, step: StepView, settings: ComparisonSettings) -> str:
    """Say how far the proof is that an advance needs."""
    margin, bound = _percent(judgement.accept_margin), _percent(judgement.accept_bound)
    excess = f"errors beyond {settings.accept_rho:g} times the stable version's"
    if step.periods_visible < settings.min_periods:
        return f"{step.periods_visible} of the {settings.min_periods} periods needed to advance are visible"
    if judgement.hold:
        return f"held: {judgement.warnings[0]}"
    if judgement.decision is Decision.ADVANCE:
        sure = f"at {100 * (1 - settings.beta):g}% confidence"
        cost = f"the next step costs at most {settings.risk_budget:g} failed requests beyond that"
        return f"proven: {excess} are at most {bound} (limit {margin}); {cost}, {sure}"
    return f"undecided: {excess} may still be {bound}, need at most {margin} to advance"


def _counts(stream: str, span: Span) -> str:
    counts: Counts = span.counts
    return (
        f"{stream}: {counts.canary_bad:,.0f} of {counts.canary:,.0f} canary requests {_FAILED[stream]} against "
        f"{counts.baseline_bad:,.0f} of {counts.baseline:,.0f} on the stable version in the same {_time(span.seconds)}"
    )


def _odds(probability: float) -> str:
    odds = 1 / probability
    if odds >= ODDS_LIMIT:
        return _CAPPED
    return f"1 in {odds:,.0f}" if odds >= 10 else f"1 in {odds:.1f}".removesuffix(".0")


def _percent(rate: float) -> str:
    return f"{100 * rate:.3f}%"


def _time(seconds: float) -> str:
    if seconds < 60 or seconds % 60:
        return f"{seconds:,.0f} s"
    return f"{seconds / 60:,.0f} min"

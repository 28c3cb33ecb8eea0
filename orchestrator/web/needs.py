"""Which releases need somebody, and the lists in which they are searched for. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from orchestrator.api.listing import Filters
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Outcome, Phase
from orchestrator.figures import BAKES
from orchestrator.web.marks import holds

MOST_ASKING = 200
"""Releases of one phase in which a person is asked that are looked through."""
MOST_BAKING = 500
"""Bakes, and as many final bakes, that are looked through for one that holds: Temporal cannot tell these apart."""
_ASKING = (Phase.ROLLING_BACK, Phase.AWAITING_APPROVAL, Phase.PAUSED)
"""A drift is settled on the way back."""


class Search(NamedTuple):
    """One list, and how many of its rows are looked through."""

    filters: Filters
    most: int


def urgency(state: ReleaseState) -> int | None:
    """Return how urgently the release needs a person, 0 first; None where it goes on by itself."""
    needs = (
        state.outcome is Outcome.FAILED,
        state.drifted,
        state.phase is Phase.AWAITING_APPROVAL,
        holds(state),
        state.paused_by is not None,
    )
    return next((i for i, need in enumerate(needs) if need), None)


def running_searches(wished: Filters) -> Iterator[Search]:
    """Return the lists in which every running release is that may need somebody and fits what is wished.

    One list for each phase: among all that run, the few that wait for a person would be out of reach.
    """
    if wished.running is False or wished.outcome is not None:
        return
    for phase in (*_ASKING, *sorted(BAKES)):
        if wished.phase in {None, phase}:
            yield Search(wished._replace(phase=phase, running=True), MOST_BAKING if phase in BAKES else MOST_ASKING)


def failed_list(wished: Filters) -> Filters | None:
    """Return the list of all that ended as FAILED and fit what is wished; None where nothing can fit."""
    if wished.running is True or wished.phase not in {None, Phase.DONE} or wished.outcome not in {None, Outcome.FAILED}:
        return None
    return wished._replace(outcome=Outcome.FAILED)

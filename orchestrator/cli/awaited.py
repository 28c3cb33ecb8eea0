"""What `sluice wait --for` may wait for. Pure: a release's state in, reached or not out."""

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.cli.exits import Exit, exit_of_release
from orchestrator.domain.errors import InvalidSpec
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Outcome, Phase

Reached = Callable[[ReleaseState], bool]

_WAITING = {Phase.PENDING, Phase.QUEUED}
_ON_THE_WAY_BACK = {Phase.ROLLING_BACK, Phase.DONE}
_MOMENTS: dict[str, Reached] = {
    "approval": lambda state: state.phase is Phase.AWAITING_APPROVAL,
    "paused": lambda state: state.phase is Phase.PAUSED,
}
"""Where a release stands still for a person or a gate, and what it leaves again: it holds now, or it does not."""
_STAGES: dict[str, Reached] = {
    "started": lambda state: state.phase not in _WAITING,
    "baking": lambda state: state.weight > 0,
    "promoted": lambda state: state.weight >= 100 and state.phase is not Phase.PROMOTING,
}
"""What a release passes on its way, so that later is reached too; never on the way back."""
NAMES = ("done", *_STAGES, *_MOMENTS, "step=", "weight=")


@dataclass(frozen=True)
class Awaited:
    """One thing to wait for; `passed` says whether a promoted release has had it by necessity."""

    words: str
    reached: Reached
    passed: bool = True

    def check(self, state: ReleaseState) -> None:
        """Raise InvalidSpec for a step that the release does not have: it would be waited for in vain."""
        self.reached(state)

    def exit_of(self, state: ReleaseState) -> Exit:
        """Return OK where it is reached, and else how the release ended; TIMED_OUT for one that goes on.

        A release that was promoted and never stood still as awaited is REFUSED: whoever waited was to act then.
        """
        if self.reached(state):
            return Exit.OK
        if state.outcome is Outcome.PROMOTED and not self.passed:
            return Exit.REFUSED
        return exit_of_release(state)


def awaited(written: str) -> Awaited:
    """Return what `--for` names. Raises InvalidSpec that lists what there is."""
    name, given, number = written.partition("=")
    if given and name in {"step", "weight"}:
        return _step(number) if name == "step" else _weight(number)
    if written == "done":
        return Awaited(written, lambda state: state.outcome is Outcome.PROMOTED)
    if written in _MOMENTS:
        return Awaited(written, _MOMENTS[written], passed=False)
    if written in _STAGES:
        return Awaited(written, _onward(_STAGES[written]))
    raise InvalidSpec(f"--for: `{written}` is none of done, {', '.join((*_STAGES, *_MOMENTS))}, step=N and weight=N")


def _step(number: str) -> Awaited:
    if not number.isdecimal() or int(number) < 1:
        raise InvalidSpec(f"--for: `step={number}` names no step: write its number as shown, from 1, e.g. step=2")
    wished = int(number)

    def reached(state: ReleaseState) -> bool:
        if state.steps and wished > len(state.steps):
            raise InvalidSpec(f"--for: release {state.release_id} has {len(state.steps)} steps, and no step {wished}")
        return state.step is not None and state.step + 1 >= wished

    return Awaited(f"step {wished}", _onward(reached))


def _weight(number: str) -> Awaited:
    try:
        wished = float(number)
    except ValueError:
        wished = 0
    if not 0 < wished <= 100:
        raise InvalidSpec(
            f"--for: `weight={number}` is no weight: write a percentage above 0, up to 100, e.g. weight=50"
        )
    return Awaited(f"{wished:g} %", _onward(lambda state: state.weight >= wished))


def _onward(reached: Reached) -> Reached:
    """A stage that was reached is not any more once the release goes back; a promoted one has passed all."""

    def onward(state: ReleaseState) -> bool:
        so_far = reached(state)
        return state.outcome is Outcome.PROMOTED or (so_far and state.phase not in _ON_THE_WAY_BACK)

    return onward

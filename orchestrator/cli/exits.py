"""Exit codes: what a script learns without reading a word. The table is in `docs/reference/cli.md`."""

import re
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.domain.journal import ReleaseState


class Exit(IntEnum):
    """Every code that `sluice` ends with, and no other."""

    OK = 0
    """Promoted, or the command did what it was asked."""
    ERROR = 1
    """Something failed that no other code names; the sentence on stderr says what."""
    USAGE = 2
    """The command line, the release file or a setting is wrong; nothing was sent."""
    ROLLED_BACK = 3
    """A check, probe, gate, deadline or error ended the release; the stable version serves everything."""
    ABORTED = 4
    """A person aborted or rejected the release; the stable version serves everything."""
    TIMED_OUT = 5
    """The time given to wait is over, or the token of the CI job is; the release goes on."""
    REFUSED = 6
    """Busy (another release holds the target), refused by preflight, nothing to release, or out of order."""
    FAILED = 7
    """The alias could not be brought to a known state: page someone."""
    INTERRUPTED = 130
    """Ctrl-C; a release goes on."""


def exit_of_release(state: "ReleaseState") -> Exit:
    """Return how a release ended; TIMED_OUT for one that has not."""
    from orchestrator.domain.release import Cause, Outcome  # noqa: PLC0415  keeps pydantic out of `sluice --help`

    judged = {Cause.VERDICT, Cause.GATE, Cause.PROBE, Cause.DEADLINE}
    match state.outcome:
        case None:
            return Exit.TIMED_OUT
        case Outcome.PROMOTED:
            return Exit.OK
        case Outcome.FAILED:
            return Exit.FAILED
        case _ if state.cause is Cause.ABORT:
            return Exit.ABORTED
        case Outcome.REJECTED if state.cause not in judged:
            return Exit.REFUSED
        case _:
            return Exit.ROLLED_BACK


def explain(error: Exception) -> tuple[Exit, tuple[str, ...]]:
    """Return the exit code and what to say: a sentence that says what to do, then one line per problem."""
    from pydantic import ValidationError  # noqa: PLC0415  see above

    from orchestrator.domain import errors  # noqa: PLC0415

    if isinstance(error, errors.InvalidSpec):
        return Exit.USAGE, (str(error), *(p for p in error.problems if p != str(error)))
    if isinstance(error, errors.SluiceError):
        hint = next((hint for kind, hint in _hints().items() if isinstance(error, kind)), "")
        code = Exit.USAGE if isinstance(error, errors.UnknownPlugin) else Exit.ERROR
        code = Exit.REFUSED if isinstance(error, (errors.Conflict, errors.IllegalCommand)) else code
        told = any(command in str(error) for command in re.findall("`sluice [a-z]+", hint))
        return code, (f"{error}; {hint}" if hint and not told else str(error),)
    if isinstance(error, ValidationError) and error.title == "Settings":
        places = ("SLUICE_" + "__".join(map(str, e["loc"])).upper() for e in error.errors())
        words = [f"{place}: {e['msg']}" for place, e in zip(places, error.errors(), strict=True)]
        return Exit.USAGE, ("a setting is wrong: mend the environment, .env or sluice.toml", *words)
    return Exit.ERROR, (f"unexpected {type(error).__name__}: {error}; please report it with the output of --debug",)


def _hints() -> dict[type[Exception], str]:
    """Return what to do, for errors whose own sentence tells only what is."""
    from orchestrator.domain import errors  # noqa: PLC0415

    return {
        errors.NotFound: "`sluice list` shows every release",
        errors.Conflict: "wait for it with `sluice wait`, or end it with `sluice abort`",
        errors.IllegalCommand: "`sluice get` shows where it is",
        errors.Drift: "`sluice adopt` accepts the alias as it is, `sluice restore` puts it back",
        errors.AccessDenied: "check the credentials and the role's policy",
        errors.MissingTarget: "check account, region and names in the release file",
        errors.Throttled: "try again in a minute",
        errors.TimedOut: "look with `sluice get` before trying again",
        errors.InvariantError: "this is a bug in Sluice: please report it",
    }

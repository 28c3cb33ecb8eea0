"""Every error that Sluice raises on purpose, and what each means for a retry.

Whether a call may be repeated is a property of the class, never a flag beside it. Expected outcomes (a verdict, a
closed gate, a rolled-back release) are values and are not raised. Three edges translate and nothing else does:
`activities.errors` (to Temporal), the HTTP API (to problem+json) and the CLI (to an exit code).

    SluiceError
      RequestError
        InvalidSpec
        UnknownPlugin
        IllegalCommand
        NotFound
        Conflict
      TargetError
        Drift
        IncompatibleVersions
        AccessDenied
        MissingTarget
        NotReleasable
      TransientError
        Throttled
        Unavailable
        TimedOut
        Stale
      InvariantError
"""

from datetime import timedelta


class SluiceError(Exception):
    """Base of all errors that Sluice raises on purpose; `str(error)` is one sentence for a person."""


class RequestError(SluiceError):
    """The caller must change the request; repeating it cannot help."""


class InvalidSpec(RequestError):
    """A release file, plan or setting breaks its rules. `problems` lists every one of them."""

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems or (message,)


class UnknownPlugin(RequestError):
    """A strategy, probe, gate or metric provider is named that does not exist; the message lists those that do."""


class IllegalCommand(RequestError):
    """The command does not fit the release's state; the message names the current step."""


class NotFound(RequestError):
    """The release that the caller names does not exist."""


class Conflict(RequestError):
    """Another release holds the target; the message names it."""


class TargetError(SluiceError):
    """AWS refuses, and will again until somebody changes something there."""


class Drift(TargetError):
    """The alias is not as Sluice left it: somebody else moved it. `found` and `expected` say how."""

    def __init__(self, message: str, *, expected: str = "", found: str = "") -> None:
        super().__init__(message)
        self.expected = expected
        self.found = found


class IncompatibleVersions(TargetError):
    """The two versions cannot share an alias (different role or dead-letter queue)."""


class AccessDenied(TargetError):
    """The credentials are missing, expired, or not allowed to make this call."""


class MissingTarget(TargetError):
    """The function, version, alias, bucket or alarm does not exist in this account and region."""


class NotReleasable(TargetError):
    """The version exists but cannot serve: it failed to start, or AWS refuses the change for good."""


class TransientError(SluiceError):
    """The same call may succeed later. `retry_after` is the service's own wish, if it told one."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Throttled(TransientError):
    """The service refused the call because of its rate."""


class Unavailable(TransientError):
    """The service failed (5xx), or could not be reached."""


class TimedOut(TransientError):
    """No answer in time: the call may or may not have taken effect."""


class Stale(TransientError):
    """A guarded write carried a revision that is no longer current (412): read again, never write blindly."""


class InvariantError(SluiceError):
    """A rule that Sluice itself must keep is broken: a bug, to be reported."""

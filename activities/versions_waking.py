"""Bringing a version to Active: waiting while it is Pending, waking it where Lambda has put it to sleep."""

from contextlib import suppress
from datetime import timedelta

from activities.ports import FunctionVersion, LambdaPort
from activities.waiting import Sleep, Tell, until
from orchestrator.domain.errors import NotReleasable, TransientError

WAKE_TIMEOUT = 10.0
"""Seconds that the invocation which wakes a version may take; its answer does not matter."""


async def active(
    functions: LambdaPort, function: str, version: str, *, within: timedelta, sleep: Sleep, tell: Tell
) -> FunctionVersion:
    """Return the version once it is Active; one that is Inactive is invoked once, with `{}`.

    Raises NotReleasable for a version that failed or is being taken away, TimedOut past `within`.
    **Source:** AWS Lambda developer guide, "Lambda function states": the first invocation of an idle version fails and
    makes it Pending; SnapStart versions go idle after 14 days.
    """
    found = await functions.get_function(function, version)
    if found.state == "Inactive":
        tell(f"waking version {version} of {function}, which has been idle")
        with suppress(TransientError, NotReleasable):
            await functions.invoke(function, version, b"{}", timeout=WAKE_TIMEOUT)
    return await until(
        lambda: functions.get_function(function, version),
        lambda seen: _is_active(seen, function),
        lambda seen: f"version {version} of {function} is {seen.state}",
        within=within,
        sleep=sleep,
        tell=tell,
    )


def _is_active(found: FunctionVersion, function: str) -> bool:
    if found.state not in ("Active", "Pending", "Inactive"):
        reason = found.state_reason or "AWS gives no reason"
        raise NotReleasable(f"version {found.version} of {function} is {found.state}: {reason}")
    return found.state == "Active"

"""The activity `preflight`: read what the release will rely on, and list all that stands against it at once."""

import asyncio

from temporalio import activity

from activities.errors import translated
from activities.ports import Aws, Clock
from activities.preflight_findings import Finding
from activities.preflight_readings import Readings, read
from activities.preflight_surroundings import surroundings
from activities.preflight_target import first_of, target_problems
from activities.waiting import Sleep
from orchestrator.domain.analysis import AlarmReading, Alarms
from orchestrator.domain.errors import AccessDenied
from orchestrator.domain.release import ReleaseRequest, Target
from orchestrator.domain.sizing import sized
from orchestrator.domain.traffic import AliasState
from orchestrator.domain.work import Preflight, PreflightReport


class Preflighting:
    """Looks at targets through `aws`; `sleep` paces the wait for a stable version that has to be woken."""

    def __init__(self, aws: Aws, clock: Clock, *, sleep: Sleep = asyncio.sleep) -> None:
        self._aws = aws
        self._clock = clock
        self._sleep = sleep

    @activity.defn(name="preflight")
    @translated
    async def preflight(self, work: Preflight) -> PreflightReport:
        """Report problems, warnings, and what the release freezes at its start. Repeating it is safe.

        It writes nothing. One call is more than a read: a stable version that Lambda has put to sleep is invoked once,
        with `{}`, because it could not be returned to otherwise. What AWS refuses becomes a problem or a warning; a
        TransientError is raised, since a reading that failed says nothing about the target.
        """
        request = work.request
        stranger = await self._stranger(request.target)
        if stranger is not None:  # whatever else is found there is about somebody else's account
            return PreflightReport(problems=(stranger,))
        seen = await read(self._aws, request, self._clock, self._sleep)
        found = (*target_problems(request, seen), *surroundings(request, seen))
        return _report(request, seen, found)

    async def _stranger(self, target: Target) -> str | None:
        """Say why the credentials are not those of the target's account; None when they are."""
        try:
            account = await self._aws.functions(target).account()
        except AccessDenied as error:
            return f"no usable credentials for account {target.account}: {error}"
        if account == target.account:
            return None
        return (
            f"the worker's credentials belong to account {account}, but the release targets account {target.account}: "
            f"give the worker a role in {target.account}, or correct the target"
        )


def _report(request: ReleaseRequest, seen: Readings, found: tuple[Finding, ...]) -> PreflightReport:
    alias = seen.alias if isinstance(seen.alias, AliasState) else None
    rate = seen.requests_per_minute if isinstance(seen.requests_per_minute, float) else None
    return PreflightReport(
        problems=tuple(f.sentence for f in found if f.blocks),
        warnings=tuple(f.sentence for f in found if not f.blocks),
        alias=alias,
        stable=seen.stable_number,
        first=request.create and first_of(seen),
        stable_timeout=seen.stable_timeout,
        red_alarms=_overridden(request, seen),
        slow_above=seen.slow_above if isinstance(seen.slow_above, float) else None,
        requests_per_minute=rate,
        steps=None if rate is None else sized(request.plan.steps, rate),
    )


def _overridden(request: ReleaseRequest, seen: Readings) -> dict[str, float]:
    """Return since when (epoch seconds) the overridden alarms are red, by name: those of enforced checks only."""
    if not request.override_red_alarms or not isinstance(seen.alarms, tuple):
        return {}
    enforced = {n for c in request.plan.checks if isinstance(c, Alarms) and c.mode == "enforce" for n in c.names}
    red: list[AlarmReading] = [a for a in seen.alarms if a.state == "ALARM" and a.name in enforced]
    return {alarm.name: alarm.since for alarm in red}

"""One look of a bake: read, judge, conclude. Temporal retries it at the plan's interval, at no history event a look."""

import asyncio
from datetime import timedelta
from math import ceil, floor

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.errors import translated
from activities.metrics.cloudwatch import Wanted, observe, slow_name
from activities.ports import Aws, Clock
from activities.querying import Querying
from activities.traffic import drift
from orchestrator.domain import judging
from orchestrator.domain.analysis import (
    AlarmReading,
    Alarms,
    Compare,
    Limit,
    Measurement,
    Observation,
    Query,
    Verdict,
)
from orchestrator.domain.errors import SluiceError, TargetError, TransientError
from orchestrator.domain.traffic import Reading, read_against, split, whole
from orchestrator.domain.work import BakeProgress, Watch, Watched

PROVIDER_ERRORS = 4
"""Looks in a row without numbers before people are told. Source: Argo Rollouts' consecutiveErrorLimit."""

ALARM_SECONDS = 8
"""How long a look waits for alarms, of the 20 s that it may take: its numbers must not be lost with them."""

STILL_BAKING = "StillBaking"
"""Type of the error that ends a look without a decision; it is benign and brings its own delay."""


class Analysis:
    """Looks at both versions through `aws`, and asks metric providers through `queries`."""

    def __init__(self, aws: Aws, clock: Clock, queries: Querying) -> None:
        self._aws = aws
        self._clock = clock
        self._queries = queries

    @activity.defn(name="bake")
    @translated
    async def bake(self, watch: Watch) -> Watched:
        """Look once. Returns when the step may end or the release must turn back; else raises StillBaking.

        A look reads everything again from the first weight on, so a repeated, late or lost one changes nothing.
        """
        now = self._clock.now().timestamp()
        before = _last_progress()
        measurements, observations = await self._measure(watch, now)
        unread = any(m.verdict is Verdict.ERROR and m.mode == "enforce" for m in measurements)
        errors = before.provider_errors + 1 if unread else 0
        elapsed = now - watch.windows[-1].start
        conclusion = judging.conclude(watch.bake, measurements, elapsed=elapsed, waits=watch.mode != "guard")
        progress = BakeProgress(
            measurements=measurements,
            sentence=conclusion.sentence,
            at=now,
            looks=before.looks + 1,
            provider_errors=errors,
            observed_share=_observed_share(observations, watch.step),
        )
        activity.heartbeat(progress)
        action = conclusion.action
        if action == "wait" and errors >= PROVIDER_ERRORS and watch.mode == "bake":
            action = "hold"
        if (watch.mode == "guard" and action != "rollback") or (watch.mode == "hold" and action == "hold"):
            action = "wait"
        if action == "hold":
            await self._refuse_drift(watch)
        if action == "wait":
            raise ApplicationError(
                conclusion.sentence[:200],
                type=STILL_BAKING,
                next_retry_delay=_until_next_look(watch, elapsed),
                category=ApplicationErrorCategory.BENIGN,
            )
        return Watched(action=action, sentence=conclusion.sentence, measurements=measurements)

    async def _refuse_drift(self, watch: Watch) -> None:
        """Raise Drift when the alias was moved: that is why there is too little data, and no waiting brings more.

        Asked once for each hold, since control calls are few; an alias that cannot be read is no reason to go back.
        """
        target = watch.request.target
        try:
            found = (await self._aws.functions(target).get_alias(target.function, target.alias)).routing
        except (TransientError, TargetError):
            return
        weight = watch.windows[-1].weight
        wished = whole(watch.canary) if watch.final else split(watch.stable, watch.canary, weight)
        written = wished.share_of(watch.canary)
        if read_against(found, wished, watch.stable, watch.canary, written=written) is Reading.FOREIGN:
            raise drift(target, found, wished)

    async def _measure(self, watch: Watch, now: float) -> tuple[tuple[Measurement, ...], tuple[Observation, ...]]:
        plan = watch.request.plan
        sampled = [c for c in plan.checks if isinstance(c, Limit) or (isinstance(c, Compare) and not watch.final)]
        watched_alarms = [c for c in plan.checks if isinstance(c, Alarms)]
        observations: tuple[Observation, ...] = ()
        measurements: list[Measurement] = []
        try:
            if sampled:
                observations = await self._observe(watch, now)
                measurements += [self._judge(c, watch, observations, now) for c in sampled]
        except (TransientError, TargetError) as error:
            measurements += [judging.unreadable(c, str(error)) for c in sampled]
        try:
            async with asyncio.timeout(ALARM_SECONDS):
                readings = await self._alarms(watch, watched_alarms)
            since = watch.windows[0].start
            measurements += [
                judging.alarms(c, [r for r in readings if r.name in c.names], watch.red_alarms, since=since)
                for c in watched_alarms
            ]
        except TimeoutError:
            late = f"the alarms were not read within {ALARM_SECONDS} s"
            measurements += [judging.unreadable(c, late) for c in watched_alarms]
        except (TransientError, TargetError) as error:
            measurements += [judging.unreadable(c, str(error)) for c in watched_alarms]
        queries = [c for c in plan.checks if isinstance(c, Query)]
        measurements += await asyncio.gather(*(self._query(c, watch, now) for c in queries))
        return tuple(measurements), observations

    async def _observe(self, watch: Watch, now: float) -> tuple[Observation, ...]:
        plan = watch.request.plan
        return await observe(
            self._aws.cloudwatch(watch.request.target),
            watch.request.target,
            arms={"canary": watch.canary, "baseline": watch.stable},
            windows=watch.windows,
            wanted=Wanted(plan.checks, watch.slow_above),
            sampling=plan.sampling,
            settle=watch.settle,
            now=now,
        )

    def _judge(
        self, check: Compare | Limit, watch: Watch, observations: tuple[Observation, ...], now: float
    ) -> Measurement:
        if isinstance(check, Limit):
            return judging.limit(check, observations, step=watch.step)
        return judging.compare(
            check,
            observations,
            step=watch.step,
            weight=watch.windows[-1].weight,
            next_weight=watch.next_weight,
            seconds_in_step=now - watch.windows[-1].start,
            slow=slow_name(check, watch.slow_above),
            limit_seconds=(watch.bake.duration + watch.bake.max_hold).total_seconds(),
            alpha_share=judging.alpha_share(watch.request.plan.checks),
        )

    async def _query(self, check: Query, watch: Watch, now: float) -> Measurement:
        """Ask for the newest complete period, once one lies in this step."""
        sampling, target = watch.request.plan.sampling, watch.request.target
        period = max(1, round(sampling.period.total_seconds()))
        at = floor((now - sampling.lag.total_seconds()) / period) * period
        if at < ceil(watch.windows[-1].start / period) * period + period:
            return judging.query(check, None)
        try:
            reading = await self._queries.read(check, target, canary=watch.canary, stable=watch.stable, at=at)
        except SluiceError as error:  # a query that is wrong must not end the release either
            return judging.unreadable(check, str(error))
        return judging.query(check, reading)

    async def _alarms(self, watch: Watch, checks: list[Alarms]) -> list[AlarmReading]:
        names = sorted({n for c in checks for n in c.names})
        return list(await self._aws.cloudwatch(watch.request.target).alarms(names)) if names else []


def _last_progress() -> BakeProgress:
    details = activity.info().heartbeat_details
    return BakeProgress.model_validate(details[0]) if details else BakeProgress()


def _until_next_look(watch: Watch, elapsed: float) -> timedelta:
    """The plan's interval, but never past the moment at which the step may end."""
    interval = watch.request.plan.sampling.interval
    left = watch.bake.duration.total_seconds() - elapsed
    return min(interval, timedelta(seconds=left)) if left > 0 else interval


def _observed_share(observations: tuple[Observation, ...], step: int) -> float | None:
    here = [o for o in observations if o.step == step]
    canary = sum(o.canary.invocations for o in here if o.canary)
    total = canary + sum(o.baseline.invocations for o in here if o.baseline)
    return 100 * canary / total if total else None

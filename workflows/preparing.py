"""Everything before the first weight: read, publish, warm, probe. The alias is not written here."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.journal import EventKind
    from orchestrator.domain.plan import Shift
    from orchestrator.domain.release import Cause, Phase
    from orchestrator.domain.work import Preflight, Probe, Publish, Warm
    from workflows import calls
    from workflows.baking import clear_to_go
    from workflows.ground import Ground
    from workflows.intent import Back, Refused
    from workflows.logbook import planned
    from workflows.runtime import on_runtime
    from workflows.waits import race


async def prepare(ground: Ground) -> None:
    """Leave with a published, warm and probed canary. Raises Refused, Back, or ActivityError."""
    ground.log.enter(Phase.PREPARING, "checking everything before writing anything")
    await _preflight(ground)
    await clear_to_go(ground)
    await _publish(ground)
    await clear_to_go(ground)
    await _warm(ground)
    await _probe(ground)


async def _preflight(ground: Ground) -> None:
    report = await race(calls.preflight(Preflight(request=ground.request)), lambda: ground.intent.must_return)
    ground.intent.check()
    if report is None:
        return
    for warning in report.warnings:
        ground.log.note(EventKind.WARNING, warning)
    if report.problems:
        raise Refused(Cause.PREFLIGHT, "; ".join(report.problems))
    ground.report = report
    if report.alias is not None:
        ground.found(report.alias.revision)
    for name in report.red_alarms:
        ground.log.note(
            EventKind.WARNING,
            f"alarm {name} was red at the start; overridden, it counts again once it has been OK",
            actor=ground.request.actor.name,
        )
    if report.first:
        return
    ground.log.note(EventKind.PREPARED, f"version {report.stable} is stable", stable=report.stable)
    if report.steps is not None and report.requests_per_minute is not None:
        weights = ", ".join(f"{step.weight:g}" for step in report.steps if isinstance(step, Shift))
        ground.log.note(
            EventKind.PREPARED,
            f"sized to {report.requests_per_minute:,.0f} requests a minute: {weights} and 100 %",
            data={"requests_per_minute": report.requests_per_minute},
            steps=planned(ground.plan),
        )


async def _publish(ground: Ground) -> None:
    request = ground.request
    work = Publish(
        release_id=request.release_id,
        target=request.target,
        artifact=request.artifact,
        configuration=request.configuration,
        stable=ground.report.stable,
    )
    published = await race(calls.publish(work), lambda: ground.intent.must_return)
    ground.intent.check()
    if published is None:
        return
    if published.version == ground.report.stable:
        raise Refused(
            Cause.NOTHING_TO_RELEASE,
            f"nothing to release: {request.target} serves version {ground.stable} already, with the same code",
        )
    if published.incompatible and request.plan.splits:
        raise Refused(Cause.PREFLIGHT, "; ".join(published.incompatible))
    ground.published = published
    changes = f" ({', '.join(published.differences)})" if published.differences else ""
    ground.log.note(
        EventKind.PUBLISHED,
        f"version {published.version} is on trial{changes}",
        data=on_runtime(published.runtime_version),
        canary=published.version,
    )


async def _warm(ground: Ground) -> None:
    count = ground.request.provisioned_concurrency
    if count is None:
        return
    ground.warmed = True
    work = Warm(target=ground.request.target, version=ground.canary, count=count)
    warmed = await race(calls.warm(work), lambda: ground.intent.must_return)
    ground.intent.check()
    if warmed is not None:
        ground.log.note(
            EventKind.PREPARED, f"{warmed.ready} provisioned instances of version {ground.canary} are ready"
        )


async def _probe(ground: Ground) -> None:
    probes = ground.request.plan.probes
    if not probes:
        return
    work = Probe(target=ground.request.target, version=ground.canary, probes=probes)
    probed = await race(calls.probe(work), lambda: ground.intent.must_return)
    ground.intent.check()
    if probed is None:
        return
    for answer in probed.answers:
        ground.log.note(EventKind.PROBED, f"probe {answer.name}: {answer.sentence}", data={"passed": answer.passed})
    if not probed.passed:
        raise Back(Cause.PROBE, "; ".join(f"probe {a.name}: {a.sentence}" for a in probed.answers if not a.passed))

"""What stands against a release in its own function, alias and versions. Pure."""

from collections.abc import Iterator

from activities.ports import FunctionVersion
from activities.preflight_findings import Finding, command, problem, warning
from activities.preflight_readings import LATEST, Readings
from activities.versions_compared import incompatibilities
from orchestrator.domain.errors import MissingTarget, TargetError
from orchestrator.domain.release import Image, Latest, PublishedVersion, ReleaseRequest, S3Object
from orchestrator.domain.traffic import AliasState


def target_problems(request: ReleaseRequest, seen: Readings) -> Iterator[Finding]:
    """Yield every finding about function, alias, stable version and artifact; a missing function hides the rest."""
    target = request.target
    if isinstance(seen.latest, MissingTarget):
        yield problem(
            f"function {target.function} does not exist in account {target.account}, region {target.region}: wrong "
            f"region, or a wrong name? `aws lambda list-functions --region {target.region}` lists those that do"
        )
        return
    if isinstance(seen.latest, TargetError):
        yield problem(f"function {target.function} could not be read: {seen.latest}")
    yield from _alias(request, seen)
    if isinstance(seen.stable, TargetError):
        yield problem(
            f"there would be no way back, because the stable version {seen.stable_number} cannot serve: {seen.stable}. "
            "Point the alias to a version that can, then release again"
        )
    yield from _artifact(request, seen)
    yield from _compatibility(request, seen)


def _alias(request: ReleaseRequest, seen: Readings) -> Iterator[Finding]:
    target, alias = request.target, seen.alias
    if request.create and first_of(seen):
        yield warning(
            f"this is the first release of {target}: the alias goes to the new version at once when its probes have "
            "passed; there is nothing to compare with and nothing to return to"
        )
    elif isinstance(alias, MissingTarget):
        create = command(target, "create-alias", "--name", target.alias, "--function-version N")
        yield problem(
            f"alias {target.alias} of function {target.function} does not exist. A first version has nothing to return "
            f"to: release with `--create`, or publish one and create the alias with {create}"
        )
    elif isinstance(alias, TargetError):
        yield problem(f"alias {target} could not be read: {alias}")
    elif alias.routing.primary == LATEST:
        publish = command(target, "publish-version")
        move = command(target, "update-alias", "--name", target.alias, "--function-version N")
        yield problem(
            f"alias {target} points to $LATEST, which changes with every upload and cannot be returned to: "
            f"release with `--create`, or publish it with {publish} and point the alias to that version with {move}"
        )
    elif request.expects not in (None, alias.routing.primary):
        yield problem(
            f"alias {target} routes to {alias.routing}, and not to version {request.expects}, which is to be rolled "
            "back: somebody has moved it since, and their change is not taken away. Where it is to be, release the "
            "version that you want by its number (`--version N`)"
        )
    elif alias.routing.additional is not None:
        yield _leftover(request, alias)


def first_of(seen: Readings) -> bool:
    """Whether nothing that could be returned to is served: the alias is missing, or on `$LATEST`."""
    alias = seen.alias
    return isinstance(alias, MissingTarget) or (isinstance(alias, AliasState) and alias.routing.primary == LATEST)


def _leftover(request: ReleaseRequest, alias: AliasState) -> Finding:
    routing, target = alias.routing, request.target
    split = (
        f"alias {target} is split already: {routing.weight:g} % go to version {routing.additional}, the rest to "
        f"version {routing.primary}"
    )
    if request.adopt:
        return warning(
            f"{split}. It is adopted: version {routing.primary} is stable, and version {routing.additional} keeps its "
            "share until the first step is written"
        )
    clear = command(target, "update-alias", "--name", target.alias, "--routing-config", "'AdditionalVersionWeights={}'")
    return problem(
        f"{split}. If another tool is releasing, let it end; if one has left this behind, send everything back to "
        f"version {routing.primary} with {clear}, or release with `--adopt`"
    )


def _artifact(request: ReleaseRequest, seen: Readings) -> Iterator[Finding]:
    artifact, target, version = request.artifact, request.target, seen.artifact
    if isinstance(artifact, PublishedVersion):
        if isinstance(version, MissingTarget):
            yield problem(
                f"version {artifact.version} of function {target.function} does not exist: "
                f"{command(target, 'list-versions-by-function')} lists those that do"
            )
        elif isinstance(version, TargetError):
            yield problem(f"version {artifact.version} of function {target.function} could not be read: {version}")
        elif version is not None and version.state not in ("Active", "Pending", "Inactive"):
            yield problem(
                f"version {version.version} of function {target.function} is {version.state} "
                f"({version.state_reason or 'AWS gives no reason'}): repair the cause and publish a new version"
            )
        if request.configuration.changes():
            names = ", ".join(request.configuration.changes())
            yield problem(
                f"version {artifact.version} is published, so its settings ({names}) cannot change: release `latest` "
                "or new code with these settings, or leave them out"
            )
    elif _publishes_what_failed(request, seen.latest):
        yield problem(
            f"the last update of function {target.function} failed, so $LATEST still has the code before it: "
            f"{_reason(seen.latest)}. Update it again, then release"
        )


def _publishes_what_failed(request: ReleaseRequest, latest: FunctionVersion | TargetError) -> bool:
    """Whether nothing in this release would replace the update of `$LATEST` that failed."""
    untouched = isinstance(request.artifact, Latest) and not request.configuration.changes()
    return untouched and isinstance(latest, FunctionVersion) and latest.last_update == "Failed"


def _reason(latest: FunctionVersion | TargetError) -> str:
    told = latest.last_update_reason if isinstance(latest, FunctionVersion) else str(latest)
    return told or "AWS gives no reason"


def _compatibility(request: ReleaseRequest, seen: Readings) -> Iterator[Finding]:
    """Yield a problem for a role or dead-letter queue that differs, unless the plan never serves both at once."""
    canary = seen.artifact if isinstance(request.artifact, PublishedVersion) else _to_be(request, seen.latest)
    if not isinstance(canary, FunctionVersion) or not isinstance(seen.stable, FunctionVersion):
        return
    for sentence in incompatibilities(seen.stable, canary):
        if request.plan.splits:
            yield problem(
                f"{sentence}. AWS refuses an alias over two such versions: use a strategy that moves all traffic at "
                "once, or release the role or queue by itself first"
            )
        else:
            yield warning(f"{sentence}; it changes for all traffic at once")


def _to_be(request: ReleaseRequest, latest: FunctionVersion | TargetError) -> FunctionVersion | TargetError:
    """Return `$LATEST` with the role and queue that this release will give it: what will be published."""
    assert isinstance(request.artifact, Latest | S3Object | Image)
    if isinstance(latest, TargetError):
        return latest
    wished = request.configuration
    queue = latest.dead_letter_queue if wished.dead_letter_queue is None else wished.dead_letter_queue
    return latest.model_copy(update={"role": wished.role or latest.role, "dead_letter_queue": queue or None})

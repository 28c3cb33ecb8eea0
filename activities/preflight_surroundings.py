"""What stands against a release around its function: alarms, concurrency, and ways past the alias. Pure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain

from activities.preflight_findings import Finding, command, problem, warning
from activities.preflight_readings import Readings
from orchestrator.domain.analysis import Alarms
from orchestrator.domain.errors import MissingTarget, TargetError
from orchestrator.domain.release import PublishedVersion, ReleaseRequest
from orchestrator.domain.traffic import AliasState


def surroundings(request: ReleaseRequest, seen: Readings) -> Iterator[Finding]:
    """Yield every finding about alarms, then those about concurrency and bypasses of a function that exists."""
    yield from _alarms(request, seen)
    if isinstance(seen.latest, MissingTarget):
        return
    yield from chain(_concurrency(request, seen), _bypasses(request, seen), _bypassing_policies(request, seen))
    if isinstance(seen.slow_above, TargetError):
        yield warning(f"latency will not be compared, because stable's durations could not be read: {seen.slow_above}")
    if isinstance(seen.requests_per_minute, TargetError):
        yield warning(
            f"the first weight stays at its smallest, because the traffic could not be read: {seen.requests_per_minute}"
        )


def _alarms(request: ReleaseRequest, seen: Readings) -> Iterator[Finding]:
    checks = [check for check in request.plan.checks if isinstance(check, Alarms)]
    if not checks:
        return
    if isinstance(seen.alarms, TargetError):
        yield problem(f"the alarms could not be read: {seen.alarms}")
        return
    found = {alarm.name: alarm for alarm in seen.alarms}
    wanted = {name: check for check in checks for name in check.names}
    region = request.target.region
    for name in wanted.keys() - found.keys():
        yield problem(
            f"alarm {name} (check {wanted[name].name}) does not exist in account {request.target.account}, region "
            f"{region}: correct the name, or create it; `aws cloudwatch describe-alarms --alarm-types MetricAlarm "
            f"CompositeAlarm --region {region}` lists those that do"
        )
    if request.override_red_alarms:
        return
    enforced = {name for check in checks if check.mode == "enforce" for name in check.names}
    for alarm in (found[name] for name in wanted if name in found and name in enforced):
        if alarm.state == "ALARM":
            since = datetime.fromtimestamp(alarm.since, UTC).isoformat(timespec="seconds")
            yield problem(
                f"alarm {alarm.name} is red since {since}{f' ({alarm.reason})' if alarm.reason else ''}: wait until it "
                "is OK, or release with `--override-red-alarms`, which is recorded and counts new transitions only"
            )


def _concurrency(request: ReleaseRequest, seen: Readings) -> Iterator[Finding]:
    wished = request.provisioned_concurrency
    for refused in (seen.provisioned, seen.reserved):
        if isinstance(refused, TargetError):
            yield (problem if wished else warning)(f"the function's concurrency could not be read: {refused}")
            return
    assert not isinstance(seen.provisioned, TargetError)
    yield from _provisioned_alias(request, seen, seen.provisioned)
    if isinstance(seen.reserved, int):
        yield from _reserved(request, seen.provisioned, seen.reserved)


def _provisioned_alias(request: ReleaseRequest, seen: Readings, provisioned: Mapping[str, int]) -> Iterator[Finding]:
    """Yield what provisioned concurrency on the alias means: it cannot meet one on a version, and it moves slowly.

    **Source:** recorded against AWS: a version and an alias that points at it cannot both have it; an alias with it
    sends everything to its old version until the new one is provisioned, which takes minutes.
    """
    target, wished = request.target, request.provisioned_concurrency
    if wished and isinstance(seen.alias, AliasState) and seen.alias.routing.additional is not None:
        yield problem(
            f"provisioned concurrency cannot be prepared while alias {target} is split: send everything to version "
            f"{seen.alias.routing.primary} first, or release without it"
        )
    count = provisioned.get(target.alias)
    if count and wished:
        remove = command(target, "delete-provisioned-concurrency-config", "--qualifier", target.alias)
        yield problem(
            f"alias {target} has {count} provisioned instances itself, and AWS refuses them on an alias and its "
            f"version at once: put them on version {seen.stable_number or 'N'} instead, after {remove}"
        )
    elif count:
        yield warning(
            f"alias {target} has {count} provisioned instances itself: when the canary is promoted, Lambda goes on "
            "serving the old version for minutes until the new one has them, and a rollback after that runs on demand. "
            "Provisioned concurrency on the versions (`provisioned_concurrency`) avoids both"
        )


def _reserved(request: ReleaseRequest, provisioned: Mapping[str, int], reserved: int) -> Iterator[Finding]:
    """Yield what the function's reserved concurrency leaves for the canary; it must hold every provisioned instance."""
    own = request.artifact.version if isinstance(request.artifact, PublishedVersion) else None
    wished = request.provisioned_concurrency or provisioned.get(own or "", 0)
    others = {name: count for name, count in provisioned.items() if name != own and count}
    taken = sum(others.values())
    listed = ", ".join(f"{count} on {name}" for name, count in sorted(others.items())) or "none"
    raise_it = command(
        request.target,
        "put-function-concurrency",
        "--reserved-concurrent-executions",
        str(taken + max(wished, 1)),
    )
    if taken + wished > reserved:
        yield problem(
            f"{wished} provisioned instances for the canary do not fit: the function reserves {reserved}, of which "
            f"{taken} are provisioned ({listed}). Reserve more with {raise_it}, or ask for fewer"
        )
    elif taken >= reserved and not wished:
        yield problem(
            f"every invocation of the canary would be throttled: the function reserves {reserved}, of which {taken} "
            f"are provisioned ({listed}), and nothing is left for another version. Reserve more with {raise_it}"
        )


def _bypasses(request: ReleaseRequest, seen: Readings) -> Iterator[Finding]:
    target = request.target
    if isinstance(seen.sources, TargetError):
        yield warning(f"whether event sources go past the alias could not be read: {seen.sources}")
        return
    for source in seen.sources:
        qualifier = source.function_arn.partition(f":function:{target.function}")[2].lstrip(":")
        if qualifier == target.alias:
            continue
        where = f"`{qualifier}`" if qualifier else "the unqualified function, which is $LATEST"
        yield warning(
            f"traffic will not follow the alias: event source {source.source_arn} ({source.state}) invokes {where}. "
            f"Move it with `aws lambda update-event-source-mapping --uuid {source.uuid} --function-name "
            f"{target.function}:{target.alias} --region {target.region}`"
        )


def _bypassing_policies(request: ReleaseRequest, seen: Readings) -> Iterator[Finding]:
    target = request.target
    policies = (
        ("the unqualified function", seen.function_policy),
        (f"version {seen.stable_number}", seen.stable_policy),
    )
    for where, policy in policies:
        if isinstance(policy, TargetError):
            yield warning(f"whether callers are permitted past the alias could not be read: {policy}")
        elif policy:
            permit = command(target, "add-permission", "--qualifier", target.alias)
            yield warning(
                f"traffic will not follow the alias where it comes by a permission on {where}: let those callers "
                f"invoke {target}, with a permission given by {permit}"
            )

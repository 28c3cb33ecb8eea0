"""What `sluice doctor` looks at in AWS, with this machine's credentials: nothing is written."""

from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import groupby

from activities.permissions import NEEDS, Need, resource
from activities.ports import Aws, Decision
from orchestrator.aws import aws_clients
from orchestrator.cli.doctor import Finding
from orchestrator.domain.analysis import Alarms
from orchestrator.domain.errors import AccessDenied, MissingTarget, SluiceError
from orchestrator.domain.release import Target
from orchestrator.releasefile.model import ResolvedTarget
from orchestrator.settings import Settings

LATEST = "$LATEST"
_POLICY = "deploy/iam/release-policy.json allows all that a release needs"


async def aws_findings(chosen: Settings, targets: Iterable[ResolvedTarget], *, needed: bool) -> AsyncIterator[Finding]:
    """Yield what is found by the settings; `needed` makes missing credentials a finding instead of a remark."""
    aws = aws_clients(chosen.aws)
    try:
        async for finding in findings(aws, targets, needed=needed):
            yield finding
    finally:
        await aws.aclose()


async def findings(aws: Aws, targets: Iterable[ResolvedTarget], *, needed: bool) -> AsyncIterator[Finding]:
    """Yield whose the credentials are in each account and region, then what each target there lacks."""
    ordered = sorted(targets, key=lambda each: each.target.place)
    for place, here in groupby(ordered, key=lambda each: each.target.place):
        group = list(here)
        whose, caller = await _identity(aws, group[0].target, needed=needed)
        yield whose._replace(words=f"{place}: {whose.words}")
        if not caller:  # whatever else is found is about somebody else's account
            continue
        for each in group:
            for look in (_alias(aws, each.target), _alarms(aws, each), _permissions(aws, each, caller)):
                if (found := await look) is not None:
                    yield found._replace(words=f"{each.target}: {found.words}")


async def _identity(aws: Aws, target: Target, *, needed: bool) -> tuple[Finding, str]:
    """Return the finding, and the ARN of the credentials; empty where they are not those of the target's account."""
    name = "aws credentials"
    try:
        caller = await aws.permissions(target).caller()
    except AccessDenied as error:
        return Finding(False if needed else None, name, f"not checked here: {error}"), ""
    except SluiceError as error:
        return Finding(False, name, str(error)), ""
    account = caller.split(":")[4]
    if account != target.account:
        return Finding(
            False,
            name,
            f"{caller} is of another account: name a role of {target.account} in SLUICE_AWS__ROLES, or take "
            "credentials of that account",
        ), ""
    return Finding(True, name, caller), caller


async def _alias(aws: Aws, target: Target) -> Finding:
    functions, name = aws.functions(target), "alias"
    try:
        await functions.get_function(target.function)
    except SluiceError as error:
        return Finding(False, name, str(error))
    try:
        routing = (await functions.get_alias(target.function, target.alias)).routing
    except MissingTarget:
        return Finding(False, name, "does not exist: a first release makes it (`sluice start ... --create`)")
    except SluiceError as error:
        return Finding(False, name, str(error))
    if routing.primary == LATEST:
        return Finding(False, name, "is on $LATEST, which cannot be returned to: release with `--create`")
    if routing.additional is not None:
        return Finding(
            False,
            name,
            f"is split, {routing.weight:g} % to version {routing.additional}: wait for who does that, or release with "
            "`--adopt`",
        )
    return Finding(True, name, f"readable, on version {routing.primary}")


async def _alarms(aws: Aws, each: ResolvedTarget) -> Finding | None:
    wanted = sorted({name for check in each.plan.checks if isinstance(check, Alarms) for name in check.names})
    if not wanted:
        return None
    try:
        found = await aws.cloudwatch(each.target).alarms(wanted)
    except SluiceError as error:
        return Finding(False, "alarms", str(error))
    missing = [name for name in wanted if name not in {alarm.name for alarm in found}]
    if missing:
        words = f"{', '.join(missing)} missing in {each.target.place}: create them, or mend `names` of the check"
        return Finding(False, "alarms", words)
    red = [alarm.name for alarm in found if alarm.state == "ALARM"]
    remark = f"; red now: {', '.join(red)} (`--override-red-alarms` starts all the same)" if red else ""
    return Finding(True, "alarms", f"{', '.join(wanted)} exist{remark}")


async def _permissions(aws: Aws, each: ResolvedTarget, caller: str) -> Finding:
    name, partition, port = "permissions", caller.split(":")[1], aws.permissions(each.target)
    decided: list[tuple[Need, Decision]] = []
    try:
        for on in ("function", "qualifier", "everything"):
            needs = [need for need in NEEDS if need.on == on]
            answer = await port.simulated([need.action for need in needs], resource(each.target, on, partition))
            decided += [(need, answer[need.action]) for need in needs]
    except AccessDenied:
        return Finding(None, name, "not checked: iam:SimulatePrincipalPolicy is denied (deploy/iam/doctor-policy.json)")
    except SluiceError as error:
        return Finding(None, name, f"not checked: {error}")
    required = [(need, said) for need, said in decided if not need.only or _asks(each, need)]
    lacking = [(need, said) for need, said in required if said != "allowed"]
    others = [need for need, said in decided if said != "allowed" and (need, said) not in required]
    if lacking:
        return Finding(False, name, f"{_told(lacking)} ({_POLICY})")
    remark = "".join(f"; not {need.action}, for {need.only} alone" for need in others)
    return Finding(
        True, name, f"all {len({need.action for need, _ in required})} actions, as IAM simulates them{remark}"
    )


def _asks(each: ResolvedTarget, need: Need) -> bool:
    """Whether the release file asks for what needs this action; artifact and options are not known before a start."""
    if need.only == "`configuration`":
        return bool(each.configuration.changes())
    return need.only == "`provisioned_concurrency`" and each.provisioned_concurrency is not None


def _told(lacking: Sequence[tuple[Need, Decision]]) -> str:
    lists = [("not allowed", "not_allowed"), ("denied by a policy", "denied")]
    parts = []
    for words, decision in lists:
        actions = list(dict.fromkeys(need.action for need, said in lacking if said == decision))
        if actions:
            parts.append(f"{words}: {', '.join(actions)}")
    return "; ".join(parts)

"""Whose the credentials are, and what IAM says they may do. Reads only, and for `sluice doctor` alone."""

from collections.abc import Mapping, Sequence

from activities.aws.calls import Calls
from activities.ports import Decision
from orchestrator.domain.errors import AccessDenied

_DECISIONS: Mapping[str, Decision] = {"allowed": "allowed", "explicitDeny": "denied"}


class Permissions:
    """Fulfils `activities.ports.PermissionsPort`."""

    def __init__(self, iam: Calls, sts: Calls) -> None:
        """Take the two identity services, both with the credentials that are looked at."""
        self._iam = iam
        self._sts = sts

    async def caller(self) -> str:
        """Return the ARN of the credentials. Raises AccessDenied where there are none."""
        arn: str = (await self._sts("get_caller_identity", "find out whose credentials these are"))["Arn"]
        return arn

    async def simulated(self, actions: Sequence[str], resource: str) -> Mapping[str, Decision]:
        """Return what IAM would decide, by action, in their order. Raises AccessDenied, TargetError."""
        source = await self._principal(await self.caller())
        found: dict[str, Decision] = {}
        async for page in self._iam.pages(
            "simulate_principal_policy",
            f"simulate the permissions of {source}",
            names=("Marker", "Marker"),
            PolicySourceArn=source,
            ActionNames=list(actions),
            ResourceArns=[resource],
        ):
            for result in page["EvaluationResults"]:
                found[result["EvalActionName"]] = _DECISIONS.get(result["EvalDecision"], "not_allowed")
        return {action: found.get(action, "not_allowed") for action in actions}

    async def _principal(self, caller: str) -> str:
        """Return the user or role behind a session.

        A session's ARN leaves the role's path out. Where the role may not read itself, it is taken to have none.
        """
        head, _, name = caller.partition(":assumed-role/")
        if not name:
            return caller
        role = name.split("/")[0]
        _, partition, _, _, account = head.split(":")
        try:
            answer = await self._iam("get_role", f"find the path of role {role}", RoleName=role)
        except AccessDenied:
            return f"arn:{partition}:iam::{account}:role/{role}"
        arn: str = answer["Role"]["Arn"]
        return arn

"""Clients of AWS: one for each service, account and region, kept for the life of the process."""

import asyncio
import socket
from contextlib import AsyncExitStack
from functools import partial
from typing import Annotated, Any, Self

import aioboto3
from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from pydantic import Field, model_validator

from activities.aws.alarms import AlarmReads
from activities.aws.budget import CONTROL_LIMIT, Budget
from activities.aws.calls import Calls
from activities.aws.cloudwatch import CloudWatch
from activities.aws.credentials import assuming
from activities.aws.functions import Functions
from activities.aws.permissions import Permissions
from activities.errors import translating
from activities.ports import CloudWatchPort, LambdaPort, PermissionsPort
from orchestrator.domain.errors import InvariantError
from orchestrator.domain.release import Target
from orchestrator.domain.traffic import Frozen

LONGEST_INVOCATION = 905
"""Seconds that a client waits for an invocation at most; Lambda ends one after 900. Source: Lambda quotas."""
ALIAS_CALLS = frozenset({"get_alias", "update_alias", "create_alias"})
"""Operations that stand before other everyday ones."""


class AwsSettings(Frozen):
    """Where AWS is and how to call it. Credentials are those of the environment, or of a role by account."""

    endpoint_url: str | None = None
    """Address for all services; None takes AWS's own."""
    roles: dict[str, str] = Field(default_factory=dict)
    """ARN of the role to assume, by account (12 digits); others are called with the environment's credentials."""
    external_id: str | None = None
    """ExternalId of every assumed role."""
    control_rate: Annotated[float, Field(gt=0)] = 13
    """Lambda control requests per second, account and region; AWS allows 15 to everybody together."""
    restore_reserve: Annotated[float, Field(gt=0)] = CONTROL_LIMIT - 13
    """Requests per second beyond `control_rate` that only restores may use."""
    connect_timeout: Annotated[float, Field(gt=0)] = 2
    """Seconds."""
    read_timeout: Annotated[float, Field(gt=0)] = 5
    """Seconds between two pieces of an answer; invocations have a limit of their own."""
    connections: Annotated[int, Field(gt=0)] = 100
    """Connections at once of one client."""

    @model_validator(mode="after")
    def _roles_belong_to_their_accounts(self) -> Self:
        for account, role in self.roles.items():
            if role.split(":")[4:5] != [account]:
                raise ValueError(f"role {role} does not belong to account {account}")
        return self


class AwsClients:
    """Fulfils `activities.ports.Aws`. Make it in the event loop that uses it, and close it there."""

    def __init__(self, settings: AwsSettings | None = None, ambient: aioboto3.Session | None = None) -> None:
        """Take the settings; `ambient` has the credentials for accounts without a role (else: the environment)."""
        self._settings = settings or AwsSettings()
        self._ambient = ambient or aioboto3.Session()
        self._assumed: dict[str, aioboto3.Session] = {}
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._budgets: dict[str, Budget] = {}
        self._alarms: dict[str, AlarmReads] = {}
        self._making = asyncio.Lock()
        self._open = AsyncExitStack()
        self._closed = False

    def functions(self, target: Target) -> LambdaPort:
        """The Lambda API of the target's account and region, within the everyday budget."""
        budget = self._budget(target)

        async def turn(operation: str) -> None:
            if operation == "get_function":
                await budget.function_read()
            else:
                await (budget.moving() if operation in ALIAS_CALLS else budget.everyday())

        return self._functions(target, Calls(self._connecting("lambda", target), turn))

    def urgent(self, target: Target) -> LambdaPort:
        """The same clients for restores: their calls stand before all everyday ones of the account and region."""
        budget = self._budget(target)

        async def turn(operation: str) -> None:
            await (budget.function_read() if operation == "get_function" else budget.urgent())

        return self._functions(target, Calls(self._connecting("lambda", target), turn))

    def cloudwatch(self, target: Target) -> CloudWatchPort:
        """CloudWatch of the target's account and region."""
        budget = self._budget(target)

        async def turn(operation: str) -> None:
            if operation == "describe_alarms":
                await budget.alarm_read()

        calls = Calls(self._connecting("cloudwatch", target), turn)
        return CloudWatch(calls, self._alarms.setdefault(target.place, AlarmReads(calls)))

    def permissions(self, target: Target) -> PermissionsPort:
        """Whose the credentials for the target's account are, and what they may do."""
        return Permissions(Calls(self._connecting("iam", target)), Calls(self._connecting("sts", target)))

    async def aclose(self) -> None:
        """Close every client; calls after it raise InvariantError. A second run does nothing."""
        async with self._making:
            self._closed = True
            self._clients.clear()
            for reads in self._alarms.values():
                reads.close()
            await self._open.aclose()

    async def client(self, service: str, account: str, region: str) -> Any:
        """Return the client, making it at the first call. `invoke` is Lambda with the patience of an invocation.

        An empty account means the environment's own credentials.
        """
        key = (service, account, region)
        if key not in self._clients:
            async with self._making:
                if self._closed:
                    raise InvariantError(f"the AWS clients are closed, and {service} is asked for")
                if key not in self._clients:
                    self._clients[key] = await self._make(service, account, region)
        return self._clients[key]

    async def _make(self, service: str, account: str, region: str) -> Any:
        patience = LONGEST_INVOCATION if service == "invoke" else self._settings.read_timeout
        config = AioConfig(
            connect_timeout=self._settings.connect_timeout,
            read_timeout=patience,
            max_pool_connections=self._settings.connections,
            retries={"total_max_attempts": 1},  # Temporal retries, and a hidden second attempt would hide a first one
            tcp_keepalive=True,
            http_session_cls=_PlainSession,
        )
        making = self._session(account, region).client(
            "lambda" if service == "invoke" else service,
            region_name=region,
            endpoint_url=self._settings.endpoint_url,
            config=config,
        )
        with translating(f"reach {service} in {region}"):
            return await self._open.enter_async_context(making)

    def _session(self, account: str, region: str) -> aioboto3.Session:
        role = self._settings.roles.get(account)
        if role is None:
            return self._ambient
        if account not in self._assumed:
            sts = partial(self.client, "sts", "", region)
            self._assumed[account] = assuming(role, self._settings.external_id, sts)
        return self._assumed[account]

    def _functions(self, target: Target, calls: Calls) -> Functions:
        invoking = Calls(self._connecting("invoke", target))
        return Functions(calls, invoking, Calls(self._connecting("sts", target)))

    def _connecting(self, service: str, target: Target) -> Any:
        return partial(self.client, service, target.account, target.region)

    def _budget(self, target: Target) -> Budget:
        if target.place not in self._budgets:
            self._budgets[target.place] = Budget(self._settings.control_rate, self._settings.restore_reserve)
        return self._budgets[target.place]


class _PlainSession(AIOHTTPSession):  # type: ignore[misc]
    """aiobotocore's HTTP session, with TCP keepalive and without resending.

    aiobotocore accepts keepalive as a setting and does not use it; address translation drops connections that are idle
    for 350 s, and an invocation may take 900. aiohttp sends GET, PUT and DELETE a second time when a connection breaks:
    every write of ours is one of these, and its first attempt may have taken effect.
    """

    def _create_connector(self, proxy_url: str | None) -> Any:
        connector = super()._create_connector(proxy_url)
        connector._socket_factory = _kept_alive  # noqa: SLF001  there is no way to hand it in
        return connector

    async def _get_session(self, proxy_url: str | None) -> Any:
        session = await super()._get_session(proxy_url)
        session._retry_connection = False  # noqa: SLF001  there is no way to hand it in
        return session


def _kept_alive(address: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
    return made

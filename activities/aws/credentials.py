"""Credentials of an assumed role, fetched when first needed and renewed before they end."""

from collections.abc import Awaitable, Callable
from typing import Any

import aioboto3
import aiobotocore.session
from aiobotocore.credentials import AioCredentialResolver, AioDeferredRefreshableCredentials

SESSION_NAME = "sluice"
"""RoleSessionName: who acted, in CloudTrail."""


def assuming(role: str, external_id: str | None, sts: Callable[[], Awaitable[Any]]) -> aioboto3.Session:
    """Return a session that acts as `role`; `sts` gives the client that assumes it.

    The library renews the credentials 15 minutes before they end, once for all clients of the session.
    """
    external = {} if external_id is None else {"ExternalId": external_id}

    async def fetch() -> dict[str, str]:
        client = await sts()
        answer = await client.assume_role(RoleArn=role, RoleSessionName=SESSION_NAME, **external)
        credentials = answer["Credentials"]
        return {
            "access_key": credentials["AccessKeyId"],
            "secret_key": credentials["SecretAccessKey"],
            "token": credentials["SessionToken"],
            "expiry_time": credentials["Expiration"].isoformat(),
        }

    session = aiobotocore.session.get_session()
    session.register_component("credential_provider", AioCredentialResolver([_Assumed(fetch)]))
    return aioboto3.Session(botocore_session=session)


class _Assumed:
    """The only provider of the session: when the role is refused, nothing else may be tried instead."""

    METHOD = "assume-role"
    CANONICAL_NAME = "sluice-assume-role"

    def __init__(self, fetch: Callable[[], Awaitable[dict[str, str]]]) -> None:
        self._credentials = AioDeferredRefreshableCredentials(fetch, self.METHOD)

    async def load(self) -> AioDeferredRefreshableCredentials:
        return self._credentials

"""Typed client of the lab's own paths: faults, journal, settings, reset, states. For tests and the demo."""

from typing import Any, Self

import httpx2
from pydantic import TypeAdapter

from orchestrator.lab.gateway.faults import Fault, Kind
from orchestrator.lab.gateway.journal import CallRecord
from orchestrator.lab.gateway.settings import LabSettings

_RECORDS = TypeAdapter(list[CallRecord])


class LabAdminError(RuntimeError):
    """The gateway refused; the message is its own."""


class LabAdmin:
    """One lab's settings, faults and journal; use as an async context manager or `close` it."""

    def __init__(self, url: str) -> None:
        """Point at the gateway's address."""
        self._client = httpx2.AsyncClient(base_url=url, timeout=30, trust_env=False, verify=False)

    async def __aenter__(self) -> Self:
        """Open; connects with the first call."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def inject(self, operation: str, kind: Kind, **details: Any) -> None:
        """Put a fault in force; `details` are the other fields of `Fault`.

        Raises:
            LabAdminError: the lab was started without faults.
        """
        fault = Fault(operation=operation, kind=kind, **details)
        await self._call("POST", "faults", fault.model_dump())

    async def clear_faults(self) -> None:
        """End all faults."""
        await self._call("DELETE", "faults")

    async def calls(self, operation: str | None = None, function: str | None = None) -> list[CallRecord]:
        """Control-plane calls so far, oldest first, optionally of one operation or function."""
        found = _RECORDS.validate_json((await self._call("GET", "calls")).content)
        return [
            record
            for record in found
            if operation in {None, record.operation} and function in {None, record.function}
        ]  # fmt: skip

    async def clear_calls(self) -> None:
        """Empty the journal."""
        await self._call("DELETE", "calls")

    async def reset(self) -> None:
        """Forget functions, metrics, alarms, queues, buckets, faults and calls; settings go back to the first."""
        await self._call("POST", "reset")

    async def configure(self, **changes: Any) -> LabSettings:
        """Change some of `LabSettings`; the others stay."""
        return LabSettings.model_validate_json((await self._call("POST", "settings", changes)).content)

    async def settings(self) -> LabSettings:
        """The settings in force."""
        return LabSettings.model_validate_json((await self._call("GET", "settings")).content)

    async def reseed(self, seed: int | None) -> None:
        """Begin the weighted draws anew."""
        await self._call("POST", "seed", {"seed": seed})

    async def set_state(self, function: str, version: str, state: str, reason: str | None = None) -> None:
        """Bring a version to a state: `Active`, `Inactive`, `Pending`, `Failed`."""
        order = {"function": function, "version": version, "state": state, "reason": reason}
        await self._call("POST", "states", order)

    async def fail_next_publish(self, function: str, reason: str) -> None:
        """Let the next version published end in State `Failed` with this StateReason."""
        await self._call("POST", "publish-failures", {"function": function, "reason": reason})

    async def set_alarm(self, name: str, state: str, reason: str = "Set by hand") -> None:
        """Put an alarm into a state, creating a plain metric alarm when there is none of this name."""
        await self._call("POST", "alarms", {"name": name, "state": state, "reason": reason})

    async def _call(self, method: str, path: str, document: Any = None) -> httpx2.Response:
        answer = await self._client.request(method, f"/_lab/{path}", json=document)
        if answer.is_error:
            raise LabAdminError(answer.json()["message"])
        return answer

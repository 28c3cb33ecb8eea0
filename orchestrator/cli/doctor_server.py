"""What `sluice doctor` looks at where the HTTP API is asked."""

import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime

import httpx2

from orchestrator.cli.credentials import Credentials
from orchestrator.cli.doctor import Finding, skew_finding
from orchestrator.cli.exits import explain
from orchestrator.cli.transport import Transport, transport
from orchestrator.domain.errors import SluiceError
from orchestrator.settings import Settings


async def server_findings(chosen: Settings) -> AsyncIterator[Finding]:
    """Yield what the server tells of itself, of Temporal, of its worker, and of us."""
    try:
        held = Credentials(chosen)
    except SluiceError as error:
        yield Finding(False, "credentials", str(error))
        return
    async with transport(chosen.url or "", held) as asked:
        before = time.time()
        try:
            ready = await asked.head("/readyz")
        except SluiceError as error:
            yield Finding(False, "server", str(error))
            return
        if ready.status_code not in {200, 503} or "temporal" not in _document(ready):
            yield Finding(False, "server", f"{chosen.url} does not answer like Sluice: check SLUICE_URL")
            return
        yield Finding(True, "server", f"{asked.url} answers")
        yield _skew(ready, before)
        for name in ("temporal", "worker"):
            told = str(_document(ready)[name])
            yield Finding(told == "ok", name, told if told != "ok" else "polls" if name == "worker" else "answers")
        async for finding in _admitted(asked, held):
            yield finding


async def _admitted(asked: Transport, held: Credentials) -> AsyncIterator[Finding]:
    try:
        who = await asked.get("/v1/whoami")
    except SluiceError as error:
        yield Finding(False, "credentials", explain(error)[1][0])
        return
    yield Finding(True, "credentials", f"{who['principal']}{', by ' + held.words if held.words else ''}")
    try:
        # Temporal refuses a filter by an attribute that it does not know.
        await asked.get(
            "/v1/releases", {"limit": 1, "phase": "BAKING", "outcome": "PROMOTED", "function": "x", "target": "x:y"}
        )
    except SluiceError as error:
        yield Finding(False, "search attributes", f"{error}: docs/reference/settings.md has the command")
        return
    yield Finding(True, "search attributes", "releases can be found by them")


def _skew(answer: httpx2.Response, before: float) -> Finding:
    written = answer.headers.get("date")
    if written is None:
        return Finding(None, "clock", "not compared: the server's answer has no date")
    # The header has whole seconds, and half of the way back lies between it and now.
    middle = (before + time.time()) / 2
    return skew_finding(middle - 0.5 - parsedate_to_datetime(written).timestamp())


def _document(answer: httpx2.Response) -> dict[str, object]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

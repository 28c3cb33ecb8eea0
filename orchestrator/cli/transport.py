"""Requests to Sluice's API: with a credential, repeated while that is harmless, and with our own errors."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2

from orchestrator.cli.credentials import Credentials
from orchestrator.cli.problems import error_of
from orchestrator.domain.errors import InvalidSpec, TransientError, Unavailable
from orchestrator.settings import LOOPBACK

ATTEMPTS = 4
FIRST_WAIT_SECONDS = 0.3
LONGEST_WAIT_SECONDS = 10.0
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
SILENT_SECONDS = 45.0
"""A stream says something every 15 s; one that is silent for so long is dead."""


class Transport:
    """One server, asked with one credential."""

    def __init__(self, http: httpx2.AsyncClient, url: str, credentials: Credentials) -> None:
        self._http = http
        self._credentials = credentials
        self.url = url

    async def get(self, path: str, params: Mapping[str, Any] | None = None, *, attempts: int = ATTEMPTS) -> Any:
        """Return the answer's JSON. Raises the errors of `error_of`, and Unavailable when nobody answers."""
        return self._read(await self._send("GET", path, attempts, params=dict(params or {})))

    async def post(self, path: str, body: Mapping[str, Any], *, key: str | None = None) -> Any:
        """Return the answer's JSON; only with a key, which makes it harmless, the request is repeated."""
        headers = {"Idempotency-Key": key} if key else {}
        return self._read(await self._send("POST", path, ATTEMPTS if key else 1, json=dict(body), headers=headers))

    async def head(self, path: str) -> httpx2.Response:
        """Return the answer to one GET, whatever it is, sent without credential. Raises Unavailable."""
        try:
            return await self._http.get(path)
        except httpx2.TransportError as error:
            raise self._away(error) from None

    @asynccontextmanager
    async def stream(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[httpx2.Response]:
        """Open a stream of events. Raises as `get`; it is not repeated: whoever reads it knows where to go on."""
        timeout = httpx2.Timeout(SILENT_SECONDS, connect=CONNECT_SECONDS)
        try:
            for fresh in (False, True):
                sent = {**headers, **await self._credentials.headers(fresh=fresh), "Accept": "text/event-stream"}
                async with self._http.stream("GET", path, headers=sent, timeout=timeout) as answer:
                    if answer.status_code == 401 and not fresh and self._credentials.renewable:
                        continue
                    if answer.status_code != 200:
                        await answer.aread()
                        raise error_of(answer, self.url, self._credentials.words, self._credentials.ended)
                    yield answer
                    return
        except httpx2.TransportError as error:
            raise self._away(error) from None

    async def _send(self, method: str, path: str, attempts: int, **request: Any) -> httpx2.Response:
        for attempt in range(1, attempts + 1):
            try:
                return await self._answered(method, path, **request)
            except TransientError as error:
                if attempt == attempts:
                    raise
                wished = error.retry_after.total_seconds() if error.retry_after else 0
                await asyncio.sleep(max(wait_before(attempt), min(wished, LONGEST_WAIT_SECONDS)))
        raise AssertionError(attempts)

    async def _answered(self, method: str, path: str, **request: Any) -> httpx2.Response:
        headers = request.pop("headers", {})
        for fresh in (False, True):
            sent = {**headers, **await self._credentials.headers(fresh=fresh)}
            try:
                answer = await self._http.request(method, path, headers=sent, **request)
            except httpx2.TransportError as error:
                raise self._away(error) from None
            if answer.status_code == 401 and not fresh and self._credentials.renewable:
                continue
            break
        if answer.status_code >= 300:
            raise error_of(answer, self.url, self._credentials.words, self._credentials.ended)
        return answer

    def _read(self, answer: httpx2.Response) -> Any:
        try:
            return answer.json()
        except ValueError:
            raise InvalidSpec(f"{self.url} does not answer like Sluice (no JSON): check SLUICE_URL") from None

    def _away(self, error: httpx2.TransportError) -> Unavailable:
        what = str(error) or type(error).__name__
        return Unavailable(f"no Sluice answers at {self.url} ({what}): is `sluice serve` running, is SLUICE_URL right?")


def wait_before(attempt: int) -> float:
    """Return seconds to wait after that many attempts (from 1): doubled each time, bounded, half of it by chance."""
    longest: float = min(FIRST_WAIT_SECONDS * 2 ** (min(attempt, 10) - 1), LONGEST_WAIT_SECONDS)
    return longest * random.uniform(0.5, 1)  # noqa: S311  no secret


@asynccontextmanager
async def transport(url: str, credentials: Credentials) -> AsyncIterator[Transport]:
    """Open a transport to the server of that URL."""
    timeout = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    # A proxy of the environment cannot reach this machine's own loopback.
    beyond = urlsplit(url).hostname not in LOOPBACK
    headers = {"User-Agent": "sluice-cli"}
    async with httpx2.AsyncClient(base_url=url, timeout=timeout, headers=headers, trust_env=beyond) as http:
        yield Transport(http, url, credentials)

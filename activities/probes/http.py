"""Ask a URL and look at its status and text."""

import asyncio
import re
import time
from typing import Annotated, Any, Literal
from urllib.parse import quote

import httpx2
from pydantic import AfterValidator, Field

from activities.errors import translating
from activities.probes import ProbePorts
from orchestrator.domain.errors import Throttled, TimedOut
from orchestrator.domain.release import Target
from orchestrator.domain.traffic import Frozen
from orchestrator.domain.work import ProbeAnswer

LONGEST_TEXT = 200
TOO_MANY = 429
PLACEHOLDER = re.compile(r"\{(function|alias|version)\}")


def _parsed(url: str) -> str:
    try:
        httpx2.URL(PLACEHOLDER.sub("x", url))
    except httpx2.InvalidURL as error:
        raise ValueError(f"not a URL: {error}") from error
    return url


Url = Annotated[str, AfterValidator(_parsed)]


class HttpOptions(Frozen):
    """What is asked and what must come back.

    An alias has no URL for one of its two versions, so the URL must be one that reaches the canary by its number.
    """

    url: Annotated[
        Url,
        Field(
            pattern=r"^https?://",
            description="URL to ask; `{function}`, `{alias}` and `{version}` in it are filled in",
        ),
    ]
    method: Annotated[Literal["GET", "POST"], Field(description="HTTP method")] = "GET"
    body: Annotated[Any, Field(description="JSON value to POST; must be safe to send more than once")] = None
    headers: Annotated[
        dict[str, str], Field(description="request headers by name; nothing secret, since everybody can read a release")
    ] = Field(default_factory=dict)
    status: Annotated[
        tuple[Annotated[int, Field(ge=100, le=599)], ...], Field(min_length=1, description="statuses that pass")
    ] = (200,)
    contains: Annotated[str | None, Field(description="text that the body must contain; any body will do without")] = (
        None
    )
    version_header: Annotated[
        str | None,
        Field(description="response header that must hold the version's number, e.g. `x-amz-executed-version`"),
    ] = None
    max_seconds: Annotated[
        float, Field(gt=0, le=300, description="seconds in which the whole answer must be there")
    ] = 10


class Http:
    """Passes when the URL answers in time with an expected status, the expected text, and from the right version."""

    Options = HttpOptions

    async def ask(self, options: HttpOptions, target: Target, version: str, ports: ProbePorts) -> ProbeAnswer:
        """Ask once; redirects are not followed. Raises Unavailable where nothing listens, Throttled for a 429."""
        url = _filled(options.url, target, version)
        shown = url.partition("?")[0]  # queries often carry keys
        body = options.body if options.method == "POST" else None
        began = time.monotonic()
        try:
            with translating(f"ask {shown}"):
                async with asyncio.timeout(options.max_seconds):
                    found = await ports.http.request(
                        options.method, url, json=body, headers=options.headers, timeout=None, follow_redirects=False
                    )
        except TimedOut:
            return _answer(f"{shown} gave no answer within {options.max_seconds:g} s", time.monotonic() - began)
        seconds = time.monotonic() - began
        if found.status_code == TOO_MANY and TOO_MANY not in options.status:
            raise Throttled(f"{shown} asks for fewer requests (status 429)")
        wrong = _wrong(options, version, found)
        if wrong:
            return _answer(f"{shown}: {wrong}", seconds)
        return _answer(f"{shown} answered {found.status_code} in {seconds:.3g} s", seconds, passed=True)


def _filled(url: str, target: Target, version: str) -> str:
    known = {"function": target.function, "alias": target.alias, "version": version}
    return PLACEHOLDER.sub(lambda found: quote(known[found[1]], safe=""), url)


def _wrong(options: HttpOptions, version: str, found: httpx2.Response) -> str:
    """Say what is wrong with the answer; empty when nothing is."""
    text = found.text
    shown = text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"
    if found.status_code not in options.status:
        wished = " or ".join(map(str, options.status))
        return f"expected status {wished}, found {found.status_code}: {shown or 'empty body'}"
    if options.contains is not None and options.contains not in text:
        return f"expected a body with {options.contains!r}, found {shown!r}"
    if options.version_header is not None:
        told = found.headers.get(options.version_header)
        if told != version:
            return (
                f"version {told or 'unknown'} answered instead of version {version} (header {options.version_header})"
            )
    return ""


def _answer(sentence: str, seconds: float, *, passed: bool = False) -> ProbeAnswer:
    return ProbeAnswer(name="http", passed=passed, sentence=sentence, seconds=seconds)


PLUGIN = Http()

"""Ask a URL whether the release may go on."""

import asyncio
import json
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx2
from pydantic import AfterValidator, Field

from activities.gates import GateAnswer, GatePorts
from orchestrator.domain.traffic import Frozen
from orchestrator.domain.work import AskGate

OPEN = 200
CLOSED = frozenset({403, 409, 423})
"""Statuses with which a gate says no; any other but 200 is a gate that could not be asked, which counts the same."""
LONGEST_TEXT = 200


def _parsed(url: str) -> str:
    try:
        httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise ValueError(f"not a URL: {error}") from error
    return url


Url = Annotated[str, AfterValidator(_parsed)]


class WebhookOptions(Frozen):
    """Whom to ask. The question is a JSON object: `release_id`, `target`, `step`, `version`, `gate`."""

    url: Annotated[Url, Field(pattern=r"^https?://", description="URL that the question is sent to by POST")]
    max_seconds: Annotated[float, Field(gt=0, le=30, description="seconds in which the answer must be there")] = 10
    headers: Annotated[
        dict[str, str], Field(description="request headers by name; nothing secret, since everybody can read a release")
    ] = Field(default_factory=dict)


class Webhook:
    """Open on status 200, unless the body says `{"open": false, "reason": "..."}`; closed on everything else."""

    Options = WebhookOptions

    async def ask(self, options: WebhookOptions, question: AskGate, ports: GatePorts) -> GateAnswer:
        """Ask once; redirects are not followed."""
        name = question.gate.gate.name
        try:
            async with asyncio.timeout(options.max_seconds):
                found = await ports.http.post(
                    options.url, json=_body(question), headers=options.headers, timeout=None, follow_redirects=False
                )
        except TimeoutError:
            return _closed(f"gate {name} gave no answer within {options.max_seconds:g} s, which keeps it closed")
        except httpx2.HTTPError as error:
            host = urlsplit(options.url).hostname  # the path of a webhook is often its key
            told = str(error) or type(error).__name__
            return _closed(f"gate {name} could not be reached at {host}, which keeps it closed: {told}")
        return _read(name, found)


def _body(question: AskGate) -> dict[str, Any]:
    return {
        "release_id": question.release_id,
        "target": question.target.model_dump(),
        "step": question.step,
        "version": question.version,
        "gate": question.gate.gate.name,
    }


def _read(name: str, found: httpx2.Response) -> GateAnswer:
    told = _object(found.text)
    reason = str(told.get("reason") or "")[:LONGEST_TEXT]
    because = f": {reason}" if reason else ", without a reason"
    if found.status_code in CLOSED or (found.is_success and told.get("open") is False):
        return _closed(f"gate {name} is closed{because}")
    if found.status_code != OPEN:
        return _closed(f"gate {name} answered with status {found.status_code}, which does not open it{because}")
    if "open" in told and told["open"] is not True:
        return _closed(f"gate {name} answered `open` as {json.dumps(told['open'])[:LONGEST_TEXT]}, which is not true")
    return GateAnswer(open=True, sentence=f"gate {name} is open{f': {reason}' if reason else ''}")


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _closed(sentence: str) -> GateAnswer:
    return GateAnswer(open=False, sentence=sentence)


PLUGIN = Webhook()

"""What every route is given: the parts of the process, who asks, and the parameters that many share."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request

from orchestrator.api.desk import Desk
from orchestrator.api.health import Health
from orchestrator.api.recording import Asking
from orchestrator.api.watching import Watches
from orchestrator.intake import Intake
from orchestrator.settings import Settings
from orchestrator.telemetry import Telemetry

NAME = r"[A-Za-z0-9_-]{1,64}"
ALIAS = r"[A-Za-z0-9_-]{1,128}"
WHOLE_TARGET = rf"^([0-9]{{12}}/[a-z0-9-]{{1,32}}/)?{NAME}:{ALIAS}$"
MAX_PAGE = 200


@dataclass(frozen=True)
class Parts:
    """The parts of one process."""

    settings: Settings
    desk: Desk
    intake: Intake
    watches: Watches
    health: Health
    telemetry: Telemetry


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


def _asking(request: Request) -> Asking:
    asking: Asking = request.state.asking
    return asking


Given = Annotated[Parts, Depends(_parts)]
By = Annotated[Asking, Depends(_asking)]
ReleaseId = Annotated[str, Path(pattern=rf"^{NAME}$", description="the release's id", examples=["3f9a1c07d2e4"])]
Ref = Annotated[
    str,
    Path(
        pattern=rf"^{NAME}(:{ALIAS})?$",
        description="the release's id, or `function:alias` for the newest release of that target that has begun",
        examples=["3f9a1c07d2e4", "checkout:live"],
    ),
]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,128}$",
        description="Makes the request safe to repeat: the same key with the same body gives the same answer, with "
        "`Idempotent-Replayed: true`; with another body it is refused.",
    ),
]
TargetFilter = Annotated[
    str | None,
    Query(pattern=WHOLE_TARGET, max_length=240, description="`function:alias`, or `account/region/function:alias`"),
]
FunctionFilter = Annotated[str | None, Query(pattern=rf"^{NAME}$", description="function name")]
Cursor = Annotated[
    str | None,
    Query(pattern=r"^[A-Za-z0-9_-]{1,2000}$", description="`next_cursor` of the page before, with the same filters"),
]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="longest page")]

REPLAYED = {"Idempotent-Replayed": {"description": "`true` when the key was used before", "schema": {"type": "string"}}}
"""OpenAPI header of answers to writes."""


def replayed_header(*, replayed: bool) -> dict[str, str]:
    """Return the header of an answer that was given before."""
    return {"Idempotent-Replayed": "true"} if replayed else {}

"""`sluice webhook test`: what an event would start, by the release file, without sending or starting anything."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from orchestrator.cli import session
from orchestrator.cli.artifacts import words
from orchestrator.cli.exits import Exit
from orchestrator.cli.output import Output, say, show, show_data
from orchestrator.cli.text import Line, line
from orchestrator.domain.errors import InvalidSpec
from orchestrator.domain.intake import Delivery, Intake, Submission
from orchestrator.intake_cloudtrail import changed
from orchestrator.intake_mapping import Mapped, mapped
from orchestrator.releasefile.loading import load

webhook = App(name="webhook", help="Try the rules under `webhooks` of the release file.", version_flags=())


@webhook.command(name="test")
def would_start(
    payload: Annotated[Path, Parameter(help="The event's JSON body, as the sender shows it.")],
    /,
    *,
    provider: Annotated[
        Literal["github", "gitlab", "standard", "eventbridge"], Parameter(help="Who would send it.")
    ] = "github",
    event: Annotated[str, Parameter(help="Kind of event, e.g. deployment.")],
    sender: Annotated[str, Parameter(help="With standard: the name in the address.")] = "",
    file: session.File = None,
    output: Output = "text",
) -> Exit:
    """Print what the event in FILE would start. Ends with 6 where nothing would."""
    delivery = Delivery(
        provider=provider,
        sender=sender,
        event=event,
        id="test",
        payload=_read(payload),
        received_at=datetime.now(UTC),
    )
    found = changed(delivery) or _mapped(delivery, file)
    if found.intake is None:
        say(f"nothing: {found.ignored}")
        return Exit.REFUSED
    if output == "text":
        show(_lines(found.intake))
    else:
        show_data(found.intake, output)
    return Exit.OK


def _mapped(delivery: Delivery, file: Path | None) -> Mapped:
    rules = load(session.find_file(file), session.plugins())
    return mapped(delivery, rules.webhooks.values(), rules)


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidSpec(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None
    except ValueError as error:
        raise InvalidSpec(f"{path} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise InvalidSpec(f"{path} is not a JSON object")
    return found


def _lines(intake: Intake) -> list[Line]:
    lines: list[Line] = []
    for submission in intake.submissions:
        lines += [line(text) for text in _told(submission)]
    for order in intake.orders:
        step = f" step {order.step + 1}" if order.step is not None else ""
        lines.append(line(f"command   {order.command}{step} of release {order.release_id} by {order.actor.name}"))
    for change in intake.changes:
        lines += [line(f"change    {change.sentence}"), line(f"told      the release that runs on {change.target}")]
    return lines


def _told(submission: Submission) -> list[str]:
    request = submission.request
    told = ", ".join(each.kind for each in submission.feedback) or "nobody"
    return [
        f"release   {request.target}  {request.target.region}/{request.target.account}",
        f"artifact  {words(request.artifact)}",
        f"strategy  {request.plan.strategy}",
        f"actor     {request.actor.name} ({request.actor.source})",
        f"reason    {request.reason}",
        f"on busy   {submission.on_busy}",
        f"told      {told}",
        f"key       {request.idempotency_key}",
    ]

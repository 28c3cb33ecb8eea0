"""Commands that begin a release, or only say what it would do."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from cyclopts import Parameter

from orchestrator.cli import config, session
from orchestrator.cli.artifacts import artifact_of, words
from orchestrator.cli.documents import read
from orchestrator.cli.exits import Exit
from orchestrator.cli.output import Format, Output, say, screen_width, show, show_data
from orchestrator.cli.reason import Reason
from orchestrator.cli.render import render_line
from orchestrator.cli.tables import render_target
from orchestrator.cli.text import Line, line
from orchestrator.cli.watch import watch
from orchestrator.cli.wish import body_of
from orchestrator.domain.intake import OnBusy, Submission
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.release import Artifact, Latest, ReleaseRequest
from orchestrator.releasefile.model import ResolvedTarget

if TYPE_CHECKING:
    from orchestrator.cli.client import DirectClient, ReleaseClient, ServerClient

TargetName = Annotated[str, Parameter(help="Name under `targets` in the release file.")]


async def plan(target: TargetName, /, *, file: session.File = None, output: Output = "text") -> Exit:
    """Show every step that a release of TARGET would take. Nothing is started."""
    _show_plan(await _planned(target, file, Latest()), output)
    return Exit.OK


def _switch(text: str) -> Parameter:
    return Parameter(negative="", help=text)


async def start(
    target: TargetName,
    /,
    *,
    version: Annotated[str | None, Parameter(help="Release this published version.")] = None,
    latest: Annotated[bool, _switch("Publish $LATEST as it stands, and release it.")] = False,
    s3: Annotated[str | None, Parameter(help="Publish this zip: s3://bucket/key[?versionId=...].")] = None,
    image: Annotated[str | None, Parameter(help="Publish this container image, best named by digest.")] = None,
    reason: Reason = "",
    wait: Annotated[bool, _switch("Stay until it ends; the exit code says how.")] = False,
    timeout: Annotated[str | None, Parameter(help="With --wait: how long, e.g. 30m; for ever without it.")] = None,
    key: Annotated[str, Parameter(help="The same key on the same target starts only one release.")] = "",
    dry_run: Annotated[bool, _switch("Only show what would be done.")] = False,
    override_red_alarms: Annotated[bool, _switch("Start although a watched alarm is red.")] = False,
    adopt: Annotated[bool, _switch("Accept an alias that is split already.")] = False,
    create: Annotated[bool, _switch("Allow a first release: put a missing alias on the new version.")] = False,
    on_busy: Annotated[
        OnBusy | None,
        Parameter(help="While another release holds TARGET: refuse, abort the other, or wait; else as TARGET says."),
    ] = None,
    file: session.File = None,
    output: Output = "text",
) -> Exit:
    """Release something to TARGET: exactly one of --version, --latest, --s3 and --image."""
    artifact = artifact_of(version=version, latest=latest, s3=s3, image=image)
    limit = session.duration_option("--timeout", timeout)
    if dry_run:
        _show_plan(await _planned(target, file, artifact), output, line(f"releases  {words(artifact)}"))
        return Exit.OK
    options = {"adopt": adopt, "create": create, "override_red_alarms": override_red_alarms}
    chosen = {"reason": reason, "idempotency_key": key, **options}
    submit = _submission(target, file, artifact, chosen, on_busy)
    async with session.connected() as client:
        state = await submit(client)
        if wait:
            say(f"release {state.release_id} of {state.target} was accepted")
            return await watch(client, state, output, seconds=limit.total_seconds() if limit else None)
    if output == "text":
        show([render_line(state)])
    else:
        show_data(state, output)
    return Exit.OK


def _submission(
    target: str, file: Path | None, artifact: Artifact, chosen: Mapping[str, Any], on_busy: OnBusy | None
) -> Callable[["ReleaseClient"], Awaitable[ReleaseState]]:
    """Check all that can be checked before anything is reached, and return what then starts the release."""
    if session.has_server():
        body, key = body_of(target, file, artifact, chosen), chosen["idempotency_key"]
        wished = {"on_busy": on_busy} if on_busy is not None else {}
        return lambda client: cast("ServerClient", client).start({**body, **wished}, key=key)
    from orchestrator.submitting import limited  # noqa: PLC0415  a server's client does without Temporal

    resolved = session.target_of(target, file)
    request = _request(resolved, artifact, chosen)
    submission = limited(Submission(request=request, on_busy=on_busy or resolved.on_busy), config.settings().hooks)
    return lambda client: cast("DirectClient", client).hand_in(submission)


async def _planned(target: str, file: Path | None, artifact: Artifact) -> ResolvedTarget:
    """Return what would be done: by the server's release file, or by `file` where one is named."""
    if file is not None or not session.has_server():
        return session.target_of(target, file)
    chosen = {"reason": "", "idempotency_key": "", "adopt": False, "create": False, "override_red_alarms": False}
    async with session.connected() as client:
        document = await cast("ServerClient", client).plan(body_of(target, None, artifact, chosen))
    kept = {name: value for name, value in document.items() if name in ResolvedTarget.model_fields}
    return read(ResolvedTarget, {"name": target, **kept})


def _show_plan(resolved: ResolvedTarget, output: Format, *more: Line) -> None:
    if output == "text":
        show([*render_target(resolved, screen_width()), *more])
    else:
        show_data(resolved, output)


def _request(resolved: ResolvedTarget, artifact: Artifact, chosen: Mapping[str, Any]) -> ReleaseRequest:
    return ReleaseRequest(
        release_id=uuid.uuid4().hex[:12],
        target=resolved.target,
        artifact=artifact,
        plan=resolved.plan,
        actor=session.actor(),
        configuration=resolved.configuration,
        provisioned_concurrency=resolved.provisioned_concurrency,
        labels=resolved.labels,
        submitted_at=datetime.now(UTC),
        **chosen,
    )

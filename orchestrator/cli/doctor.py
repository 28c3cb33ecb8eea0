"""`sluice doctor`: what a release needs, and which of it is missing here."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, NamedTuple

from cyclopts import Parameter

from orchestrator.cli import config, session
from orchestrator.cli.exits import Exit, explain
from orchestrator.cli.output import show
from orchestrator.cli.text import Line, line
from orchestrator.domain.errors import SluiceError
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from orchestrator.releasefile.model import ReleaseFile

MOST_SKEW_SECONDS = 5.0


class Finding(NamedTuple):
    """One thing looked at; `good` is None for what cannot be known here. `words` of a bad one say what to do."""

    good: bool | None
    name: str
    words: str


async def doctor(
    *,
    file: Annotated[session.File, Parameter(help="Release file to check; sluice.yaml here or above.")] = None,
    aws: Annotated[
        bool | None,
        Parameter(help="Look at the targets in AWS, with this machine's credentials; without a server as a rule."),
    ] = None,
) -> Exit:
    """Look at everything that a release needs. Ends with 0 when nothing is missing, with 1 otherwise."""
    bad = False
    async for finding in _findings(file, aws=aws):
        bad = bad or finding.good is False
        show([_line(finding)])
    return Exit.ERROR if bad else Exit.OK


async def _findings(file: session.File, *, aws: bool | None) -> AsyncIterator[Finding]:
    try:
        chosen = config.settings()
    except Exception as error:  # noqa: BLE001  whatever is wrong with the settings is a finding
        yield Finding(False, "settings", "; ".join(explain(error)[1]))
        return
    finding, read = _release_file(file, needed=not chosen.url or aws is True)
    yield finding
    async for finding in _beyond(chosen):
        yield finding
    if read is not None and (aws or (aws is None and not chosen.url)):
        from orchestrator.cli.doctor_aws import aws_findings  # noqa: PLC0415  as those below

        # Without a server this may be the worker's machine, or not: missing credentials are told either way.
        async for finding in aws_findings(chosen, read.targets.values(), needed=aws is True):
            yield finding


async def _beyond(chosen: Settings) -> AsyncIterator[Finding]:
    # Either way is imported only where it is taken: each of them is slow.
    if chosen.url:
        from orchestrator.cli.doctor_server import server_findings  # noqa: PLC0415

        async for finding in server_findings(chosen):
            yield finding
        return
    from orchestrator.cli.doctor_temporal import temporal_findings  # noqa: PLC0415

    async for finding in temporal_findings(chosen):
        yield finding


def _release_file(file: session.File, *, needed: bool) -> tuple[Finding, "ReleaseFile | None"]:
    from orchestrator.releasefile.loading import load  # noqa: PLC0415

    try:
        path = session.find_file(file)
    except SluiceError as error:
        if needed:
            return Finding(False, "release file", str(error)), None
        return Finding(None, "release file", "none here: the server's own is used"), None
    try:
        found = load(path, session.plugins())
    except SluiceError as error:
        return Finding(False, "release file", f"{error}: `sluice validate {path}` shows each"), None
    count = len(found.targets)
    return Finding(True, "release file", f"{path}, {count} target{'s' if count > 1 else ''}"), found


def skew_finding(seconds: float) -> Finding:
    """Judge how far this machine's clock is ahead of the server's (negative: behind)."""
    if abs(seconds) < MOST_SKEW_SECONDS:
        return Finding(True, "clock", f"less than {MOST_SKEW_SECONDS:g} s apart")
    how = "ahead of" if seconds > 0 else "behind"
    return Finding(False, "clock", f"this machine is {abs(seconds):.0f} s {how} the server: switch on NTP on both")


def _line(finding: Finding) -> Line:
    symbol, style = {True: ("✔", "green"), False: ("✖", "red"), None: ("○", "dim")}[finding.good]
    return line((f"{symbol} {finding.name:<18}", style), f" {finding.words}")

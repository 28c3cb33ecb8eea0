"""What fits the last word of a command line, for shells: quick, and silent whatever happens."""

import asyncio
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

KEPT_SECONDS = 30.0
STALE_SECONDS = 600.0
"""Older names are worse than none."""
PATIENCE_SECONDS = 0.5
"""Whoever presses Tab waits for an answer no longer."""
LONGEST_SECONDS = 10
"""Asking itself is given up after this."""
Ask = Callable[[], Coroutine[Any, Any, list[str]]]
_LISTED = 100
_OF_RELEASES = {"get", "wait", "logs", "abort", "approve", "reject", "pause", "resume", "skip", "promote", "rollback"}
_OF_RELEASES |= {"adopt", "restore"}
_OF_TARGETS = {"plan", "start"}
_FIXED = {
    "auth": ("login", "logout", "whoami"),
    "completion": ("bash", "fish", "zsh"),
    "config": ("show",),
    "webhook": ("test",),
}
_OPTIONS = {
    "start": (
        "--version",
        "--latest",
        "--s3",
        "--image",
        "--reason",
        "--wait",
        "--timeout",
        "--key",
        "--dry-run",
        "--file",
    ),
    "get": ("--watch", "--output"),
    "list": ("--watch", "--running", "--limit", "--output"),
    "wait": ("--for", "--timeout", "--output"),
    "logs": ("--follow", "--output"),
    "abort": ("--reason", "--wait", "--key", "--output"),
    "doctor": ("--file", "--aws", "--no-aws"),
    "validate": ("--format",),
    "plan": ("--file", "--output"),
}
_VALUES = {
    **dict.fromkeys(("-o", "--output"), ("text", "json", "yaml", "jsonl")),
    "--for": ("done", "started", "baking", "promoted", "approval", "paused", "step=", "weight="),
}


def complete(words: Sequence[str]) -> int:
    """Print what fits the last of `words`, one to a line. Always ends with 0."""
    with suppress(Exception):  # a shell that completes shows no errors
        last = words[-1] if words else ""
        sys.stdout.write("".join(f"{word}\n" for word in _candidates(list(words)) if word.startswith(last)))
        sys.stdout.flush()
    return 0


def _candidates(words: list[str]) -> Sequence[str]:
    from orchestrator.cli.main import COMMANDS  # noqa: PLC0415  it imports this

    if len(words) <= 1:
        return tuple(COMMANDS)
    command = words[0]
    if words[-1].startswith("-"):
        return _OPTIONS.get(command, ("--reason", "--step", "--key", "--output") if command in _OF_RELEASES else ())
    if words[-2].startswith("-") and words[-2] not in {"-w", "--watch", "-f", "--follow", "--wait"}:
        return _VALUES.get(words[-2], ())
    if command in _OF_RELEASES:
        return _kept("releases", _releases)
    if command in _OF_TARGETS:
        return _kept("targets", _targets)
    return _FIXED.get(command, ()) if len(words) == 2 else ()


def _kept(what: str, ask: Ask) -> Sequence[str]:
    """Return names from the cache. Old ones are asked for again, and shown when nobody answers in time.

    The cache has a place for each server, folder and principal. Asking goes on beside a shell that waits no longer, so
    that the next Tab knows.
    """
    told = [what, str(Path.cwd()), *(f"{n}={v}" for n, v in sorted(os.environ.items()) if n.startswith("SLUICE_"))]
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sluice"
    path = base / f"names-{hashlib.sha256(chr(0).join(told).encode()).hexdigest()[:16]}.json"
    deadline = time.monotonic() + PATIENCE_SECONDS
    if _age(path) > KEPT_SECONDS and os.fork() == 0:
        _refresh(path, ask)
    while _age(path) > KEPT_SECONDS and time.monotonic() < deadline:
        time.sleep(0.02)
    if _age(path) > STALE_SECONDS:
        return ()
    found: list[str] = json.loads(path.read_text())
    return found


def _age(path: Path) -> float:
    try:
        return max(0, time.time() - path.stat().st_mtime)
    except OSError:
        return float("inf")


def _refresh(path: Path, ask: Ask) -> NoReturn:
    """Ask and keep the names, in a process of its own that the shell does not wait for."""
    with suppress(BaseException):
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        signal.alarm(LONGEST_SECONDS)
        names = sorted(set(asyncio.run(ask())))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(names))
        draft.replace(path)
    os._exit(0)


async def _releases() -> list[str]:
    from orchestrator.cli import session  # noqa: PLC0415

    async with session.connected() as client:
        states = await client.list(limit=_LISTED, running=True)
    return [name for state in states for name in (str(state.target), state.release_id)]


async def _targets() -> list[str]:
    from orchestrator.cli import config, session  # noqa: PLC0415

    chosen = config.settings()
    if chosen.url:
        from orchestrator.cli.credentials import Credentials  # noqa: PLC0415
        from orchestrator.cli.transport import transport  # noqa: PLC0415

        async with transport(chosen.url, Credentials(chosen)) as asked:
            return [each["name"] for each in (await asked.get("/v1/targets", attempts=1))["targets"]]
    return list(session.document_of(session.find_file())["targets"])

"""The command `sluice`: which commands there are, and how each of them ends.

A command's module is imported when it is called; `sluice --help` needs none of them.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from orchestrator.cli import config
from orchestrator.cli.exits import Exit, explain


class Entry(NamedTuple):
    """A command: where it is, and one line of help."""

    path: str
    help: str


_ORDERS = "orchestrator.cli.orders"
COMMANDS = {
    "plan": Entry("orchestrator.cli.start:plan", "Show every step that a release would take."),
    "start": Entry("orchestrator.cli.start:start", "Release something to a target."),
    "get": Entry("orchestrator.cli.look:get", "Show one release; -w follows it."),
    "list": Entry("orchestrator.cli.look:list_", "List releases, newest first."),
    "logs": Entry("orchestrator.cli.logs:logs", "Show what happened in a release; -f follows it."),
    "wait": Entry("orchestrator.cli.look:wait", "Wait until a release has ended; the exit code says how."),
    "approve": Entry(f"{_ORDERS}:approve", "Approve the step that waits for it."),
    "reject": Entry(f"{_ORDERS}:reject", "Refuse the approval; the release is rolled back."),
    "pause": Entry(f"{_ORDERS}:pause", "Hold at the present weight."),
    "resume": Entry(f"{_ORDERS}:resume", "Go on after a pause."),
    "skip": Entry(f"{_ORDERS}:skip", "End the present wait."),
    "promote": Entry(f"{_ORDERS}:promote", "Skip the rest: all traffic to the new version."),
    "abort": Entry(f"{_ORDERS}:abort", "End the release: all traffic back to the stable version."),
    "rollback": Entry(f"{_ORDERS}:rollback", "After the end: go back to the version before."),
    "adopt": Entry(f"{_ORDERS}:adopt", "After a drift: accept the alias as it is."),
    "restore": Entry(f"{_ORDERS}:restore", "After a drift: put the stable version back."),
    "validate": Entry("orchestrator.cli.files:validate", "Check release files."),
    "schema": Entry("orchestrator.cli.files:schema", "Print the JSON Schema of release files."),
    "doctor": Entry("orchestrator.cli.doctor:doctor", "Say what is missing, and what to do about it."),
    "config": Entry("orchestrator.cli.settings_command:config", "Show every setting and where it comes from."),
    "auth": Entry("orchestrator.cli.auth:auth", "Log in to a server; say who one is there."),
    "completion": Entry("orchestrator.cli.completion:completion", "Print a script that completes in a shell."),
    "webhook": Entry("orchestrator.intake_command:webhook", "Try the rules for events of CI systems."),
    "events": Entry("orchestrator.intake_events:events", "Take EventBridge events from an SQS queue."),
    "worker": Entry("orchestrator.worker:worker", "Run a worker."),
    "serve": Entry("orchestrator.serving:serve", "Serve the HTTP API and the pages."),
    "token": Entry("orchestrator.api.tokens:token", "Make an API token for the HTTP API."),
    "lab": Entry("orchestrator.lab.command:lab", "Run the whole system on this machine, without AWS."),
    "demo": Entry("orchestrator.lab.demo:demo", "Watch a good and a bad release in the lab."),
    "version": Entry("orchestrator.cli.files:version", "Print the version."),
}
_HELP = {"-h", "--help", "help"}
_NEEDS_LAB = {"lab", "demo"}


def run() -> None:
    """Entry point of the console script."""
    code = main(sys.argv[1:])
    if "temporalio" in sys.modules:
        # The Temporal SDK's runtime may abort the process while the interpreter shuts down, after all work is done;
        # the exit code would then be the abort's. There is nothing left to clean up.
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                code = code or Exit.ERROR
        os._exit(code)
    sys.exit(code)


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit code; whatever goes wrong ends in a sentence on stderr."""
    words = [word for word in argv if word not in {"--debug", "--no-color"}]
    if "--no-color" in argv:
        os.environ["NO_COLOR"] = "1"
    if words[:1] == ["__complete"]:
        from orchestrator.cli.completing import complete  # noqa: PLC0415  quick, and it never fails

        return complete(words[1:])
    try:
        words = _without_server(words)
    except ValueError as error:
        return _told(Exit.USAGE, str(error))
    if not words or words[0] in _HELP:
        print(root_help())  # noqa: T201
        return Exit.OK
    if words[0] == "--version":
        words = ["version"]
    if words[0] not in COMMANDS:
        close = get_close_matches(words[0], COMMANDS, n=1)
        hint = f"did you mean `sluice {close[0]}`?" if close else "`sluice --help` lists all"
        return _told(Exit.USAGE, f"there is no command `{words[0]}`; {hint}")
    return _ended(words, debug="--debug" in argv)


def _without_server(words: list[str]) -> list[str]:
    """Take `--server URL` out, which fits any command. Raises ValueError where the URL is missing."""
    config.flags.clear()
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            return [*kept, word, *rest]
        name, given, url = word.partition("=")
        if name != "--server":
            kept.append(word)
            continue
        config.flags["url"] = url if given else next(rest, "")
        if not config.flags["url"]:
            raise ValueError("--server names no server: write --server https://sluice.example.com")
    return kept


def _ended(words: list[str], *, debug: bool) -> int:
    try:
        return int(_call(words) or Exit.OK)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has gone; the interpreter would complain again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.ERROR
    except Exception as error:  # noqa: BLE001  the edge where every error becomes a sentence
        if debug:
            traceback.print_exc()
        return _told(*_ending(error, words[0]))


def root_help() -> str:
    """Return the overview of all commands, made without importing any."""
    width = max(map(len, COMMANDS)) + 2
    rows = [f"  {name:<{width}}{entry.help}" for name, entry in COMMANDS.items()]
    return "\n".join(
        [
            "Usage: sluice COMMAND [OPTIONS]",
            "",
            "Blue-green and canary releases for AWS Lambda.",
            "",
            *rows,
            "",
            "`sluice COMMAND --help` tells more. --server URL, --no-color and --debug (tracebacks) fit any.",
        ]
    )


def _call(words: list[str]) -> Any:
    from cyclopts import App  # noqa: PLC0415  not needed for the overview

    app = App(
        name="sluice",
        version_flags=(),
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        help_on_error=False,
        suppress_keyboard_interrupt=False,
    )
    entry = COMMANDS[words[0]]
    app.command(entry.path, name=words[0])
    return app(words)


def _ending(error: Exception, command: str) -> tuple[Any, ...]:
    from cyclopts import CycloptsError  # noqa: PLC0415  see `_call`

    if isinstance(error, CycloptsError):
        text = str(error).strip().rstrip(".")
        return Exit.USAGE, f"{text}; `sluice {command} --help` lists them"
    if isinstance(error, ImportError) and command in _NEEDS_LAB:
        return Exit.ERROR, f"`sluice {command}` needs more packages: pip install 'sluice[lab]' ({error})"
    code, sentences = explain(error)
    return code, *sentences


def _told(code: Exit, *sentences: str) -> Exit:
    first, *problems = sentences
    print("\n".join([f"sluice: {first}", *(f"  {problem}" for problem in problems)]), file=sys.stderr)  # noqa: T201
    return code

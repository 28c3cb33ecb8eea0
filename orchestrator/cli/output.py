"""Where words go: data to stdout, talk to stderr, and colour only to people who want it."""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from pydantic import BaseModel

from orchestrator.cli.text import SYMBOLS, Line, ascii_only, plain, styled

Format = Literal["text", "json", "yaml", "jsonl"]
ListFormat = Literal["text", "wide", "json", "yaml", "jsonl"]
Output = Annotated[Format, Parameter(name=["--output", "-o"], help="`json` and `yaml` keep a stable schema.")]

ListOutput = Annotated[
    ListFormat,
    Parameter(name=["--output", "-o"], help="`wide` leaves nothing out; `json` and `yaml` keep a stable schema."),
]


def say(sentence: str) -> None:
    """Talk to the person at the terminal."""
    stream = sys.stderr
    print(sentence if _shows(stream, sentence) else ascii_only(sentence), file=stream, flush=True)


def can_ask() -> bool:
    """Whether somebody is there to answer: both what is asked and the answer go through a terminal."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> str:
    """Ask the person at the terminal until there is an answer. Raises KeyboardInterrupt on Ctrl-C and Ctrl-D."""
    while True:
        sys.stderr.write(question)
        sys.stderr.flush()
        answer = sys.stdin.readline()
        if not answer:
            raise KeyboardInterrupt
        if answer.strip():
            return answer.strip()


def is_terminal() -> bool:
    """Whether somebody looks at stdout."""
    return sys.stdout.isatty()


def is_screen() -> bool:
    """Whether stdout is a terminal that may be coloured and redrawn: not piped, not dumb, and NO_COLOR unset."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")


def is_ascii() -> bool:
    """Whether stdout cannot show Sluice's symbols."""
    return not _shows(sys.stdout, SYMBOLS)


def screen_width() -> int:
    """Columns of the terminal; 100 where there is none, so that logs do not depend on it."""
    return shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 100


def show(lines: Sequence[Line]) -> None:
    """Print lines to stdout, coloured on a terminal."""
    if is_screen() or os.environ.get("FORCE_COLOR"):
        from rich.console import Console  # noqa: PLC0415  plain output does without rich

        Console(highlight=False, soft_wrap=True).print(styled(lines, to_ascii=is_ascii()))
        return
    text = plain(lines)
    print(ascii_only(text) if is_ascii() or not _shows(sys.stdout, text) else text, flush=True)  # noqa: T201


def show_data(value: BaseModel | dict[str, Any] | Sequence[BaseModel], form: Format) -> None:
    """Print one document, or a list of them; `jsonl` prints one to a line."""
    many = not isinstance(value, BaseModel | dict)
    documents = [value] if isinstance(value, BaseModel | dict) else value
    records = [v.model_dump(mode="json") if isinstance(v, BaseModel) else v for v in documents]
    document: Any = records if many else records[0]
    if form == "jsonl":
        text = "".join(json.dumps(r, ensure_ascii=is_ascii(), separators=(",", ":")) + "\n" for r in records)
    elif form == "yaml":
        text = _yaml(document)
    else:
        text = json.dumps(document, ensure_ascii=is_ascii(), indent=2) + "\n"
    sys.stdout.write(text)
    sys.stdout.flush()


def _yaml(document: Any) -> str:
    from io import StringIO  # noqa: PLC0415

    from ruamel.yaml import YAML  # noqa: PLC0415  only this form needs it

    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False
    yaml.allow_unicode = not is_ascii()
    stream = StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _shows(stream: Any, text: str) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True

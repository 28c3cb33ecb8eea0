"""Lines of styled spans: the one form that becomes plain text, ASCII or colour, with the same layout in each."""

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

Span = tuple[str, str]
"""Text and its style in rich's words; an empty style for none."""
Line = tuple[Span, ...]

_SYMBOLS = {
    "→": "->",
    "█": "#",
    "░": "-",
    "✔": "+",
    "✖": "x",
    "●": "*",
    "○": "o",
    "≤": "<=",
    "…": "...",
    "‖": "=",
    "↷": ">",
}
_ASCII = str.maketrans({**_SYMBOLS, "\N{EN DASH}": "-", "\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " "})
SYMBOLS = "".join(_SYMBOLS)
"""Every character beside ASCII that Sluice draws with itself."""


def line(*spans: str | Span) -> Line:
    """Return a line of spans; bare text has no style."""
    return tuple((s, "") if isinstance(s, str) else s for s in spans)


def length(of: Line) -> int:
    """Return the number of characters."""
    return sum(len(text) for text, _ in of)


def plain(lines: Sequence[Line]) -> str:
    """Return the text without style, without blanks at the ends of lines."""
    return "\n".join("".join(text for text, _ in spans).rstrip() for spans in lines)


def ascii_only(text: str) -> str:
    """Return `text` for a terminal that shows nothing but ASCII."""
    return text.translate(_ASCII).encode("ascii", "replace").decode()


def styled(lines: Sequence[Line], *, to_ascii: bool = False) -> "Text":
    """Return rich's text, one line each, neither wrapped nor ended by a newline."""
    from rich.text import Text  # noqa: PLC0415  plain output does without rich

    whole = Text(no_wrap=True, overflow="ellipsis" if not to_ascii else "crop")
    for i, spans in enumerate(lines):
        whole.append("\n" if i else "")
        for text, style in spans:
            whole.append(ascii_only(text) if to_ascii else text, style=style or None)
    return whole


def flow(parts: Sequence[Line], width: int, *, gap: int = 3, indent: int = 2) -> list[Line]:
    """Put the parts beside each other, as many to a line as fit in `width`; later lines are indented."""
    lines: list[Line] = []
    now: Line = ()
    for part in (piece for whole in parts for piece in _pieces(whole, width - indent)):
        if now and length(now) + gap + length(part) > width:
            lines.append(now)
            now = (*line(" " * indent), *part)
        else:
            now = (*now, (" " * gap, ""), *part) if now else part
    return [*lines, now] if now else lines


def _pieces(part: Line, width: int) -> list[Line]:
    """Break a part that no line can hold; it then has one style."""
    if length(part) <= width:
        return [part]
    return [line((row, part[0][1])) for row in wrap("".join(text for text, _ in part), width)]


def paragraph(text: str, width: int, *, style: str = "", first: str = "", indent: int = 0) -> list[Line]:
    """Wrap `text`; `first` stands before the first line, and later lines begin at `indent`."""
    rows = wrap(text, max(width - indent, 20)) or [""]
    return [line(first if first and i == 0 else " " * indent, (row, style)) for i, row in enumerate(rows)]


def columns(rows: Sequence[Sequence[Span]], *, gap: int = 2, right: frozenset[int] = frozenset()) -> list[Line]:
    """Align cells; columns in `right` at their right edge. A column without any text is left out."""
    widths = [max(len(text) for text, _ in column) for column in zip(*rows, strict=True)]
    lines: list[Line] = []
    for row in rows:
        spans: list[Span] = []
        for i, (text, style) in enumerate(row):
            if widths[i]:
                cell = text.rjust(widths[i]) if i in right else text.ljust(widths[i])
                spans += [(cell, style), (" " * gap, "")]
        lines.append(tuple(spans[:-1]))
    return lines

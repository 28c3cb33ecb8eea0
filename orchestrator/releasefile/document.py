"""A YAML text as plain data, and where each value of it stands."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

Path = tuple[str | int, ...]


class Problem(NamedTuple):
    """One thing wrong with a file, and where. Line and column count from 1; `path` is empty for the whole file."""

    file: str
    line: int
    column: int
    path: str
    sentence: str

    def __str__(self) -> str:
        """Return e.g. `sluice.yaml:6:13 strategies.careful.weights.1: weights must ascend, but 5 comes after 10`."""
        return f"{self.file}:{self.line}:{self.column}{' ' if self.path else ''}{self.path}: {self.sentence}"


class NotReadable(Exception):
    """The text is not YAML."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Document:
    """A YAML mapping: `data` holds what JSON can hold, and nothing else. Raises NotReadable."""

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self._lines = text.splitlines()
        try:
            self._tree = YAML(typ="rt").load(text)
        except YAMLError as error:
            raise NotReadable(_syntax_problem(error, name)) from error
        if not isinstance(self._tree, CommentedMap):
            what = "is empty" if self._tree is None else "is not a mapping"
            raise NotReadable(Problem(name, 1, 1, "", f"the file {what}: it starts with `targets:`"))
        self.data: dict[str, Any] = _plain(self._tree)

    def problem(self, path: Path, sentence: str, *, at_key: bool = False) -> Problem:
        """Return a problem at the deepest part of `path` that stands in the file: its value, or its key."""
        line, column = self._place(path, at_key=at_key)
        return Problem(self.name, line + 1, column + 1, ".".join(map(str, path)), sentence)

    def written(self, path: Path) -> str:
        """Return the scalar at `path` as it is written, e.g. `012345678901` where YAML reads the number 12345678901."""
        line, column = self._place(path, at_key=False)
        found = re.match(r"[^\s,\]}#]*", self._lines[line][column:])
        return found.group() if found else ""

    def _place(self, path: Sequence[str | int], *, at_key: bool) -> tuple[int, int]:
        node: Any = self._tree
        place = (0, 0)
        for depth, part in enumerate(path):
            last = depth == len(path) - 1
            if isinstance(node, CommentedMap):
                keys = {str(key): key for key in node}
                if part not in keys or keys[part] not in node.lc.data:
                    return place
                key = keys[part]
                # A missing part is told at its parent's key: the parent's value may be a whole block.
                below = not last and not _has(node[key], path[depth + 1])
                # Nothing written has no place of its own either.
                of_key = below or (last and at_key) or node[key] is None
                place = node.lc.key(key) if of_key else node.lc.value(key)
                node = node[key]
            elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
                place = node.lc.item(part)
                node = node[part]
            else:
                return place
        return place


def _has(node: Any, part: str | int) -> bool:
    if isinstance(node, CommentedMap):
        return part in {str(key) for key in node}
    return isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node)


def _plain(node: Any) -> Any:
    """Return `node` without ruamel's types; a date or a tagged value is the text that stands there."""
    if isinstance(node, CommentedMap):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value) for value in node]
    if node is None or isinstance(node, bool):
        return node
    for kind in (int, float):
        if isinstance(node, kind):
            return kind(node)
    return str(node)


def _syntax_problem(error: YAMLError, name: str) -> Problem:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    text = str(getattr(error, "problem", None) or error)
    if isinstance(error, DuplicateKeyError) and (key := re.search(r'duplicate key "(.*?)"', text)):
        return Problem(name, line, column, "", f"key `{key.group(1)}` stands twice in the same mapping")
    if r"'\t'" in text:
        return Problem(name, line, column, "", "not valid YAML: indent with spaces, not with tabs")
    return Problem(name, line, column, "", f"not valid YAML: {text}")

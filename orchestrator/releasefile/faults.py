"""Collects every problem of one file, so that all are told at once."""

import json
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from orchestrator.releasefile.document import Document, Path, Problem
from orchestrator.releasefile.wording import place_of, sentence_of, unknown

Model = TypeVar("Model", bound=BaseModel)


class Faults:
    """The problems of one document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._found: list[Problem] = []

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem once, in the order of the file."""
        return tuple(sorted(dict.fromkeys(self._found), key=lambda p: (p.line, p.column, p.path)))

    def add(self, path: Path, sentence: str, *, at_key: bool = False) -> None:
        """Record one problem at `path` (from the top of the file)."""
        self._found.append(self._document.problem(path, sentence, at_key=at_key))

    def model(self, model: type[Model], value: Any, at: Path, *, strict: bool = True) -> Model | None:
        """Return `value` as `model`; None, with every problem recorded, where it does not fit.

        Strict as JSON is: text is no number and a number is no text, so that the JSON Schema says the same.
        """
        try:
            return model.model_validate_json(json.dumps(value), strict=strict)
        except ValidationError as error:
            for detail in _without_echoes(error.errors(include_url=False)):
                path = (*at, *place_of(detail))
                sentence = sentence_of(detail, model, value, self._document.written(path))
                self.add(path, sentence, at_key=detail["type"] == "extra_forbidden")
            return None

    def kind(self, noun: str, entry: Mapping[str, Any], kinds: Collection[str], at: Path) -> str | None:
        """Return the entry's `kind` if there is one and it is among `kinds`; else record why not."""
        kind = entry.get("kind")
        if kind is None:
            which = f", one of {', '.join(kinds)}" if kinds else ""
            self.add((*at, "kind"), f"is missing: say which kind of {noun}{which}")
        elif kind in kinds:
            return str(kind)
        else:
            self.add((*at, "kind"), unknown(f"kind of {noun}", str(kind), kinds))
        return None

    def names(self, noun: str, written: Any, known: Collection[str], at: Path) -> None:
        """Record every name in a written list that does not exist or stands twice; other types are told elsewhere."""
        for i, name in enumerate(written if isinstance(written, list) else ()):
            if not isinstance(name, str):
                continue
            if name not in known:
                self.add((*at, i), unknown(noun, name, known))
            elif name in written[:i]:
                self.add((*at, i), f"{noun} `{name}` is listed twice")


def _without_echoes(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out what only follows from another error: a list is `too short` when none of its items is valid."""
    broken = {e["loc"][:depth] for e in errors for depth in range(len(e["loc"]))}
    return [e for e in errors if not (e["type"] == "too_short" and e["loc"] in broken)]

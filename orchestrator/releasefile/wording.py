"""What pydantic found, said in sentences for the one who wrote the file."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from orchestrator.releasefile.document import Path

_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_parsing": "a number",
    "bool_parsing": "true or false",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
}
_BOUNDS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
}


def unknown(noun: str, name: str, known: Iterable[str]) -> str:
    """Return a sentence with the nearest of the known names, if one is near, and all of them in order."""
    names = list(dict.fromkeys(known))
    close = get_close_matches(name, names, n=1)
    hint = f"did you mean `{close[0]}`? There" if close else "there"
    return f"unknown {noun} `{name}`; {hint} is {', '.join(names) or 'none'}"


def place_of(error: ErrorDetails) -> Path:
    """Return where the error is, relative to what was validated."""
    return (*error["loc"], *(error.get("ctx") or {}).get("at", ()))


def sentence_of(error: ErrorDetails, model: type[BaseModel], whole: Any, written: str) -> str:
    """Say what is wrong with `whole`, which was to be a `model`. `written` is the scalar as it stands in the file."""
    kind, value, context = error["type"], error["input"], error.get("ctx") or {}
    path = error["loc"]
    if kind in {"fault", "value_error"}:
        return str(context.get("sentence") or context["error"])
    if kind == "missing":
        return f"is missing{_meaning(model, path, whole)}"
    if kind == "extra_forbidden":
        parent = _model_at(model, path[:-1], whole)
        return unknown("key", str(path[-1]), _keys(parent) if parent else ())
    if kind == "string_type" and isinstance(value, (int, float)):
        return _text_without_quotes(path, value, written)
    if kind in _KINDS:
        return f"must be {_KINDS[kind]}, got {_shown(value)}"
    return (
        _sentence_of_bound(kind, value, context, _meaning(model, path, whole)) or f"{error['msg']}, got {_shown(value)}"
    )


def _sentence_of_bound(kind: str, value: Any, context: Mapping[str, Any], meaning: str) -> str | None:
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"must be {words} {context[bound]:g}, got {_shown(value)}"
    if kind in {"literal_error", "enum"}:
        expected = [part.strip("'") for part in str(context["expected"]).replace(" or ", ", ").split(", ")]
        close = get_close_matches(str(value), expected, n=1)
        return f"{_shown(value)} is not one of {', '.join(expected)}{f'; did you mean `{close[0]}`?' if close else ''}"
    if kind == "string_pattern_mismatch":
        return f"{_shown(value)} does not fit{meaning}"
    if kind in {"too_short", "string_too_short"}:
        return "must not be empty"
    if kind in {"too_long", "string_too_long"}:
        return f"is too long: at most {context['max_length']}"
    return None


def _text_without_quotes(path: Path, value: Any, written: str) -> str:
    if path[-1] == "account":
        example = written if len(written) == 12 else "012345678901"
        return f'an account is 12 digits in quotes, or it may lose its leading zeros: write it like "{example}"'
    return f'must be text: write "{written or _shown(value)}" in quotes'


def _shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "nothing"}[value]
    if isinstance(value, (dict, list, tuple)):
        return "a mapping" if isinstance(value, dict) else "a list"
    return f"`{value}`" if isinstance(value, str) else f"{value:.12g}"


def _keys(model: type[BaseModel]) -> list[str]:
    fields = model.model_fields.items()
    return sorted(field.alias or name for name, field in fields if name not in {"name", "kind"})


def _meaning(model: type[BaseModel], path: Path, whole: Any) -> str:
    parent = _model_at(model, path[:-1], whole)
    field = _field(parent, path[-1]) if parent else None
    return f": {field.description.rstrip('.')}" if field and field.description else ""


def _model_at(model: type[BaseModel], path: Path, whole: Any) -> type[BaseModel] | None:
    """Return the model that `path` leads to in `whole`; list positions do not change it.

    Where one of several models may stand, it is the one that knows most of the keys that are written.
    """
    found, here = [model], whole
    for part in path:
        nearest, here = _nearest(found, here), _inside(here, part)
        if nearest is None or isinstance(part, int):
            continue
        field = _field(nearest, part)
        found = list(_models_in(field.annotation)) if field else []
    return _nearest(found, here)


def _inside(value: Any, part: str | int) -> Any:
    try:
        return value[part]
    except (KeyError, IndexError, TypeError):
        return None


def _nearest(models: list[type[BaseModel]], written: Any) -> type[BaseModel] | None:
    keys = list(written) if isinstance(written, Mapping) else []
    return max(models, key=lambda model: sum(_field(model, key) is not None for key in keys), default=None)


def _field(model: type[BaseModel], key: str | int) -> FieldInfo | None:
    """Return the field that is written as `key`."""
    return next((f for name, f in model.model_fields.items() if key in {name, f.alias}), None)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)

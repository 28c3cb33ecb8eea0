"""Where each setting of the command line comes from: flag, environment, `sluice.toml`, the user's file, default."""

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.domain.errors import InvalidSpec

if TYPE_CHECKING:
    from pydantic import BaseModel

    from orchestrator.settings import Settings

FILE_NAME = "sluice.toml"
PREFIX = "SLUICE_"
SECRETS = {"token", "id_token"}
"""Refused in `sluice.toml`, which is shared with others."""
MASK = "********"
_HASH = re.compile(r"\b[0-9a-f]{64}\b")
flags: dict[str, str] = {}
"""Settings that this command line names, by name; filled by `main`."""

Place = tuple[str, ...]


class Setting(NamedTuple):
    """One setting as it is in force."""

    name: str
    value: Any
    source: str


def user_folder() -> Path:
    """Return the user's own folder for configuration."""
    base = os.environ.get("XDG_CONFIG_HOME") or ""
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".config") / "sluice"


def settings() -> "Settings":
    """Return all settings. Raises InvalidSpec for a file that is wrong, ValidationError for a value."""
    from orchestrator.settings import Settings  # noqa: PLC0415  pydantic is slow to import

    chosen: dict[str, Any] = {}
    for place, (value, _) in _chosen(Settings).items():
        inner = chosen
        for part in place[:-1]:
            inner = inner.setdefault(part, {})
        inner[place[-1]] = value
    found = Settings(**chosen)
    url = (found.url or "").rstrip("/") or None
    if url is not None and not url.startswith(("https://", "http://")):
        raise InvalidSpec(f"SLUICE_URL: `{url}` is no address of a server: it begins with https:// or http://")
    return found.model_copy(update={"url": url})


def effective() -> list[Setting]:
    """Return every setting with where it comes from, in the order of the settings page."""
    from orchestrator.settings import Settings  # noqa: PLC0415

    found, chosen, named = settings(), _chosen(Settings), _environment()
    rows = []
    for place in _places(Settings):
        value: Any = found
        for part in place:
            value = getattr(value, part)
        variable = PREFIX + "__".join(place).upper()
        source = chosen[place][1] if place in chosen else named.get(variable, "default")
        rows.append(Setting(".".join(place), value, source))
    return rows


def _chosen(model: "type[BaseModel]") -> dict[Place, tuple[Any, str]]:
    """Return what flags and files set, without what the environment sets over a file."""
    known, named = set(_places(model)), _environment()
    found: dict[Place, tuple[Any, str]] = {}
    for path in _files():
        for place, value in _leaves(_read(path), known, path):
            variables = {PREFIX + "__".join(place[: i + 1]).upper() for i in range(len(place))}
            if not variables & named.keys():
                found[place] = (value, str(path))
    return found | {(name,): (value, f"--{_FLAGS[name]}") for name, value in flags.items()}


_FLAGS = {"url": "server"}


def _files() -> list[Path]:
    """Return the files there are, the strongest last."""
    here = Path.cwd()
    near = next((f / FILE_NAME for f in (here, *here.parents) if (f / FILE_NAME).is_file()), None)
    user = user_folder() / "config.toml"
    return [path for path in (user if user.is_file() else None, near) if path is not None]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidSpec(f"cannot read {path}: {error}") from None
    if path.name == FILE_NAME and (secret := SECRETS & found.keys()):
        raise InvalidSpec(
            f"{path}: `{min(secret)}` does not belong into a file that others read: `sluice auth login` stores it"
        )
    return found


def _leaves(table: Mapping[str, Any], known: set[Place], path: Path, above: Place = ()) -> Iterator[tuple[Place, Any]]:
    for name, value in table.items():
        place = (*above, name)
        if place in known:
            yield place, value
        elif isinstance(value, dict) and any(each[: len(place)] == place for each in known):
            yield from _leaves(value, known, path, place)
        else:
            written = ".".join(place)
            close = get_close_matches(written, [".".join(each) for each in known], n=1)
            raise InvalidSpec(
                f"{path}: there is no setting `{written}`; "
                + (f"did you mean `{close[0]}`?" if close else "`sluice config show --all` lists them")
            )


def _places(model: "type[BaseModel]", above: Place = ()) -> Iterator[Place]:
    from pydantic import BaseModel  # noqa: PLC0415

    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _places(inner, (*above, name))
        else:
            yield (*above, name)


def _environment() -> dict[str, str]:
    """Return the variables of Sluice's that are set, and where."""
    from dotenv import dotenv_values  # noqa: PLC0415

    local = {name.upper(): ".env" for name in dotenv_values(".env")}
    return local | {name.upper(): name.upper() for name in os.environ if name.upper().startswith(PREFIX)}


def shown(value: Any) -> str:
    """Return a value as `config show` prints it; secrets and their hashes are masked."""
    if value is None:
        return "-"
    if isinstance(value, str | int | float):
        return str(value)
    written = _plain(value)
    return written if isinstance(written, str) else _HASH.sub(MASK, json.dumps(written, default=_plain))


def _plain(value: Any) -> Any:
    if hasattr(value, "get_secret_value"):
        return MASK
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", exclude_none=True)
    return value if isinstance(value, dict | list | tuple) else str(value)

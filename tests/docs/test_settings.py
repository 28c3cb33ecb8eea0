"""The settings page and the settings agree."""

import re
from pathlib import Path

from pydantic import BaseModel

from orchestrator.settings import Settings
from workflows.logbook import SEARCH_ATTRIBUTES

PAGE = (Path(__file__).parents[2] / "docs/reference/settings.md").read_text()


def _names(model: type[BaseModel], prefix: str) -> set[str]:
    names: set[str] = set()
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            names |= _names(inner, f"{prefix}{name.upper()}__")
        else:
            names.add(f"{prefix}{name.upper()}")
    return names


def test_every_setting_is_on_the_page_and_nothing_else() -> None:
    """A setting that nobody can read about does not exist; one that does not exist must not be promised."""
    assert set(re.findall(r"^\| `(SLUICE_\w+)`", PAGE, re.MULTILINE)) == _names(Settings, "SLUICE_")


def test_every_search_attribute_is_in_the_command() -> None:
    """Temporal refuses a release whose attributes it does not know."""
    assert set(re.findall(r"--name (\w+)", PAGE)) == {key.name for key in SEARCH_ATTRIBUTES}

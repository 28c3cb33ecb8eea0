"""Every probe and gate, those added later included: its shape, and its page in the reference."""

import re
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from activities import gates, probes
from activities.gates.freeze import Dates, Weekly
from orchestrator.registry import Registry

PAGE = (Path(__file__).parents[2] / "docs/reference/probes-and-gates.md").read_text()
KINDS = {
    f"{noun} {name}": registry[name]
    for noun, registry in (("probe", Registry(probes, "probe")), ("gate", Registry(gates, "gate")))
    for name in registry.names
}
kinds = pytest.mark.parametrize("kind", KINDS)


def rows(text: str) -> dict[str, list[str]]:
    """Return the cells behind each option of the tables in `text`: unit, default, meaning."""
    lines = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return {cells[0].strip(" `"): [cell.strip(" `|") for cell in cells[1:]] for cells in lines}


def section(kind: str) -> str:
    name = kind.split()[1]
    found = re.search(rf"^### `{name}`$(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/reference/probes-and-gates.md has no section `{name}`"
    return found[1]


def told(model: type[BaseModel], documented: dict[str, list[str]]) -> None:
    for name, field in model.model_fields.items():
        key = field.alias or name
        assert field.description, f"{model.__name__}.{name} has no description"
        assert key in documented, f"option `{key}` is not documented"
        unit, default, meaning = documented[key]
        assert unit
        assert meaning
        assert default == shown(field), f"default of `{key}`"


def shown(field: Any) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    return (
        {None: "none", "": "empty"}.get(default, str(default))
        if not isinstance(default, dict | tuple)
        else (str(list(default)) if isinstance(default, tuple) else str(default))
    )


def test_there_are_the_kinds_that_the_page_names():
    assert set(KINDS) == {"probe dry_run", "probe http", "probe invoke", "gate freeze", "gate webhook"}


@kinds
def test_every_kind_has_frozen_options_and_can_be_asked(kind):
    plugin = KINDS[kind]
    assert issubclass(plugin.Options, BaseModel)
    assert plugin.Options.model_config["frozen"]
    assert plugin.Options.model_config["extra"] == "forbid"
    assert iscoroutinefunction(plugin.ask)
    assert plugin.__doc__
    assert not {"kind", "timeout", "interval"} & set(plugin.Options.model_fields), "these belong to the release file"


@kinds
def test_every_option_is_documented_with_unit_and_default(kind):
    documented = rows(section(kind))
    told(KINDS[kind].Options, documented)
    if kind != "gate freeze":
        assert documented.keys() == KINDS[kind].Options.model_fields.keys(), "the page names an option that is not"


@pytest.mark.parametrize(("model", "after"), [(Dates, "A window of fixed dates"), (Weekly, "A weekly window")])
def test_every_key_of_a_freeze_window_is_documented(model, after):
    table = section("gate freeze").split(after)[1].split("\n\n")[1]
    told(model, rows(table))

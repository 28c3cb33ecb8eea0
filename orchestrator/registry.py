"""One file in a plug-in folder is one plug-in: found by its module name, never registered by hand.

A plug-in module has a module-level `PLUGIN`; one without is a part that is no plug-in. Unknown names are refused with
the list of those that exist.
"""

import pkgutil
from importlib import import_module
from types import ModuleType
from typing import Any

from orchestrator.domain.errors import UnknownPlugin


class Registry:
    """The plug-ins of one folder (a package), by name; a module `http_get` is found as `http_get`."""

    def __init__(self, package: ModuleType, noun: str) -> None:
        self._noun = noun
        modules = {
            m.name: import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__)
        }
        self._plugins: dict[str, Any] = {n: m.PLUGIN for n, m in modules.items() if hasattr(m, "PLUGIN")}

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, sorted."""
        return tuple(sorted(self._plugins))

    def __getitem__(self, name: str) -> Any:
        """Return the plug-in of that name. Raises UnknownPlugin."""
        if name not in self._plugins:
            raise UnknownPlugin(f"unknown {self._noun} `{name}`; there is {', '.join(self.names)}")
        return self._plugins[name]

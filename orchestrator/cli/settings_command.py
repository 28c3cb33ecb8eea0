"""`sluice config`: what is in force, and why."""

from typing import Annotated

from cyclopts import App, Parameter

from orchestrator.cli import config as layers
from orchestrator.cli import credentials
from orchestrator.cli.exits import Exit
from orchestrator.cli.output import show
from orchestrator.cli.text import columns

config = App(name="config", help="Show every setting and where it comes from.", version_flags=())
CLIENT = ("temporal.", "url", "token", "id_token", "oidc_audience", "actor")
"""Names, or beginnings of names, that the command line itself uses."""


@config.command(name="show")
def show_config(
    *, all_: Annotated[bool, Parameter(name="--all", negative="", help="Those of worker and server too.")] = False
) -> Exit:
    """Print each effective value with its source; secrets are masked."""
    url = layers.settings().url
    logged_in = bool(url and credentials.stored(url))
    rows = []
    for name, value, source in layers.effective():
        if not all_ and not name.startswith(CLIENT):
            continue
        if name == "token" and value is None and logged_in:
            rows.append((name, layers.MASK, "`sluice auth login`"))
        else:
            rows.append((name, layers.shown(value), source))
    show(columns([[(cell, "") for cell in row] for row in [("setting", "value", "from"), *rows]]))
    return Exit.OK

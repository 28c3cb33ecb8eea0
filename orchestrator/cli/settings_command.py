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
    rows = [each for each in layers.effective() if all_ or each.name.startswith(CLIENT)]
    url = layers.settings().url
    if url and credentials.stored(url):
        unset = layers.Setting("token", None, "default")
        login = unset._replace(source="`sluice auth login`")
        shown = {row: ("********", login.source) for row in rows if row == unset}
    else:
        shown = {}
    table = [(row.name, *shown.get(row, (layers.shown(row.value), row.source))) for row in rows]
    show(columns([[(cell, "") for cell in row] for row in [("setting", "value", "from"), *table]]))
    return Exit.OK

"""`sluice auth`: the credential for a server."""

import sys
from datetime import datetime
from typing import Any

from cyclopts import App

from orchestrator.cli import config, credentials, session
from orchestrator.cli.exits import Exit
from orchestrator.cli.output import Output, say, show, show_data
from orchestrator.cli.problems import NotAdmitted
from orchestrator.cli.text import line
from orchestrator.cli.transport import transport
from orchestrator.domain.errors import InvalidSpec
from orchestrator.settings import Settings

auth = App(name="auth", help="Log in to a server; say who one is there.", version_flags=())
_LONGEST = 8192


@auth.command
async def login() -> Exit:
    """Read a token from stdin, try it, and keep it for this server in a file that only you can read."""
    chosen = _settings()
    token = _token_from_stdin(chosen.url or "")
    tried = chosen.model_copy(update={"token": _secret(token), "id_token": None, "oidc_audience": None})
    async with transport(tried.url or "", credentials.Credentials(tried)) as asked:
        try:
            found = await asked.get("/v1/whoami")
        except NotAdmitted:
            raise NotAdmitted(
                f"{tried.url} does not accept this token: nothing was stored; make one with `sluice token`"
            ) from None
    path = credentials.store(tried.url or "", token)
    say(f"logged in to {tried.url} as {found['principal']}; kept in {path}")
    return Exit.OK


@auth.command
async def whoami(*, output: Output = "text") -> Exit:
    """Print who one is at the server, with roles and targets."""
    chosen = _settings()
    held = credentials.Credentials(chosen)
    async with transport(chosen.url or "", held) as asked:
        found = await asked.get("/v1/whoami")
    if output == "text":
        _show(found, chosen.url or "", held.words)
    else:
        show_data(found, output)
    return Exit.OK


@auth.command
def logout() -> Exit:
    """Forget the token that was stored for this server."""
    url = _settings().url or ""
    known = credentials.stored(url) is not None
    if known:
        credentials.store(url, None)
    say(f"the token for {url} is forgotten; it is in force until it ends" if known else f"no token is stored for {url}")
    return Exit.OK


def _settings() -> Settings:
    chosen = config.settings()
    if not chosen.url:
        raise InvalidSpec(
            "no server is named: write --server https://..., set SLUICE_URL, or put `url` into sluice.toml"
        )
    return chosen


def _secret(token: str) -> Any:
    from pydantic import SecretStr  # noqa: PLC0415

    return SecretStr(token)


def _token_from_stdin(url: str) -> str:
    if sys.stdin.isatty():
        from getpass import getpass  # noqa: PLC0415

        written = getpass(f"token for {url} (not shown): ")
    else:
        written = sys.stdin.read(_LONGEST + 1)
    token = written.strip()
    if not token or len(token) > _LONGEST or any(not "!" <= c <= "~" for c in token):
        raise InvalidSpec("stdin holds no token: write e.g. `sluice auth login < token.txt`")
    return token


def _show(found: dict[str, Any], url: str, words: str) -> None:
    person = f" for {found['behalf']}" if found["behalf"] else ""
    until = "without an end"
    if found["until"]:
        until = f"until {datetime.fromisoformat(found['until']).astimezone(session.now().tzinfo):%Y-%m-%d %H:%M}"
    rows = [line((found["principal"], "bold"), f"{person} at {url}")]
    rows.append(line(f"by {words}, {until}" if words else "by the lab's mode, which lets everybody on its machine in"))
    rows += [line(f"  {', '.join(grant['roles'])} on {' '.join(grant['targets'])}") for grant in found["grants"]]
    show(rows)

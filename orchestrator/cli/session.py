"""What a command reaches outside itself: the running Sluice, the release file, and who is asking.

Everything slow is imported where it is used, so that help and usage errors come at once.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from orchestrator.cli import config

if TYPE_CHECKING:
    from orchestrator.cli.client import ReleaseClient
    from orchestrator.domain.release import Actor
    from orchestrator.releasefile.loading import Plugins
    from orchestrator.releasefile.model import ResolvedTarget

FILE_NAME = "sluice.yaml"
File = Annotated[
    Path | None, Parameter(name=["--file", "-f"], help=f"Release file; {FILE_NAME} here or in a folder above.")
]


@asynccontextmanager
async def connected() -> "AsyncIterator[ReleaseClient]":
    """Reach the running Sluice by the settings: its HTTP API, or Temporal. Raises Unavailable with what to do."""
    chosen = config.settings()
    if chosen.url:
        from orchestrator.cli import api_client  # noqa: PLC0415  neither way needs the other's libraries

        async with api_client.connect(chosen) as server:
            yield server
        return
    from orchestrator.service import connect  # noqa: PLC0415

    async with connect(chosen) as client:
        yield client


def has_server() -> bool:
    """Whether the HTTP API is asked, which then resolves plans and names who acts."""
    return config.settings().url is not None


def actor() -> "Actor":
    """Return who acts: SLUICE_ACTOR, or the operating system's user. A server asks the credential instead."""
    if has_server():
        from orchestrator.domain.release import Actor  # noqa: PLC0415

        return Actor(name="", source="cli")
    from orchestrator.service import current_actor  # noqa: PLC0415

    return current_actor(config.settings())


def now() -> datetime:
    """Return the time in the terminal's zone."""
    return datetime.now().astimezone()


def plugins() -> "Plugins":
    """Return the kinds of probes, gates and metric providers that are installed."""
    import activities.gates  # noqa: PLC0415
    import activities.metrics  # noqa: PLC0415
    import activities.probes  # noqa: PLC0415
    from orchestrator.registry import Registry  # noqa: PLC0415
    from orchestrator.releasefile.loading import Plugins  # noqa: PLC0415

    return Plugins(
        probes=Registry(activities.probes, "probe"),
        gates=Registry(activities.gates, "gate"),
        metrics=Registry(activities.metrics, "metric provider"),
    )


def find_file(given: Path | None = None) -> Path:
    """Return the file named, or the nearest `sluice.yaml` upwards. Raises InvalidSpec where there is none."""
    if given is not None:
        return given
    from orchestrator.domain.errors import InvalidSpec  # noqa: PLC0415

    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return Path(os.path.relpath(folder / FILE_NAME))
    raise InvalidSpec(f"there is no {FILE_NAME} in {here} or any folder above: write one, or name it with --file")


def document_of(file: Path) -> "dict[str, Any]":
    """Return a release file as plain data. Raises InvalidSpec with every problem of it."""
    from orchestrator.releasefile.document import Document  # noqa: PLC0415
    from orchestrator.releasefile.loading import load, read  # noqa: PLC0415

    load(file, plugins())
    return Document(read(file), str(file)).data


def target_of(name: str, file: Path | None) -> "ResolvedTarget":
    """Return the target of that name. Raises InvalidSpec with every problem of the file."""
    from orchestrator.releasefile.loading import load  # noqa: PLC0415
    from orchestrator.releasefile.resolving import resolve  # noqa: PLC0415

    return resolve(load(find_file(file), plugins()), name)


def duration_option(option: str, text: str | None) -> timedelta | None:
    """Read a duration from the command line. Raises InvalidSpec that says how to write it."""
    if text is None:
        return None
    from pydantic_core import PydanticCustomError  # noqa: PLC0415

    from orchestrator.domain.errors import InvalidSpec  # noqa: PLC0415
    from orchestrator.strategies import parse_duration  # noqa: PLC0415

    try:
        return parse_duration(text)
    except PydanticCustomError as error:
        raise InvalidSpec(f"{option}: {error.message()}") from None

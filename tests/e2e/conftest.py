"""One lab with Sluice in it for all end-to-end tests."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.lab.stack import LabOptions
from orchestrator.lab.whole import WholeLab, whole_lab

SLUICE = str(Path(sys.executable).with_name("sluice"))


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Awaitable[Ended]]


@pytest.fixture(scope="session")
async def lab() -> AsyncIterator[WholeLab]:
    async with whole_lab(LabOptions(faults_allowed=True)) as running:
        yield running


@pytest.fixture(scope="session")
def sluice(lab: WholeLab) -> Command:
    """Run the real command in a process of its own, against the lab."""
    base = {
        **os.environ,
        **lab.lab.environment(),
        "SLUICE_TEMPORAL__ADDRESS": lab.settings.temporal.address,
        "SLUICE_ACTOR": "anna",
    }

    async def run(*words: str, cwd: Path | None = None, **environment: str) -> Ended:
        process = await asyncio.create_subprocess_exec(
            SLUICE,
            *words,
            cwd=cwd,
            env={**base, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Ended(process.returncode or 0, out.decode(), err.decode())

    return run

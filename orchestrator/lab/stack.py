"""The whole lab, started and stopped as one: Temporal server, emulator, gateway."""

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from orchestrator.lab import processes
from orchestrator.lab.admin import LabAdmin
from orchestrator.lab.gateway import Gateway
from orchestrator.lab.gateway.settings import LabSettings

ACCESS_KEY_ID = "lab-no-real-key"
SECRET_ACCESS_KEY = "lab-no-real-secret"
_REAL_PREFIXES = ("AKIA", "ASIA")


@dataclass(frozen=True)
class LabOptions:
    """How a lab is started."""

    temporal: bool = True
    """Start a Temporal server too."""
    aws_port: int = 0
    """Of the AWS endpoint; 0 chooses a free one, as for all ports."""
    temporal_port: int = 0
    temporal_ui_port: int | None = None
    """Of Temporal's own web page; None leaves it off."""
    state_dir: Path | None = None
    """Kept after the end, with workflows and functions; None is a temporary folder, deleted at the end."""
    region: str = "us-east-1"
    settings: LabSettings = field(default_factory=LabSettings)
    seed: int | None = None
    """Of the weighted draws; None differs on every start."""
    faults_allowed: bool = False
    time_skipping: bool = False
    """Let the Temporal server skip time for workflows that ask for it."""
    access_key_id: str = ACCESS_KEY_ID
    secret_access_key: str = SECRET_ACCESS_KEY


class Lab:
    """A running lab; use as an async context manager.

    Attributes:
        aws_url: endpoint for AWS clients.
        temporal_address: `host:port` of the Temporal frontend, or None when it was not asked for.
        admin: client of faults, journal and settings.
        state_dir: folder with all state and logs.
    """

    aws_url: str
    admin: LabAdmin
    state_dir: Path

    def __init__(self, options: LabOptions | None = None) -> None:
        """Take the options.

        Raises:
            LabStartError: the credentials look real.
        """
        self.options = options or LabOptions()
        if self.options.access_key_id.upper().startswith(_REAL_PREFIXES):
            raise processes.LabStartError(
                "The lab takes no real credentials: this access key id begins like one of AWS' own."
            )
        self.temporal_address: str | None = None
        self._children: list[processes.Child] = []
        self._gateway: Gateway | None = None

    async def __aenter__(self) -> Self:
        """Start all parts at the same time.

        Raises:
            LabStartError: a wished port is taken, or a part did not start; nothing is left running.
        """
        options = self.options
        self.state_dir = options.state_dir or Path(tempfile.mkdtemp(prefix="sluice-lab-"))
        self.state_dir.mkdir(parents=True, exist_ok=True)
        try:
            place = processes.claim_port(options.aws_port, "the AWS endpoint")
            emulator_port = processes.free_port(0, "the emulator")
            self._gateway = Gateway(
                f"http://{processes.LOOPBACK}:{emulator_port}",
                place,
                region=options.region,
                settings=options.settings,
                seed=options.seed,
                faults_allowed=options.faults_allowed,
                keep_in=options.state_dir and options.state_dir / "functions",
            )
            async with asyncio.TaskGroup() as starting:
                starting.create_task(self._start_aws(emulator_port, self._gateway))
                if options.temporal:
                    starting.create_task(self._start_temporal())
        except BaseException as failure:
            await self._stop()
            if isinstance(failure, BaseExceptionGroup):
                raise failure.exceptions[0] from None
            raise
        self.aws_url = self._gateway.url
        self.admin = LabAdmin(self.aws_url)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop all parts; a temporary state folder is deleted."""
        await self.admin.close()
        await self._stop()

    def environment(self) -> dict[str, str]:
        """`AWS_*` variables that point any AWS client of a child process at this lab."""
        return {
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_ACCESS_KEY_ID": self.options.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.options.secret_access_key,
            "AWS_REGION": self.options.region,
            "AWS_DEFAULT_REGION": self.options.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    async def _start_temporal(self) -> None:
        options = self.options
        port = processes.free_port(options.temporal_port, "Temporal")
        if options.temporal_ui_port is not None:
            processes.free_port(options.temporal_ui_port, "Temporal's web page")
        skipping: Sequence[str] = processes.TIME_SKIPPING if options.time_skipping else ()
        child = await processes.start_temporal(
            port,
            self.state_dir,
            persistent=options.state_dir is not None,
            dynamic_config=skipping,
            ui_port=options.temporal_ui_port,
        )
        self._children.append(child)
        self.temporal_address = f"{processes.LOOPBACK}:{port}"

    async def _start_aws(self, port: int, gateway: Gateway) -> None:
        self._children.append(await processes.start_emulator(port, self.state_dir, self.options.region))
        await gateway.start()

    async def _stop(self) -> None:
        if self._gateway:
            await self._gateway.stop()
        await asyncio.gather(*(child.stop() for child in self._children))
        self._children.clear()
        if self.options.state_dir is None:
            shutil.rmtree(self.state_dir, ignore_errors=True)

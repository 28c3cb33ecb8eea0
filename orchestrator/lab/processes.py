"""The lab's child processes: started on a leash, waited for, and gone when the lab is gone."""

import asyncio
import contextlib
import os
import random
import signal
import socket
import sys
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path

from temporalio.common import SearchAttributeIndexedValueType

from orchestrator.lab import leash
from workflows.logbook import SEARCH_ATTRIBUTES

LOOPBACK = "127.0.0.1"
TIME_SKIPPING = (
    "frontend.WorkflowTimeSkippingEnabled=true",
    'history.timerProcessorMaxTimeShift="10ms"',  # without it each skip costs about a second
)
_SERVICES = "lambda,s3,sqs,sts,iam,cloudwatch,logs,sns,ssm,events"
_PORTS = range(20_000, 32_000)
_PORT_TRIES = 50
_START_SECONDS = 20.0
_STOP_SECONDS = 5.0


class LabStartError(RuntimeError):
    """A part of the lab could not start; the message is one sentence, then what the part wrote last."""


def claim_port(wished: int, what: str) -> socket.socket:
    """Bind a listening place on loopback.

    Args:
        wished: port, or 0 for a free one.
        what: name of the part, for the refusal.

    Raises:
        LabStartError: the port is taken.
    """
    # With the protocol named, asyncio sets TCP_NODELAY; without, every answer waits 40 ms for an acknowledgement.
    place = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        place.bind((LOOPBACK, wished))
    except OSError as error:
        place.close()
        raise LabStartError(f"Port {wished} on {LOOPBACK}, wished for {what}, is taken: {error.strerror}.") from None
    return place


def free_port(wished: int, what: str) -> int:
    """Port number for a child that binds it itself; same arguments and refusal as `claim_port`.

    Until the child binds it, the port must stay free: so it is taken from below the range out of which the system
    gives ports to outgoing connections (Linux: from 32768 on).
    """
    for _ in range(_PORT_TRIES if wished == 0 else 0):
        with contextlib.suppress(LabStartError), claim_port(random.choice(_PORTS), what) as place:  # noqa: S311
            return int(place.getsockname()[1])
    with claim_port(wished, what) as place:
        return int(place.getsockname()[1])


class Child:
    """One running process in a process group of its own; output goes to `<name>.log` in the state folder."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        """Wrap a process that has just been started."""
        self.name = name
        self.disposable = False
        """Has nothing to write at its end and is killed at once."""
        self.log = log
        self._process = process

    @classmethod
    async def start(cls, name: str, command: Sequence[str], env: Mapping[str, str], folder: Path) -> "Child":
        """Start a command that ends when this process ends, even by SIGKILL."""
        log = folder / f"{name}.log"
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-S",
                leash.__file__,
                str(os.getpid()),
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(env),
                start_new_session=True,
                cwd=folder,
            )
        return cls(name, process, log)

    @property
    def pid(self) -> int:
        """Process id, which is also the id of its process group."""
        return self._process.pid

    async def until_listening(self, port: int, seconds: float = _START_SECONDS) -> None:
        """Wait until the port accepts connections.

        Raises:
            LabStartError: the process ended, or the time is up; carries the end of its output.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            if self._process.returncode is not None:
                raise self._refusal(f"{self.name} ended with code {self._process.returncode} while starting.")
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(LOOPBACK, port)
                writer.close()
                return
            await asyncio.sleep(0.02)
        raise self._refusal(f"{self.name} did not listen on port {port} within {seconds:.0f} s.")

    async def until_written(self, words: str, seconds: float = _START_SECONDS) -> None:
        """Wait until the output contains the words; raises like `until_listening`."""
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            if words in self.log.read_text(errors="replace"):
                return
            if self._process.returncode is not None:
                raise self._refusal(f"{self.name} ended with code {self._process.returncode} while starting.")
            await asyncio.sleep(0.02)
        raise self._refusal(f"{self.name} was not ready within {seconds:.0f} s.")

    async def stop(self) -> None:
        """End the process and all it started; a second call changes nothing."""
        for number in (signal.SIGKILL,) if self.disposable else (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
                break
        # Grandchildren that outlived the leader are still in its group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def _refusal(self, sentence: str) -> LabStartError:
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        return LabStartError(f"{sentence}\n{tail}".rstrip())


def beside_python(program: str) -> str:
    """Path of a program installed with this interpreter.

    Raises:
        LabStartError: it is not installed.
    """
    found = Path(sys.executable).with_name(program)
    if not found.exists():
        raise LabStartError(f"{program} is not installed beside {sys.executable}; install the `lab` extra.")
    return str(found)


async def start_emulator(port: int, folder: Path, region: str) -> Child:
    """Start ministack on loopback with all its data in `folder`; returns once it listens."""
    scratch = folder / "ministack"
    (scratch / "tmp").mkdir(parents=True, exist_ok=True)
    env = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(scratch),
        "BIND_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        "SERVICES": _SERVICES,
        "IOT_MTLS_ENABLED": "0",  # would listen on all addresses
        "SFTP_ENABLED": "0",
        "LAMBDA_STATE_TRANSITION_SECONDS": "0",
        "AWS_DEFAULT_REGION": region,
        "MINISTACK_REGION": region,
        "STATE_DIR": str(scratch / "state"),
        "TMPDIR": str(scratch / "tmp"),
        "LOG_LEVEL": "WARNING",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    child = await Child.start("ministack", [beside_python("ministack")], env, folder)
    return await _ready(child, child.until_listening(port))


def search_attribute_arguments() -> list[str]:
    """Return the arguments with which a Temporal development server knows Sluice's search attributes."""
    kinds = {
        key.name: SearchAttributeIndexedValueType(key.indexed_value_type).name.title() for key in SEARCH_ATTRIBUTES
    }
    return [part for name, kind in kinds.items() for part in ("--search-attribute", f"{name}={kind}")]


async def start_temporal(
    port: int, folder: Path, *, persistent: bool = False, dynamic_config: Sequence[str] = (), ui_port: int | None = None
) -> Child:
    """Start a Temporal development server on loopback with Sluice's search attributes; returns once it serves.

    Args:
        port: of the gRPC frontend.
        folder: where its output goes, and its SQLite file when persistent.
        persistent: keep workflows in `temporal.db`, so that they survive a restart.
        dynamic_config: `KEY=VALUE` pairs, e.g. `TIME_SKIPPING`.
        ui_port: port of Temporal's own web page; None leaves it off.
    """
    command = [beside_python("temporal"), "server", "start-dev", "--ip", LOOPBACK, "--port", str(port)]
    command += ["--log-level", "error"]
    command += ["--headless"] if ui_port is None else ["--ui-port", str(ui_port), "--ui-ip", LOOPBACK]
    if persistent:
        command += ["--db-filename", str(folder / "temporal.db")]
    command += search_attribute_arguments()
    for pair in dynamic_config:
        command += ["--dynamic-config-value", pair]
    (folder / "temporal.log").unlink(missing_ok=True)
    env = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder)}
    child = await Child.start("temporal", command, env, folder)
    child.disposable = True  # what SQLite has committed survives a kill; a polite end takes a second
    return await _ready(child, child.until_written("Temporal Server:"))


async def _ready(child: Child, waiting: Awaitable[None]) -> Child:
    try:
        await waiting
    except BaseException:
        await child.stop()
        raise
    return child

"""`sluice lab`: the whole system on this machine, until Ctrl-C."""

import asyncio
import fcntl
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import structlog
from cyclopts import Parameter

from orchestrator.cli.exits import Exit
from orchestrator.cli.output import say
from orchestrator.lab.samples import VARIANTS, Variant
from orchestrator.lab.stack import LabOptions
from orchestrator.lab.whole import ACCOUNT, ALIAS, WholeLab, whole_lab
from orchestrator.settings import ApiSettings

STATE_FOLDER = Path(".sluice/lab")

RELEASE_FILE = """\
# The lab's release file: `sluice start checkout --latest --wait` uses it, through the lab's API.
sampling: {{period: 1s, lag: 1s, interval: 1s}}
targets:
  checkout:
    account: "{account}"
    region: {region}
    function: checkout
    alias: {alias}
    strategy: careful
    probes: [answers]
strategies:
  careful:
    kind: canary
    weights: [10, 50]
    bake: 15s
    final_bake: 10s
probes:
  answers:
    kind: invoke
    payload: {{health: true}}
"""


async def lab(
    *,
    state: Annotated[Path, Parameter(help="Folder with all state; delete it to begin anew.")] = STATE_FOLDER,
    aws_port: Annotated[int, Parameter(help="Port of the AWS endpoint; 0 chooses a free one.")] = 0,
    temporal_port: Annotated[int, Parameter(help="Port of the Temporal server; 0 chooses a free one.")] = 0,
    api_port: Annotated[int, Parameter(help="Port of Sluice's HTTP API; 0 chooses a free one.")] = 0,
    ui_port: Annotated[int | None, Parameter(help="Port of Temporal's own web page; off unless given.")] = None,
    rate: Annotated[float, Parameter(help="Requests a second on the sample function.")] = 20,
    variant: Annotated[Variant, Parameter(help=f"Code that waits on $LATEST: {', '.join(VARIANTS)}.")] = "v2",
    faults: Annotated[bool, Parameter(help="Allow faults on demand (POST /_lab/faults).")] = False,
) -> Exit:
    """Start Temporal, AWS, worker, API, and a function with traffic; print how to use them; wait for Ctrl-C."""
    with _alone(state) as alone:
        if not alone:
            say(f"a lab runs in {state} already: use it, end it with Ctrl-C, or name another folder with --state")
            return Exit.REFUSED
        return await _run(
            LabOptions(
                aws_port=aws_port,
                temporal_port=temporal_port,
                temporal_ui_port=ui_port,
                state_dir=state.resolve(),
                faults_allowed=faults,
            ),
            state=state,
            api_port=api_port,
            rate=rate,
            variant=variant,
        )


@contextmanager
def _alone(state: Path) -> Iterator[bool]:
    """Hold the folder, and say whether that was possible; the lock goes with the process, however it ends."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


async def _run(options: LabOptions, *, state: Path, api_port: int, rate: float, variant: Variant) -> Exit:
    # One line per request would bury what the lab has to say.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    say("starting a Temporal server, an AWS endpoint that runs functions, a worker and the HTTP API ...")
    file = state / "sluice.yaml"
    file.write_text(RELEASE_FILE.format(account=ACCOUNT, region=options.region, alias=ALIAS))
    async with whole_lab(options, api=ApiSettings(port=api_port, release_file=file.resolve())) as whole:
        target = await whole.add_function("checkout")
        await whole.upload("checkout", variant)
        _tell(whole, state)
        async with whole.callers(target, rate):
            await stop.wait()
        say("stopping ...")
    return Exit.OK


def _tell(whole: WholeLab, state: Path) -> None:
    environment = {
        "SLUICE_URL": whole.api_url,
        "SLUICE_TEMPORAL__ADDRESS": whole.lab.temporal_address,
        **whole.lab.environment(),
    }
    script, draft = state / "environment", state / "environment.draft"
    draft.write_text("".join(f"export {name}={value}\n" for name, value in environment.items()))
    draft.replace(script)  # whoever waits for the file finds it whole
    say(
        f"""
The lab runs. `checkout:{ALIAS}` serves version 1, callers use it, and new code waits on $LATEST.

  in another terminal      source {script}
  release it               sluice start checkout --latest --wait
  see all releases         {whole.api_url}/ in a browser, or sluice list
  what it is made of       {state / "sluice.yaml"}
  HTTP API                 {whole.api_url}
  AWS endpoint             {whole.lab.aws_url}
  Temporal                 {whole.lab.temporal_address}

Ctrl-C ends it. Everything is kept in {state}."""
    )

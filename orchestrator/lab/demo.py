"""`sluice demo`: a good and a bad release, live, with real functions and real traffic on this machine."""

import asyncio
import time
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from orchestrator.cli.exits import Exit
from orchestrator.cli.output import say, show
from orchestrator.cli.text import columns, line
from orchestrator.cli.watch import watch
from orchestrator.domain.journal import EventKind, ReleaseState
from orchestrator.domain.release import Outcome
from orchestrator.domain.traffic import whole
from orchestrator.lab.samples import Variant
from orchestrator.lab.traffic import Traffic
from orchestrator.lab.whole import WholeLab, plan, request, whole_lab

WEIGHTS = (10, 50)
BAKE_SECONDS = 8
FINAL_BAKE_SECONDS = 4
LOOK_SECONDS = 0.25


@dataclass(frozen=True)
class Scene:
    """One release of the demo and how it must end."""

    title: str
    variant: Variant
    reason: str
    outcome: Outcome


SCENES = (
    Scene("a good version: it must be promoted through 10, 50 and 100 %", "v2", "faster checkout", Outcome.PROMOTED),
    Scene(
        "a bad version: a fifth of its requests fail, so it must be rolled back",
        "fails_some",
        "new tax rules",
        Outcome.ROLLED_BACK,
    ),
)


@dataclass(frozen=True)
class Ending:
    """What one scene came to."""

    state: ReleaseState
    seconds: float
    requests: int
    failed: int
    as_it_should: bool


async def demo(
    *, rate: Annotated[float, Parameter(help="Requests a second that the function's callers make.")] = 40
) -> Exit:
    """Watch a good version being promoted and a bad one being rolled back, on this machine, without AWS.

    Ends with 0 only if both ended as they should and the alias, read from the endpoint, serves what it should.
    """
    say("starting a Temporal server, an AWS endpoint that runs functions, and a worker ...")
    began = time.monotonic()
    async with whole_lab() as lab:
        target = await lab.add_function("checkout")
        took = time.monotonic() - began
        say(f"started in {took:.1f} s: Temporal at {lab.lab.temporal_address}, AWS at {lab.lab.aws_url}")
        async with lab.callers(target, rate) as callers:
            await asyncio.sleep(2)  # so that the stable version has served something to compare with
            endings = [await _play(lab, number, scene, callers) for number, scene in enumerate(SCENES, 1)]
    _sum_up(endings)
    return Exit.OK if all(e.as_it_should for e in endings) else Exit.ERROR


async def _play(lab: WholeLab, number: int, scene: Scene, callers: Traffic) -> Ending:
    target = lab.target("checkout")
    say(f"\n{number}/{len(SCENES)} {scene.title}\n")
    await lab.upload("checkout", scene.variant)
    began, requests, failed = time.monotonic(), callers.count.total, callers.count.errors.total()
    order = request(
        target, plan(*WEIGHTS, bake=BAKE_SECONDS, final=FINAL_BAKE_SECONDS), actor="demo", reason=scene.reason
    )
    await watch(lab.service, await lab.service.submit(order), "text", every=LOOK_SECONDS)
    state = await lab.service.get(order.release_id)
    expected = state.canary if scene.outcome is Outcome.PROMOTED else state.stable
    alias = await lab.alias(target)
    right = state.outcome is scene.outcome and expected is not None and alias.routing.same_as(whole(expected))
    return Ending(
        state=state,
        seconds=time.monotonic() - began,
        requests=callers.count.total - requests,
        failed=callers.count.errors.total() - failed,
        as_it_should=right,
    )


def _sum_up(endings: list[Ending]) -> None:
    head = [(name, "bold") for name in ("release", "ended", "took", "requests", "failed", "worst step", "as it should")]
    rows = [head]
    for ending in endings:
        state = ending.state
        rows.append(
            [
                (f"v{state.stable} → v{state.canary}", ""),
                (str(state.outcome), ""),
                (f"{ending.seconds:.0f} s", ""),
                (str(ending.requests), ""),
                (str(ending.failed), ""),
                (f"{_heaviest(state):g} %", ""),
                ("✔ yes" if ending.as_it_should else "✖ NO", "green" if ending.as_it_should else "bold red"),
            ]
        )
    show([line(""), *columns(rows), line("")])


def _heaviest(state: ReleaseState) -> float:
    """Return the largest weight that the canary ever had, by the journal."""
    return max((e.data["weight"] for e in state.events if e.kind in (EventKind.SHIFTED, EventKind.PROMOTED)), default=0)

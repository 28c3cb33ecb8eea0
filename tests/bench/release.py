"""`make bench`: what a release costs and how fast the way back is, measured on the lab, printed as a table.

Every figure is of this run and this machine; the limits are the promises. Ends with 1 when one is broken.
"""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.domain.analysis import Limit
from orchestrator.domain.journal import ReleaseState
from orchestrator.domain.plan import Plan
from orchestrator.domain.release import Actor, Command, Order, Outcome, Phase, ReleaseRequest, Target
from orchestrator.lab.stack import LabOptions
from orchestrator.lab.whole import WholeLab, plan, request, whole_lab
from orchestrator.temporal import connect_temporal
from workflows.release import ReleaseWorkflow

ROUNDS = int(os.environ.get("SLUICE_BENCH_ROUNDS", "30"))
HANG_SECONDS = 3


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    name: str
    value: float
    limit: float | None
    unit: str
    samples: int = 1

    @property
    def kept(self) -> bool:
        return self.limit is None or self.value <= self.limit


def percentile(values: list[float], share: float) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def spread(name: str, seconds: list[float]) -> list[Figure]:
    return [
        Figure(f"{name}, p50", statistics.median(seconds), 0.5, "s", len(seconds)),
        Figure(f"{name}, p99", percentile(seconds, 0.99), 2.0, "s", len(seconds)),
    ]


class Bench:
    """Runs on one lab; every measurement has a function of its own, so that none waits for another's alias."""

    def __init__(self, lab: WholeLab) -> None:
        self.lab = lab

    async def target(self, name: str, variant: str = "v2") -> Target:
        target = await self.lab.add_function(name)
        await self.lab.upload(name, variant)  # type: ignore[arg-type]
        return target

    async def start(self, target: Target, what: Plan) -> ReleaseRequest:
        order = request(target, what, actor="bench", reason="bench")
        await self.lab.service.submit(order)
        return order

    async def reached(self, order: ReleaseRequest, there: Callable[[ReleaseState], bool]) -> ReleaseState:
        while not there(state := await self.lab.service.get(order.release_id)):
            await asyncio.sleep(0.02)
        return state

    async def history(self) -> list[Figure]:
        """Events of the standard release, and of one that looks twice as often."""
        counts = []
        for name, bake in (("short", 4.0), ("long", 10.0)):
            target = await self.target(name)
            async with self.lab.callers(target, 40):
                order = await self.start(target, plan(10, 50, bake=bake, final=2))
                await self.reached(order, lambda s: s.done)
            client = await connect_temporal(self.lab.settings.temporal)
            handle = client.get_workflow_handle_for(ReleaseWorkflow.run, target.workflow_id)
            counts.append(len((await handle.fetch_history()).events))
        extra = counts[1] - counts[0]
        return [
            Figure("history of a three-step release", counts[0], 120, "events"),
            Figure("history, added by 24 more looks", extra, 0, "events"),
        ]

    async def own_time(self) -> list[Figure]:
        """Wall time of a release without waits, the lab's calls inside.

        Bakes last no time, and no probe invokes a function: a cold start is AWS' time, and the pauses between the
        invocations after a promotion are waits.
        """
        walls = []
        target = await self.target("own")
        what = plan(10, 50, bake=0, final=0, checks=()).model_copy(update={"probes": ()})
        for number in range(5):
            await self.lab.upload("own", "v2" if number % 2 else "v1")
            began = time.monotonic()
            order = await self.start(target, what)
            await self.reached(order, lambda s: s.done)
            walls.append(time.monotonic() - began)
        return [Figure("Sluice's own time in a three-step release, median", statistics.median(walls[1:]), 2.0, "s", 4)]

    async def verdict(self) -> list[Figure]:
        """From the verdict (its activity's end) to the read-back of the cleared alias, by the journal."""
        target = await self.target("verdict", "fails_always")
        check = Limit(name="errors", metric="error_rate", maximum=1, min_samples=1)
        what = plan(50, bake=60, final=1, checks=(check,)).model_copy(update={"probes": ()})
        seconds = []
        async with self.lab.callers(target, 30):
            for _ in range(max(8, ROUNDS // 3)):
                order = await self.start(target, what)
                state = await self.reached(order, lambda s: s.done)
                assert state.outcome is Outcome.ROLLED_BACK, state.sentence
                judged = next(e.at for e in state.events if e.kind == "judged")
                assert state.ended_at is not None
                seconds.append((state.ended_at - judged).total_seconds())
        return spread("verdict to cleared weights", seconds)

    async def abort(self) -> list[Figure]:
        """From sending the command to the endpoint's receipt of the read-back."""
        return spread("abort to cleared weights", await self._aborted("abort"))

    async def abort_beside_a_hanging_call(self) -> list[Figure]:
        """The same while the write of the second weight hangs."""
        seconds = await self._aborted("hanging", hang=True, rounds=max(6, ROUNDS // 4))
        return spread("abort while another call hangs", seconds)

    async def _aborted(self, name: str, *, hang: bool = False, rounds: int = ROUNDS) -> list[float]:
        target = await self.target(name)
        what = plan(10, 50, bake=1 if hang else 60, final=0, checks=() if hang else None)
        seconds = []
        for _ in range(rounds):
            order = await self.start(target, what.model_copy(update={"probes": ()}))
            await self.reached(order, lambda s: s.phase is Phase.BAKING)
            if hang:
                await self.lab.lab.admin.inject("UpdateAlias", "hang", count=1, function=name, delay=HANG_SECONDS)
                await self.reached(order, lambda s: s.phase is Phase.SHIFTING)
                await asyncio.sleep(0.2)
            began = time.time()
            command = Order(command=Command.ABORT, actor=Actor(name="bench"), release_id=order.release_id)
            await self.lab.service.command(command, key=order.release_id)
            state = await self.reached(order, lambda s: s.done)
            assert state.outcome is Outcome.ROLLED_BACK, state.sentence
            calls = await self.lab.lab.admin.calls("GetAlias", function=name)
            seconds.append(calls[-1].time - began)
            await self.lab.lab.admin.clear_faults()
        return seconds


def table(figures: list[Figure]) -> str:
    rows = [("figure", "measured", "limit", "n", "kept")]
    for f in figures:
        limit = "" if f.limit is None else f"{f.limit:g} {f.unit}"
        rows.append((f.name, f"{f.value:.3g} {f.unit}", limit, str(f.samples), "yes" if f.kept else "NO"))
    widths = [max(len(r[i]) for r in rows) for i in range(5)]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


async def main() -> int:
    figures: list[Figure] = []
    async with whole_lab(LabOptions(faults_allowed=True)) as lab:
        bench = Bench(lab)
        for measure in (bench.own_time, bench.history, bench.abort, bench.abort_beside_a_hanging_call, bench.verdict):
            print(f"measuring: {measure.__name__.replace('_', ' ')} ...", file=sys.stderr, flush=True)
            figures += await measure()
    print(table(figures))
    return 0 if all(f.kept for f in figures) else 1


if __name__ == "__main__":
    code = asyncio.run(main())
    sys.stdout.flush()
    os._exit(code)  # the Temporal SDK may abort a process that ends normally, after all work is done

"""The activity `probe`: put every probe's question to the canary by its number, before any traffic."""

import asyncio

import httpx2
from pydantic import ValidationError
from temporalio import activity

from activities.errors import translated
from activities.ports import Aws
from activities.probes import ProbePlugin, ProbePorts
from activities.waiting import Sleep, beating
from orchestrator.domain.errors import InvalidSpec
from orchestrator.domain.plan import Plugin
from orchestrator.domain.work import Probe, ProbeAnswer, Probed
from orchestrator.registry import Registry


class Probing:
    """Probes from `registry` (the package `activities.probes`), asked through `aws` and `http`."""

    def __init__(self, aws: Aws, registry: Registry, http: httpx2.AsyncClient, *, sleep: Sleep = asyncio.sleep) -> None:
        self._aws = aws
        self._registry = registry
        self._http = http
        self._sleep = sleep

    @activity.defn(name="probe")
    @translated
    async def probe(self, work: Probe) -> Probed:
        """Ask all probes in the order given, those after a failed one too. A second run asks all of them again.

        Raises TransientError where a probe could not be asked, UnknownPlugin or InvalidSpec for one that never can.
        """
        ports = ProbePorts(functions=self._aws.functions(work.target), http=self._http, sleep=self._sleep)
        answers: list[ProbeAnswer] = []
        for probe in work.probes:
            plugin: ProbePlugin = self._registry[probe.kind]
            asking = plugin.ask(_options(plugin, probe), work.target, work.version, ports)
            answer = await beating(asking, f"asking probe {probe.name} of version {work.version}", activity.heartbeat)
            answers.append(answer.model_copy(update={"name": probe.name}))
        return Probed(answers=tuple(answers))


def _options(plugin: ProbePlugin, probe: Plugin) -> object:
    try:
        return plugin.Options.model_validate(probe.options)
    except ValidationError as error:
        raise InvalidSpec(f"options of probe {probe.name} ({probe.kind}) are wrong: {error}") from error

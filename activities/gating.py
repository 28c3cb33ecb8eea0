"""The activity `ask_gate`: ask the named gate until it is open. Closed is a retry, so that a wait costs no history."""

import httpx2
from pydantic import ValidationError
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.errors import translated
from activities.gates import GatePlugin, GatePorts
from activities.ports import Clock
from orchestrator.domain.errors import InvalidSpec
from orchestrator.domain.plan import Plugin
from orchestrator.domain.work import AskGate, GateOpened
from orchestrator.registry import Registry

CLOSED = "GateClosed"
"""Temporal error type of an attempt that found the gate closed."""


class Gating:
    """Gates from `registry` (the package `activities.gates`), asked through `http` and `clock`."""

    def __init__(self, registry: Registry, http: httpx2.AsyncClient, clock: Clock) -> None:
        self._registry = registry
        self._ports = GatePorts(http=http, clock=clock)

    @activity.defn(name="ask_gate")
    @translated
    async def ask_gate(self, work: AskGate) -> GateOpened:
        """Ask once. A second run asks again; the gate's latest answer counts.

        A closed gate raises a retryable error of type `GateClosed`, due again after `gate.interval`, with the sentence
        as message and as heartbeat. Raises UnknownPlugin or InvalidSpec for a gate that can never be asked.
        """
        plugin: GatePlugin = self._registry[work.gate.gate.kind]
        answer = await plugin.ask(_options(plugin, work.gate.gate), work, self._ports)
        if answer.open:
            return GateOpened(sentence=answer.sentence)
        activity.heartbeat(answer.sentence)
        raise ApplicationError(
            answer.sentence,
            type=CLOSED,
            next_retry_delay=work.gate.interval,
            category=ApplicationErrorCategory.BENIGN,
        )


def _options(plugin: GatePlugin, gate: Plugin) -> object:
    try:
        return plugin.Options.model_validate(gate.options)
    except ValidationError as error:
        raise InvalidSpec(f"options of gate {gate.name} ({gate.kind}) are wrong: {error}") from error

"""Builds every activity from the clients that it needs; the only list of them."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import httpx2

from activities import gates, metrics, probes
from activities.analysis import Analysis
from activities.confirming import Confirmation
from activities.draining import Draining
from activities.feedback import CiFeedback
from activities.feedback_github import GitHub
from activities.feedback_gitlab import GitLab
from activities.gating import Gating
from activities.intake import Intaking, Releases
from activities.looking import Looking
from activities.metrics import MetricPorts
from activities.noting import Noting, Told
from activities.ports import Aws, Clock
from activities.preflight import Preflighting
from activities.probing import Probing
from activities.querying import Querying
from activities.traffic import Traffic
from activities.versions import Versions
from orchestrator.registry import Registry

Activities = list[Callable[..., Any]]


def aws_activities(
    aws: Aws, http: httpx2.AsyncClient, clock: Clock, environment: Mapping[str, str] = MappingProxyType({})
) -> Activities:
    """Everything that runs on the queue of one account and region.

    `environment` has what metric providers look up by name: default addresses, and tokens.
    """
    versions = Versions(aws)
    traffic = Traffic(aws, clock)
    queries = Querying(Registry(metrics, "metric provider"), MetricPorts(http, environment))
    return [
        Preflighting(aws, clock).preflight,
        versions.publish,
        versions.warm,
        versions.cool,
        Probing(aws, Registry(probes, "probe"), http).probe,
        Confirmation(aws, clock).confirm,
        Gating(Registry(gates, "gate"), http, clock).ask_gate,
        traffic.create,
        traffic.shift,
        Analysis(aws, clock, queries).bake,
        Looking(aws).read_alias,
        Draining(aws).drain,
    ]


def intake_activities(releases: Releases, github: GitHub, gitlab: GitLab, pace: float = 1) -> Activities:
    """What runs on the queue of submissions and of telling CI systems; `pace` as for `Intaking`."""
    intaking = Intaking(releases, pace)
    return [
        intaking.await_turn,
        intaking.follow_release,
        intaking.send_order,
        CiFeedback(github, gitlab).tell_ci,
    ]


def noting_activities(releases: Told) -> Activities:
    """What runs on the same queue for changes of aliases by others."""
    return [Noting(releases).note_change]


def local_activities(releases: Releases) -> Activities:
    """What runs beside the workflows, within their own tasks: quick, and without any limit of rate."""
    return [Intaking(releases).submit_release]


def restore_activities(aws: Aws, clock: Clock) -> Activities:
    """What runs on the restore queue, and nothing else."""
    return [Traffic(aws, clock).restore]

"""What may stand in a release file, apart from the options of each kind of strategy, check, probe and gate."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, ConfigDict, Field

from orchestrator.domain.analysis import Alarms, Check, Compare, Limit
from orchestrator.domain.intake import OnBusy, Rule
from orchestrator.domain.plan import Plan
from orchestrator.domain.release import Configuration, Target
from orchestrator.domain.traffic import Frozen
from orchestrator.strategies import Duration, PositiveDuration, fault

CHECKS: dict[str, type[Compare] | type[Limit] | type[Alarms]] = {"compare": Compare, "limit": Limit, "alarm": Alarms}
"""Model by `kind`; the key in the file is the check's name."""

DEFAULT_CHECKS: dict[str, Check] = {"errors": Compare(name="errors")}
"""What is checked where a target lists no checks; the names may be listed, or given another meaning."""


class FileModel(Frozen):
    """Base: the docstring under each field is its text in the JSON Schema."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class SamplingEntry(FileModel):
    """The clock of the metrics; what is left out keeps its default."""

    period: PositiveDuration | None = None
    """Length of a metric period (default `60s`, the resolution of Lambda's metrics)."""
    lag: Duration | None = None
    """How long after its end a period is taken as complete (default `2m`)."""
    interval: PositiveDuration | None = None
    """Time between two looks (default `20s`)."""


class LimitsEntry(FileModel):
    """The longest that anything may last; what is left out keeps its default."""

    hold: PositiveDuration | None = None
    """A pause, or a hold for lack of data, that lasts longer is rolled back (default `24h`)."""
    drift: PositiveDuration | None = None
    """An alias that somebody else moved and nobody adopts or restores for so long fails the release (default `24h`)."""
    deadline: PositiveDuration | None = None
    """The whole release; past it, roll back (default `72h`)."""
    drain: Duration | None = None
    """After a rollback, how long it is counted what the new version still handles (default `0s`: not at all)."""


class Asking(FileModel):
    """How any kind of gate is asked, beside that kind's own options."""

    wait: PositiveDuration = timedelta(hours=24)
    """How long to wait for the gate to open; then the release is rolled back."""
    every: PositiveDuration = timedelta(seconds=10)
    """Time between two questions."""
    before: tuple[Annotated[float, Field(gt=0, le=100)], ...] = ()
    """Weights in per cent before which the gate is asked, 100 for the promotion; empty for each."""


def _name_or_mapping(value: object) -> object:
    if not isinstance(value, (str, dict)):
        raise fault("must be the name of a strategy, or a strategy written out as a mapping with `kind`")
    return value


class TargetEntry(Target):
    """One alias, and how releases move it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    strategy: Annotated[str | dict[str, Any], BeforeValidator(_name_or_mapping)]
    """A name under `strategies`, a kind with its defaults, a predefined CodeDeploy name, or a mapping with `kind`."""
    checks: tuple[str, ...] | None = None
    """Names under `checks`; without it, one comparison named `errors`."""
    probes: tuple[str, ...] = ()
    """Names under `probes`, asked of the new version by its number before any traffic."""
    gates: tuple[str, ...] = ()
    """Names under `gates`, asked before each shift and the promotion."""
    provisioned_concurrency: Annotated[int, Field(ge=1)] | None = None
    """Execution environments to keep ready on the new version before it gets traffic."""
    configuration: Configuration = Configuration()
    """Settings of the function that change in the same release; what is left out stays as it is."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Free text by name, carried by the release."""
    on_busy: OnBusy = "reject"
    """What an event does while another release holds the target: `reject` it, `supersede` the other, or `queue`."""
    sampling: SamplingEntry = SamplingEntry()
    """Overrides of the file's `sampling`."""
    limits: LimitsEntry = LimitsEntry()
    """Overrides of the file's `limits`."""


Written = dict[str, dict[str, Any]]


class Sections(FileModel):
    """The file's top level. What stands in `strategies`, `checks`, `probes` and `gates` depends on each `kind`."""

    targets: Annotated[Written, Field(min_length=1)]
    """What can be released, by name."""
    strategies: Written = Field(default_factory=dict)
    """Recipes by name, each with a `kind`: auto, canary, linear, blue_green or all_at_once."""
    checks: Written = Field(default_factory=dict)
    """What is watched during a release, by name, each with a `kind`: compare, limit, alarm or prometheus."""
    probes: Written = Field(default_factory=dict)
    """Questions to the new version before it gets traffic, by name, each with a `kind`."""
    gates: Written = Field(default_factory=dict)
    """Questions asked before a step, by name, each with a `kind`."""
    webhooks: Written = Field(default_factory=dict)
    """Which events of CI systems start what, by name."""
    limits: LimitsEntry = LimitsEntry()
    """The longest that anything may last, for every target."""
    sampling: SamplingEntry = SamplingEntry()
    """The clock of the metrics, for every target."""


class ResolvedTarget(Frozen):
    """One target with everything looked up; all that a request needs but the artifact and the actor."""

    name: str
    target: Target
    plan: Plan
    configuration: Configuration = Configuration()
    provisioned_concurrency: int | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    on_busy: OnBusy = "reject"


class ReleaseFile(NamedTuple):
    """A release file without a problem: its name, and each target resolved."""

    name: str
    targets: dict[str, ResolvedTarget]
    webhooks: Mapping[str, Rule] = MappingProxyType({})

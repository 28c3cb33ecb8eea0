"""Where an alias sends its traffic, and what a difference between wish and reading means.

Percentages are 0-100 everywhere in Sluice; AWS's 0-1 fraction exists only where the alias is read and written
(`activities.aws`).
"""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Percent = Annotated[float, Field(ge=0, le=100, description="share of traffic, 0-100")]

WEIGHT_TOLERANCE: float = 0.001
"""Two weights closer than this (in percentage points) are the same: AWS may return 0.1 as 0.10000000149."""


class Frozen(BaseModel):
    """Base of the domain's values: immutable, and no unknown field is accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Routing(Frozen):
    """What an alias serves: `primary` takes everything but `weight` per cent, which go to `additional`."""

    primary: str
    additional: str | None = None
    weight: Percent = 0

    @model_validator(mode="after")
    def _additional_is_another_version(self) -> Self:
        if self.additional is None and self.weight:
            raise ValueError(f"a weight of {self.weight} needs an additional version")
        if self.additional == self.primary:
            raise ValueError(f"version {self.primary} cannot be primary and additional at once")
        return self

    @property
    def versions(self) -> frozenset[str]:
        """Every version named, one or two."""
        return frozenset(v for v in (self.primary, self.additional) if v is not None)

    def share_of(self, version: str) -> float:
        """Percentage of traffic that `version` takes; 0 for a version that is not named."""
        if version == self.additional:
            return self.weight
        return 100 - self.weight if version == self.primary else 0.0

    def same_as(self, other: "Routing") -> bool:
        """Whether both name the same versions at the same weight, within `WEIGHT_TOLERANCE`."""
        return (self.primary, self.additional) == (other.primary, other.additional) and abs(
            self.weight - other.weight
        ) <= WEIGHT_TOLERANCE

    def __str__(self) -> str:
        """Return e.g. `version 41` or `version 41 + 10 % to version 42`."""
        if self.additional is None:
            return f"version {self.primary}"
        return f"version {self.primary} + {self.weight:g} % to version {self.additional}"


class AliasState(Frozen):
    """An alias as AWS last told it; `revision` is AWS's RevisionId, the guard of the next write."""

    routing: Routing
    revision: str


def whole(version: str) -> Routing:
    """All traffic to one version."""
    return Routing(primary=version)


def split(stable: str, canary: str, weight: float) -> Routing:
    """Stable stays primary, the canary takes `weight` per cent (0 < weight < 100)."""
    return Routing(primary=stable, additional=canary, weight=weight)


class Reading(StrEnum):
    """What a reading of the alias means for the one who wants `intent` there."""

    INTENDED = "intended"
    """As wished: our own write, or nothing to do."""
    OURS = "ours"
    """Only our two versions, in an order that this release itself may have written: correct it."""
    SETTLING = "settling"
    """Promoted, but Lambda itself still sends the traffic to the old version until provisioned concurrency is ready."""
    FOREIGN = "foreign"
    """Somebody else moved the alias: never overwrite, tell."""


def read_against(found: Routing, intent: Routing, stable: str, canary: str | None, *, written: Percent = 0) -> Reading:
    """Say what `found` means when `intent` is wished by a release of `canary` over `stable`.

    `written` is the share that this release has given the canary and read back: less of it than that is nobody's
    mistake but somebody's stop, and as foreign as another version. A canary of None (nothing published yet) makes
    every routing but stable alone foreign.
    """
    if found.same_as(intent):
        return Reading.INTENDED
    if canary is None:
        return Reading.FOREIGN
    if found.primary == canary and found.additional == stable and intent.primary == canary:
        return Reading.SETTLING
    ours = found.versions <= {stable, canary} and found.share_of(canary) >= written - WEIGHT_TOLERANCE
    if intent.primary == stable and intent.additional is None:  # the way back is open from wherever we may have gone
        return Reading.OURS if ours else Reading.FOREIGN
    return Reading.OURS if ours and found.primary == stable else Reading.FOREIGN

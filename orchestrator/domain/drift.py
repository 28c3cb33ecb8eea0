"""A change of an alias that CloudTrail tells of: who, when, and to what. Whether it is drift, the release decides."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from orchestrator.domain.release import Target
from orchestrator.domain.traffic import Frozen, Percent

MAX_CHANGES = 20
"""Foreign changes that one release takes: each costs some 20 events of history and one line of the journal."""
LONGEST_NAME = 250
"""Characters of who has acted; an ARN of AWS has at most 2,048, and hardly ever over 200."""
GONE = "no alias"
"""What is found where somebody has deleted the alias."""

AliasEvent = Literal["UpdateAlias20150331", "CreateAlias20150331", "DeleteAlias20150331"]
"""CloudTrail's names of the calls; Lambda's carry the date of their API."""
_VERBS: dict[AliasEvent, str] = {
    "UpdateAlias20150331": "moved",
    "CreateAlias20150331": "created",
    "DeleteAlias20150331": "deleted",
}


class AliasChange(Frozen):
    """One successful call that changed an alias; `id` is CloudTrail's, the same for every redelivery.

    UpdateAlias keeps what is left out of it, and CloudTrail tells what was sent: None is "as it was".
    """

    id: Annotated[str, Field(min_length=1, max_length=128)]
    target: Target
    event: AliasEvent
    by: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
    """ARN of who called, or the best other name that CloudTrail has."""
    at: AwareDatetime
    """When, by AWS's clock; CloudTrail tells whole seconds."""
    version: str | None = None
    weights: Annotated[dict[str, Percent], Field(max_length=1)] | None = None
    """Percentage by additional version; empty: none."""

    @property
    def who_and_when(self) -> str:
        """Return e.g. `arn:aws:iam::123456789012:user/bob at 14:02:11Z`."""
        return f"{self.by} at {self.at:%H:%M:%SZ}"

    @property
    def sentence(self) -> str:
        """Return e.g. `alias checkout:live moved by arn:...:user/bob at 14:02:11Z outside Sluice: version 7`."""
        text = f"alias {self.target} {_VERBS[self.event]} by {self.who_and_when} outside Sluice"
        return f"{text}: {self._what}" if self._what else text

    def leads_to(self, routing: str) -> bool:
        """Whether the alias may read `routing` (`str` of a `Routing`, or `GONE`) right after this change."""
        if self.event == "DeleteAlias20150331" or routing == GONE:
            return self.event == "DeleteAlias20150331" and routing == GONE
        primary, _, additional = routing.partition(" + ")
        version = self.version is None or primary == f"version {self.version}"
        return version and (self.weights is None or additional == self._additional)

    @property
    def _what(self) -> str:
        if self.event == "DeleteAlias20150331":
            return ""
        if self.version is None:
            return self._additional or "no additional version"
        return f"version {self.version}" + (f" + {self._additional}" if self._additional else "")

    @property
    def _additional(self) -> str:
        """What stands after ` + ` in a routing in words; empty where all goes to one version."""
        return "".join(f"{weight:g} % to version {version}" for version, weight in (self.weights or {}).items())

"""AWS in memory, for tests of everything above the gateway.

aws = FakeAws()
checkout = aws.add_function(TARGET)            # version 1, alias TARGET.alias on it
checkout.change_code("new")                    # $LATEST only
aws.faults.lose_reply("update_alias")          # the next update applies, and its answer is lost
aws.load(TARGET, per_period=1000, profiles={"2": Profile(error_share=0.2)})
...
assert aws.routing(TARGET) == whole("1")
assert [c.operation for c in aws.journal] == [...]
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import count

from activities.ports import Clock
from orchestrator.domain.release import Target
from orchestrator.domain.traffic import Routing, whole
from tests.fakes.clock import FakeClock
from tests.fakes.cloudwatch import FakeCloudWatch
from tests.fakes.code import Answer, Code, Pace, Paces, crash, fine
from tests.fakes.faults import Faults, Hold, Late
from tests.fakes.function import FakeAlias, FakeFunction
from tests.fakes.journal import Call, Journal
from tests.fakes.lambda_port import FakeLambda, Region
from tests.fakes.load import Load, Profile
from tests.fakes.permissions import FakePermissions

__all__ = [
    "Answer",
    "Call",
    "Code",
    "FakeAws",
    "FakeFunction",
    "Hold",
    "Late",
    "Load",
    "Pace",
    "Paces",
    "Profile",
    "crash",
    "fine",
]


class FakeAws:
    """Fulfils `activities.ports.Aws` for every account and region; `clock` drives whatever takes time."""

    def __init__(self, clock: Clock | None = None, paces: Paces | None = None) -> None:
        self.clock: Clock = clock or FakeClock()
        self.paces = paces or Paces()
        """How long publishing, updating and provisioning take; shared by all functions and free to change."""
        self.faults = Faults()
        self.journal = Journal(self.clock, self.faults)
        self._regions: dict[str, Region] = {}
        self._cloudwatches: dict[str, FakeCloudWatch] = {}
        numbers = count(1)
        self._revisions = (f"00000000-0000-4000-8000-{n:012d}" for n in numbers)

    # the port

    def functions(self, target: Target) -> FakeLambda:
        return FakeLambda(self.region(target), self.journal, self.clock)

    def urgent(self, target: Target) -> FakeLambda:
        return FakeLambda(self.region(target), self.journal, self.clock, urgent=True)

    def cloudwatch(self, target: Target) -> FakeCloudWatch:
        if target.place not in self._cloudwatches:
            self._cloudwatches[target.place] = FakeCloudWatch(self.journal, self.clock)
        return self._cloudwatches[target.place]

    def permissions(self, target: Target) -> FakePermissions:
        return FakePermissions(self.region(target), self.journal)

    # arranging

    def region(self, target: Target) -> Region:
        """Account-wide state: objects to upload, account concurrency, whose credentials these are."""
        return self._regions.setdefault(target.place, Region(target.account))

    def add_function(self, target: Target, *, code: Code | str = "first", versions: int = 1) -> FakeFunction:
        """Create the function with `versions` published versions and the alias on the newest."""
        assert versions >= 1
        first = Code(code) if isinstance(code, str) else code
        function = FakeFunction(target.function, first, clock=self.clock, revisions=self._revisions, paces=self.paces)
        self.region(target).functions[target.function] = function
        version = function.publish_now()
        for number in range(2, versions + 1):
            function.change_code(f"{first.name}-{number}")
            version = function.publish_now()
        function.set_alias(target.alias, whole(version))
        return function

    def function(self, target: Target) -> FakeFunction:
        """The function's state, settled, without a call in the journal. Raises MissingTarget."""
        return self.region(target).function(target.function)

    def alias(self, target: Target) -> FakeAlias:
        """The alias' state, settled, without a call in the journal. Raises MissingTarget."""
        return self.function(target).alias(target.alias)

    def routing(self, target: Target) -> Routing:
        """What the alias routes to now."""
        return self.alias(target).routing

    def routings(self, target: Target) -> list[tuple[datetime, Routing]]:
        """Every routing that the alias ever had, oldest first."""
        return list(self.alias(target).history)

    def move(self, target: Target, routing: Routing) -> None:
        """Move the alias as somebody else would."""
        self.function(target).set_alias(target.alias, routing)

    def load(
        self, target: Target, *, per_period: int, period: int = 60, profiles: Mapping[str, Profile] | None = None
    ) -> Load:
        """Let callers use the alias from its creation on; the answer's `profiles` may be changed at any time."""
        load = Load(self.function(target), target.alias, per_period=per_period, period=period, profiles=profiles)
        self.cloudwatch(target).sources.append(load)
        return load

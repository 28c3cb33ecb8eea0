"""One function with its versions and aliases, and AWS's rules for changing them.

**Source:** recorded answers of AWS and the Lambda developer guide. Rules raise the domain error that the gateway makes
of AWS's answer. The upper-case names in comments are AWS's error codes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from activities.aws.configuration import frozen_settings, function_version, request_fields
from activities.ports import Clock, Concurrency, EventSource, FunctionVersion
from orchestrator.domain.errors import IncompatibleVersions, MissingTarget, NotReleasable, Stale, Unavailable
from orchestrator.domain.release import Configuration
from orchestrator.domain.traffic import AliasState, Routing
from tests.fakes.code import Code, Pace, Paces, Settling

LATEST = "$LATEST"


@dataclass
class FakeVersion:
    """A version or `$LATEST`; `configuration` has AWS's names."""

    code: Code
    configuration: dict[str, Any]
    settling: Settling | None = None
    then: dict[str, Any] = field(default_factory=dict)

    @property
    def number(self) -> str:
        return str(self.configuration["Version"])

    @property
    def sharing(self) -> tuple[Any, Any]:
        """What two versions must have in common to share an alias."""
        return self.configuration["Role"], (self.configuration.get("DeadLetterConfig") or {}).get("TargetArn") or None


@dataclass
class FakeAlias:
    """An alias; while `injected` is set, Lambda itself sends everything to that old version."""

    wished: Routing
    revision: str
    injected: str | None = None
    history: list[tuple[datetime, Routing]] = field(default_factory=list)
    """Every routing that was ever in force, oldest first, with the time it began."""

    @property
    def routing(self) -> Routing:
        if self.injected is None:
            return self.wished
        return Routing(primary=self.wished.primary, additional=self.injected, weight=100)


@dataclass
class FakeProvisioned:
    """Provisioned concurrency of one qualifier."""

    requested: int
    code: Code
    settling: Settling | None
    failed: bool = False

    def reading(self) -> Concurrency:
        if self.settling is not None:
            return Concurrency(requested=self.requested, ready=0, status="IN_PROGRESS")
        if self.failed:
            return Concurrency(requested=self.requested, ready=0, status="FAILED", reason=self.code.fails_to_provision)
        return Concurrency(requested=self.requested, ready=self.requested, status="READY")


class FakeFunction:
    """State and rules. Tests may read and set every public attribute; `settle` runs before each call."""

    def __init__(self, name: str, code: Code, *, clock: Clock, revisions: Iterator[str], paces: Paces) -> None:
        self.name = name
        self.paces = paces
        self.versions: dict[str, FakeVersion] = {}
        self.aliases: dict[str, FakeAlias] = {}
        self.provisioned: dict[str, FakeProvisioned] = {}
        self.reserved: int | None = None
        self.event_sources: list[EventSource] = []
        self.policies: set[str | None] = set()
        self.invocations: list[tuple[str, str]] = []
        """Qualifier asked for and version that ran, oldest first."""
        self._clock = clock
        self._revisions = revisions
        self._published: tuple[Code, dict[str, Any], str] | None = None
        self._random = Random(name)
        role = "arn:aws:iam::123456789012:role/app"
        self.latest = self._version(LATEST, code, {"Role": role, "Runtime": "python3.12", "Handler": "app.handler"})
        self.latest.configuration |= {"MemorySize": 128, "Timeout": 3, "Description": ""}

    # arranging, without guards

    def change_code(self, code: Code | str) -> None:
        """Give `$LATEST` other code, at once."""
        self.latest.code = Code(code) if isinstance(code, str) else code
        self.latest.configuration |= {"CodeSha256": self.latest.code.sha256, "RevisionId": next(self._revisions)}

    def change(self, change: Configuration) -> None:
        """Give `$LATEST` other settings, at once."""
        self.latest.configuration |= request_fields(change) | {"RevisionId": next(self._revisions)}

    def publish_now(self, description: str = "") -> str:
        """Publish `$LATEST` and return the version, Active at once; unchanged code and settings give the last one."""
        current = self.latest.configuration
        published = self.publish(current["RevisionId"], self.latest.code.sha256, description, pace=None)
        return published.version

    def set_alias(self, name: str, routing: Routing) -> None:
        """Create or move an alias as somebody else would: no rule asks, and its revision changes."""
        alias = self.aliases.get(name)
        if alias is None:
            alias = self.aliases[name] = FakeAlias(routing, next(self._revisions))
        alias.injected = None
        self._route(alias, routing)

    def set_state(self, version: str, state: str, reason: str = "") -> None:
        """Force a state, e.g. Inactive."""
        self.resolve(version).configuration |= {"State": state, "StateReason": reason}

    # time

    def settle(self) -> None:
        """Finish what has taken long enough."""
        now = self._clock.now()
        for version in (self.latest, *self.versions.values()):
            if version.settling is not None and version.settling.over(now):
                version.configuration |= version.then | {"RevisionId": next(self._revisions)}
                version.settling, version.then = None, {}
        for qualifier, provisioned in self.provisioned.items():
            if provisioned.settling is not None and provisioned.settling.over(now):
                provisioned.settling = None
                provisioned.failed = bool(provisioned.code.fails_to_provision)
                alias = self.aliases.get(qualifier)
                if alias is not None and alias.injected is not None and not provisioned.failed:
                    alias.injected = None
                    self._route(alias, alias.wished)

    # versions

    def resolve(self, qualifier: str) -> FakeVersion:
        """`$LATEST`, a version, or an alias' primary version. Raises MissingTarget."""
        if qualifier == LATEST:
            return self.latest
        if qualifier in self.aliases:
            qualifier = self.aliases[qualifier].wished.primary
            return self.latest if qualifier == LATEST else self.versions[qualifier]
        if qualifier not in self.versions:
            raise MissingTarget(f"function {self.name} has no version or alias {qualifier}")
        return self.versions[qualifier]

    def read(self, qualifier: str) -> FunctionVersion:
        version = self.resolve(qualifier)
        answer = function_version(version.configuration)
        if version.settling is not None:
            version.settling.seen()
        return answer

    def update(self, fields: dict[str, Any], code: Code | None, revision: str) -> FunctionVersion:
        """UpdateFunctionConfiguration or UpdateFunctionCode: under way in the answer, then settled."""
        self._must_be_free("update")
        self._must_be_current(self.latest.configuration["RevisionId"], revision, LATEST)
        if code is not None:
            self.latest.code = code
            fields = fields | {"CodeSha256": code.sha256}
        self.latest.configuration |= fields | {"RevisionId": next(self._revisions), "LastUpdateStatus": "InProgress"}
        self._begin(self.latest, self.paces.update, {"LastUpdateStatus": "Successful"})
        return function_version(self.latest.configuration)

    def publish(self, revision: str, code_sha256: str, description: str, *, pace: Pace | None) -> FunctionVersion:
        """PublishVersion with its guards; nothing changed since the last one gives that version again."""
        self._must_be_free("publish")
        self._must_be_current(self.latest.configuration["RevisionId"], revision, LATEST)
        if code_sha256 != self.latest.code.sha256:  # InvalidParameterValueException, not 412
            raise NotReleasable(f"the code of {self.name} is not the code with hash {code_sha256}")
        settings = frozen_settings(self.latest.configuration)
        if self._published is not None and self._published[:2] == (self.latest.code, settings):
            return function_version(self.versions[self._published[2]].configuration)
        number = str(max(map(int, self.versions), default=0) + 1)
        frozen = self.latest.configuration | ({"Description": description} if description else {})
        version = self.versions[number] = self._version(number, self.latest.code, frozen)
        self._published = (self.latest.code, settings, number)
        self.latest.configuration["RevisionId"] = next(self._revisions)
        if pace is not None:
            reason = version.code.fails_to_start
            version.configuration |= {"State": "Pending", "StateReason": "The function is being created."}
            self._begin(version, pace, {"State": "Failed" if reason else "Active", "StateReason": reason})
        return function_version(version.configuration)

    # aliases

    def alias(self, name: str) -> FakeAlias:
        if name not in self.aliases:
            raise MissingTarget(f"function {self.name} has no alias {name}")
        return self.aliases[name]

    def create_alias(self, name: str, version: str) -> AliasState:
        """CreateAlias; one that exists is a conflict (409)."""
        if name in self.aliases:
            raise Unavailable(f"alias {name} exists already")
        self.resolve(version)
        self.set_alias(name, Routing(primary=version))
        return AliasState(routing=self.aliases[name].routing, revision=self.aliases[name].revision)

    def update_alias(self, name: str, routing: Routing, revision: str) -> AliasState:
        """UpdateAlias with routing and revision; the answer does not show weights that Lambda injects."""
        alias = self.alias(name)
        self._must_be_current(alias.revision, revision, f"alias {name}")
        self._must_be_possible(routing)
        provisioned = self.provisioned.get(name)
        if provisioned is not None and provisioned.failed and alias.injected is not None:
            raise NotReleasable(f"alias {name} is held by provisioned concurrency that failed")
        moved = routing.primary != alias.wished.primary
        old = alias.injected or alias.wished.primary
        alias.injected = old if provisioned is not None and moved and old != routing.primary else None
        if provisioned is not None and moved:
            provisioned.code = self.resolve(routing.primary).code
            provisioned.settling = Settling(self.paces.provision, self._clock.now())
        self._route(alias, routing)
        return AliasState(routing=routing, revision=alias.revision)

    def draw(self, qualifier: str) -> FakeVersion:
        """The version that one invocation of the qualifier runs on."""
        alias = self.aliases.get(qualifier)
        if alias is None:
            return self.resolve(qualifier)
        routing = alias.routing
        if routing.additional is not None and self._random.random() * 100 < routing.weight:
            return self.resolve(routing.additional)
        return self.resolve(routing.primary)

    def wake(self, version: FakeVersion) -> None:
        """An invocation of an inactive version fails and brings it back by way of Pending."""
        version.configuration |= {"State": "Pending", "StateReason": "The function is being restored."}
        self._begin(version, self.paces.publish, {"State": "Active", "StateReason": ""})

    # rules

    def _must_be_possible(self, routing: Routing) -> None:
        first = self.resolve_number(routing.primary)
        if routing.additional is None:
            return
        if LATEST in routing.versions:  # ValidationException, which no client models
            raise NotReleasable(f"an alias of {self.name} with weights cannot name $LATEST")
        second = self.resolve_number(routing.additional)
        if first.sharing != second.sharing:
            raise IncompatibleVersions(
                f"versions {first.number} and {second.number} of {self.name} differ in role or dead-letter queue"
            )

    def resolve_number(self, version: str) -> FakeVersion:
        """Like `resolve`, but an alias is not a version. Raises MissingTarget."""
        if version != LATEST and version not in self.versions:
            raise MissingTarget(f"function {self.name} has no version {version}")
        return self.resolve(version)

    def _must_be_free(self, doing: str) -> None:
        state = self.latest.configuration
        if state["LastUpdateStatus"] == "InProgress" or state["State"] == "Pending":  # ResourceConflictException
            raise Unavailable(f"cannot {doing} {self.name}: another operation is in progress")

    def _must_be_current(self, current: str, revision: str, what: str) -> None:
        if revision != current:
            raise Stale(f"revision {revision} of {what} of {self.name} is not current")

    # making

    def _version(self, number: str, code: Code, configuration: dict[str, Any]) -> FakeVersion:
        own = {"Version": number, "State": "Active", "StateReason": "", "LastUpdateStatus": "Successful"}
        own |= {"RevisionId": next(self._revisions), "CodeSha256": code.sha256}
        return FakeVersion(code, configuration | own)

    def _begin(self, version: FakeVersion, pace: Pace, then: dict[str, Any]) -> None:
        version.settling, version.then = Settling(pace, self._clock.now()), then

    def _route(self, alias: FakeAlias, wished: Routing) -> None:
        alias.wished = wished
        alias.revision = next(self._revisions)
        alias.history.append((self._clock.now(), alias.routing))

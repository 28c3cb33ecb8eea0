"""Aliases: which versions one may name, how weights split, when a change reaches the data plane."""

import random
import re
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from orchestrator.lab.gateway.wire import Document, failed_validation, invalid

_VERSION = re.compile(r"[0-9]+")
_NAME = re.compile(r"(?!^[0-9]+$)[a-zA-Z0-9-_]{1,128}")
LATEST = "$LATEST"


@dataclass(frozen=True)
class Routing:
    """A primary version and at most one additional version with its share in 0..1."""

    version: str
    weights: dict[str, float] = field(default_factory=dict)

    def draw(self, chance: random.Random) -> str:
        """Version of one invocation: drawn anew each time, with no stickiness."""
        for version, weight in self.weights.items():
            if chance.random() < weight:
                return version
        return self.version


@dataclass
class Alias:
    """One alias, with the routings that its recent writes brought into force."""

    name: str
    arn: str
    description: str = ""
    revision: str = field(default_factory=lambda: str(uuid4()))
    history: list[tuple[float, Routing]] = field(default_factory=list)
    """Oldest first: time from which it is in force on the data plane, and the routing."""

    @property
    def routing(self) -> Routing:
        """What the control plane reads: the last write."""
        return self.history[-1][1]

    def in_force(self, now: float) -> Routing:
        """What the data plane draws by: the last write that has propagated.

        Source: lambda.md 1.7; the delay itself is not documented by AWS.
        """
        arrived = [entry for entry in self.history if entry[0] <= now]
        if arrived:
            self.history = arrived[-1:] + [entry for entry in self.history if entry[0] > now]
        return self.history[0][1]

    def write(self, routing: Routing, effective: float) -> None:
        """Take a new routing; every write, even without a change, gives a new RevisionId (lambda.md 1.2)."""
        self.history.append((effective, routing))
        self.revision = str(uuid4())

    def names(self, version: str) -> bool:
        """Whether the version is the primary or carries a weight; both protect it from deletion."""
        return version == self.routing.version or version in self.routing.weights

    def document(self) -> Document:
        """As GetAlias shows it: `RoutingConfig` is left out when there are no weights (lambda.md 1.2)."""
        shown: Document = {
            "AliasArn": self.arn,
            "Name": self.name,
            "FunctionVersion": self.routing.version,
            "Description": self.description,
            "RevisionId": self.revision,
        }
        if self.routing.weights:
            shown["RoutingConfig"] = {"AdditionalVersionWeights": dict(self.routing.weights)}
        return shown


def read_weights(config: Any) -> dict[str, float]:
    """Weights out of a `RoutingConfig`, checked for shape.

    Raises:
        AwsError: `ValidationException` for a weight outside 0..1 or a key that is no number,
            `InvalidParameterValueException` for more than one entry. Source: recorded, lambda.md 1.1.
    """
    weights = (config or {}).get("AdditionalVersionWeights") or {}
    where = "'routingConfig.additionalVersionWeights' failed to satisfy constraint"
    for version, weight in weights.items():
        if not _VERSION.fullmatch(version):
            raise failed_validation(
                f"1 validation error detected: Value '{weights}' at {where}: Map keys must satisfy constraint: "
                "[Member must satisfy regular expression pattern: [0-9]+]"
            )
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0.0 <= weight <= 1.0:
            raise failed_validation(
                f"1 validation error detected: Value '{weights}' at {where}: Map value must satisfy constraint: "
                "[Member must have value less than or equal to 1.0, "
                "Member must have value greater than or equal to 0.0]"
            )
    if len(weights) > 1:
        raise invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    return {version: float(weight) for version, weight in weights.items()}


def check_name(name: str) -> None:
    """Refuse alias names AWS refuses: 1-128 characters, not purely numeric."""
    if not _NAME.fullmatch(name):
        raise failed_validation(
            f"1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)"
        )


def check_split(routing: Routing, configurations: dict[str, Document]) -> None:
    """Refuse a split that AWS refuses.

    Args:
        routing: the wanted primary and weights; both versions are known to exist.
        configurations: configuration of each version named.

    Raises:
        AwsError: `InvalidParameterValueException`. Source: lambda.md 1.1.
    """
    if not routing.weights:
        return
    if routing.version == LATEST:
        raise invalid("$LATEST is not supported for an alias pointing to more than 1 version")
    (additional,) = routing.weights
    if additional == routing.version:
        raise invalid(
            f"Invalid function version {additional}. Function version {additional} is already included in routing "
            "configuration."
        )
    primary, second = configurations[routing.version], configurations[additional]
    if primary.get("Role") != second.get("Role"):
        raise invalid(
            f"Function versions {routing.version} and {additional} must have the same execution role: "
            f"{primary.get('Role')} is not {second.get('Role')}"
        )
    if dead_letter_target(primary) != dead_letter_target(second):
        raise invalid(
            f"Function versions {routing.version} and {additional} must have the same Dead Letter Queue configuration"
        )


def dead_letter_target(configuration: Document) -> str | None:
    """ARN of the dead letter queue, or None."""
    return (configuration.get("DeadLetterConfig") or {}).get("TargetArn") or None

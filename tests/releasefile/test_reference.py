"""The reference page has every field, and its examples are files that can be used."""

import re
from pathlib import Path

import pytest

from activities import metrics
from orchestrator.domain.analysis import Query
from orchestrator.domain.comparison import ComparisonSettings
from orchestrator.domain.release import Configuration
from orchestrator.registry import Registry
from orchestrator.releasefile.codedeploy import SPELLINGS
from orchestrator.releasefile.loading import STRATEGIES
from orchestrator.releasefile.model import CHECKS, Asking, LimitsEntry, SamplingEntry, Sections, TargetEntry
from orchestrator.releasefile.webhooks import ArtifactEntry, WebhookEntry
from orchestrator.strategies import AskBefore, AskFor, format_duration
from orchestrator.strategies.canary import Weighted

PAGE = (Path(__file__).parents[2] / "docs/reference/release-file.md").read_text()

MODELS = {
    "Top level": [Sections],
    "`targets.NAME`": [TargetEntry],
    "`configuration`": [Configuration],
    "`webhooks.NAME`": [WebhookEntry, ArtifactEntry],
    "`limits`": [LimitsEntry],
    "`sampling`": [SamplingEntry],
    "`gates.NAME`": [Asking],
    "`kind: canary`": [STRATEGIES["canary"].spec, Weighted, AskBefore],
    "`kind: linear`": [STRATEGIES["linear"].spec],
    "`kind: auto`": [STRATEGIES["auto"].spec],
    "`kind: blue_green`": [STRATEGIES["blue_green"].spec, AskFor],
    "`kind: all_at_once`": [STRATEGIES["all_at_once"].spec],
    "`kind: compare`": [CHECKS["compare"], ComparisonSettings],
    "`kind: limit`": [CHECKS["limit"]],
    "`kind: alarm`": [CHECKS["alarm"]],
    "`kind: prometheus`": [Query, Registry(metrics, "metric provider")["prometheus"].Options],
}
SAID_ONCE = {"name", "kind", "on_failure", "on_inconclusive", "mode"}


def rows(heading):
    """Return the table rows under a heading, by key."""
    section = re.split(r"^#+ ", PAGE, flags=re.MULTILINE)
    found = next(part for part in section if part.startswith(heading))
    table = (line.split("|")[1:-1] for line in found.splitlines() if line.startswith("| `"))
    return {key: cells for cells in table for key in re.findall(r"`(\w+)`", cells[0])}


@pytest.mark.parametrize("heading", MODELS)
def test_every_field_is_documented(heading):
    fields = {field for model in MODELS[heading] for field in model.model_fields}
    if MODELS[heading][0] in {*CHECKS.values(), Query}:
        fields -= SAID_ONCE
    if MODELS[heading][0] is Query:
        fields -= {"provider", "options"}
    assert fields - rows(heading).keys() == set()


def test_what_every_check_has_is_documented_once():
    assert rows("`checks.NAME`").keys() >= SAID_ONCE - {"name"}


@pytest.mark.parametrize("kind", STRATEGIES.names)
def test_the_documented_defaults_are_the_defaults(kind):
    said = rows(f"`kind: {kind}`")
    for name, field in STRATEGIES[kind].spec.model_fields.items():
        if hasattr(field.default, "total_seconds"):
            assert said[name][2].strip() == f"`{format_duration(field.default)}`", name


def test_every_predefined_name_is_documented():
    api_spelling = "CodeDeployDefault."
    assert [name for name in SPELLINGS if not name.startswith(api_spelling) and f"`{name}`" not in PAGE] == []

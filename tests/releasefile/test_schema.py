"""The JSON Schema is current, and says of a file what the loader says, as far as a schema can."""

import json
from pathlib import Path

import jsonschema
import pytest

from orchestrator.cli import session
from orchestrator.releasefile.document import Document
from orchestrator.releasefile.loading import check
from orchestrator.releasefile.schema import json_schema

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "docs/reference/release-file.schema.json"
EXAMPLES = sorted((ROOT / "docs/examples").glob("*.yaml"))

BEYOND_A_SCHEMA = (
    "unknown strategy",
    "unknown check",
    "unknown probe",
    "unknown gate",
    "unknown target",
    "unknown event",
    "list the targets that it may name",
    "this event needs it",
    "does not go with this event",
    "goes with provider `standard`",
    "is no template",
    "is no dotted path",
    "weights must ascend",
    "is listed twice",
    "no step reaches",
    "is asked twice",
    "is shorter than `minimum`",
    "must be longer than nothing",
    "longer than the deadline",
    "never reaches",
    "nothing would be measured",
    "`slower_than` (milliseconds)",
    "accept_rho 1 is below rho",
)


@pytest.fixture(scope="module")
def schema():
    found = json_schema(session.plugins())
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


def cases():
    for path in sorted((Path(__file__).parent / "problems").glob("*.txt")):
        if path.stem == "whole":
            continue
        for i, block in enumerate(path.read_text().strip().split("\n\n"), start=1):
            yield pytest.param("\n".join(x[2:] for x in block.splitlines() if x[0] == "|"), id=f"{path.stem}-{i}")


def test_the_committed_schema_is_current(schema):
    """Write it again with `sluice schema > docs/reference/release-file.schema.json`."""
    assert json.loads(COMMITTED.read_text()) == schema.schema


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_good_for_both(schema, path):
    text = path.read_text()
    assert check(text, path.name, session.plugins())[1] == ()
    assert list(schema.iter_errors(Document(text, path.name).data)) == []


@pytest.mark.parametrize("text", list(cases()))
def test_both_refuse_the_same(schema, text):
    """Apart from what looks at two places at once."""
    _, problems = check(text)
    refused = any(not any(beyond in p.sentence for beyond in BEYOND_A_SCHEMA) for p in problems)
    assert bool(list(schema.iter_errors(Document(text, "sluice.yaml").data))) == refused


def test_an_editor_is_told_what_every_key_means(schema):
    """Keys of Sluice itself; those of the checks are described in the reference."""
    target = schema.schema["properties"]["targets"]["additionalProperties"]["properties"]
    assert [key for key, value in target.items() if not value.get("description")] == []

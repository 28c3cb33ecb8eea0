"""A change of an alias as CloudTrail tells it: in words, and against what an alias may read after it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from orchestrator.domain.drift import GONE, AliasChange
from orchestrator.domain.release import Target
from orchestrator.domain.traffic import split, whole

TARGET = Target(account="123456789012", region="eu-west-1", function="checkout", alias="live")
ROUTINGS = [str(r) for r in (whole("1"), whole("7"), split("1", "7", 10), split("7", "1", 10), split("1", "7", 2.5))]


def change(**fields: Any) -> AliasChange:
    base: dict[str, Any] = {
        "id": "e-1",
        "target": TARGET,
        "event": "UpdateAlias20150331",
        "by": "arn:aws:iam::123456789012:user/bob",
        "at": datetime(2026, 3, 4, 14, 2, 11, tzinfo=UTC),
    }
    return AliasChange(**(base | fields))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"version": "7"}, "moved by B at 14:02:11Z outside Sluice: version 7"),
        ({"version": "7", "weights": {}}, "moved by B at 14:02:11Z outside Sluice: version 7"),
        (
            {"version": "1", "weights": {"7": 2.5}},
            "moved by B at 14:02:11Z outside Sluice: version 1 + 2.5 % to version 7",
        ),
        ({"weights": {"7": 20}}, "moved by B at 14:02:11Z outside Sluice: 20 % to version 7"),
        ({"weights": {}}, "moved by B at 14:02:11Z outside Sluice: no additional version"),
        (
            {"event": "CreateAlias20150331", "version": "7", "weights": {}},
            "created by B at 14:02:11Z outside Sluice: version 7",
        ),
        ({"event": "DeleteAlias20150331"}, "deleted by B at 14:02:11Z outside Sluice"),
    ],
)
def test_a_change_is_told_with_who_when_and_what(fields: dict[str, Any], words: str) -> None:
    assert change(**fields).sentence == f"alias checkout:live {words.replace('B', change().by)}"


@pytest.mark.parametrize(
    ("fields", "possible"),
    [
        ({"version": "7", "weights": {}}, {"version 7"}),
        ({"version": "1", "weights": {"7": 10}}, {"version 1 + 10 % to version 7"}),
        ({"version": "1", "weights": {"7": 10.000000149}}, {"version 1 + 10 % to version 7"}),
        ({"version": "1"}, {"version 1", "version 1 + 10 % to version 7", "version 1 + 2.5 % to version 7"}),
        ({"weights": {"7": 10}}, {"version 1 + 10 % to version 7"}),
        ({"weights": {}}, {"version 1", "version 7"}),
        ({"version": "11", "weights": {}}, set()),
        ({"event": "DeleteAlias20150331"}, {GONE}),
    ],
)
def test_what_is_left_out_of_a_change_stays_as_it_was(fields: dict[str, Any], possible: set[str]) -> None:
    """The words are those of `Routing`: one that were put otherwise would take own writes for foreign ones."""
    assert {text for text in (*ROUTINGS, GONE) if change(**fields).leads_to(text)} == possible

"""Case 30: a freeze until 24:00 ends with the day, and a weekly window is told of as one."""

from datetime import datetime

import pytest
from pydantic import ValidationError

from activities.gates.freeze import FreezeOptions
from orchestrator.cli import session
from orchestrator.releasefile.loading import check

FILE = """\
targets:
  checkout: {{account: "123456789012", region: eu-west-1, function: checkout, alias: live, gates: [weekend]}}
gates:
  weekend:
    kind: freeze
    windows:
      - {window}
"""


def told(window):
    """Return path and sentence of each problem that is told about this window's gate."""
    _, problems = check(FILE.format(window=window), "sluice.yaml", session.plugins())
    return [f"{problem}".split(" ", 1)[1] for problem in problems if "gates.weekend" in f"{problem}"]


def closed(hours, moment):
    """Whether a window on Fridays is closed at this moment in Berlin, and until when."""
    window = {"days": ["fri"], "zone": "Europe/Berlin", **hours}
    options = FreezeOptions.model_validate_json(
        FreezeOptions.model_validate({"windows": [window]}).model_dump_json(by_alias=True)
    )
    return options.windows[0].end_after(datetime.fromisoformat(moment))


def test_case_30_freeze_until_24_00():
    """The file is good."""
    assert told('{days: [fri], from: "17:00", until: "24:00", zone: Europe/Berlin}') == []


@pytest.mark.parametrize("start", ["17:00", "00:00"])
def test_case_30_the_window_ends_with_its_day(start):
    """The last minute of Friday is closed, the first of Saturday open; from 00:00 it is the whole day."""
    hours = {"from": start, "until": "24:00"}
    assert closed(hours, "2026-11-20T23:59:00+01:00") == datetime.fromisoformat("2026-11-21T00:00:00+01:00")
    assert closed(hours, "2026-11-21T00:00:00+01:00") is None
    assert closed(hours, f"2026-11-20T{start}:00+01:00") is not None


@pytest.mark.parametrize("hours", [{"from": "24:00", "until": "08:00"}, {"from": "17:00", "until": "24:30"}])
def test_case_30_no_other_hour_is_beyond_the_day(hours):
    """Nothing begins at the end of a day, and no day is longer."""
    with pytest.raises(ValidationError):
        closed(hours, "2026-11-20T23:59:00+01:00")


@pytest.mark.parametrize(
    ("window", "problems"),
    [
        (
            '{days: [Fri], from: "17:00", until: "24:00"}',
            [
                (
                    "gates.weekend.windows.0.days.0: `Fri` is not one of mon, tue, wed, thu, fri, sat, sun; "
                    "did you mean `fri`?"
                )
            ],
        ),
        (
            '{days: [fri], from: "5pm", until: "24:00"}',
            ["gates.weekend.windows.0.from: Input should be in a valid time format, input is too short, got `5pm`"],
        ),
        (
            '{days: [fri], from: "17:00", until: "24:00", sone: UTC}',
            [
                (
                    "gates.weekend.windows.0.sone: unknown key `sone`; did you mean `zone`? "
                    "There is days, from, reason, until, zone"
                )
            ],
        ),
        (
            '{days: [fri], from: "17:00"}',
            [
                (
                    "gates.weekend.windows.0.until: is missing: "
                    "first minute that is open again, local time as `08:00`, to `24:00`"
                )
            ],
        ),
        (
            '{from: "2026-01-02T00:00:00Z", until: "2026-01-01T00:00:00Z"}',
            [
                (
                    "gates.weekend.windows.0: a freeze must end after it begins, "
                    "got 2026-01-02 00:00:00+00:00 until 2026-01-01 00:00:00+00:00"
                )
            ],
        ),
        ("fri", ["gates.weekend.windows.0: must be a mapping, got `fri`"]),
    ],
)
def test_case_30_only_the_kind_that_was_meant_is_told(window, problems):
    """One mistake is one line, under the path as it stands in the file, with the keys of that kind of window."""
    assert told(window) == problems

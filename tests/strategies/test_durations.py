"""Durations as people write them."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from orchestrator.strategies import PositiveDuration, format_duration, parse_duration

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
POSITIVE = TypeAdapter(PositiveDuration)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("0s", 0),
        ("1.5s", 1.5),
        ("5m", 300),
        ("1h30m", 5400),
        ("2d", 172800),
        ("1d1h1m1s", 90061),
        ("PT5M", 300),
        ("P1DT12H", 129600),
        ("P2W", 1209600),
        ("PT0.5S", 0.5),
    ],
)
def test_durations_are_read(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@PATIENT
@given(st.integers(min_value=0, max_value=10**9).map(lambda ms: timedelta(milliseconds=ms)))
def test_what_is_written_is_read_back(duration):
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (5, "5 has no unit: write `5s` for seconds or `5m` for minutes"),
        (0, "0 has no unit: write `0s` for seconds or `0m` for minutes"),
        (1.5, "1.5 has no unit: write `1.5s` for seconds or `1.5m` for minutes"),
        ("90", "90 has no unit: write `90s` for seconds or `90m` for minutes"),
        ("5 min", "`5 min` is not a duration: write `30s`, `5m`, `1h30m`, `2d`, or ISO 8601 such as `PT5M`"),
        ("", "`` is not a duration: write `30s`, `5m`, `1h30m`, `2d`, or ISO 8601 such as `PT5M`"),
        ("P", "`P` is not a duration: write `30s`, `5m`, `1h30m`, `2d`, or ISO 8601 such as `PT5M`"),
        ("-5m", "`-5m` is not a duration: write `30s`, `5m`, `1h30m`, `2d`, or ISO 8601 such as `PT5M`"),
        ("30m1h", "`30m1h` is not a duration: write `30s`, `5m`, `1h30m`, `2d`, or ISO 8601 such as `PT5M`"),
        ("0s", "must be longer than nothing"),
    ],
)
def test_what_is_no_duration_is_told_how_to_write_one(value, sentence):
    with pytest.raises(ValidationError) as caught:
        POSITIVE.validate_python(value)
    assert [error["msg"] for error in caught.value.errors()] == [sentence]

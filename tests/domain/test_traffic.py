"""Routings and what a difference between wish and reading means."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from orchestrator.domain.traffic import Reading, Routing, read_against, split, whole

weights = st.floats(min_value=0.01, max_value=99.99).map(lambda w: round(w, 2))
routings = st.one_of(
    st.sampled_from("123").map(whole),
    st.builds(split, st.just("1"), st.sampled_from("23"), weights),
    st.builds(split, st.just("2"), st.sampled_from("13"), weights),
)


@pytest.mark.parametrize("stored", [10, 10.0, 10.000000149, 9.9995])
def test_weight_that_aws_returns_a_little_different_is_the_same(stored: float) -> None:
    """Scenario 41."""
    assert split("1", "2", stored).same_as(split("1", "2", 10))
    assert not split("1", "2", stored).same_as(split("1", "2", 10.01))


@given(routings, routings)
@settings(deadline=None)
def test_what_is_wished_is_always_recognised(found: Routing, intent: Routing) -> None:
    """And nothing else is taken for it."""
    reading = read_against(found, intent, "1", "2")
    assert (reading is Reading.INTENDED) == found.same_as(intent)


@given(routings, routings)
@settings(deadline=None)
def test_a_version_of_others_is_always_foreign(found: Routing, intent: Routing) -> None:
    """I3: whatever is wished of versions 1 and 2."""
    if intent.versions <= {"1", "2"} and not found.versions <= {"1", "2"}:
        assert read_against(found, intent, "1", "2") is Reading.FOREIGN


@given(routings)
@settings(deadline=None)
def test_before_a_version_is_published_only_stable_is_known(found: Routing) -> None:
    """There is nothing that this release may have written."""
    expected = Reading.INTENDED if found == whole("1") else Reading.FOREIGN
    assert read_against(found, whole("1"), "1", None) is expected


@pytest.mark.parametrize(
    ("found", "intent", "reading"),
    [
        (split("2", "1", 100), whole("2"), Reading.SETTLING),
        (split("2", "1", 100), whole("1"), Reading.OURS),
        (split("1", "2", 33), split("1", "2", 50), Reading.OURS),
        (split("1", "2", 33), whole("2"), Reading.OURS),
        (whole("2"), split("1", "2", 50), Reading.FOREIGN),
        (whole("2"), whole("1"), Reading.OURS),
        (whole("1"), split("1", "2", 50), Reading.OURS),
    ],
)
def test_readings_of_our_own_two_versions(found: Routing, intent: Routing, reading: Reading) -> None:
    """Scenario 22 among them: Lambda's own weights are no drift."""
    assert read_against(found, intent, "1", "2") is reading


@given(routings)
@settings(deadline=None)
def test_shares_add_up(routing: Routing) -> None:
    """Whatever the routing, all traffic goes somewhere."""
    assert sum(routing.share_of(v) for v in routing.versions) == pytest.approx(100)
    assert routing.share_of("9") == 0


@pytest.mark.parametrize(
    "wrong", [{"primary": "1", "weight": 10}, {"primary": "1", "additional": "1"}, {"primary": "1", "weight": 101}]
)
def test_impossible_routings_are_refused(wrong: dict[str, object]) -> None:
    """They cannot even be written down."""
    with pytest.raises(ValidationError):
        Routing(**wrong)

"""The whole course of a release."""

from orchestrator.domain.release import Cause, Outcome
from orchestrator.domain.traffic import whole
from tests.fakes.aws import Profile
from tests.workflows.conftest import Stage


async def test_good_version_is_promoted_with_exactly_three_alias_writes(stage: Stage) -> None:
    """Scenario 1: weight 10, weight 50, then version and empty routing in one call."""
    state = await stage.release()
    assert (state.outcome, state.sentence) == (Outcome.PROMOTED, f"version 2 serves 100 % of {stage.target}")
    assert stage.writes() == [
        "version 1 + 10 % to version 2",
        "version 1 + 50 % to version 2",
        "version 2",
    ]


async def test_bad_version_is_rolled_back_with_one_write(stage: Stage) -> None:
    """Scenario 2: a canary that fails a fifth of its requests never sees the second step."""
    stage.load.profiles["2"] = Profile(error_share=0.2)
    state = await stage.release()
    assert (state.outcome, state.cause) == (Outcome.ROLLED_BACK, Cause.VERDICT)
    assert stage.writes() == ["version 1 + 10 % to version 2", "version 1"]
    assert stage.aws.routing(stage.target) == whole("1")


async def test_history_of_a_standard_release_is_short(stage: Stage) -> None:
    """At most 120 events, whatever the number of looks (time-skip events of the test server not counted)."""
    handle = await stage.start(stage.request())
    await handle.result()
    history = await handle.fetch_history()
    from collections import Counter
    kinds = Counter(e.WhichOneof("attributes") for e in history.events)
    print(kinds)
    events = [e for e in history.events if "skipping" not in str(e.WhichOneof("attributes"))]
    print(len(events))
    assert len(events) <= 120

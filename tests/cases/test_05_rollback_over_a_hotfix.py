"""Case 05: `sluice rollback` does not take a hotfix away."""

from orchestrator.domain.release import Actor, Outcome
from orchestrator.domain.traffic import whole
from tests.workflows.stage import Stage, plan, steps


async def test_case_05_rollback_over_a_hotfix_is_refused_and_names_it(stage: Stage) -> None:
    """The rollback starts from what its release has left; where the alias is elsewhere nothing is written."""
    before = await stage.release(plan=plan(*steps(10), checks=()))
    assert before.outcome is Outcome.PROMOTED
    stage.function.change_code("hotfix")
    stage.function.publish_now()
    stage.aws.move(stage.target, whole("3"))
    started = await stage.service.rollback(before.release_id, actor=Actor(name="bob"), reason="oh no")
    state = await stage.until(stage.request(release_id=started.release_id), lambda s: s.done)
    assert state.outcome is Outcome.REJECTED
    assert "routes to version 3, and not to version 2, which is to be rolled back" in state.sentence
    assert stage.routing == whole("3")


async def test_a_rollback_of_what_still_serves_goes_back(stage: Stage) -> None:
    """The usual way is open as before."""
    before = await stage.release(plan=plan(*steps(10), checks=()))
    started = await stage.service.rollback(before.release_id, actor=Actor(name="bob"), reason="oh no")
    await stage.until(stage.request(release_id=started.release_id), lambda s: s.done)
    assert stage.routing == whole("1")

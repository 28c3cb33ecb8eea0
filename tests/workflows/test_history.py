"""What a release costs in Temporal's history."""

from temporalio.testing import WorkflowEnvironment

from orchestrator.domain.release import Outcome
from tests.workflows.stage import aws_worker, minutes, new_stage, plan, restore_worker, steps, workflow_worker


async def measured(environment: WorkflowEnvironment, bake: float) -> tuple[int, int]:
    """Events (those of the test server's time skipping not counted) and looks of a three-step release."""
    stage = new_stage(environment)
    async with workflow_worker(environment), aws_worker(stage), restore_worker(stage):
        request = stage.request(plan=plan(*steps(10, 50, bake=minutes(bake), final=minutes(bake))))
        handle = await stage.start(request)
        assert (await handle.result()).outcome is Outcome.PROMOTED
        history = await handle.fetch_history()
    events = [e for e in history.events if "time_skipping" not in str(e.WhichOneof("attributes"))]
    return len(events), len(stage.aws.journal.of("metric_data"))


async def test_history_is_short_and_grows_with_no_look(temporal: WorkflowEnvironment) -> None:
    """At most 120 events for three steps, and none more for bakes three times as long."""
    short, few = await measured(temporal, 4)
    long, many = await measured(temporal, 12)
    assert many > few + 10
    assert short == long <= 120

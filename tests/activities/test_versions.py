"""Publishing, warming and cooling. The numbers in docstrings are those of the acceptance scenarios."""

from dataclasses import replace
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.versions import ACTIVE_WITHIN, Versions
from activities.versions_upload import SETTLED_WITHIN, PublishProgress
from orchestrator.domain.errors import MissingTarget, Stale, Throttled, Unavailable
from orchestrator.domain.release import Configuration, Image, Latest, PublishedVersion, S3Object, Target
from orchestrator.domain.work import Cool, Publish, Published, Warm, Warmed
from tests.fakes.aws import Code, FakeAws, Pace
from tests.fakes.clock import FakeClock

TARGET = Target(account="123456789012", region="eu-west-1", function="checkout", alias="live")
ZIP = S3Object(bucket="builds", key="checkout.zip")
ZIP_SHA = Code("s3://builds/checkout.zip").sha256


class World:
    """AWS with one function, versions of which are published; what happens while it sleeps is up to the test."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.aws = FakeAws(self.clock)
        self.function = self.aws.add_function(TARGET)
        self.activities = Versions(self.aws, sleep=self.sleep)
        self.environment = ActivityEnvironment()
        self.beats: list[Any] = []
        self.environment.on_heartbeat = lambda *details: self.beats.append(details[0])
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.advance(seconds)

    async def publish(self, artifact: Any, stable: str = "1", **configuration: Any) -> Published:
        work = Publish(
            release_id="r1",
            target=TARGET,
            artifact=artifact,
            configuration=Configuration(**configuration),
            stable=stable,
        )
        return await self.environment.run(self.activities.publish, work)

    async def retry(self, artifact: Any, **configuration: Any) -> Published:
        """Publish again in another attempt, which gets the heartbeat details of the one before."""
        details = [PublishProgress.model_validate_json(b.model_dump_json()) for b in self.beats[-1:]]
        self.environment.info = replace(self.environment.info, heartbeat_details=details, attempt=2)
        return await self.publish(artifact, **configuration)

    async def warm(self, version: str, count: int) -> Warmed:
        return await self.environment.run(self.activities.warm, Warm(target=TARGET, version=version, count=count))

    async def cool(self, version: str) -> None:
        await self.environment.run(self.activities.cool, Cool(target=TARGET, version=version))

    def writes(self) -> list[str]:
        reads = {"get_function", "provisioned", "invoke"}
        return [c.operation for c in self.aws.journal if c.applied and c.operation not in reads]

    def meanwhile(self, operation: str, act: Any) -> None:
        """Let somebody else act just before the next call of `operation`."""

        def strike(_arguments: Any) -> bool:
            if not struck:
                struck.append(True)
                act()
            return False

        struck: list[bool] = []
        self.aws.faults.refuse(operation, AssertionError("never raised"), times=None, when=strike)


@pytest.fixture
def world() -> World:
    return World()


async def refused(publishing: Any, kind: str) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await publishing
    assert caught.value.type == kind
    return caught.value


async def test_code_and_settings_are_updated_settled_and_published_with_both_guards(world):
    world.aws.paces.update = world.aws.paces.publish = Pace(reads=2)
    published = await world.publish(ZIP, memory=256, environment={"LEVEL": "debug"})
    assert world.writes() == ["update_configuration", "update_code", "publish_version"]
    (call,) = world.aws.journal.of("publish_version")
    assert call.arguments["code_sha256"] == published.code_sha256 == ZIP_SHA
    assert call.arguments["description"] == "sluice r1"
    assert (published.version, published.new, published.incompatible) == ("2", True, ())
    assert published.differences[1:] == ("environment: LEVEL added", "memory 128 -> 256")
    assert published.differences[0].startswith("code ")
    assert world.function.latest.configuration["Description"] == ""


async def test_settings_that_are_there_already_are_not_written(world):
    world.function.change(Configuration(memory=256, environment={"LEVEL": "debug"}, layers=("arn:l:1",)))
    await world.publish(Latest(), memory=256, environment={"LEVEL": "debug"}, layers=("arn:l:1",), dead_letter_queue="")
    assert world.writes() == ["publish_version"]


async def test_an_image_is_uploaded_like_a_zip(world):
    published = await world.publish(Image(uri="123.dkr.ecr/checkout@sha256:abc"))
    assert published.code_sha256 == Code("123.dkr.ecr/checkout@sha256:abc").sha256


async def test_scenario_7_nothing_changed_gives_the_stable_version(world):
    """7: AWS answers with the version that exists; it is not new."""
    published = await world.publish(Latest())
    assert (published.version, published.new, published.differences) == ("1", False, ())


async def test_scenario_6_an_edit_between_upload_and_publish_refuses_the_publication(world):
    """6: other settings make the revision stale (412); nothing is published."""
    world.meanwhile("publish_version", lambda: world.function.change(Configuration(memory=1024)))
    error = await refused(world.publish(ZIP), "Drift")
    assert error.non_retryable
    assert "somebody else changed $LATEST of checkout" in error.message
    assert "memory 128 -> 1024" in error.message
    assert list(world.function.versions) == ["1"]


async def test_scenario_6_other_code_uploaded_before_the_publication_refuses_it(world):
    """6: and so does other code."""
    world.meanwhile("publish_version", lambda: world.function.change_code("theirs"))
    error = await refused(world.publish(ZIP), "Drift")
    assert "code " in error.message
    assert list(world.function.versions) == ["1"]


async def test_scenario_6_an_edit_while_the_update_settles_is_seen(world):
    """6: the revision is read after the wait, so the content must be compared, not the revision alone."""
    world.aws.paces.update = Pace(reads=1)
    edits = iter([lambda: world.function.change(Configuration(timeout=60))])

    async def sleep(_seconds: float) -> None:
        next(edits, lambda: None)()

    world.activities = Versions(world.aws, sleep=sleep)
    error = await refused(world.publish(ZIP), "Drift")
    assert "timeout 3 -> 60" in error.message


async def test_scenario_6_an_edit_between_two_attempts_is_seen(world):
    """6: also when the worker died in between, because the heartbeat carries what was uploaded."""
    world.aws.faults.refuse("publish_version", Unavailable("AWS is away"))
    await refused(world.publish(ZIP), "Unavailable")
    world.function.change(Configuration(memory=1024))
    error = await refused(world.retry(ZIP), "Drift")
    assert "memory 128 -> 1024" in error.message


async def test_a_revision_that_alone_has_moved_does_not_refuse_the_publication(world):
    def touch() -> None:
        world.function.latest.configuration["RevisionId"] = "moved"

    world.meanwhile("publish_version", touch)
    assert (await world.publish(ZIP)).version == "2"
    assert [c.outcome for c in world.aws.journal.of("publish_version")] == ["Stale", "answered"]


async def test_a_revision_that_keeps_moving_is_left_to_the_next_attempt(world):
    def touch(_arguments: Any) -> bool:
        world.function.latest.configuration["RevisionId"] += "x"
        return False

    world.aws.faults.refuse("publish_version", AssertionError("never raised"), times=None, when=touch)
    error = await refused(world.publish(ZIP), "Stale")
    assert not error.non_retryable


async def test_settings_changed_by_somebody_else_just_before_ours_are_drift(world):
    world.meanwhile("update_configuration", lambda: world.function.change(Configuration(timeout=60)))
    await refused(world.publish(Latest(), memory=256), "Drift")


async def test_settings_that_are_ours_although_the_write_looks_stale_are_taken(world):
    world.aws.faults.lose_reply("update_configuration", Stale("the client's own second try met its first"))
    assert "memory 128 -> 256" in (await world.publish(Latest(), memory=256)).differences
    assert world.writes() == ["update_configuration", "publish_version"]


async def test_an_update_that_aws_refuses_is_told_as_it_is(world):
    world.aws.region(TARGET).objects["s3://builds/checkout.zip"] = None
    error = await refused(world.publish(ZIP), "MissingTarget")
    assert "there is no s3://builds/checkout.zip" in error.message


@pytest.mark.parametrize("operation", ["update_configuration", "update_code", "publish_version", "get_function"])
@pytest.mark.parametrize("remembers", [True, False])
async def test_a_lost_answer_at_any_call_gives_the_same_version_once(world, operation, remembers):
    """A second attempt, with or without the heartbeat of the first, publishes nothing twice."""
    world.aws.faults.lose_reply(operation)
    await refused(world.publish(ZIP, memory=256), "TimedOut")
    if not remembers:
        world.beats.clear()
    published = await world.retry(ZIP, memory=256)
    assert (published.version, published.new, published.code_sha256) == ("2", True, ZIP_SHA)
    assert list(world.function.versions) == ["1", "2"]
    assert len(world.aws.journal.of("update_configuration")) == 1


@pytest.mark.parametrize("calls", range(1, 9))
async def test_a_crash_at_any_call_gives_the_same_version_once(world, calls):
    seen = 0

    def crash(_arguments: Any) -> bool:
        nonlocal seen
        seen += 1
        return seen == calls

    world.aws.faults.refuse("*", Throttled("slow down"), when=crash)
    with pytest.raises(ApplicationError):
        await world.publish(ZIP, memory=256)
    published = await world.retry(ZIP, memory=256)
    assert (published.version, published.code_sha256) == ("2", ZIP_SHA)
    assert list(world.function.versions) == ["1", "2"]


async def test_an_attempt_after_the_publication_only_waits(world):
    world.aws.faults.refuse("get_function", Throttled("slow down"), when=lambda a: a["qualifier"] == "2")
    await refused(world.publish(ZIP), "Throttled")
    world.aws.journal.clear()
    assert (await world.retry(ZIP)).version == "2"
    assert world.writes() == []


async def test_scenario_8_a_pending_version_is_waited_for_with_heartbeats(world):
    """8: no weight before Active; three minutes are nothing unusual."""
    world.aws.paces.publish = Pace(seconds=180)
    assert (await world.publish(ZIP)).version == "2"
    assert sum(world.pauses) >= 180
    assert max(world.pauses) <= 2
    assert world.pauses[0] == pytest.approx(0.2)
    assert world.beats[-1] == PublishProgress(sentence="version 2 of checkout is Pending", version="2")


async def test_scenario_8_a_version_that_fails_ends_with_its_reason(world):
    """8: Failed is final, and StateReason says why."""
    code = Code("broken", fails_to_start="INIT_FAILURE: cannot import app")
    world.aws.region(TARGET).objects["s3://builds/checkout.zip"] = code
    world.aws.paces.publish = Pace(reads=2)
    error = await refused(world.publish(ZIP), "NotReleasable")
    assert "version 2 of checkout is Failed: INIT_FAILURE: cannot import app" in error.message


async def test_scenario_9_an_update_under_way_is_waited_for(world):
    """9: somebody's update of $LATEST settles before ours begins."""
    world.aws.paces.update = Pace(seconds=30)
    latest = world.function.latest.configuration
    world.function.update({"MemorySize": 512}, None, latest["RevisionId"])
    published = await world.publish(ZIP)
    assert published.version == "2"
    assert "memory 128 -> 512" in published.differences
    assert not [c for c in world.aws.journal if c.outcome == "Unavailable"]


async def test_scenario_9_the_wait_for_an_update_is_bounded(world):
    """9: an attempt gives up after five minutes; how often there is another is the workflow's budget."""
    world.aws.paces.update = Pace(seconds=3600)
    world.function.update({}, None, world.function.latest.configuration["RevisionId"])
    error = await refused(world.publish(ZIP), "TimedOut")
    assert error.message == "an update of checkout is in progress, still so after 300 s"
    assert world.writes() == []


async def test_an_update_that_fails_is_not_published(world):
    def fail(_arguments: Any) -> bool:
        settled = {"LastUpdateStatus": "Failed", "LastUpdateStatusReason": "no such subnet"}
        if world.function.latest.then:
            world.function.latest.then = settled
        return False

    world.aws.faults.refuse("get_function", AssertionError("never raised"), times=None, when=fail)
    error = await refused(world.publish(ZIP), "NotReleasable")
    assert "no such subnet" in error.message
    assert list(world.function.versions) == ["1"]


async def test_latest_is_not_published_after_an_update_that_failed(world):
    world.function.latest.configuration |= {"LastUpdateStatus": "Failed", "LastUpdateStatusReason": "no such subnet"}
    await refused(world.publish(Latest()), "NotReleasable")


async def test_a_published_version_is_only_looked_at(world):
    world.function.change_code("new")
    world.function.publish_now("by somebody else")
    published = await world.publish(PublishedVersion(version="2"))
    assert (published.version, published.new) == ("2", False)
    assert world.writes() == []
    await refused(world.publish(PublishedVersion(version="9")), "MissingTarget")


async def test_an_idle_version_is_woken(world):
    world.function.change_code("new")
    world.function.publish_now()
    world.function.set_state("2", "Inactive")
    assert (await world.publish(PublishedVersion(version="2"))).version == "2"
    assert world.function.versions["2"].configuration["State"] == "Active"


async def test_a_state_that_nobody_waits_for_is_refused(world):
    world.function.set_state("1", "Deactivated", "capacity was taken away")
    error = await refused(world.publish(PublishedVersion(version="1")), "NotReleasable")
    assert error.message == "version 1 of checkout is Deactivated: capacity was taken away"


async def test_role_and_queue_that_differ_are_told(world):
    published = await world.publish(
        Latest(), role="arn:aws:iam::123456789012:role/new", dead_letter_queue="arn:aws:sqs:eu-west-1:123456789012:q"
    )
    role, queue = published.incompatible
    assert role.endswith("role/app on stable, arn:aws:iam::123456789012:role/new on the canary")
    assert queue == "the dead-letter queue differs: none on stable, arn:aws:sqs:eu-west-1:123456789012:q on the canary"


async def test_values_of_the_environment_are_never_told(world):
    world.function.change(Configuration(environment={"A": "1", "KEY": "hunter2", "OLD": "x"}))
    world.function.publish_now()
    published = await world.publish(Latest(), stable="2", environment={"A": "1", "KEY": "hunter3", "NEW": "y"})
    assert published.differences == ("environment: KEY changed, NEW added, OLD removed",)


async def test_scenario_24_provisioned_concurrency_is_put_on_the_version_and_waited_for(world):
    """24: on the version, before any weight."""
    world.aws.paces.provision = Pace(seconds=60)
    assert await world.warm("1", 3) == Warmed(ready=3)
    assert world.writes() == ["provision"]
    assert world.beats[-1] == "0 of 3 provisioned instances of checkout version 1 are ready"
    assert await world.warm("1", 3) == Warmed(ready=3)
    assert world.writes() == ["provision"]
    assert await world.warm("1", 5) == Warmed(ready=5)


async def test_scenario_23_provisioned_concurrency_that_fails_ends_with_its_reason(world):
    """23: FAILED is final."""
    world.function.change_code(Code("bad", fails_to_provision="FUNCTION_ERROR_INIT_FAILURE"))
    version = world.function.publish_now()
    error = await refused(world.warm(version, 2), "NotReleasable")
    assert error.message == "provisioned concurrency of checkout version 2 failed: FUNCTION_ERROR_INIT_FAILURE"


async def test_provisioned_concurrency_that_somebody_removes_ends_the_wait(world):
    world.aws.paces.provision = Pace(seconds=60)

    async def sleep(_seconds: float) -> None:
        world.function.provisioned.clear()

    world.activities = Versions(world.aws, sleep=sleep)
    error = await refused(world.warm("1", 2), "NotReleasable")
    assert "was removed while it was being prepared" in error.message


async def test_a_lost_answer_to_provisioning_asks_for_nothing_twice(world):
    world.aws.faults.lose_reply("provision")
    await refused(world.warm("1", 2), "TimedOut")
    assert await world.warm("1", 2) == Warmed(ready=2)
    assert world.writes() == ["provision"]


async def test_cool_may_be_repeated_and_does_not_mind_a_version_that_is_gone(world):
    await world.warm("1", 2)
    await world.cool("1")
    await world.cool("1")
    assert world.function.provisioned == {}
    world.aws.faults.refuse("release_provisioned", MissingTarget("there is no version 1"))
    await world.cool("1")


def test_one_attempt_waits_less_than_the_activity_may_last():
    assert (ACTIVE_WITHIN + SETTLED_WITHIN).total_seconds() <= 20 * 60

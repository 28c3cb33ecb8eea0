"""Preflight of function, alias and versions. The numbers in docstrings are those of the acceptance scenarios."""

from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.preflight import Preflighting
from orchestrator.domain.errors import AccessDenied, Throttled
from orchestrator.domain.plan import Bake, Plan, Promote, Shift
from orchestrator.domain.release import Actor, Configuration, Latest, PublishedVersion, ReleaseRequest, S3Object, Target
from orchestrator.domain.traffic import split, whole
from orchestrator.domain.work import Preflight, PreflightReport
from tests.fakes.aws import FakeAws, FakeFunction, Pace
from tests.fakes.clock import FakeClock

TARGET = Target(account="123456789012", region="eu-west-1", function="checkout", alias="live")
BAKE = Bake(duration=0)
CANARY = Plan(strategy="canary", steps=(Shift(weight=10, bake=BAKE), Promote(bake=BAKE)))
AT_ONCE = Plan(strategy="all_at_once", steps=(Promote(bake=BAKE),))
WRITES = {"update_alias", "update_code", "update_configuration", "publish_version", "provision", "release_provisioned"}


def request(**changes: Any) -> ReleaseRequest:
    given = {"artifact": Latest(), "plan": CANARY, "target": TARGET} | changes
    return ReleaseRequest(
        release_id="r1", actor=Actor(name="ann"), submitted_at=datetime(2026, 1, 5, tzinfo=UTC), **given
    )


class World:
    """AWS with one function, and a preflight that looks at it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.aws = FakeAws(self.clock)
        self.function: FakeFunction = self.aws.add_function(TARGET)

    async def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def preflight(self, **changes: Any) -> PreflightReport:
        activities = Preflighting(self.aws, self.clock, sleep=self.sleep)
        report = await ActivityEnvironment().run(activities.preflight, Preflight(request=request(**changes)))
        assert not WRITES & {call.operation for call in self.aws.journal}, "a preflight only reads"
        return report


@pytest.fixture
def world() -> World:
    return World()


async def test_a_sound_target_gives_what_the_release_freezes_at_its_start(world):
    world.function.change(Configuration(timeout=20))
    world.aws.move(TARGET, whole(world.function.publish_now()))
    report = await world.preflight()
    assert report.problems == report.warnings == ()
    assert report.alias is not None
    assert report.alias.routing == whole("2")
    assert (report.stable, report.stable_timeout, report.slow_above) == ("2", 20, None)


async def test_credentials_of_another_account_hide_everything_else(world):
    world.aws.region(TARGET).account = "999999999999"
    report = await world.preflight(target=TARGET.model_copy(update={"function": "other"}))
    (problem,) = report.problems
    assert "999999999999" in problem
    assert "123456789012" in problem


async def test_missing_credentials_are_a_problem(world):
    world.aws.faults.refuse("account", AccessDenied("there are no AWS credentials"))
    (problem,) = (await world.preflight()).problems
    assert problem == "no usable credentials for account 123456789012: there are no AWS credentials"


async def test_a_missing_function_names_region_and_account(world):
    report = await world.preflight(target=TARGET.model_copy(update={"function": "chekcout"}))
    (problem,) = report.problems
    assert "chekcout does not exist in account 123456789012, region eu-west-1: wrong region" in problem
    assert "aws lambda list-functions --region eu-west-1" in problem
    assert report.stable is None


async def test_scenario_11_an_absent_alias_is_refused_and_told_how_to_begin(world):
    """11: no alias, no rollback target: none is claimed."""
    report = await world.preflight(target=TARGET.model_copy(update={"alias": "prod"}))
    (problem,) = report.problems
    assert "alias prod of function checkout does not exist" in problem
    assert "`aws lambda create-alias --function-name checkout --name prod --function-version N" in problem
    assert (report.stable, report.alias) == (None, None)


async def test_scenario_11_an_alias_on_latest_is_refused(world):
    """11: $LATEST cannot be returned to."""
    world.aws.move(TARGET, whole("$LATEST"))
    report = await world.preflight()
    (problem,) = report.problems
    assert "checkout:live points to $LATEST" in problem
    assert "aws lambda update-alias --function-name checkout --name live --function-version N" in problem
    assert report.stable is None


async def test_scenario_12_leftover_weights_are_refused_without_adopt(world):
    """12: refused by default, with the command that clears them."""
    world.function.change_code("new")
    world.aws.move(TARGET, split("1", world.function.publish_now(), 10))
    (problem,) = (await world.preflight()).problems
    assert "10 % go to version 2, the rest to version 1" in problem
    assert "--routing-config 'AdditionalVersionWeights={}'" in problem
    assert "`--adopt`" in problem


async def test_scenario_12_leftover_weights_are_adopted_by_explicit_option(world):
    """12: adopted only when asked, and told."""
    world.function.change_code("new")
    world.aws.move(TARGET, split("1", world.function.publish_now(), 10))
    report = await world.preflight(adopt=True)
    assert (report.problems, report.stable) == ((), "1")
    (warning,) = report.warnings
    assert "version 1 is stable, and version 2 keeps its share" in warning


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (Configuration(role="arn:aws:iam::123456789012:role/new"), ("role/app", "role/new")),
        (
            Configuration(dead_letter_queue="arn:aws:sqs:eu-west-1:123456789012:q"),
            ("none on stable", ":q on the canary"),
        ),
    ],
)
async def test_scenario_10_role_or_queue_of_a_published_version_must_agree(world, change, named):
    """10: AWS refuses two such versions on one alias; both ARNs are named before any write."""
    world.function.change(change)
    version = world.function.publish_now()
    (problem,) = (await world.preflight(artifact=PublishedVersion(version=version))).problems
    assert all(name in problem for name in named)
    assert "moves all traffic at once" in problem


async def test_scenario_10_role_in_the_settings_of_the_release_counts(world):
    """10: the version does not exist yet, its role is known all the same."""
    change = Configuration(role="arn:aws:iam::123456789012:role/new")
    (problem,) = (await world.preflight(configuration=change)).problems
    assert "role/app on stable" in problem
    assert "role/new on the canary" in problem


async def test_scenario_10_a_role_that_latest_already_has_counts(world):
    """10: publishing takes the role of $LATEST."""
    world.function.change(Configuration(role="arn:aws:iam::123456789012:role/new"))
    assert len((await world.preflight(artifact=S3Object(bucket="b", key="k"))).problems) == 1


async def test_scenario_10_a_plan_without_splits_may_change_the_role(world):
    """10: all traffic moves at once, so the two never share the alias."""
    change = Configuration(role="arn:aws:iam::123456789012:role/new")
    report = await world.preflight(configuration=change, plan=AT_ONCE)
    assert report.problems == ()
    assert "it changes for all traffic at once" in report.warnings[0]


async def test_a_version_that_does_not_exist_is_a_problem(world):
    (problem,) = (await world.preflight(artifact=PublishedVersion(version="9"))).problems
    assert "version 9 of function checkout does not exist: `aws lambda list-versions-by-function" in problem


async def test_a_failed_version_is_refused_with_its_reason(world):
    world.function.change_code("new")
    version = world.function.publish_now()
    world.function.set_state(version, "Failed", "the image was deleted")
    (problem,) = (await world.preflight(artifact=PublishedVersion(version=version))).problems
    assert "version 2 of function checkout is Failed (the image was deleted)" in problem


async def test_a_pending_version_and_the_stable_one_itself_are_no_problem(world):
    world.function.change_code("new")
    version = world.function.publish_now()
    world.function.set_state(version, "Pending")
    assert (await world.preflight(artifact=PublishedVersion(version=version))).problems == ()
    assert (await world.preflight(artifact=PublishedVersion(version="1"))).problems == ()


async def test_settings_cannot_change_with_a_published_version(world):
    (problem,) = (
        await world.preflight(artifact=PublishedVersion(version="1"), configuration=Configuration(memory=256))
    ).problems
    assert "its settings (memory) cannot change" in problem


async def test_a_failed_update_of_latest_is_not_published(world):
    world.function.latest.configuration |= {"LastUpdateStatus": "Failed", "LastUpdateStatusReason": "no such subnet"}
    (problem,) = (await world.preflight()).problems
    assert "no such subnet" in problem
    assert (await world.preflight(artifact=S3Object(bucket="b", key="k"))).problems == ()


async def test_scenario_38_an_inactive_stable_version_is_woken_and_verified(world):
    """38: SnapStart versions go idle; the way back must be open before the release begins."""
    world.function.set_state("1", "Inactive")
    world.aws.paces.publish = Pace(reads=3)
    report = await world.preflight()
    assert report.problems == ()
    (call,) = world.aws.journal.of("invoke")
    assert (call.arguments["qualifier"], call.arguments["payload"]) == ("1", b"{}")
    assert world.function.versions["1"].configuration["State"] == "Active"


async def test_an_active_stable_version_is_not_invoked(world):
    await world.preflight()
    assert not world.aws.journal.of("invoke")


async def test_a_stable_version_that_cannot_serve_leaves_no_way_back(world):
    world.function.set_state("1", "Failed", "its image is gone")
    (problem,) = (await world.preflight()).problems
    assert "no way back, because the stable version 1 cannot serve" in problem
    assert "its image is gone" in problem


async def test_everything_is_listed_at_once(world):
    world.function.set_state("1", "Failed", "gone")
    world.function.reserved = 0
    report = await world.preflight(artifact=PublishedVersion(version="9"), configuration=Configuration(memory=256))
    assert len(report.problems) == 4


async def test_a_reading_that_failed_for_now_is_asked_again_by_temporal(world):
    world.aws.faults.refuse("event_sources", Throttled("slow down"))
    with pytest.raises(ApplicationError) as caught:
        await world.preflight()
    assert (caught.value.type, caught.value.non_retryable) == ("Throttled", False)
    assert (await world.preflight()).problems == ()


async def test_what_may_not_be_read_is_a_problem_or_a_warning_by_what_depends_on_it(world):
    for operation in ("has_policy", "event_sources", "provisioned_total"):
        world.aws.faults.refuse(operation, AccessDenied(f"{operation} is not allowed"), times=None)
    report = await world.preflight()
    assert report.problems == ()
    assert len(report.warnings) == 4
    assert len((await world.preflight(provisioned_concurrency=2)).problems) == 1
    world.aws.faults.refuse("get_alias", AccessDenied("get_alias is not allowed"))
    assert (await world.preflight()).problems == ("alias checkout:live could not be read: get_alias is not allowed",)

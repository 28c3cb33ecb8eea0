"""Preflight of alarms, concurrency, bypasses and the frozen latency threshold."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.ports import EventSource, MetricQuery
from activities.preflight import Preflighting
from orchestrator.domain.analysis import Alarms, Compare
from orchestrator.domain.errors import AccessDenied
from orchestrator.domain.plan import Bake, Plan, Promote, Sampling, Shift
from orchestrator.domain.release import Actor, Latest, ReleaseRequest, Target
from orchestrator.domain.traffic import split
from orchestrator.domain.work import Preflight, PreflightReport
from tests.fakes.aws import FakeAws
from tests.fakes.clock import FakeClock
from tests.fakes.function import FakeProvisioned

TARGET = Target(account="123456789012", region="eu-west-1", function="checkout", alias="live")
BAKE = Bake(duration=0)
STEPS = (Shift(weight=10, bake=BAKE), Promote(bake=BAKE))
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:checkout"
P90 = MetricQuery(
    id="stable_p90",
    metric="Duration",
    statistic="p90",
    dimensions={"FunctionName": "checkout", "Resource": "checkout:live", "ExecutedVersion": "1"},
)


class World:
    def __init__(self) -> None:
        self.clock = FakeClock(datetime(2026, 1, 5, 12, 20, 7, tzinfo=UTC))
        self.aws = FakeAws(self.clock)
        self.function = self.aws.add_function(TARGET)
        self.cloudwatch = self.aws.cloudwatch(TARGET)

    def provision(self, qualifier: str, count: int) -> None:
        self.function.provisioned[qualifier] = FakeProvisioned(count, self.function.latest.code, None)

    async def preflight(self, *checks: Any, sampling: Sampling | None = None, **changes: Any) -> PreflightReport:
        request = ReleaseRequest(
            release_id="r1",
            target=TARGET,
            artifact=Latest(),
            plan=Plan(strategy="canary", steps=STEPS, checks=checks, sampling=sampling or Sampling()),
            actor=Actor(name="ann"),
            submitted_at=self.clock.now(),
            **changes,
        )
        return await ActivityEnvironment().run(Preflighting(self.aws, self.clock).preflight, Preflight(request=request))


@pytest.fixture
def world() -> World:
    return World()


async def test_scenario_19_a_missing_alarm_is_named(world):
    """19: DescribeAlarms is silent about names that do not exist; every one is named here."""
    world.cloudwatch.set_alarm("there", "OK")
    report = await world.preflight(Alarms(name="pager", names=("there", "not-there", "nor-there")))
    assert sorted(p.split(" does")[0] for p in report.problems) == [
        "alarm nor-there (check pager)",
        "alarm not-there (check pager)",
    ]
    assert "--alarm-types MetricAlarm CompositeAlarm" in report.problems[0]


async def test_more_alarms_than_one_call_takes_are_read_in_several(world):
    names = [f"alarm-{n}" for n in range(150)]
    for name in names:
        world.cloudwatch.set_alarm(name, "OK")
    checks = (Alarms(name="a", names=tuple(names[:100])), Alarms(name="b", names=tuple(names[50:])))
    assert (await world.preflight(*checks)).problems == ()
    assert sorted(len(c.arguments["names"]) for c in world.aws.journal.of("alarms")) == [50, 100]


async def test_scenario_20_a_red_alarm_refuses_the_release(world):
    """20: red before the start, without the override."""
    world.cloudwatch.set_alarm("errors", "ALARM", reason="5 datapoints above 1")
    report = await world.preflight(Alarms(name="pager", names=("errors",)))
    (problem,) = report.problems
    assert problem.startswith("alarm errors is red since 2026-01-05T12:20:07+00:00 (5 datapoints above 1)")
    assert "`--override-red-alarms`" in problem
    assert report.red_alarms == {}


async def test_scenario_20_an_overridden_red_alarm_is_recorded_with_its_time(world):
    """20: with the override it is judged on new transitions, for which the old one must be known."""
    world.cloudwatch.set_alarm("errors", "ALARM")
    world.cloudwatch.set_alarm("latency", "OK")
    since = world.clock.now().timestamp()
    check = Alarms(name="pager", names=("errors", "latency"))
    report = await world.preflight(check, override_red_alarms=True)
    assert (report.problems, report.red_alarms) == ((), {"errors": since})


async def test_an_alarm_that_is_only_observed_may_be_red_but_must_exist(world):
    world.cloudwatch.set_alarm("errors", "ALARM")
    check = Alarms(name="pager", names=("errors", "gone"), mode="observe")
    (problem,) = (await world.preflight(check)).problems
    assert "alarm gone" in problem


async def test_alarms_that_may_not_be_read_are_a_problem(world):
    world.aws.faults.refuse("alarms", AccessDenied("no DescribeAlarms"))
    report = await world.preflight(Alarms(name="pager", names=("errors",)))
    assert report.problems == ("the alarms could not be read: no DescribeAlarms",)


async def test_scenario_25_reserved_concurrency_used_up_by_stable_leaves_no_room_for_a_warm_canary(world):
    """25: reserved == provisioned on stable."""
    world.function.reserved = 10
    world.provision("1", 10)
    (problem,) = (await world.preflight(provisioned_concurrency=10)).problems
    assert "10 provisioned instances for the canary do not fit: the function reserves 10" in problem
    assert "10 are provisioned (10 on 1)" in problem
    assert "--reserved-concurrent-executions 20" in problem


async def test_scenario_25_the_sum_may_reach_what_is_reserved(world):
    """25: the sum of all qualifiers and the canary's, up to and including the reserved number."""
    world.function.reserved = 20
    world.provision("1", 10)
    assert (await world.preflight(provisioned_concurrency=10)).problems == ()
    assert len((await world.preflight(provisioned_concurrency=11)).problems) == 1


async def test_scenario_25_a_cold_canary_would_be_throttled_where_nothing_is_left(world):
    """25: reserved == provisioned throttles every other version."""
    world.function.reserved = 10
    world.provision("1", 10)
    (problem,) = (await world.preflight()).problems
    assert "every invocation of the canary would be throttled" in problem


async def test_scenario_24_provisioned_concurrency_is_not_asked_for_while_weights_exist(world):
    """24: AWS refuses it on an alias with weights."""
    world.function.change_code("new")
    world.aws.move(TARGET, split("1", world.function.publish_now(), 10))
    (problem,) = (await world.preflight(provisioned_concurrency=2, adopt=True)).problems
    assert "cannot be prepared while alias checkout:live is split" in problem


async def test_provisioned_concurrency_on_the_alias_is_explained(world):
    world.provision("live", 5)
    report = await world.preflight()
    assert report.problems == ()
    assert "Lambda goes on serving the old version for minutes" in report.warnings[0]
    (problem,) = (await world.preflight(provisioned_concurrency=5)).problems
    assert "delete-provisioned-concurrency-config --function-name checkout --qualifier live" in problem


async def test_scenario_37_an_event_source_past_the_alias_is_a_warning(world):
    """37: traffic will not follow the alias."""
    for uuid, suffix in (("u1", ""), ("u2", ":live"), ("u3", ":1")):
        world.function.event_sources.append(
            EventSource(uuid=uuid, source_arn=f"arn:{uuid}", function_arn=ARN + suffix, state="Enabled")
        )
    report = await world.preflight()
    assert report.problems == ()
    assert [w.split(": ")[1].split(".")[0] for w in report.warnings] == [
        "event source arn:u1 (Enabled) invokes the unqualified function, which is $LATEST",
        "event source arn:u3 (Enabled) invokes `1`",
    ]
    assert all("traffic will not follow the alias" in w for w in report.warnings)
    assert "--uuid u1 --function-name checkout:live" in report.warnings[0]


async def test_scenario_37_a_permission_past_the_alias_is_a_warning(world):
    """37: on the unqualified function or a version's number; one on the alias is what we want."""
    world.function.policies |= {"live"}
    assert (await world.preflight()).warnings == ()
    world.function.policies |= {None, "1"}
    first, second = (await world.preflight()).warnings
    assert "permission on the unqualified function" in first
    assert "permission on version 1" in second
    assert "add-permission --function-name checkout --qualifier live" in second


async def test_slow_above_is_the_p90_of_the_last_whole_hour(world):
    hour = int(datetime(2026, 1, 5, 11, tzinfo=UTC).timestamp())
    world.cloudwatch.put(P90, {hour: 87.5, hour + 3600: 300.0})
    assert (await world.preflight(Compare(name="errors"))).slow_above == 87.5
    (call,) = world.aws.journal.of("metric_data")
    assert (call.arguments["start"], call.arguments["end"], call.arguments["period"]) == (hour, hour + 7200, 3600)
    assert call.arguments["queries"] == (P90,)


async def test_slow_above_is_that_of_the_running_hour_where_the_last_had_no_traffic(world):
    world.cloudwatch.put(P90, {int(datetime(2026, 1, 5, 12, tzinfo=UTC).timestamp()): 300.0})
    assert (await world.preflight(Compare(name="errors"))).slow_above == 300


async def test_slow_above_of_short_periods_is_their_median(world):
    now = int(world.clock.now().timestamp())
    world.cloudwatch.put(P90, {now - 6: 10.0, now - 4: 90.0, now - 2: 20.0, now - 4000: 5000.0})
    report = await world.preflight(Compare(name="errors"), sampling=Sampling(period=timedelta(seconds=2)))
    assert report.slow_above == 20


@pytest.mark.parametrize(
    "checks", [(), (Compare(name="errors", latency=False),), (Compare(name="errors", slow_above=50),)]
)
async def test_slow_above_is_asked_for_only_when_a_comparison_needs_it(world, checks):
    assert (await world.preflight(*checks)).slow_above is None
    assert not world.aws.journal.of("metric_data")


async def test_slow_above_is_none_without_traffic_and_told_when_it_may_not_be_read(world):
    report = await world.preflight(Compare(name="errors"))
    assert (report.slow_above, report.warnings) == (None, ())
    world.aws.faults.refuse("metric_data", AccessDenied("no GetMetricData"))
    (warning,) = (await world.preflight(Compare(name="errors"))).warnings
    assert "latency will not be compared" in warning

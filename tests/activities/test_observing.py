"""What a bake reads of both versions (slow invocations counted, interpolated, or unknown), and an alias' traffic."""

from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.metrics.cloudwatch import Wanted, observe, slow_name
from activities.ports import MetricQuery
from activities.preflight import Preflighting
from orchestrator.domain.analysis import Compare, Window
from orchestrator.domain.errors import AccessDenied
from orchestrator.domain.plan import Plan, Sampling, Shift
from orchestrator.domain.release import Actor, Latest, ReleaseRequest, Target
from orchestrator.domain.work import Preflight, PreflightReport
from orchestrator.strategies import auto
from tests.fakes.aws import FakeAws
from tests.fakes.clock import START, FakeClock

TARGET = Target(account="123456789012", region="eu-west-1", function="checkout", alias="live")
AT = int(START.timestamp())
SAMPLING = Sampling(period=timedelta(seconds=60), lag=timedelta(seconds=120))
SPREAD = {10.0: 60, 40.0: 30, 90.0: 10}
"""Milliseconds: one in ten takes 90."""


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.aws = FakeAws(self.clock)
        self.function = self.aws.add_function(TARGET)
        self.cloudwatch = self.aws.cloudwatch(TARGET)

    def serve(self, version: str, minute: int, durations: dict[float, int]) -> None:
        self.cloudwatch.serve(
            "checkout", "live", version, AT + 60 * minute, invocations=sum(durations.values()), durations=durations
        )

    async def observed(self, *checks: Compare):
        self.clock.advance(600)
        return await observe(
            self.cloudwatch,
            TARGET,
            arms={"canary": "2", "baseline": "1"},
            windows=(Window(step=0, weight=10, start=AT),),
            wanted=Wanted(checks, 50),
            sampling=SAMPLING,
            settle=3,
            now=self.clock.now().timestamp(),
        )

    def without_counts(self) -> None:
        """Answer no TC at all, for either version."""
        for version in "12":
            self.cloudwatch.put(MetricQuery(id="", metric="Duration", statistic="TC(50:)", dimensions=of(version)), {})

    async def report(self, **options: object) -> PreflightReport:
        spec = auto.Spec(**options)
        plan = Plan(
            strategy="auto",
            steps=auto.plan(spec),
            checks=(Compare(name="errors", latency=False),),
            sizing=auto.sizing(spec),
            sampling=SAMPLING,
        )
        request = ReleaseRequest(
            release_id="r1", target=TARGET, artifact=Latest(), plan=plan, actor=Actor(name="ann"), submitted_at=START
        )
        return await ActivityEnvironment().run(Preflighting(self.aws, self.clock).preflight, Preflight(request=request))


def of(version: str) -> dict[str, str]:
    return {"FunctionName": "checkout", "Resource": "checkout:live", "ExecutedVersion": version}


@pytest.fixture
def world() -> World:
    return World()


async def test_slow_invocations_are_counted_by_cloudwatch(world):
    world.serve("1", 0, SPREAD)
    world.serve("2", 0, {10.0: 5})
    first, *rest = await world.observed(Compare(name="errors"))
    assert (first.baseline.slow, first.canary.slow) == ({"50": 10}, {"50": 0})
    assert all(o.canary is None for o in rest)
    assert first.canary.durations == {}


async def test_a_version_without_a_point_had_no_slow_invocation_where_the_other_has_one(world):
    """Whether CloudWatch gives a zero or nothing for `none of them` is not documented."""
    world.serve("1", 0, SPREAD)
    world.serve("2", 0, {10.0: 5})
    world.cloudwatch.put(MetricQuery(id="", metric="Duration", statistic="TC(50:)", dimensions=of("2")), {})
    first, *_ = await world.observed(Compare(name="errors"))
    assert first.canary.slow == {"50": 0}


async def test_where_neither_version_has_a_count_nobody_counted(world):
    world.serve("1", 0, SPREAD)
    world.serve("2", 0, {90.0: 5})
    world.without_counts()
    first, *_ = await world.observed(Compare(name="errors"))
    assert (first.baseline.slow, first.canary.slow) == ({}, {})


async def test_percentiles_stand_in_for_counts(world):
    """Near one in ten of the stable version's and four in five of the canary's; nothing is asked by TC."""
    world.serve("1", 0, SPREAD)
    world.serve("2", 0, {10.0: 2, 90.0: 8})
    world.without_counts()
    check = Compare(name="errors", slow_from="percentiles")
    name = slow_name(check, 50)
    first, *_ = await world.observed(check)
    assert 9 <= first.baseline.slow[name] <= 11
    assert 5 <= first.canary.slow[name] <= 8
    (call,) = world.aws.journal.of("metric_data")
    statistics = {q.statistic for q in call.arguments["queries"] if q.metric == "Duration"}
    assert statistics == {"p50", "p75", "p90", "p95", "p99", "SampleCount"}


async def test_counts_and_percentiles_of_the_same_threshold_stay_apart(world):
    world.serve("1", 0, SPREAD)
    world.serve("2", 0, {10.0: 5})
    checks = (Compare(name="exact"), Compare(name="near", slow_from="percentiles"))
    first, *_ = await world.observed(*checks)
    assert set(first.canary.slow) == {"50", "50 by percentiles"} == {slow_name(c, 50) for c in checks}


# Traffic of the alias, for strategy auto


async def test_the_steps_are_sized_to_the_invocations_of_the_hour_before(world):
    """600 a minute over both versions, in 60 complete minutes; the two of the lag are left out."""
    for minute in range(-70, 0):
        world.serve("1", minute, {10.0: 550})
        world.serve("9", minute, {10.0: 50})
    report = await world.report()
    assert report.requests_per_minute == 600
    assert [s.weight for s in report.steps if isinstance(s, Shift)] == [5, 10, 50]
    (call,) = world.aws.journal.of("metric_data")
    (query,) = call.arguments["queries"]
    assert (query.metric, query.statistic) == ("Invocations", "Sum")
    assert query.dimensions == {"FunctionName": "checkout", "Resource": "checkout:live"}
    assert (call.arguments["start"], call.arguments["end"], call.arguments["period"]) == (AT - 3720, AT - 120, 60)


async def test_an_alias_with_ten_minutes_of_traffic_is_not_taken_for_a_quiet_one(world):
    for minute in range(-12, 0):
        world.serve("1", minute, {10.0: 3000})
    assert (await world.report()).requests_per_minute == 3000


async def test_traffic_that_has_ended_counts_for_less(world):
    world.serve("1", -40, {10.0: 3800})
    assert (await world.report()).requests_per_minute == 100


async def test_without_an_invocation_the_ramp_is_the_shortest(world):
    report = await world.report()
    assert report.requests_per_minute == 0
    assert [s.weight for s in report.steps if isinstance(s, Shift)] == [10, 50]


async def test_traffic_that_may_not_be_read_leaves_the_smallest_weights_and_says_so(world):
    world.aws.faults.refuse("metric_data", AccessDenied("no GetMetricData"))
    report = await world.report()
    assert (report.steps, report.requests_per_minute, report.problems) == (None, None, ())
    assert any("the first weight stays at its smallest" in w for w in report.warnings)


async def test_traffic_that_is_given_is_not_read(world):
    report = await world.report(requests_per_minute=1000)
    assert (report.steps, report.requests_per_minute) == (None, None)
    assert not world.aws.journal.of("metric_data")

"""The fake's own tricks: faults, time, load. What it shares with AWS is in the conformance suite."""

import asyncio

import pytest

from activities.ports import Aws, CloudWatchPort, LambdaPort, MetricQuery
from orchestrator.domain.errors import MissingTarget, NotReleasable, Stale, TimedOut, Unavailable
from orchestrator.domain.release import S3Object, Target
from orchestrator.domain.traffic import split, whole
from tests.fakes.aws import Code, FakeAws, Pace, Profile

TARGET = Target(account="123456789012", region="eu-west-1", function="checkout", alias="live")


@pytest.fixture
def aws():
    aws = FakeAws()
    aws.add_function(TARGET, versions=2)
    aws.move(TARGET, whole("1"))
    return aws


async def shift(port, weight=10):
    found = await port.get_alias("checkout", "live")
    return await port.update_alias("checkout", "live", split("1", "2", weight), revision=found.revision)


def test_it_fulfils_the_ports(aws):
    """The type checker sees it here."""
    whole_aws: Aws = aws
    functions: LambdaPort = aws.functions(TARGET)
    metrics: CloudWatchPort = aws.cloudwatch(TARGET)
    assert whole_aws
    assert functions
    assert metrics


async def test_a_refused_call_changes_nothing(aws):
    """Once; then calls pass again."""
    port = aws.functions(TARGET)
    aws.faults.refuse("update_alias", Unavailable("no"))
    with pytest.raises(Unavailable):
        await shift(port)
    assert aws.routing(TARGET) == whole("1")
    await shift(port)
    assert [(c.applied, c.outcome) for c in aws.journal.of("update_alias")] == [
        (False, "Unavailable"),
        (True, "answered"),
    ]


async def test_a_lost_reply_has_taken_effect(aws):
    """The caller sees a timeout, the alias the weight."""
    aws.faults.lose_reply("update_alias")
    with pytest.raises(TimedOut):
        await shift(aws.functions(TARGET))
    assert aws.routing(TARGET) == split("1", "2", 10)
    assert aws.journal.of("update_alias")[0].applied


@pytest.mark.parametrize("applied_first", [False, True])
async def test_a_hanging_call_waits_for_its_release(aws, applied_first):
    """Before or after it took effect."""
    hold = aws.faults.hang("update_alias", applied_first=applied_first)
    call = asyncio.ensure_future(shift(aws.functions(TARGET)))
    await hold.reached.wait()
    assert (aws.routing(TARGET) == split("1", "2", 10)) is applied_first
    hold.release()
    assert (await call).routing == split("1", "2", 10)


async def test_a_hanging_call_that_is_cancelled_never_applies(aws):
    """Unless it had already."""
    hold = aws.faults.hang("update_alias")
    call = asyncio.ensure_future(shift(aws.functions(TARGET)))
    await hold.reached.wait()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    hold.release()
    assert aws.routing(TARGET) == whole("1")


async def test_a_late_call_applies_after_others_and_meets_their_revisions(aws):
    """A write that is overtaken is refused where it arrives; nobody hears of it."""
    port = aws.functions(TARGET)
    late = aws.faults.apply_later("update_alias")
    with pytest.raises(TimedOut):
        await shift(port)
    found = await port.get_alias("checkout", "live")
    await port.update_alias("checkout", "live", whole("1"), revision=found.revision)
    late.apply()
    assert late.outcomes == ["Stale"]
    assert aws.routing(TARGET) == whole("1")


async def test_a_late_call_may_arrive_by_itself(aws):
    """After so many further calls."""
    port = aws.functions(TARGET)
    late = aws.faults.apply_later("update_alias", after_calls=1)
    with pytest.raises(TimedOut):
        await shift(port)
    await port.get_alias("checkout", "live")
    assert late.outcomes == []
    await port.get_alias("checkout", "live")
    assert late.outcomes == ["applied"]


async def test_faults_choose_by_arguments_and_operation(aws):
    """`*` is any operation; a predicate sees the arguments."""
    port = aws.functions(TARGET)
    aws.faults.refuse("*", Unavailable("no"), times=None, when=lambda a: a.get("qualifier") == "2")
    await port.get_alias("checkout", "live")
    for _ in range(2):
        with pytest.raises(Unavailable):
            await port.get_function("checkout", "2")
    aws.faults.clear()
    await port.get_function("checkout", "2")


async def test_urgent_calls_show_in_the_journal(aws):
    """Restores can be told from everyday calls."""
    await aws.urgent(TARGET).get_alias("checkout", "live")
    await aws.functions(TARGET).get_alias("checkout", "live")
    assert [c.urgent for c in aws.journal] == [True, False]


async def test_states_move_by_reads(aws):
    """Two looks see Pending, the third Active; each change of state changes the revision."""
    aws.paces.publish = Pace(reads=2)
    aws.function(TARGET).change_code("new")
    port = aws.functions(TARGET)
    now = await port.get_function("checkout")
    published = await port.publish_version(
        "checkout", revision=now.revision, code_sha256=now.code_sha256, description=""
    )
    seen = [await port.get_function("checkout", published.version) for _ in range(3)]
    assert [one.state for one in seen] == ["Pending", "Pending", "Active"]
    assert seen[2].revision != seen[1].revision


async def test_states_move_by_the_clock(aws):
    """However often somebody looks."""
    aws.paces.update = Pace(seconds=30)
    port = aws.functions(TARGET)
    now = await port.get_function("checkout")
    await port.update_code("checkout", S3Object(bucket="b", key="k"), revision=now.revision)
    for expected in ("InProgress", "InProgress", "Successful"):
        assert (await port.get_function("checkout")).last_update == expected
        aws.clock.advance(16)


async def test_an_upload_that_does_not_exist_is_missing(aws):
    """And others have the behaviour that was listed for them."""
    region = aws.region(TARGET)
    region.objects |= {"s3://b/none": None, "s3://b/bad": Code("bad", fails_to_start="broken")}
    port = aws.functions(TARGET)
    now = await port.get_function("checkout")
    with pytest.raises(MissingTarget):
        await port.update_code("checkout", S3Object(bucket="b", key="none"), revision=now.revision)
    await port.update_code("checkout", S3Object(bucket="b", key="bad"), revision=now.revision)
    now = await port.get_function("checkout")
    published = await port.publish_version(
        "checkout", revision=now.revision, code_sha256=now.code_sha256, description=""
    )
    found = await port.get_function("checkout", published.version)
    assert (found.state, found.state_reason) == ("Failed", "broken")


async def test_an_alias_is_held_when_provisioning_fails(aws):
    """Lambda goes on sending everything to the old version, and refuses writes until the provisioning is released."""
    port = aws.functions(TARGET)
    aws.function(TARGET).versions["2"].code = Code("bad", fails_to_provision="FUNCTION_ERROR_INIT_FAILURE")
    await port.provision("checkout", "live", 1)
    found = await port.get_alias("checkout", "live")
    await port.update_alias("checkout", "live", whole("2"), revision=found.revision)
    found = await port.get_alias("checkout", "live")
    assert found.routing == split("2", "1", 100)
    with pytest.raises(NotReleasable):
        await port.update_alias("checkout", "live", whole("1"), revision=found.revision)
    await port.release_provisioned("checkout", "live")
    found = await port.get_alias("checkout", "live")
    assert found.routing == whole("2")
    await port.update_alias("checkout", "live", whole("1"), revision=found.revision)


async def test_somebody_else_may_move_the_alias(aws):
    """No call in the journal, and our revision is old."""
    port = aws.functions(TARGET)
    found = await port.get_alias("checkout", "live")
    aws.move(TARGET, whole("2"))
    with pytest.raises(Stale):
        await port.update_alias("checkout", "live", whole("1"), revision=found.revision)
    assert [routing for _, routing in aws.routings(TARGET)] == [whole("2"), whole("1"), whole("2")]


async def test_load_follows_the_weights(aws):
    """Metrics are split by what the alias routed to at the time, and seen only after the lag."""
    aws.load(TARGET, per_period=1000, profiles={"2": Profile(error_share=0.5, slow_share=0.1)})
    cloudwatch = aws.cloudwatch(TARGET)
    cloudwatch.lag = 60
    start = int(aws.clock.now().timestamp())
    aws.clock.advance(60)
    await shift(aws.functions(TARGET), 20)
    aws.clock.advance(60)

    def query(name, metric, statistic, version):
        dimensions = {"FunctionName": "checkout", "Resource": "checkout:live", "ExecutedVersion": version}
        return MetricQuery(id=name, metric=metric, statistic=statistic, dimensions=dimensions)

    queries = [
        query("stable", "Invocations", "Sum", "1"),
        query("canary", "Invocations", "Sum", "2"),
        query("errors", "Errors", "Sum", "2"),
        query("slow", "Duration", "TC(500:)", "2"),
        query("p90", "Duration", "p90", "2"),
    ]
    found = await cloudwatch.metric_data(queries, start=start, end=start + 120, period=60)
    assert found == {
        "stable": {start: 1000, start + 60: 800},
        "canary": {start + 60: 200},
        "errors": {start + 60: 100},
        "slow": {start + 60: 20},
        "p90": {start + 60: 50},
    }
    cloudwatch.lag = 120
    late = await cloudwatch.metric_data(queries[:1], start=start, end=start + 120, period=60)
    assert late == {"stable": {start: 1000}}


async def test_it_is_fast(aws):
    """Property tests run whole releases on it."""
    import time

    port = aws.functions(TARGET)
    started = time.perf_counter()
    for _ in range(1000):
        await port.get_alias("checkout", "live")
    assert time.perf_counter() - started < 1

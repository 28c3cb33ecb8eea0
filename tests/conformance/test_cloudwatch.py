"""Metrics of one version behind an alias, and alarms of both kinds."""

import uuid

import pytest

from activities.ports import MetricQuery
from orchestrator.domain.errors import AccessDenied, Unavailable


def query(target, version, metric="Invocations", statistic="Sum", name=None):
    dimensions = {
        "FunctionName": target.function,
        "Resource": f"{target.function}:{target.alias}",
        "ExecutedVersion": version,
    }
    return MetricQuery(id=name or metric, metric=metric, statistic=statistic, dimensions=dimensions)


async def stable_of(world, target):
    found = await world.aws.functions(target).get_alias(target.function, target.alias)
    return found.routing.primary


def wide(window):
    """The window with some quiet periods on both sides."""
    return {"start": window.start - 2 * window.period, "end": window.end + window.period, "period": window.period}


async def test_invocations_are_counted_by_executed_version(world):
    """The triple of function, alias and version; another version has no point at all."""
    target = await world.function()
    window = await world.serve(target, 3)
    version = await stable_of(world, target)
    queries = [query(target, version), query(target, "999", name="other")]
    found = await world.aws.cloudwatch(target).metric_data(queries, **wide(window))
    assert sum(found["Invocations"].values()) == 3
    assert found["other"] == {}
    assert all(at % window.period == 0 for at in found["Invocations"])
    assert list(found["Invocations"]) == sorted(found["Invocations"])


async def test_function_errors_are_errors(world):
    """Counted beside the invocations, at the same start."""
    target = await world.function("crash")
    window = await world.serve(target, 2, errors=2)
    version = await stable_of(world, target)
    queries = [query(target, version), query(target, version, "Errors")]
    found = await world.aws.cloudwatch(target).metric_data(queries, **wide(window))
    assert sum(found["Errors"].values()) == 2
    assert set(found["Errors"]) <= set(found["Invocations"])


async def test_the_end_is_exclusive_and_silence_is_empty(world):
    """A window that ends where the invocations begin has no point; no point is no zero."""
    target = await world.function()
    window = await world.serve(target, 1)
    version = await stable_of(world, target)
    found = await world.aws.cloudwatch(target).metric_data(
        [query(target, version)], start=window.start - 10 * window.period, end=window.start, period=window.period
    )
    assert found == {"Invocations": {}}


async def test_many_series_are_all_answered(world):
    """More than one call holds; the ids come back as they were given."""
    target = await world.function()
    window = await world.serve(target, 1)
    version = await stable_of(world, target)
    queries = [query(target, version, name=f"series {i}") for i in range(501)]
    found = await world.aws.cloudwatch(target).metric_data(queries, **wide(window))
    assert list(found) == [f"series {i}" for i in range(501)]
    assert {sum(points.values()) for points in found.values()} == {1}


@pytest.mark.parametrize(
    ("status", "kind"), [("PartialData", Unavailable), ("InternalError", Unavailable), ("Forbidden", AccessDenied)]
)
async def test_half_an_answer_is_an_error(world, status, kind):
    """It comes with HTTP 200."""
    target = await world.function()
    window = await world.serve(target, 1)
    await world.metrics_end_as(status)
    with pytest.raises(kind):
        await world.aws.cloudwatch(target).metric_data([query(target, "1")], **wide(window))


async def test_percentiles_and_counts_above_a_threshold(world):
    """What the verdict asks of Duration."""
    target = await world.function()
    window = await world.serve(target, 5)
    version = await stable_of(world, target)
    statistics = ["Average", "p50", "p99", "TC(60000:)"]
    queries = [query(target, version, "Duration", s, s) for s in statistics]
    found = await world.aws.cloudwatch(target).metric_data(queries, **wide(window))
    for name in statistics[:3]:
        assert all(value >= 0 for value in found[name].values())
        assert found[name]
    assert sum(found["TC(60000:)"].values()) == 0


async def test_alarms_of_both_kinds_by_name(world):
    """Composite alarms too; one that does not exist is absent; the order is that of the names."""
    target = await world.function()
    metric, composite = (f"{kind}-{uuid.uuid4().hex[:8]}" for kind in ("metric", "composite"))
    await world.alarm(metric, "ALARM")
    await world.composite_alarm(composite, over=metric)
    found = await world.aws.cloudwatch(target).alarms([composite, "no-such-alarm", metric])
    assert [a.name for a in found] == [composite, metric]
    assert found[1].state == "ALARM"
    assert found[1].since > 0


async def test_since_is_the_last_real_change(world):
    """Setting the same state again moves nothing."""
    target = await world.function()
    name = f"metric-{uuid.uuid4().hex[:8]}"
    port = world.aws.cloudwatch(target)
    await world.alarm(name, "OK")
    (before,) = await port.alarms([name])
    await world.pass_time(1.1)
    await world.alarm(name, "OK")
    (same,) = await port.alarms([name])
    assert same.since == before.since
    await world.pass_time(1.1)
    await world.alarm(name, "ALARM")
    (after,) = await port.alarms([name])
    assert (after.state, after.since > before.since) == ("ALARM", True)


async def test_more_names_than_one_call_takes(world):
    """A hundred a call."""
    target = await world.function()
    name = f"metric-{uuid.uuid4().hex[:8]}"
    await world.alarm(name, "OK")
    found = await world.aws.cloudwatch(target).alarms([*(f"missing-{i}" for i in range(150)), name])
    assert [a.name for a in found] == [name]

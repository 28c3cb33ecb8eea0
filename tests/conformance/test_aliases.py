"""Aliases: what AWS lets through, what it refuses, and what a write leaves behind."""

import pytest

from orchestrator.domain.errors import (
    IncompatibleVersions,
    MissingTarget,
    NotReleasable,
    Stale,
    TimedOut,
    TransientError,
)
from orchestrator.domain.traffic import Routing, split, whole


@pytest.fixture
async def two(world):
    """A function with versions 1 (on the alias) and 2; gives target and port."""
    target = await world.function()
    await world.change(target, "second")
    await world.publish(target)
    return target, world.aws.functions(target)


async def versions(port, target):
    """Stable and canary, whatever their numbers are."""
    stable = (await port.get_alias(target.function, target.alias)).routing.primary
    return stable, str(int(stable) + 1)


async def write(port, target, routing):
    """Write with the current revision."""
    found = await port.get_alias(target.function, target.alias)
    return await port.update_alias(target.function, target.alias, routing, revision=found.revision)


async def test_a_missing_function_or_alias_is_missing(world):
    """404 for both, on reading and on writing."""
    target = await world.function()
    port = world.aws.functions(target)
    for function, alias in (("nothing-here", "live"), (target.function, "nothing-here")):
        with pytest.raises(MissingTarget):
            await port.get_alias(function, alias)
        with pytest.raises(MissingTarget):
            await port.update_alias(function, alias, whole("1"), revision="x")
    with pytest.raises(MissingTarget):
        await port.list_aliases("nothing-here")


async def test_a_new_alias_routes_to_one_version(world):
    """Without weights there is no additional version at all."""
    target = await world.function()
    port = world.aws.functions(target)
    found = (await port.get_alias(target.function, target.alias)).routing
    assert found == whole(found.primary)
    assert (await port.list_aliases(target.function))[target.alias] == found


@pytest.mark.parametrize("weight", [10, 0.5, 33.33, 99.9])
async def test_a_weight_is_kept_in_percent(two, weight):
    """What was written is read back, within the tolerance."""
    target, port = two
    stable, canary = await versions(port, target)
    wished = split(stable, canary, weight)
    assert (await write(port, target, wished)).routing.same_as(wished)
    assert (await port.get_alias(target.function, target.alias)).routing.same_as(wished)
    assert (await port.list_aliases(target.function))[target.alias].same_as(wished)


async def test_each_write_makes_a_new_revision(two):
    """Even one that changes nothing; the answer's revision is good for the next write."""
    target, port = two
    stable, canary = await versions(port, target)
    first = await write(port, target, split(stable, canary, 10))
    second = await port.update_alias(target.function, target.alias, split(stable, canary, 10), revision=first.revision)
    assert second.revision != first.revision
    assert (await port.get_alias(target.function, target.alias)).revision == second.revision


async def test_clearing_the_weights_leaves_stable(two):
    """The rollback: one call, and the additional version is gone, not at 0."""
    target, port = two
    stable, canary = await versions(port, target)
    await write(port, target, split(stable, canary, 50))
    await write(port, target, whole(stable))
    assert (await port.get_alias(target.function, target.alias)).routing == whole(stable)


async def test_promoting_is_one_call(two):
    """The version moves and the weights go at once, although the canary was the additional version."""
    target, port = two
    stable, canary = await versions(port, target)
    await write(port, target, split(stable, canary, 50))
    await write(port, target, whole(canary))
    assert (await port.get_alias(target.function, target.alias)).routing == whole(canary)


async def test_an_old_revision_is_stale_and_changes_nothing(two):
    """412: somebody wrote in between."""
    target, port = two
    stable, canary = await versions(port, target)
    old = await port.get_alias(target.function, target.alias)
    await write(port, target, split(stable, canary, 10))
    with pytest.raises(Stale):
        await port.update_alias(target.function, target.alias, whole(canary), revision=old.revision)
    assert (await port.get_alias(target.function, target.alias)).routing.same_as(split(stable, canary, 10))


async def test_a_lost_reply_then_stale(world, two):
    """The first write landed; repeating it is refused, and reading tells that it was ours."""
    target, port = two
    stable, canary = await versions(port, target)
    found = await port.get_alias(target.function, target.alias)
    await world.lose_reply("update_alias")
    with pytest.raises(TimedOut):
        await port.update_alias(target.function, target.alias, split(stable, canary, 10), revision=found.revision)
    with pytest.raises(Stale):
        await port.update_alias(target.function, target.alias, split(stable, canary, 10), revision=found.revision)
    assert (await port.get_alias(target.function, target.alias)).routing.same_as(split(stable, canary, 10))


@pytest.mark.parametrize("place", ["primary", "additional"])
async def test_a_version_that_does_not_exist_is_missing(two, place):
    """404, and the alias stays."""
    target, port = two
    stable, _ = await versions(port, target)
    with pytest.raises(MissingTarget):
        await write(port, target, whole("99999") if place == "primary" else split(stable, "99999", 10))
    assert (await port.get_alias(target.function, target.alias)).routing == whole(stable)


@pytest.mark.parametrize("place", ["primary", "additional"])
async def test_weights_never_name_latest(two, place):
    """`$LATEST` is no published version."""
    target, port = two
    stable, _ = await versions(port, target)
    with pytest.raises(NotReleasable):
        await write(port, target, split("$LATEST", stable, 10) if place == "primary" else split(stable, "$LATEST", 10))


@pytest.mark.parametrize("differ", ["role", "dead_letter_queue"])
async def test_versions_that_differ_in_role_or_queue_cannot_share(world, two, differ):
    """A weight is refused; moving everything at once is not."""
    target, port = two
    stable, _ = await versions(port, target)
    await world.reconfigure(target, **{differ: True})
    other = await world.publish(target)
    with pytest.raises(IncompatibleVersions):
        await write(port, target, split(stable, other, 10))
    await write(port, target, whole(other))


async def test_an_additional_version_at_zero_stays_visible(two):
    """0 % is not nothing: AWS still holds it against provisioned concurrency."""
    target, port = two
    stable, canary = await versions(port, target)
    await write(port, target, Routing(primary=stable, additional=canary, weight=0))
    found = (await port.get_alias(target.function, target.alias)).routing
    assert found.share_of(canary) == 0
    assert found.share_of(stable) == 100


async def test_an_alias_is_created_once(world):
    """A second creation is refused and leaves the alias as it is; the caller reads and compares."""
    target = await world.function()
    port = world.aws.functions(target)
    stable = (await port.get_alias(target.function, target.alias)).routing.primary
    created = await port.create_alias(target.function, "fresh", stable)
    assert created.routing == whole(stable)
    assert (await port.get_alias(target.function, "fresh")).routing == whole(stable)
    with pytest.raises(TransientError):
        await port.create_alias(target.function, "fresh", stable)
    with pytest.raises(MissingTarget):
        await port.create_alias(target.function, "other", "4711")

"""Provisioned and reserved concurrency."""

import pytest

from orchestrator.domain.errors import NotReleasable
from orchestrator.domain.traffic import split, whole


@pytest.fixture
async def two(world):
    """A function with a stable version on the alias and a second version; target, port and both numbers."""
    target = await world.function()
    port = world.aws.functions(target)
    stable = (await port.get_alias(target.function, target.alias)).routing.primary
    await world.change(target, "second")
    return target, port, stable, await world.publish(target)


async def write(port, target, routing):
    found = await port.get_alias(target.function, target.alias)
    return await port.update_alias(target.function, target.alias, routing, revision=found.revision)


async def settled(world, port, target, qualifier):
    for _ in range(100):
        found = await port.provisioned(target.function, qualifier)
        if found is None or found.status != "IN_PROGRESS":
            return found
        await world.pass_time(0.1)
    raise AssertionError("provisioning never settled")


async def test_none_is_an_answer(two):
    """Reading and releasing what is not there."""
    target, port, _, canary = two
    assert await port.provisioned(target.function, canary) is None
    await port.release_provisioned(target.function, canary)
    assert await port.provisioned_total(target.function) == {}
    assert await port.reserved(target.function) is None


async def test_a_version_is_provisioned_and_released(world, two):
    """IN_PROGRESS, READY, gone."""
    target, port, _, canary = two
    await port.provision(target.function, canary, 5)
    assert await port.provisioned_total(target.function) == {canary: 5}
    found = await settled(world, port, target, canary)
    assert (found.requested, found.ready, found.status) == (5, 5, "READY")
    await port.release_provisioned(target.function, canary)
    assert await port.provisioned(target.function, canary) is None
    assert await port.provisioned_total(target.function) == {}


async def test_it_takes_time(world, two):
    """Nothing is ready while it is in progress, and a second wish replaces the first."""
    target, port, _, canary = two
    await world.slow(0.5)
    await port.provision(target.function, canary, 5)
    found = await port.provisioned(target.function, canary)
    assert (found.status, found.ready) == ("IN_PROGRESS", 0)
    await port.provision(target.function, canary, 7)
    await world.pass_time(0.6)
    found = await port.provisioned(target.function, canary)
    assert (found.status, found.requested) == ("READY", 7)


async def test_latest_cannot_be_provisioned(two):
    """Published versions and aliases only."""
    target, port, _, _ = two
    with pytest.raises(NotReleasable):
        await port.provision(target.function, "$LATEST", 1)


async def test_an_alias_with_weights_cannot_be_provisioned(two):
    """400: the order is provision first, weights then."""
    target, port, stable, canary = two
    await write(port, target, split(stable, canary, 10))
    with pytest.raises(NotReleasable):
        await port.provision(target.function, target.alias, 1)


async def test_a_provisioned_alias_takes_weights(world, two):
    """The other order is allowed."""
    target, port, stable, canary = two
    await port.provision(target.function, target.alias, 1)
    await settled(world, port, target, target.alias)
    await write(port, target, split(stable, canary, 10))
    assert (await port.get_alias(target.function, target.alias)).routing.same_as(split(stable, canary, 10))


@pytest.mark.parametrize("first", ["version", "alias"])
async def test_a_version_and_its_alias_cannot_both_be_provisioned(two, first):
    """Whichever comes second is refused for good."""
    target, port, stable, _ = two
    order = [stable, target.alias] if first == "version" else [target.alias, stable]
    await port.provision(target.function, order[0], 1)
    with pytest.raises(NotReleasable):
        await port.provision(target.function, order[1], 1)


async def test_provisioned_stays_within_reserved(world, two):
    """The sum over all qualifiers counts."""
    target, port, stable, canary = two
    await world.reserve(target, 10)
    assert await port.reserved(target.function) == 10
    await port.provision(target.function, stable, 6)
    with pytest.raises(NotReleasable):
        await port.provision(target.function, canary, 6)


async def test_lambda_holds_traffic_back_until_a_moved_alias_is_ready(world, two):
    """The alias names the new version and sends everything to the old one; then it does as told."""
    target, port, stable, canary = two
    await port.provision(target.function, target.alias, 2)
    await settled(world, port, target, target.alias)
    await world.slow(0.5)
    answer = await write(port, target, whole(canary))
    assert answer.routing == whole(canary)
    held = (await port.get_alias(target.function, target.alias)).routing
    assert (held.primary, held.additional, held.weight) == (canary, stable, 100)
    await world.pass_time(0.6)
    assert (await port.get_alias(target.function, target.alias)).routing == whole(canary)


async def test_provisioning_that_fails_says_why(world):
    """FAILED with a reason, and nothing ready."""
    target = await world.function()
    port = world.aws.functions(target)
    await world.fail_provisioning(target)
    await world.change(target, "second")
    canary = await world.publish(target)
    await port.provision(target.function, canary, 2)
    found = await settled(world, port, target, canary)
    assert (found.status, found.ready, found.reason) == ("FAILED", 0, "FUNCTION_ERROR_INIT_FAILURE")

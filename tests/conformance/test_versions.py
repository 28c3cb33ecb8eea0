"""Versions: reading, changing `$LATEST`, publishing with guards, and the states on the way."""

import asyncio

import pytest

from orchestrator.domain.errors import MissingTarget, NotReleasable, Stale, Unavailable
from orchestrator.domain.release import Configuration
from tests.conformance.worlds import settled


async def latest(port, target):
    return await port.get_function(target.function)


async def publish(port, target, **guards):
    now = await latest(port, target)
    guards = {"revision": now.revision, "code_sha256": now.code_sha256} | guards
    return await port.publish_version(target.function, **guards, description="by a test")


async def finally_(world, port, target, qualifier):
    """The state of a version once nothing is under way."""
    for _ in range(100):
        found = await port.get_function(target.function, qualifier)
        if found.state != "Pending" and found.last_update != "InProgress":
            return found
        await world.pass_time(0.05) if world.name != "real" else await asyncio.sleep(1)
    raise AssertionError(f"{target.function}:{qualifier} never settled")


async def test_what_does_not_exist_is_missing(world):
    """Function, version and alias alike."""
    target = await world.function()
    port = world.aws.functions(target)
    for function, qualifier in (("nothing-here", "$LATEST"), (target.function, "999"), (target.function, "nothing")):
        with pytest.raises(MissingTarget):
            await port.get_function(function, qualifier)


async def test_a_version_is_read_by_number_and_by_alias(world):
    """The alias gives its primary version."""
    target = await world.function()
    port = world.aws.functions(target)
    number = (await port.get_alias(target.function, target.alias)).routing.primary
    by_number = await port.get_function(target.function, number)
    by_alias = await port.get_function(target.function, target.alias)
    now = await latest(port, target)
    assert (by_number.version, by_alias.version, now.version) == (number, number, "$LATEST")
    assert by_number.state == "Active"
    assert by_number.code_sha256 == by_alias.code_sha256 == now.code_sha256
    assert by_number.settings == now.settings
    assert by_number.handler == "app.handler"
    assert by_number.dead_letter_queue is None


async def test_settings_change_guarded_and_environment_values_stay_secret(world):
    """An old revision is refused; what was changed shows, values only as hashes."""
    target = await world.function()
    port = world.aws.functions(target)
    now = await latest(port, target)
    change = Configuration(memory=256, timeout=7, environment={"TOKEN": "s3cret"}, description="ours")
    await port.update_configuration(target.function, change, revision=now.revision)
    found = await finally_(world, port, target, "$LATEST")
    assert (found.memory, found.timeout, found.settings["Description"]) == (256, 7, "ours")
    assert list(found.settings["Environment"]) == ["TOKEN"]
    assert "s3cret" not in found.model_dump_json()
    with pytest.raises(Stale):
        await port.update_configuration(target.function, Configuration(memory=512), revision=now.revision)


async def test_code_from_a_bucket_changes_latest_alone(world):
    """Uploading publishes nothing, and an old revision is refused."""
    target = await world.function()
    port = world.aws.functions(target)
    artifact = await world.uploaded("second")
    before = await latest(port, target)
    await port.update_code(target.function, artifact, revision=before.revision)
    after = await finally_(world, port, target, "$LATEST")
    assert after.code_sha256 != before.code_sha256
    number = (await port.get_alias(target.function, target.alias)).routing.primary
    assert (await port.get_function(target.function, number)).code_sha256 == before.code_sha256
    with pytest.raises(Stale):
        await port.update_code(target.function, artifact, revision=before.revision)


async def test_an_object_that_does_not_exist_is_missing(world):
    """AWS says it as an invalid parameter; it is a missing object."""
    target = await world.function()
    port = world.aws.functions(target)
    artifact = (await world.uploaded("second")).model_copy(update={"key": "missing"})
    with pytest.raises(MissingTarget):
        await port.update_code(target.function, artifact, revision=(await latest(port, target)).revision)


async def test_publishing_new_code_gives_the_next_number(world):
    """The version becomes Active with the code of `$LATEST`, whose revision changes."""
    target = await world.function()
    port = world.aws.functions(target)
    stable = (await port.get_alias(target.function, target.alias)).routing.primary
    await world.change(target, "second")
    before = await latest(port, target)
    published = await publish(port, target)
    assert int(published.version) == int(stable) + 1
    found = await finally_(world, port, target, published.version)
    assert (found.state, found.code_sha256) == ("Active", before.code_sha256)
    assert found.settings["Description"] == "by a test"
    assert (await latest(port, target)).revision != before.revision


async def test_publishing_what_is_unchanged_gives_the_version_that_exists(world):
    """Nothing to release is no new number."""
    target = await world.function()
    port = world.aws.functions(target)
    await world.change(target, "second")
    first = await publish(port, target)
    await finally_(world, port, target, first.version)
    second = await publish(port, target)
    assert second.version == first.version


async def test_changed_settings_are_a_new_version(world):
    """Equal code with other settings is another version."""
    target = await world.function()
    port = world.aws.functions(target)
    stable = (await port.get_alias(target.function, target.alias)).routing.primary
    now = await latest(port, target)
    await port.update_configuration(target.function, Configuration(memory=512), revision=now.revision)
    await finally_(world, port, target, "$LATEST")
    assert (await publish(port, target)).version != stable


async def test_publishing_is_guarded_by_revision(world):
    """412: `$LATEST` changed since it was read."""
    target = await world.function()
    port = world.aws.functions(target)
    old = await latest(port, target)
    await world.change(target, "second")
    now = await latest(port, target)
    with pytest.raises(Stale):
        await publish(port, target, revision=old.revision, code_sha256=now.code_sha256)


async def test_publishing_is_guarded_by_hash(world):
    """400, not 412."""
    target = await world.function()
    port = world.aws.functions(target)
    old = await latest(port, target)
    await world.change(target, "second")
    with pytest.raises(NotReleasable):
        await publish(port, target, code_sha256=old.code_sha256)


async def test_a_version_is_pending_before_it_is_active(world):
    """Invoking it meanwhile is refused for now."""
    target = await world.function()
    port = world.aws.functions(target)
    await world.change(target, "second")
    await world.slow(0.5)
    published = await publish(port, target)
    assert published.state == "Pending"
    assert (await port.get_function(target.function, published.version)).state == "Pending"
    with pytest.raises(Unavailable):
        await port.invoke(target.function, published.version, b"{}", timeout=5)
    await world.pass_time(0.5)
    assert (await port.get_function(target.function, published.version)).state == "Active"


async def test_one_change_at_a_time(world):
    """While an update is in progress, others are refused for now, and the revision changes when it ends."""
    target = await world.function()
    port = world.aws.functions(target)
    await world.slow(0.5)
    now = await latest(port, target)
    under_way = await port.update_configuration(target.function, Configuration(memory=256), revision=now.revision)
    assert under_way.last_update == "InProgress"
    with pytest.raises(Unavailable):
        await port.update_configuration(target.function, Configuration(memory=512), revision=under_way.revision)
    with pytest.raises(Unavailable):
        await publish(port, target)
    await world.pass_time(0.5)
    after = await latest(port, target)
    assert after.last_update == "Successful"
    assert after.revision != under_way.revision


async def test_a_version_that_does_not_start_is_failed_with_a_reason(world):
    """And invoking it will not help."""
    target = await world.function()
    port = world.aws.functions(target)
    await world.fail_next_publish(target)
    published = await publish(port, target)
    found = await finally_(world, port, target, published.version)
    assert (found.state, found.state_reason) == ("Failed", "The image does not start.")
    with pytest.raises(NotReleasable):
        await port.invoke(target.function, published.version, b"{}", timeout=5)


async def test_an_inactive_version_wakes_up_when_invoked(world):
    """The first invocation fails, a later one runs."""
    target = await world.function()
    port = world.aws.functions(target)
    number = (await port.get_alias(target.function, target.alias)).routing.primary
    await world.idle(target, number)
    assert (await port.get_function(target.function, number)).state == "Inactive"
    with pytest.raises(Unavailable):
        await port.invoke(target.function, number, b"{}", timeout=5)
    await settled(port, target, (number,))
    assert (await port.invoke(target.function, number, b"{}", timeout=30)).function_error is None

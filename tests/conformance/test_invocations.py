"""Invocations, and what is bound to a function."""

import json

import pytest

from orchestrator.domain.errors import AccessDenied, MissingTarget, Throttled
from orchestrator.domain.traffic import split


async def test_a_version_is_invoked_by_number(world):
    """The version's own code runs, whatever the alias says, and the answer names it."""
    target = await world.function("first")
    port = world.aws.functions(target)
    stable = (await port.get_alias(target.function, target.alias)).routing.primary
    await world.change(target, "second")
    canary = await world.publish(target)
    for version, code in ((stable, "first"), (canary, "second")):
        answer = await port.invoke(target.function, version, b"{}", timeout=30)
        assert (answer.status, answer.executed_version, answer.function_error) == (200, version, None)
        assert json.loads(answer.payload) == {"code": code}
        assert answer.seconds >= 0


async def test_a_crash_is_an_answer(world):
    """HTTP 200 with a FunctionError: a probe that looks at the status alone passes it."""
    target = await world.function("crash")
    port = world.aws.functions(target)
    version = (await port.get_alias(target.function, target.alias)).routing.primary
    answer = await port.invoke(target.function, version, b"{}", timeout=30)
    assert answer.status == 200
    assert answer.function_error
    assert answer.executed_version == version
    assert json.loads(answer.payload)["errorType"] == "ValueError"
    assert "ValueError" in answer.log_tail


async def test_an_alias_runs_one_of_its_two_versions(world):
    """Drawn for each invocation; the answer tells which."""
    target = await world.function("first")
    port = world.aws.functions(target)
    stable = (await port.get_alias(target.function, target.alias)).routing
    await world.change(target, "second")
    canary = await world.publish(target)
    revision = (await port.get_alias(target.function, target.alias)).revision
    await port.update_alias(target.function, target.alias, split(stable.primary, canary, 50), revision=revision)
    answers = [await port.invoke(target.function, target.alias, b"{}", timeout=30) for _ in range(20)]
    assert {a.executed_version for a in answers} == {stable.primary, canary}
    codes = {stable.primary: "first", canary: "second"}
    assert all(json.loads(a.payload) == {"code": codes[a.executed_version]} for a in answers)


async def test_a_dry_run_runs_nothing(world):
    """204, and a crashing function does not crash."""
    target = await world.function("crash")
    answer = await world.aws.functions(target).invoke(target.function, target.alias, b"{}", timeout=30, dry_run=True)
    assert (answer.status, answer.function_error) == (204, None)


async def test_a_missing_qualifier_is_missing(world):
    """No fallback to `$LATEST`."""
    target = await world.function()
    for qualifier in ("999", "nothing"):
        with pytest.raises(MissingTarget):
            await world.aws.functions(target).invoke(target.function, qualifier, b"{}", timeout=30)


async def test_event_sources_tell_what_they_go_through(world):
    """A mapping on the alias follows the release."""
    target = await world.function()
    port = world.aws.functions(target)
    assert await port.event_sources(target.function) == ()
    await world.bind(target, target.alias)
    (found,) = await port.event_sources(target.function)
    assert found.function_arn.endswith(f":function:{target.function}:{target.alias}")
    assert found.source_arn.startswith("arn:aws:sqs:")


async def test_a_policy_belongs_to_one_qualifier(world):
    """One on the alias does not cover the function."""
    target = await world.function()
    port = world.aws.functions(target)
    assert await port.has_policy(target.function, target.alias) is False
    await world.allow(target, target.alias)
    assert await port.has_policy(target.function, target.alias) is True
    assert await port.has_policy(target.function, None) is False


async def test_the_account_is_told(world):
    """Preflight compares it with the target's."""
    target = await world.function()
    assert await world.aws.functions(target).account() == target.account


async def test_too_many_requests_are_throttled(world):
    """With a class of its own, and repeatable."""
    target = await world.function()
    port = world.aws.functions(target)
    await world.throttle("get_alias")
    with pytest.raises(Throttled):
        await port.get_alias(target.function, target.alias)
    await port.get_alias(target.function, target.alias)


async def test_without_credentials_access_is_denied(world):
    """Not a timeout and not a crash."""
    target = await world.function()
    with pytest.raises(AccessDenied):
        await world.stranger(target).get_alias(target.function, target.alias)

"""Whose the credentials are, and what IAM says they may do."""

from activities.permissions import NEEDS, resource

DECISIONS = {"allowed", "not_allowed", "denied"}


async def test_the_caller_is_named_by_an_arn_of_its_account(world):
    """The same account that the Lambda half tells."""
    target = await world.function()
    parts = (await world.aws.permissions(target).caller()).split(":")
    assert (parts[0], parts[4]) == ("arn", await world.aws.functions(target).account())
    assert len(parts) == 6


async def test_every_action_is_decided_in_the_order_asked(world):
    """Also one that appears for no resource in particular."""
    target = await world.function()
    port = world.aws.permissions(target)
    for on in ("function", "qualifier", "everything"):
        actions = [need.action for need in NEEDS if need.on == on]
        found = await port.simulated(actions, resource(target, on))
        assert list(found) == actions
        assert set(found.values()) <= DECISIONS

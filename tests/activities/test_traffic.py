"""`shift` and `restore` against every order in which writes, answers and other people's changes can come."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.traffic import RESTORE_ROUNDS, Traffic
from orchestrator.domain.errors import Throttled, TimedOut
from orchestrator.domain.release import Target
from orchestrator.domain.traffic import Routing, split, whole
from orchestrator.domain.work import Restore, Restored, Shifted, ShiftTo
from tests.fakes.aws import FakeAws

TARGET = Target(account="123456789012", region="eu-west-1", function="checkout", alias="live")
OURS = [whole("1"), whole("2"), split("1", "2", 10), split("1", "2", 50)]
FOREIGN = [whole("3"), split("1", "3", 10), split("3", "1", 10), split("2", "3", 50)]


class World:
    def __init__(self) -> None:
        self.aws = FakeAws()
        self.aws.add_function(TARGET, versions=3)
        self.aws.move(TARGET, whole("1"))
        self.traffic = Traffic(self.aws, self.aws.clock)
        self.revision = self.aws.alias(TARGET).revision

    async def shift(self, intent: Routing, revision: str | None = None, runtime: str | None = None) -> Shifted:
        revision = revision or self.aws.alias(TARGET).revision
        order = ShiftTo(
            target=TARGET, stable="1", canary="2", intent=intent, revision=revision, runtime_version=runtime
        )
        return await ActivityEnvironment().run(self.traffic.shift, order)

    async def restore(self, **how: bool) -> Restored:
        return await ActivityEnvironment().run(
            self.traffic.restore, Restore(target=TARGET, stable="1", canary="2", **how)
        )

    @property
    def routing(self) -> Routing:
        return self.aws.routing(TARGET)

    @property
    def applied(self) -> int:
        return sum(c.applied for c in self.aws.journal.of("update_alias"))


@pytest.fixture
def world() -> World:
    return World()


async def test_shift_writes_once_and_reads_back(world: World) -> None:
    """The answer carries the revision of the next write."""
    shifted = await world.shift(split("1", "2", 10))
    assert (shifted.confirmed, shifted.alias.routing) == (True, split("1", "2", 10))
    assert shifted.alias.revision == world.aws.alias(TARGET).revision


async def test_shift_again_finds_its_own_write(world: World) -> None:
    """Scenario 5: the same order twice is one write."""
    for _ in range(2):
        assert (await world.shift(split("1", "2", 10), world.revision)).confirmed
    assert world.applied == 1


async def test_shift_never_chooses_a_revision_by_itself(world: World) -> None:
    """Only the weights differ: that is told, and not overwritten by an attempt that may be out of date."""
    world.aws.move(TARGET, split("1", "2", 33))
    shifted = await world.shift(split("1", "2", 50), world.revision)
    assert (shifted.confirmed, shifted.alias.routing) == (False, split("1", "2", 33))
    assert world.applied == 0


@pytest.mark.parametrize("found", [*FOREIGN, whole("2")], ids=str)
async def test_shift_leaves_a_foreign_routing_alone(world: World, found: Routing) -> None:
    """The canary at 100 % is foreign too while a weight is wished."""
    world.aws.move(TARGET, found)
    with pytest.raises(ApplicationError, match="moved by somebody else") as error:
        await world.shift(split("1", "2", 50), world.revision)
    assert (error.value.type, error.value.non_retryable) == ("Drift", True)
    assert world.routing == found


@pytest.mark.parametrize(
    ("intent", "runtime", "reads"),
    [(whole("2"), "arn:old", 1), (whole("2"), None, 0), (split("1", "2", 50), "arn:old", 0)],
    ids=["promotion", "of a version without a runtime", "weight"],
)
async def test_only_a_promotion_asks_what_its_version_runs_on(
    world: World, intent: Routing, runtime: str | None, reads: int
) -> None:
    """One read more, and only where there is something to compare with."""
    world.aws.function(TARGET).versions["2"].configuration["RuntimeVersionConfig"] = {"RuntimeVersionArn": "arn:new"}
    shifted = await world.shift(intent, runtime=runtime)
    assert shifted.confirmed
    assert shifted.runtime_version == ("arn:new" if reads else None)
    assert len(world.aws.journal.of("get_function", qualifier="2")) == reads


async def test_a_runtime_that_is_not_told_does_not_hold_up_a_promotion(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alias is read back already."""
    monkeypatch.setattr("activities.traffic.RUNTIME_SECONDS", 0.05)
    world.aws.faults.hang("get_function")
    async with asyncio.timeout(2):
        shifted = await world.shift(whole("2"), runtime="arn:old")
    assert (shifted.confirmed, shifted.runtime_version) == (True, None)


@pytest.mark.parametrize("found", OURS, ids=str)
async def test_restore_always_writes_where_something_was_sent(world: World, found: Routing) -> None:
    """Also when the alias looks right: the new revision refuses whatever is still on its way."""
    world.aws.move(TARGET, found)
    before = world.aws.alias(TARGET).revision
    restored = await world.restore()
    assert (world.routing, restored.wrote) == (whole("1"), True)
    assert restored.alias.revision != before
    late = await world.shift(split("1", "2", 10), before)
    assert not late.confirmed
    assert world.routing == whole("1")


@pytest.mark.parametrize("found", [*OURS, *FOREIGN], ids=str)
async def test_restore_only_reads_where_nothing_was_sent(world: World, found: Routing) -> None:
    """What is not stable alone is then somebody else's."""
    world.aws.move(TARGET, found)
    if found == whole("1"):
        assert not (await world.restore(touched=False)).wrote
    else:
        with pytest.raises(ApplicationError, match="moved by somebody else"):
            await world.restore(touched=False)
    assert (world.routing, world.applied) == (found, 0)


@pytest.mark.parametrize("found", FOREIGN, ids=str)
async def test_restore_overwrites_a_foreign_routing_only_by_order(world: World, found: Routing) -> None:
    """Scenario 45."""
    world.aws.move(TARGET, found)
    with pytest.raises(ApplicationError) as error:
        await world.restore()
    assert (error.value.type, world.routing) == ("Drift", found)
    await world.restore(force=True)
    assert world.routing == whole("1")


async def test_restore_takes_a_promotion_for_foreign_unless_one_was_sent(world: World) -> None:
    """Somebody else has promoted the canary by hand."""
    world.aws.move(TARGET, whole("2"))
    with pytest.raises(ApplicationError, match="found version 2"):
        await world.restore(promoting=False)
    await world.restore(promoting=True)
    assert world.routing == whole("1")


async def test_restore_gives_up_an_attempt_when_others_never_stop(world: World) -> None:
    """It is retryable: Temporal begins again."""

    def meddle(_: object) -> bool:
        world.aws.move(TARGET, split("1", "2", 20))
        return False

    world.aws.faults.refuse("update_alias", Throttled("never"), when=meddle)
    with pytest.raises(ApplicationError, match=f"{RESTORE_ROUNDS} times") as error:
        await world.restore()
    assert (error.value.type, error.value.non_retryable) == ("Unavailable", False)


@given(
    start=st.sampled_from(OURS),
    strikes=st.lists(st.tuples(st.sampled_from(["refuse", "lose", "late"]), st.integers(0, 3)), max_size=4),
)
@settings(max_examples=60, deadline=None)
async def test_restore_that_is_retried_ends_at_stable_whatever_fails(
    start: Routing, strikes: list[tuple[str, int]]
) -> None:
    """I4 and I6: refused, lost and late writes; the last attempt has read back, and nothing late undoes it."""
    world = World()
    world.aws.move(TARGET, split("1", "2", 10))
    lates = []
    forward = world.aws.faults.apply_later("update_alias", when=lambda a: a["routing"] != whole("1"))
    with pytest.raises(ApplicationError):
        await world.shift(split("1", "2", 50))
    world.aws.move(TARGET, start)
    for kind, after in strikes:
        if kind == "refuse":
            world.aws.faults.refuse("update_alias", Throttled("429"))
        elif kind == "lose":
            world.aws.faults.lose_reply("update_alias", TimedOut("lost"))
        else:
            lates.append(world.aws.faults.apply_later("update_alias", after_calls=after))
    restored = None
    for _ in range(len(strikes) + 1):
        with suppress(ApplicationError):
            restored = restored or await world.restore()
    assert restored is not None
    assert restored.alias.routing == whole("1") == world.routing
    for late in (forward, *lates):
        late.apply()
    await asyncio.sleep(0)
    assert world.routing == whole("1")

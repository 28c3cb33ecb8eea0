"""Many readers, one look."""

import asyncio

import pytest

from orchestrator.web.sharing import SharedLooks


class Counted:
    """A look that takes a moment, and can fail."""

    def __init__(self, error: Exception | None = None) -> None:
        self.count = 0
        self.error = error

    async def __call__(self) -> int:
        self.count += 1
        await asyncio.sleep(0.02)
        if self.error is not None:
            raise self.error
        return self.count


async def test_readers_of_the_same_moment_share_a_look() -> None:
    looks, look = SharedLooks(0.2), Counted()
    assert await asyncio.gather(*(looks.get("a", look) for _ in range(20))) == [1] * 20
    assert await looks.get("a", look) == 1
    assert await looks.get("b", look) == 2, "another question"
    await asyncio.sleep(0.25)
    assert await looks.get("a", look) == 3


async def test_a_refusal_is_shared_and_passes() -> None:
    looks, look = SharedLooks(0.1), Counted(ValueError("away"))
    found = await asyncio.gather(*(looks.get("a", look) for _ in range(3)), return_exceptions=True)
    assert [str(error) for error in found] == ["away"] * 3
    assert look.count == 1
    await asyncio.sleep(0.15)
    look.error = None
    assert await looks.get("a", look) == 2


async def test_a_reader_who_leaves_does_not_end_the_look_of_the_others() -> None:
    looks, look = SharedLooks(1), Counted()
    leaving = asyncio.create_task(looks.get("a", look))
    staying = asyncio.create_task(looks.get("a", look))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == 1
    with pytest.raises(asyncio.CancelledError):
        await leaving

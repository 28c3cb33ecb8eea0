"""Waiting in a workflow: for an activity unless something more urgent comes, and for what must not be cut short."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow

T = TypeVar("T")


async def within(limit: timedelta, done: Callable[[], bool], summary: str) -> bool:
    """Return True when `done()` comes true, False when `limit` comes first. What came at the same time is done."""
    try:
        await workflow.wait_condition(done, timeout=limit, timeout_summary=summary)
    except TimeoutError:
        return done()
    return True


async def race(handle: workflow.ActivityHandle[T], stop: Callable[[], bool]) -> T | None:
    """Return the activity's result, or None when `stop()` comes true first; the activity is then cancelled.

    Nothing waits for the cancelled activity: a hanging call must not stand before what is more urgent.
    Raises ActivityError when the activity failed.
    """
    try:
        await workflow.wait_condition(lambda: handle.done() or stop())
    except asyncio.CancelledError:
        drop(handle)
        raise
    if handle.done():
        return await handle
    drop(handle)
    return None


def drop(handle: workflow.ActivityHandle[T]) -> None:
    """Cancel an activity that nobody waits for any more; one that has ended is left as it is."""
    handle.add_done_callback(_look_away)
    handle.cancel()


async def must_finish(work: Awaitable[T], on_cancel: Callable[[], None]) -> T:
    """Run `work` to its end, whatever cancellation comes; `on_cancel` is told each time.

    One `asyncio.shield` is not enough: the outer await would raise at once and the run end with the work half done.
    """
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
            on_cancel()
        except BaseException:
            if not task.done():  # a worker that stops lets go of the workflow: nothing of that is the work's
                raise
            break
    return task.result()


def _look_away(task: "asyncio.Task[T]") -> None:
    """Take the result, so that asyncio does not report an error that nobody waits for."""
    if not task.cancelled():
        task.exception()

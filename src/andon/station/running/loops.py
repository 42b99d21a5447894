"""Named loops in one task group: the death of one ends the program with its name and reason."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from andon.errors import AndonError, BugError, OperatorError

P = ParamSpec("P")
T = TypeVar("T")


class LoopDied(OperatorError):
    """A loop that must not end has ended."""


@dataclass(frozen=True, slots=True)
class Loop:
    """One loop; ``run`` ends only when it is cancelled."""

    name: str
    run: Callable[[], Coroutine[Any, Any, None]]


class Thread:
    """One thread for one kind of blocking work; calls are done one after the other, in order."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def call(self, act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Do it there, and give what it gives or raises."""
        work = self._executor.submit(act, *arguments, **named)
        return await asyncio.wrap_future(work)

    def wait(self, act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """The same for another thread, which waits; never for the loop."""
        return self._executor.submit(act, *arguments, **named).result()

    def close(self) -> None:
        """Finish what was begun."""
        self._executor.shutdown(wait=True)


async def run_together(loops: tuple[Loop, ...], until: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run all loops until ``until`` ends; then they are cancelled.

    Raises:
        LoopDied: a loop ended by itself or raised; the first one, with its cause.
        BugError: the same, where the cause is none that Andon knows.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_named(loop), name=loop.name) for loop in loops]
            await until()
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures


async def run_apart(name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run it on a loop of its own in a thread of its own, where its work cannot delay anybody else's."""
    here, ended = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
    apart = asyncio.new_event_loop()
    task = apart.create_task(run())

    def work() -> None:
        asyncio.set_event_loop(apart)
        outcome = apart.run_until_complete(asyncio.gather(task, return_exceptions=True))
        apart.close()
        here.call_soon_threadsafe(ended.set_result, outcome[0])

    threading.Thread(target=work, name=name, daemon=True).start()
    try:
        outcome = await asyncio.shield(ended)
    except asyncio.CancelledError:
        apart.call_soon_threadsafe(task.cancel)
        await ended
        raise
    if outcome is not None:
        raise outcome


async def _named(loop: Loop) -> None:
    try:
        await loop.run()
    except AndonError as cause:
        raise LoopDied(f"the loop {loop.name!r} ended: {cause.message}", cause.todo) from cause
    except Exception as cause:
        raise BugError(f"the loop {loop.name!r} died: {type(cause).__name__}: {cause}") from cause
    raise LoopDied(f"the loop {loop.name!r} ended")

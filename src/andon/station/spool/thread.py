"""The one thread that touches the spool, for the loop and for threads that may wait."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from andon.station.running.loops import Thread
from andon.station.spool.records import Spool

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SpoolThread:
    """A spool, and the thread that alone may call its methods: one after the other, in order."""

    spool: Spool
    thread: Thread

    async def call(self, act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Do ``act`` (a method of the spool) there: ``await spool.call(spool.spool.reviews.held, 20)``."""
        return await self.thread.call(act, *arguments, **named)

    def wait(self, act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """The same from another thread, which waits; never from the loop."""
        return self.thread.wait(act, *arguments, **named)

"""Time and chance as values, so that tests need neither waiting nor luck."""

import asyncio
import os
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from andon.units import Timestamp, uuid7

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Clock:
    """Where a station takes its time from.

    Attributes:
        unix: seconds since 1970, UTC; may jump.
        monotonic: seconds that only grow; deadlines and order within a program are of this time.
        sleep: waits that many seconds of the same time.
        chance: a number in [0, 1), drawn evenly.
    """

    unix: Callable[[], float]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Coroutine[Any, Any, None]]
    chance: Callable[[], float]

    def now(self) -> Timestamp:
        """UTC, in the form that records use."""
        return Timestamp(f"{datetime.fromtimestamp(self.unix(), UTC):%Y-%m-%dT%H:%M:%S.%fZ}")

    def new_id(self) -> str:
        """A UUIDv7 of this moment."""
        return uuid7(int(self.unix() * 1000), os.urandom(10))


async def in_time(clock: Clock, seconds: float, work: "asyncio.Future[T]") -> T:
    """What ``work`` gives within ``seconds``; afterwards it goes on without anybody waiting for it.

    Raises:
        TimeoutError: it took longer.
    """
    if not work.done() and seconds > 0:
        alarm = asyncio.ensure_future(clock.sleep(seconds))
        both: set[asyncio.Future[Any]] = {work, alarm}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            alarm.cancel()
    if not work.done():
        raise TimeoutError
    return work.result()


def back_off(clock: Clock, failures: int, longest: float) -> float:
    """Seconds to wait after so many failures in a row: doubling from a quarter, half of it by chance."""
    return float(min(longest, 0.25 * 2 ** min(failures, 16))) * (0.5 + clock.chance() / 2)


def system_clock() -> Clock:
    """The machine's own time."""
    return Clock(time.time, time.monotonic, asyncio.sleep, random.random)

"""Time and chance as values, so that tests need neither waiting nor luck."""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from andon.units import Timestamp, uuid7


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
    sleep: Callable[[float], Awaitable[None]]
    chance: Callable[[], float]

    def now(self) -> Timestamp:
        """UTC, in the form that records use."""
        return Timestamp(f"{datetime.fromtimestamp(self.unix(), UTC):%Y-%m-%dT%H:%M:%S.%fZ}")

    def new_id(self) -> str:
        """A UUIDv7 of this moment."""
        return uuid7(int(self.unix() * 1000), os.urandom(10))


def system_clock() -> Clock:
    """The machine's own time."""
    return Clock(time.time, time.monotonic, asyncio.sleep, random.random)

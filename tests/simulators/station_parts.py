"""Records, frames and a clock that only moves when it is told, for tests of the station's parts."""

import asyncio
import heapq
import itertools
import os
from collections.abc import Sequence

from andon.domain.images import Origin, Shape
from andon.domain.inspections import Capture, Decision, Inspection, Kept, Verdict
from andon.station.cameras.frames import Frame
from andon.station.running.clock import Clock
from andon.units import Digest, Timestamp, uuid7

AT = Timestamp("2026-11-21T12:00:00.000000Z")
_NUMBERS = itertools.count(1)


def record(part: str = "p", kept: Kept = Kept.NOT_KEPT, verdict: Verdict = Verdict.PASS) -> Inspection:
    number = next(_NUMBERS)
    origin = Origin(station="st-1", line="line-1", serial=part)
    return Inspection(
        id=uuid7(1_700_000_000_000 + number, os.urandom(10)),
        at=AT,
        part=part,
        image=None,
        name=part,
        recipe="plain",
        recipe_version=1,
        package=Digest("1" * 64),
        variant="onnxruntime/f32",
        decision=Decision(verdict),
        findings=(),
        scores={"bright": 0.1},
        milliseconds=3.0,
        capture=Capture("st-1", 0, origin, Shape(8, 8, 1, 8), kept),
    )


def frame(number: int, clock: Clock, content: bytes = bytes(64 * 64), side: int = 64) -> Frame:
    origin = Origin(serial=f"part-{number}")
    return Frame(number, AT, clock.monotonic(), content, origin, Shape(side, side, 1, 8))


class HandClock:
    """Time that stands still until ``pass_`` moves it; sleepers wake in order. Chance is given too."""

    def __init__(self, chances: Sequence[float] = (0.99,)) -> None:
        self.seconds = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._chances = itertools.cycle(chances)

    @property
    def clock(self) -> Clock:
        return Clock(
            lambda: 1_700_000_000 + self.seconds,
            lambda: self.seconds,
            self._sleep,
            lambda: next(self._chances),
        )

    async def pass_(self, seconds: float) -> None:
        """Let so much time pass; everything that it wakes has run when this returns."""
        end = self.seconds + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self.seconds, _, sleeper = heapq.heappop(self._sleepers)
            if not sleeper.done():
                sleeper.set_result(None)
            await self.settle()
        self.seconds = end
        await self.settle()

    @staticmethod
    async def settle(rounds: int = 50) -> None:
        for _ in range(rounds):
            await asyncio.sleep(0)

    async def _sleep(self, seconds: float) -> None:
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.seconds + max(0.0, seconds), next(_NUMBERS), sleeper))
        await sleeper

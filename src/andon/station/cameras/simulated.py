"""A simulated line as a camera: so many parts a second, and faults that can be switched on.

Drawing a part costs several milliseconds, which the inspection beside it needs.  So a child process draws
a pool of parts before the first frame, and the line shows them in turns: part n has a serial of its own
and the picture of part ``n mod pool``.  What is true of each part goes into a file that this camera alone
writes, before the frame is given; nothing else of the station reads it.

The camera does not wait for whoever takes its frames: a frame that is fetched late carries the time at
which its part passed.
"""

import asyncio
import csv
import json
import sys
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from io import StringIO
from pathlib import Path

from andon.domain.images import Origin, Shape
from andon.domain.inspections import Decision
from andon.domain.serial import to_json
from andon.errors import InvalidInput, OperatorError
from andon.simulate.settings import LineSettings
from andon.station.cameras.frames import Frame
from andon.station.running.clock import Clock

TRUTH_COLUMNS = ("number", "serial", "concepts")
"""Of the truth file; concepts are separated by ``|``, none for a clean part."""

_STALL_LOOK_S = 0.05
_DARKER = 24


class CameraFault(StrEnum):
    """STALL: no frames come. DARK: pictures are nearly black. STUCK: every part shows the same picture."""

    STALL = "stall"
    DARK = "dark"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True)
class SimulatedSettings:
    """A line and how it is shown.

    Attributes:
        line: what is drawn, and how many parts pass each second.
        pool: different pictures; the line shows them again and again.
        parts: after so many frames no more come; None: it never ends.
        truth: CSV file for what is true; numbers go on after its last one when the camera starts anew.
        faults: file whose words (``stall``, ``dark``, ``stuck``) are the faults that hold now; no file,
            no faults.
        origin: what is known of every part.

    Raises:
        InvalidInput: the pool or the number of parts is not positive.
    """

    line: LineSettings
    pool: int = 240
    parts: int | None = None
    truth: Path | None = None
    faults: Path | None = None
    origin: Origin = Origin()

    def __post_init__(self) -> None:
        if self.pool < 1 or (self.parts is not None and self.parts < 1):
            raise InvalidInput("pool and parts of a simulated camera must be positive")


@dataclass(frozen=True, slots=True)
class _Drawn:
    """One picture of the pool."""

    pixels: bytes
    part_type: str
    lot: str
    concepts: tuple[str, ...]


class SimulatedCamera:
    """A camera as ``station.cameras.frames`` says."""

    def __init__(self, settings: SimulatedSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._pool: list[_Drawn] = []
        self._number = 0
        line = settings.line
        self._shape = Shape(line.height, line.width, line.channels, 8)

    async def frames(self) -> AsyncIterator[Frame]:
        """Parts at the pace of the line, numbered from 1.

        Raises:
            OperatorError: the pictures cannot be drawn, or the truth cannot be written.
        """
        if not self._pool:
            self._pool = await self._drawn()
            self._number = await asyncio.to_thread(self._last_number)
        due = self._clock.monotonic()
        while self._settings.parts is None or self._number < self._settings.parts:
            faults = self._faults()
            if CameraFault.STALL in faults:
                await self._clock.sleep(_STALL_LOOK_S)
                due = self._clock.monotonic()
                continue
            if (wait := due - self._clock.monotonic()) > 0:
                await self._clock.sleep(wait)
                taken = self._clock.monotonic()
            else:
                taken = due
            due += 1 / self._settings.line.parts_per_second
            yield self._frame(taken, faults)

    def answered(self, frame: Frame, decision: Decision) -> None:
        """A camera over a belt does not care."""

    def _frame(self, taken: float, faults: Iterable[CameraFault]) -> Frame:
        self._number += 1
        drawn = self._pool[(self._number - 1) % len(self._pool)]
        serial = f"{drawn.part_type}-{self._number:07d}"
        self._write_truth(serial, drawn.concepts)
        shown = self._pool[0] if CameraFault.STUCK in faults else drawn
        pixels = _darkened(shown.pixels) if CameraFault.DARK in faults else shown.pixels
        origin = self._settings.origin
        if origin.part_type is None:
            origin = replace(origin, part_type=drawn.part_type)
        origin = replace(origin, serial=serial, lot=drawn.lot, captured_at=self._clock.now())
        return Frame(self._number, self._clock.now(), taken, pixels, origin, self._shape)

    def _faults(self) -> frozenset[CameraFault]:
        if self._settings.faults is None:
            return frozenset()
        try:
            words = self._settings.faults.read_text(encoding="utf-8").split()
        except FileNotFoundError:
            return frozenset()
        return frozenset(fault for fault in CameraFault if fault.value in words)

    def _write_truth(self, serial: str, concepts: Iterable[str]) -> None:
        path = self._settings.truth
        if path is None:
            return
        row = StringIO()
        table = csv.writer(row, lineterminator="\n")
        if not path.exists():
            table.writerow(TRUTH_COLUMNS)
        table.writerow((self._number, serial, "|".join(concepts)))
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(row.getvalue())
        except OSError as cause:
            raise OperatorError(
                f"the truth of the simulated line cannot be written to {path}: {cause.strerror}",
                "Free some space or name another file.",
            ) from cause

    def _last_number(self) -> int:
        """The last whole row's number; a row cut short by a kill was never shown."""
        path = self._settings.truth
        if path is None or not path.exists():
            return 0
        text = path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            path.write_text(whole, encoding="utf-8")
        rows = list(csv.reader(StringIO(whole)))
        return int(rows[-1][0]) if len(rows) > 1 else 0

    async def _drawn(self) -> list[_Drawn]:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "andon.station.cameras.drawing",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        request = {"settings": to_json(self._settings.line), "count": self._settings.pool}
        try:
            child.stdin.write(json.dumps(request).encode())
            child.stdin.close()
            return [await _read(child.stdout) for _ in range(self._settings.pool)]
        except (asyncio.IncompleteReadError, ConnectionError, ValueError) as cause:
            raise OperatorError(
                "the process that draws the simulated parts ended too early",
                "Its message on stderr says why.",
            ) from cause
        finally:
            if child.returncode is None:
                child.kill()
            await child.wait()


async def _read(stream: asyncio.StreamReader) -> _Drawn:
    about = json.loads(await stream.readuntil(b"\n"))
    pixels = await stream.readexactly(about["bytes"])
    return _Drawn(pixels, about["part_type"], about["lot"], tuple(about["concepts"]))


def _darkened(pixels: bytes) -> bytes:
    return pixels.translate(_DARK)


_DARK = bytes(level // _DARKER for level in range(256))

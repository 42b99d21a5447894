"""Image files: encoded and made durable after the answer, given up in order when the disk runs out."""

import asyncio
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from andon.blobs.folder import FolderBlobs
from andon.domain.images import Shape
from andon.domain.inspections import Inspection, Kept
from andon.domain.stations import Alarm, AlarmCode, KeepPolicy
from andon.errors import AndonError, InvalidInput, OperatorError, UserError
from andon.formats.pixels import decode, encode_png, image_digest
from andon.runtime.pixels import Pixels
from andon.station.clock import Clock
from andon.station.frames import Frame
from andon.station.keeping import THUMBNAIL_WORTH, Keep
from andon.station.loops import Thread
from andon.station.recorder import Recorder
from andon.station.spool import StoredBlob
from andon.station.spool_thread import SpoolThread
from andon.station.state import LineState
from andon.station.watch import Watch
from andon.units import digest_of

MAX_WAITING = 64
"""Pictures that wait to be written; what comes beyond is lost, its record is not."""

THUMBNAIL = 160
"""Pixels of a thumbnail's longer side."""

PATIENCE = 120.0

_NOTHING: tuple[StoredBlob, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """A part that was answered, and what is to become of its picture."""

    inspection: Inspection
    frame: Frame | None
    keep: Keep


class ImageWriter:
    """One thread that encodes and writes; records are settled when their image's fate is known."""

    def __init__(self, blobs: FolderBlobs, recorder: Recorder, state: LineState, watch: Watch) -> None:
        self._blobs = blobs
        self._recorder = recorder
        self._state = state
        self._watch = watch
        self._thread = Thread("images")
        self._waiting: asyncio.Queue[Taken] = asyncio.Queue()

    def put(self, taken: Taken) -> None:
        """Take one over; returns at once."""
        if self._waiting.qsize() >= MAX_WAITING:
            self._state.shed["images"] += int(taken.keep.image)
            taken = replace(taken, frame=None)
        self._waiting.put_nowait(taken)

    async def run(self) -> None:
        """Write one after the other until cancelled."""
        while True:
            taken = await self._waiting.get()
            await self._settle(taken)
            self._waiting.task_done()

    async def drained(self) -> None:
        """Wait until all that was put is settled."""
        await self._waiting.join()

    async def _settle(self, taken: Taken) -> None:
        settled, stored = taken.inspection, _NOTHING
        if taken.frame is not None:
            settled, stored = await self._written(taken, taken.frame)
        await self._recorder.settle(settled, stored, taken.keep.queue)
        self._state.amend(settled)

    async def _written(self, taken: Taken, frame: Frame) -> tuple[Inspection, tuple[StoredBlob, ...]]:
        try:
            with self._watch.step("images", PATIENCE):
                return await self._thread.call(_write, self._blobs, taken, frame)
        except OperatorError as cause:
            self._state.shed["images"] += int(taken.keep.image)
            self._recorder.troubled(cause)
        except UserError:
            # No pixels could be read: the record says so already, and there is nothing to keep.
            pass
        return taken.inspection, _NOTHING


def _write(blobs: FolderBlobs, taken: Taken, frame: Frame) -> tuple[Inspection, tuple[StoredBlob, ...]]:
    """The record with its image's digests, and what was stored of it."""
    assert taken.inspection.capture is not None
    pixels = pixels_of(frame)
    small = thumbnail(pixels)
    stored = [StoredBlob(digest_of(small), len(small), small, THUMBNAIL_WORTH)]
    capture = replace(
        taken.inspection.capture, shape=shape_of(pixels), thumbnail=stored[0].digest, kept=Kept.NOT_KEPT
    )
    if taken.keep.image:
        content = frame.content if frame.shape is None else encode_png(pixels)
        blob = StoredBlob(blobs.put(content), len(content), None, taken.keep.worth)
        capture = replace(capture, kept=Kept.KEPT, blob=blob.digest, size=blob.size)
        stored.append(blob)
    return replace(taken.inspection, image=image_digest(pixels), capture=capture), tuple(stored)


def pixels_of(frame: Frame) -> Pixels:
    """A frame's pixels, (H, W) or (H, W, 3) RGB.

    Raises:
        InvalidInput, LimitExceeded: its file cannot be read, or its bytes do not fit its shape.
    """
    if frame.shape is None:
        return decode(frame.content)
    shape = frame.shape
    sides = (shape.height, shape.width) if shape.channels == 1 else (shape.height, shape.width, 3)
    values: Pixels = np.frombuffer(frame.content, np.uint8 if shape.bit_depth == 8 else np.uint16)
    if values.size != np.prod(sides):
        raise InvalidInput(f"the frame holds {values.size} values, its shape says {sides}")
    return values.reshape(sides)


def shape_of(pixels: Pixels) -> Shape:
    """Shape and type of pixels."""
    height, width = pixels.shape[:2]
    return Shape(height, width, 3 if pixels.ndim == 3 else 1, 8 * pixels.dtype.itemsize)


def thumbnail(pixels: Pixels) -> bytes:
    """A small JPEG for lists, at most ``THUMBNAIL`` pixels on its longer side."""
    scale = min(1.0, THUMBNAIL / max(pixels.shape[:2]))
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    if small.dtype != np.uint8:
        small = (small // 256).astype(np.uint8)
    plain = small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", plain, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


@dataclass(frozen=True, slots=True)
class Space:
    """How much disk there is. ``least``: bytes that must stay free for records."""

    folder: Path
    least: int

    def free(self) -> int:
        """Bytes free on the disk of the folder."""
        return shutil.disk_usage(self.folder).free


class Shelves:
    """Counts what waits and clears away: what the hub has, and, when space runs out, what it has not.

    Images of passes go first, then those of parts nobody decided on, then rejects; records never.
    """

    def __init__(self, spool: SpoolThread, blobs: FolderBlobs, space: Space) -> None:
        self._call = spool.call
        self._spool = spool.spool
        self._blobs = blobs
        self._space = space

    async def tidy(self, state: LineState, clock: Clock) -> None:
        """One round; a disk that does not let things go is an alarm, and the next round tries again."""
        try:
            await self._tidied(state, clock)
        except AndonError as cause:
            state.raise_alarm(Alarm(AlarmCode.DISK_LOW, cause.message, cause.todo, clock.now()))

    async def _tidied(self, state: LineState, clock: Clock) -> None:
        await self._call(self._drop_spent)
        policy = state.assignment.keep if state.assignment else KeepPolicy()
        shed = await self._call(self._shed, policy.max_bytes)
        state.shed["images"] += shed
        state.disk_free = self._space.free()
        state.spool, state.held, aside = await self._call(self._spool.counts)
        _alarm_low(state, clock, self._space, shed)
        _alarm_aside(state, clock, aside)

    def _drop_spent(self) -> None:
        for blob in self._spool.spent(100):
            self._drop(blob)

    def _shed(self, most: int) -> int:
        """Give up images until the rest fits; gives how many the hub will never see."""
        count, held = 0, self._spool.image_bytes()
        while held > most or self._space.free() < self._space.least:
            cheapest = self._spool.cheapest(1)
            if not cheapest:
                break
            self._drop(cheapest[0])
            held -= cheapest[0].size
            count += 1
        return count

    def _drop(self, blob: StoredBlob) -> None:
        """The file first: on a full disk, saying in the spool that it is gone needs the room it took."""
        if blob.content is None:
            self._blobs.path(blob.digest).unlink(missing_ok=True)
        self._spool.forget(blob.digest)


def _alarm_low(state: LineState, clock: Clock, space: Space, shed: int) -> None:
    if not shed and state.disk_free >= 2 * space.least:
        state.clear_alarm(AlarmCode.DISK_LOW)
        return
    if shed or state.disk_free < space.least:
        message = f"{state.disk_free // 2**20} MiB are free; {state.shed['images']} images were given up"
        todo = "Free space on the station's disk, or bring the hub back so that images can leave."
        state.raise_alarm(Alarm(AlarmCode.DISK_LOW, message, todo, clock.now()))


def _alarm_aside(state: LineState, clock: Clock, aside: int) -> None:
    if aside:
        message = f"the hub refuses {aside} records or reviews; they are kept on the station"
        todo = "Look into the hub's log for the reason; they are in the table `aside` of the spool."
        state.raise_alarm(Alarm(AlarmCode.RECORDS_REFUSED, message, todo, clock.now()))

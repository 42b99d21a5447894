"""Image files: encoded and made durable after the answer; then their records are settled."""

import asyncio
from dataclasses import dataclass, replace

import cv2
import numpy as np

from andon.blobs.folder import FolderBlobs
from andon.domain.feedback import Queue, SendReason
from andon.domain.images import Shape
from andon.domain.inspections import Inspection, Kept, Verdict
from andon.errors import InvalidInput, OperatorError, UserError
from andon.formats.pixels import decode, encode_png, image_digest
from andon.runtime.pixels import Pixels
from andon.station.cameras.frames import Frame
from andon.station.running.loops import Thread
from andon.station.running.watch import Watch
from andon.station.spool.amendments import not_heard
from andon.station.spool.keeping import THUMBNAIL_WORTH, Keep
from andon.station.spool.pictures import StoredBlob
from andon.station.spool.recorder import Recorder
from andon.station.state.line import LineState
from andon.units import digest_of

MAX_WAITING = 64
"""Pictures that wait to be written; what comes beyond is lost, its record is not."""

MAX_UNHEARD = 128
"""Parts whose pictures are seen to while their answers are on their way; beyond, pictures wait for them."""

THUMBNAIL = 160
"""Pixels of a thumbnail's longer side."""

PATIENCE = 120.0

_NOTHING: tuple[StoredBlob, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """A part that was answered, what is to become of its picture, and whether the answer was heard."""

    inspection: Inspection
    frame: Frame | None
    keep: Keep
    heard: "asyncio.Future[bool]"


@dataclass(frozen=True, slots=True)
class _Seen:
    """What became of a part's picture; it is settled when it is known whether the answer was heard."""

    taken: Taken
    inspection: Inspection
    stored: tuple[StoredBlob, ...] = _NOTHING


class ImageWriter:
    """One thread that encodes and writes; records are settled when their image's fate is known.

    An answer that nobody confirms for a while holds up no picture, only the records after it.
    """

    def __init__(self, blobs: FolderBlobs, recorder: Recorder, state: LineState, watch: Watch) -> None:
        self._blobs = blobs
        self._recorder = recorder
        self._state = state
        self._watch = watch
        self._thread = Thread("images")
        self._waiting: asyncio.Queue[Taken] = asyncio.Queue()
        self._unsettled: asyncio.Queue[_Seen] = asyncio.Queue(MAX_UNHEARD)

    def put(self, taken: Taken) -> None:
        """Take one over; returns at once."""
        if self._waiting.qsize() >= MAX_WAITING:
            self._state.shed["images"] += int(taken.keep.image)
            taken = replace(taken, frame=None)
        self._waiting.put_nowait(taken)

    async def run(self) -> None:
        """Write one after the other, and settle them in the same order, until cancelled."""
        try:
            async with asyncio.TaskGroup() as steps:
                steps.create_task(self._write_all())
                steps.create_task(self._settle_all())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures

    async def drained(self) -> None:
        """Wait until all that was put is settled."""
        await self._waiting.join()
        await self._unsettled.join()

    async def _write_all(self) -> None:
        while True:
            taken = await self._waiting.get()
            seen = _Seen(taken, taken.inspection)
            if taken.frame is not None:
                written = await self._written(taken, taken.frame)
                seen = _Seen(replace(taken, frame=None), *written)
            await self._unsettled.put(seen)
            self._waiting.task_done()

    async def _settle_all(self) -> None:
        while True:
            seen = await self._unsettled.get()
            await self._settle(seen.taken, seen.inspection, seen.stored)
            self._unsettled.task_done()

    async def _settle(self, taken: Taken, settled: Inspection, stored: tuple[StoredBlob, ...]) -> None:
        if not await asyncio.shield(taken.heard):  # the output still has it, whoever ends first
            settled = not_heard(settled)
        await self._recorder.settle(settled, stored, _still_so(settled, taken.keep))
        self._state.settle(taken.inspection, settled)

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


def _still_so(settled: Inspection, kept: Keep) -> Keep:
    """Who looks at a part, and why its image is sent, now that it is known what the plant heard.

    Samples are drawn from passes or from rejects; a part that is no longer what it was is in neither.
    """
    verdict, was_pass = settled.decision.verdict, kept.queue is Queue.AUDIT
    if verdict is Verdict.PASS or (verdict is Verdict.REJECT and not was_pass):
        return kept
    choices = tuple(choice for choice in kept.choices if choice.reason is not SendReason.AUDIT)
    return replace(kept, queue=None if was_pass else kept.queue, choices=choices)


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

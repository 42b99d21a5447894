"""What an operator works on: the parts that wait, their pictures, and what is said of them."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.blobs.folder import FolderBlobs
from andon.domain.feedback import Answer, Chosen, Queue, Review
from andon.domain.inspections import Inspection
from andon.domain.parts import part_name
from andon.domain.recipes import Recipe
from andon.errors import Conflict, NotFound, OperatorError
from andon.formats.pixels import Pixels, decode, encode_png
from andon.station.cameras.frames import Frame
from andon.station.running.clock import Clock
from andon.station.running.loops import Thread
from andon.station.spool.choosing import contradicted
from andon.station.spool.images import pixels_of
from andon.station.spool.keeping import REVIEW_WORTH
from andon.station.spool.pictures import StoredBlob
from andon.station.spool.reviews import HeldPart
from andon.station.spool.thread import SpoolThread
from andon.station.state.alarms import Raised, disk_case
from andon.station.state.line import LineState
from andon.station.web.views import answer_fits, picked

LISTED = 12
"""Parts that wait and are listed; the others are counted."""

LARGEST_SIDE = 1024
"""Pixels of a picture on the page."""

QUALITY = 85


@dataclass(frozen=True, slots=True)
class Stock:
    """Where the station keeps things."""

    spool: SpoolThread
    blobs: FolderBlobs


class Desk:
    """The one place from which pages read held parts and to which they bring answers.

    Args:
        stock: of the station.
        state: of the line.
        operator: name written into every review.
    """

    def __init__(self, stock: Stock, state: LineState, clock: Clock, operator: str) -> None:
        self._spool = stock.spool
        self._blobs = stock.blobs
        self._state = state
        self._clock = clock
        self._operator = operator
        self._pictures = Thread("pictures")

    async def held(self) -> tuple[HeldPart, ...]:
        """Parts that wait for a person, newest first, at most ``LISTED``.

        Raises:
            OperatorError: the spool cannot be read.
        """
        return await self._spool.call(self._spool.spool.reviews.held, LISTED)

    async def find(self, inspection: str) -> HeldPart | None:
        """A part that waits, or one of the last parts; None where it is neither."""
        waiting = await self._spool.call(self._spool.spool.reviews.find_held, inspection)
        if waiting is not None:
            return waiting
        return next((picked(part) for part in self.last() if part.id == inspection), None)

    def last(self) -> tuple[Inspection, ...]:
        """The last parts, newest last."""
        return tuple(self._state.strip)

    def named(self, serial: str) -> HeldPart | None:
        """The newest of the last parts that is called ``serial``; None where none of them is."""
        found = [part for part in self.last() if part_name(part.part) == serial]
        return picked(found[-1]) if found else None

    async def say(self, inspection: str, answer: Answer) -> HeldPart:
        """Store what the operator says of a part; on the disk when this returns.

        Raises:
            NotFound: the part does not wait (any more).
            Conflict: the answer does not fit the verdict.
            DiskFull, OperatorError: it could not be stored.
        """
        part = await self.find(inspection)
        if part is None:
            raise NotFound("this part does not wait any more", "Choose another part.")
        verdict = part.inspection.decision.verdict
        if not answer_fits(answer, verdict):
            raise Conflict(f"{answer.value!r} cannot be said of a part that was {verdict.value}")
        review = Review(
            self._clock.new_id(), inspection, answer, part.queue, self._operator, self._clock.now()
        )
        await self._store(review, part)
        self._state.answered(part.inspection, answer, drawn=part.queue is Queue.AUDIT)
        self._state.held = (await self._spool.call(self._spool.spool.counts))[1]
        return part

    async def _store(self, review: Review, part: HeldPart) -> None:
        """What was said, and with it that the picture is sent where it contradicts the verdict."""
        assignment, capture = self._state.assignment, part.inspection.capture
        policy = assignment.send if assignment else None
        choice = contradicted(part.inspection.decision.verdict, review.answer, policy)
        if choice is None:
            await self._spool.call(self._spool.spool.review, review)
            return
        blob = capture.blob if capture else None
        picture: StoredBlob | None = None
        if blob is None and (recent := self._state.recent.find(review.inspection)) is not None:
            picture = await self._from_memory(recent.frame)
        said = (choice.reason, review.at, choice.probability, choice.detail)
        named = picture.digest if picture else None
        chosen = Chosen(self._clock.new_id(), review.inspection, *said, named)
        await self._spool.call(self._spool.spool.review, review, chosen, blob or picture)

    async def _from_memory(self, frame: Frame) -> StoredBlob | None:
        """Its picture, kept only now; None where the disk does not take it: what was said counts more."""
        try:
            return await self._pictures.call(_kept_now, self._blobs, frame)
        except OperatorError as cause:
            self._state.shed["images"] += 1
            todo = cause.todo or "Free some space on the station's disk."
            now = self._clock.now()
            self._state.raise_alarm(Raised(disk_case(cause), cause.message, todo, now))
            return None

    def go_back(self, counter: int) -> Recipe:
        """Ask the station to go back from the assignment ``counter``; gives what it goes back to.

        Raises:
            Conflict: that does not run, or has nothing to go back to.
        """
        runs = self._state.assignment
        if runs is None or runs.counter != counter or runs.fallback is None:
            raise Conflict("what this page offered is no longer what runs", "Load the page again.")
        self._state.asked_back = (counter, self._operator)
        return runs.fallback.recipe

    async def picture(self, inspection: str) -> bytes:
        """A part's picture as JPEG, no side longer than ``LARGEST_SIDE``.

        Raises:
            NotFound: it is not here any more.
            UserError: the image file cannot be read.
        """
        recent = self._state.recent.find(inspection)
        if recent is not None:
            return await self._pictures.call(_frame_jpeg, recent.frame)
        part = await self.find(inspection)
        capture = None if part is None else part.inspection.capture
        content = None
        if capture is not None and capture.blob is not None:
            content = await self._pictures.call(self._kept, self._blobs, capture.blob)
        if content is None and capture is not None and capture.thumbnail is not None:
            content = await self._spool.call(self._spool.spool.pictures.thumbnail, capture.thumbnail)
        if content is None:
            raise NotFound("the picture of this part is not here any more")
        return await self._pictures.call(_file_jpeg, content)

    @staticmethod
    def _kept(blobs: FolderBlobs, digest: str) -> bytes | None:
        try:
            return blobs.get(digest)  # type: ignore[arg-type]
        except NotFound:
            return None


def _kept_now(blobs: FolderBlobs, frame: Frame) -> StoredBlob:
    """A picture that the keep policy did not want, and a person does; durable when this returns."""
    content = frame.content if frame.shape is None else encode_png(pixels_of(frame))
    return StoredBlob(blobs.put(content), len(content), None, REVIEW_WORTH)


def _frame_jpeg(frame: Frame) -> bytes:
    return _jpeg(pixels_of(frame))


def _file_jpeg(content: bytes) -> bytes:
    return _jpeg(decode(content))


def _jpeg(pixels: Pixels) -> bytes:
    shown: NDArray[Any] = pixels
    scale = LARGEST_SIDE / max(shown.shape[:2])
    if scale < 1:
        size = (max(1, round(shown.shape[1] * scale)), max(1, round(shown.shape[0] * scale)))
        shown = cv2.resize(shown, size, interpolation=cv2.INTER_AREA)
    if shown.dtype != np.uint8:
        shown = (shown >> 8).astype(np.uint8)
    plain = shown if shown.ndim == 2 else cv2.cvtColor(shown, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", plain, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()

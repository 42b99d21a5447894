"""Room on the disk: what the hub has is cleared away; when space runs out, images are given up in order."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from andon.blobs.folder import FolderBlobs
from andon.domain.stations import AlarmCode, KeepPolicy
from andon.errors import AndonError
from andon.station.running.clock import Clock
from andon.station.spool.pictures import StoredBlob
from andon.station.spool.thread import SpoolThread
from andon.station.state.alarms import Case, Raised
from andon.station.state.line import LineState


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

    Images of passes go first, then those of parts nobody decided on, then rejects; records never.  Where
    there is a send policy, what it did not choose goes first, in the same order, and alarms nobody.
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
            state.raise_alarm(Raised(Case.DISK_STUCK, cause.message, cause.todo, clock.now()))

    async def _tidied(self, state: LineState, clock: Clock) -> None:
        await self._call(self._drop_spent)
        policy = state.assignment.keep if state.assignment else KeepPolicy()
        shed, unchosen = await self._call(self._shed, policy.max_bytes)
        state.shed["images"] += shed
        if unchosen:
            state.shed["unchosen"] += unchosen
        state.disk_free = self._space.free()
        state.spool, state.held, aside = await self._call(self._spool.counts)
        _alarm_low(state, clock, self._space, shed)
        _alarm_aside(state, clock, aside)

    def _drop_spent(self) -> None:
        for blob in self._spool.pictures.spent(100):
            self._drop(blob)

    def _shed(self, most: int) -> tuple[int, int]:
        """Give up images until the rest fits; gives how many should have gone to the hub, and how many
        a policy had not chosen.
        """
        sent, unchosen, held = 0, 0, self._spool.image_bytes()
        while held > most or self._space.free() < self._space.least:
            cheapest = self._spool.pictures.cheapest(1)
            if not cheapest:
                break
            self._drop(cheapest[0])
            held -= cheapest[0].size
            sent, unchosen = sent + (cheapest[0].worth > 0), unchosen + (cheapest[0].worth <= 0)
        return sent, unchosen

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
        free, count = state.disk_free // 2**20, state.shed["images"]
        message = f"{free} MiB are free; {count} images were given up"
        todo = "Free space on the station's disk, or bring the hub back so that images can leave."
        values = {"free": free, "count": count}
        state.raise_alarm(Raised(Case.DISK_LOW, message, todo, clock.now(), values))


def _alarm_aside(state: LineState, clock: Clock, aside: int) -> None:
    if aside:
        message = f"the hub refuses {aside} records or reviews; they are kept on the station"
        todo = "Look into the hub's log for the reason; they are in the table `aside` of the spool."
        state.raise_alarm(Raised(Case.RECORDS_REFUSED, message, todo, clock.now(), {"count": aside}))

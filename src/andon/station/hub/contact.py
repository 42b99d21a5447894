"""Reports and deliveries to the hub. The line never waits for either."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from andon.blobs.folder import FolderBlobs
from andon.domain.stations import AlarmCode
from andon.errors import AndonError, NetworkError, NotFound, OperatorError, Refused
from andon.station.hub.assignments import Assignments
from andon.station.hub.client import Hub, HubRefused
from andon.station.running.clock import Clock, back_off
from andon.station.running.loops import Thread
from andon.station.running.watch import Watch
from andon.station.spool.pictures import StoredBlob
from andon.station.spool.thread import SpoolThread
from andon.station.state.alarms import Case, Raised, disk_case
from andon.station.state.line import LineState
from andon.wire.deliveries import MAX_RECORDS

REPORT_SECONDS = 2.0
DELIVERY_SECONDS = 0.5
LONGEST_PAUSE = 15.0
PATIENCE = 120.0

MAX_DELIVERY = 8 * 2**20
"""Bytes of one delivery."""

PIECE = 2**20
"""Bytes of one piece of a blob."""

NOT_THIS_RECORD = frozenset({400, 409, 413, 422})
"""HTTP statuses that say that what was sent is wrong; others say that the hub is."""


class HubContact:
    """Whether the hub is there, as several loops find it."""

    def __init__(self, state: LineState, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._away: dict[str, str] = {}

    def failed(self, loop: str, cause: AndonError) -> None:
        """A loop got no answer, or one it cannot use."""
        self._away[loop] = cause.message
        todo = f"{cause.todo} Parts are judged and kept here as long as there is disk.".strip()
        case = Case.HUB_SILENT if isinstance(cause, NetworkError) else Case.HUB_REFUSES
        self._state.raise_alarm(Raised(case, cause.message, todo, self._clock.now()))

    def answered(self, loop: str) -> None:
        """A loop got its answer."""
        self._away.pop(loop, None)
        if not self._away:
            self._state.clear_alarm(AlarmCode.HUB_AWAY)


@dataclass(frozen=True, slots=True)
class Link:
    """What both loops need: the hub, whether it is there, who supervises, and time."""

    hub: Hub
    contact: HubContact
    watch: Watch
    clock: Clock


class Reports:
    """Says every two seconds how the station is, and hears which assignment it should run."""

    def __init__(self, link: Link, state: LineState, assignments: Assignments) -> None:
        self._link = link
        self._state = state
        self._assignments = assignments
        self._thread = Thread("reports")

    async def run(self) -> None:
        """Until cancelled."""
        clock = self._link.clock
        while True:
            report = self._state.report(clock.now(), clock.monotonic())
            try:
                with self._link.watch.step("reports", PATIENCE):
                    answer = await self._thread.call(self._link.hub.report, report)
            except AndonError as cause:
                self._link.contact.failed("reports", cause)
            else:
                self._link.contact.answered("reports")
                self._assignments.wanted = answer.counter
            await clock.sleep(REPORT_SECONDS)


class Uploads:
    """Hands records, reviews and pictures over; what has no receipt stays."""

    def __init__(self, link: Link, spool: SpoolThread, images: FolderBlobs, state: LineState) -> None:
        self._link = link
        self._call = spool.call
        self._spool = spool.spool
        self._images = images
        self._state = state
        self._thread = Thread("uploads")
        self._batch = MAX_RECORDS

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            try:
                with self._link.watch.step("uploads", PATIENCE):
                    more = await self.step()
            except AndonError as cause:
                failures += 1
                self._failed(cause)
                await self._link.clock.sleep(back_off(self._link.clock, failures, LONGEST_PAUSE))
                continue
            failures = 0
            self._link.contact.answered("uploads")
            if not more:
                await self._link.clock.sleep(DELIVERY_SECONDS)

    def _failed(self, cause: AndonError) -> None:
        """The hub's fault, or that of the disk here, which cannot forget what it should."""
        if not isinstance(cause, OperatorError):
            self._link.contact.failed("uploads", cause)
            return
        alarm = Raised(disk_case(cause), cause.message, cause.todo, self._link.clock.now())
        self._state.raise_alarm(alarm)

    async def step(self) -> bool:
        """One delivery and some pictures; whether more waits.

        Raises:
            NetworkError: the hub is away. HubRefused: it will have nothing of this station.
        """
        more = await self._deliver()
        for blob in await self._call(self._spool.pictures.wanted, 20):
            await self._upload(blob)
            self._link.watch.progress("uploads", PATIENCE)
            more = True
        return more

    async def _deliver(self) -> bool:
        batch = self._batch
        waiting = await self._call(self._spool.waiting, batch)
        records = _fitting(waiting.records)
        # One at a time while looking for what the hub cannot read.
        reviews = () if records and batch == 1 else waiting.reviews
        if not records and not reviews:
            return False
        texts = [text for _, text in records], [text for _, text in reviews]
        try:
            receipt = await self._thread.call(self._link.hub.deliver, *texts)
        except HubRefused as cause:
            await self._narrow(cause, [*records, *reviews])
            return True
        refused = {refusal.id: refusal.reason for refusal in receipt.refused}
        await self._call(self._spool.receipted, receipt.accepted, refused, receipt.wanted)
        self._batch = min(MAX_RECORDS, 2 * batch)
        is_all = len(waiting.records) < batch and len(records) == len(waiting.records)
        return not is_all and bool(receipt.accepted or refused)

    async def _narrow(self, cause: HubRefused, sent: Sequence[tuple[str, str]]) -> None:
        """One record that no hub can read must not hold up the rest: find it, and put it aside.

        Raises:
            HubRefused: it is not what was sent that is wrong.
        """
        if cause.status not in NOT_THIS_RECORD:
            raise cause
        if len(sent) > 1 and self._batch > 1:
            self._batch = max(1, min(self._batch, len(sent)) // 2)
            return
        refused: Mapping[str, str] = {identifier: cause.message for identifier, _ in sent}
        await self._call(self._spool.receipted, (), refused, ())

    async def _upload(self, blob: StoredBlob) -> None:
        content = blob.content
        if content is None:
            content = await self._thread.call(self._bytes_of, blob)
        if content is None:
            self._state.shed["images"] += 1
            await self._call(self._spool.forget, blob.digest)
            return
        try:
            await self._thread.call(self._send, blob, content)
        except HubRefused as cause:
            if cause.status not in NOT_THIS_RECORD:
                raise
            self._state.shed["images"] += 1
        await self._call(self._spool.pictures.uploaded, blob.digest)

    def _bytes_of(self, blob: StoredBlob) -> bytes | None:
        """The file's bytes; None where it is gone or was altered."""
        try:
            return self._images.get(blob.digest)
        except (NotFound, Refused):
            return None

    def _send(self, blob: StoredBlob, content: bytes) -> None:
        """Go on where the hub has got to; a small blob is sent whole, without asking."""
        total = len(content)
        first = 0
        if total > PIECE:
            here = self._link.hub.received(blob.digest)
            if here.complete:
                return
            first = here.received
        while True:
            known = self._link.hub.send(blob.digest, content[first : first + PIECE], first, total)
            self._link.watch.progress("uploads", PATIENCE)
            if known.complete:
                return
            if known.received <= first:
                raise NetworkError(f"the hub does not take blob {blob.digest[:12]}")
            first = known.received


def _fitting(records: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """As many from the start as one delivery may hold, at least one."""
    sizes = accumulate(len(text) for _, text in records)
    fits = sum(size <= MAX_DELIVERY for size in sizes)
    return tuple(records[: max(1, fits)])

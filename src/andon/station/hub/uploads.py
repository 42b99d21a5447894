"""Deliveries to the hub: records, reviews, choices; then pictures. What has no receipt stays."""

from collections.abc import Mapping, Sequence
from itertools import accumulate

from andon.blobs.folder import FolderBlobs
from andon.errors import AndonError, OperatorError
from andon.station.hub.client import HubRefused
from andon.station.hub.contact import NOT_THIS_RECORD, PATIENCE, Link
from andon.station.hub.pictures import PictureUploads
from andon.station.running.clock import back_off
from andon.station.running.loops import Thread
from andon.station.spool.amendments import Text
from andon.station.spool.records import Waiting
from andon.station.spool.thread import SpoolThread
from andon.station.state.alarms import Raised, disk_case
from andon.station.state.line import LineState
from andon.wire.deliveries import MAX_RECORDS

DELIVERY_SECONDS = 0.5
LONGEST_PAUSE = 15.0

MAX_DELIVERY = 8 * 2**20
"""Bytes of one delivery's records."""


class Uploads:
    """Hands records, reviews, choices and pictures over."""

    def __init__(self, link: Link, spool: SpoolThread, images: FolderBlobs, state: LineState) -> None:
        self._link = link
        self._call = spool.call
        self._spool = spool.spool
        self._state = state
        self._thread = Thread("uploads")
        self._pictures = PictureUploads(link, spool, images, state)
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
        return await self._pictures.step() or more

    async def _deliver(self) -> bool:
        batch = self._batch
        waiting = await self._call(self._spool.waiting, batch)
        sent = _sent(waiting, batch)
        if not sent:
            return False
        texts = {field: [text for _, text in items] for field, items in sent.items()}
        try:
            receipt = await self._thread.call(self._link.hub.deliver, texts)
        except HubRefused as cause:
            await self._narrow(cause, [item for items in sent.values() for item in items])
            return True
        refused = {refusal.id: refusal.reason for refusal in receipt.refused}
        await self._call(self._spool.receipted, receipt.accepted, refused, receipt.wanted)
        self._batch = min(MAX_RECORDS, 2 * batch)
        is_all = len(waiting.records) < batch and len(sent.get("records", ())) == len(waiting.records)
        return not is_all and bool(receipt.accepted or refused)

    async def _narrow(self, cause: HubRefused, sent: Sequence[Text]) -> None:
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


def _sent(waiting: Waiting, batch: int) -> dict[str, tuple[Text, ...]]:
    """What one delivery holds, by its field; one thing while looking for what the hub cannot read."""
    fields = {
        "records": _fitting(waiting.records),
        "reviews": waiting.reviews,
        "chosen": waiting.chosen,
        "given_up": waiting.given_up,
    }
    known = {field: items for field, items in fields.items() if items}
    return known if batch > 1 else dict(list(known.items())[:1])


def _fitting(records: Sequence[Text]) -> tuple[Text, ...]:
    """As many from the start as one delivery may hold, at least one."""
    sizes = accumulate(len(text) for _, text in records)
    fits = sum(size <= MAX_DELIVERY for size in sizes)
    return tuple(records[: max(1, fits)])

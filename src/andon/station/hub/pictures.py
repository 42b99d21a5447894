"""Pictures on their way to the hub: thumbnails always, the others as the policy says."""

from andon.blobs.folder import FolderBlobs
from andon.domain.feedback import SendPolicy, SendReason
from andon.domain.stations import Sending
from andon.errors import NetworkError, NotFound, Refused
from andon.station.hub.client import HubRefused
from andon.station.hub.contact import NOT_THIS_RECORD, PATIENCE, Link
from andon.station.hub.pace import LAST, Bucket, last_reason, piece_of
from andon.station.running.loops import Thread
from andon.station.spool.keeping import THUMBNAIL_WORTH
from andon.station.spool.pictures import StoredBlob
from andon.station.spool.thread import SpoolThread
from andon.station.state.line import LineState

AT_ONCE = 20
"""Pictures between two deliveries of records."""


class PictureUploads:
    """Sends blobs that the hub waits for; what is cut off goes on where the hub has got to."""

    def __init__(self, link: Link, spool: SpoolThread, images: FolderBlobs, state: LineState) -> None:
        self._link = link
        self._call = spool.call
        self._spool = spool.spool
        self._images = images
        self._state = state
        self._thread = Thread("pictures to the hub")
        self._bucket = Bucket()

    async def step(self) -> bool:
        """Some pictures; whether more could go at once.

        Raises:
            NetworkError: the hub is away. HubRefused: it will have nothing of this station.
        """
        assignment = self._state.assignment
        policy = assignment.send if assignment else None
        if policy is None:
            self._state.sending = None
            return await self._send_all(await self._call(self._spool.pictures.wanted, AT_ONCE), None)
        small = await self._call(self._spool.pictures.wanted, AT_ONCE, THUMBNAIL_WORTH)
        went = await self._send_all(small, None)
        return await self._send_chosen(policy) or went

    async def _send_chosen(self, policy: SendPolicy) -> bool:
        """One picture, so that the quota is asked again before the next."""
        now = self._link.clock.now()
        sent = await self._call(self._spool.pictures.sent_on, now[:10])
        last = last_reason(policy, now, sent)
        chosen = await self._call(self._spool.chosen.wanted, 1, last) if last else ()
        went = await self._send_all(chosen, policy.bytes_per_second)
        held = "bandwidth" if chosen and not went else _held_by(last)
        waiting = await self._call(self._spool.chosen.count)
        self._state.sending = Sending(waiting, sent + went, held if waiting else "")
        return went

    async def _send_all(self, blobs: tuple[StoredBlob, ...], rate: int | None) -> bool:
        """Whether any of them needs no more to be sent."""
        went = False
        for blob in blobs:
            if self._bucket.is_ready(rate, self._link.clock.monotonic()):
                went = await self._upload(blob, rate) or went
                self._link.watch.progress("uploads", PATIENCE)
        return went

    async def _upload(self, blob: StoredBlob, rate: int | None) -> bool:
        content = blob.content
        if content is None:
            content = await self._thread.call(self._bytes_of, blob)
        if content is None:
            self._state.shed["images"] += 1
            await self._call(self._spool.forget, blob.digest)
            return True
        try:
            if not await self._thread.call(self._send, blob, content, rate):
                return False
        except HubRefused as cause:
            if cause.status not in NOT_THIS_RECORD:
                raise
            self._state.shed["images"] += 1
            await self._call(self._spool.not_taken, blob.digest)
            return True
        await self._call(self._spool.uploaded, blob.digest, self._link.clock.now()[:10])
        return True

    def _bytes_of(self, blob: StoredBlob) -> bytes | None:
        """The file's bytes; None where it is gone or was altered."""
        try:
            return self._images.get(blob.digest)
        except (NotFound, Refused):
            return None

    def _send(self, blob: StoredBlob, content: bytes, rate: int | None) -> bool:
        """Go on where the hub has got to, as long as the bandwidth lasts; whether it has all of it.

        A small blob is sent whole, without asking.
        """
        total, piece = len(content), piece_of(rate)
        first = 0
        if total > piece:
            here = self._link.hub.received(blob.digest)
            if here.complete:
                return True
            first = here.received
        while True:
            part = content[first : first + piece]
            known = self._link.hub.send(blob.digest, part, first, total)
            if rate is not None:
                self._bucket.take(len(part))
            self._link.watch.progress("uploads", PATIENCE)
            if known.complete:
                return True
            if known.received <= first:
                raise NetworkError(f"the hub does not take blob {blob.digest[:12]}")
            first = known.received
            if not self._bucket.is_ready(rate, self._link.clock.monotonic()):
                return False


def _held_by(last: SendReason | None) -> str:
    if last is None:
        return "hours"
    return "" if last is LAST else "quota"

"""A station's spool, its shelves and its uploads on a hand clock, without a line."""

import asyncio
import itertools
import os
from dataclasses import replace
from pathlib import Path

import httpx
from simulators.hub_twin import HubTwin
from simulators.station_parts import AT, HandClock, record

from andon.blobs.folder import FolderBlobs
from andon.domain.feedback import Chosen, SendPolicy, SendReason
from andon.domain.inspections import Kept
from andon.domain.recipes import Recipe
from andon.domain.stations import Assignment, KeepPolicy
from andon.station.hub.client import Hub
from andon.station.hub.contact import HubContact, Link
from andon.station.hub.uploads import Uploads
from andon.station.running.loops import Thread
from andon.station.running.watch import Watch
from andon.station.spool.keeping import THUMBNAIL_WORTH
from andon.station.spool.pictures import StoredBlob
from andon.station.spool.records import Spool
from andon.station.spool.shelves import Shelves, Space
from andon.station.spool.thread import SpoolThread
from andon.station.state.line import LineState
from andon.units import Digest, digest_of, uuid7

_NUMBERS = itertools.count(1_700_000_000_000)


class Sender:
    """A station's spool and its uploads, on a hand clock."""

    def __init__(self, folder: Path, hub: HubTwin) -> None:
        self.hand = HandClock()
        clock = self.hand.clock
        self.spool = Spool(folder / "spool.db")
        self.images = FolderBlobs(folder / "images")
        self.state = LineState("st-1", "line-1", "test", AT)
        client = httpx.Client(base_url=hub.address, timeout=10)
        watch = Watch(clock.monotonic)
        link = Link(Hub(client, "st-1"), HubContact(self.state, clock), watch, clock)
        thread = SpoolThread(self.spool, Thread("spool"))
        self.uploads = Uploads(link, thread, self.images, self.state)
        self.shelves = Shelves(thread, self.images, Space(folder, 0))

    def close(self) -> None:
        self.spool.close()

    def send(self, policy: SendPolicy | None, keep: KeepPolicy | None = None) -> None:
        """Follow this policy from now on."""
        recipe = Recipe("plain", 1, None, Digest("1" * 64), {})
        given = Assignment("st-1", 1, recipe, (), keep or KeepPolicy(), 200.0, "me", AT)
        self.state.assignment = replace(given, send=policy)

    def parts(self, *names: str) -> None:
        for name in names:
            self.spool.settle(self.spool.record(record(name)))

    def picture(self, content: bytes, *reasons: SendReason) -> Digest:
        """A part whose picture is kept, chosen for ``reasons``."""
        digest = self.images.put(content)
        written = self.spool.record(record("pictured"))
        assert written.capture is not None
        capture = replace(written.capture, kept=Kept.KEPT, blob=digest, size=len(content))
        blob = StoredBlob(digest, len(content), None, 3)
        chosen = [Chosen(uuid7(next(_NUMBERS), os.urandom(10)), written.id, why, AT) for why in reasons]
        self.spool.settle(replace(written, capture=capture), (blob,), None, (), chosen)
        return digest

    def thumbnail(self, content: bytes) -> None:
        """A part of which nothing is kept but a small picture."""
        written = self.spool.record(record("seen"))
        assert written.capture is not None
        small = StoredBlob(digest_of(content), len(content), content, THUMBNAIL_WORTH)
        capture = replace(written.capture, thumbnail=small.digest)
        self.spool.settle(replace(written, capture=capture), (small,))

    def tidy(self) -> None:
        """One round of the shelves."""
        asyncio.run(self.shelves.tidy(self.state, self.hand.clock))

    def drain(self, steps: int = 50) -> None:
        async def all_of_it() -> None:
            for _ in range(steps):
                if not await self.uploads.step():
                    return
            raise AssertionError("it does not end")

        asyncio.run(all_of_it())

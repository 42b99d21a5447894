"""Which nouns were written to: one poller of the database for all who listen, asleep while nobody does."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from andon.errors import AndonError
from andon.services.workspaces import now
from andon.store.changes import Mark, marks
from andon.store.database import Database
from andon.units import Timestamp

LOG = logging.getLogger("andon.hub")

INTERVAL_SECONDS = 0.5
"""Between two looks at the database."""

KEEP_ALIVE_SECONDS = 15.0
"""A listener hears something at least that often, so that one who left is noticed."""


Marks = Mapping[str, Mark]


@dataclass(frozen=True, slots=True)
class Change:
    """Nouns that were written to since the one before; none in the first and in one that keeps alive."""

    nouns: tuple[str, ...]
    at: Timestamp


class Changes:
    """Tells listeners what changed; lives on one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: set[asyncio.Queue[Change | None]] = set()
        self._stopping = False
        self._wanted = asyncio.Event()
        self._looked = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Look at the database while the block runs."""
        self._loop = asyncio.get_running_loop()
        poller = asyncio.create_task(self._poll(), name="changes")
        try:
            yield
        finally:
            self._end()
            poller.cancel()
            await asyncio.gather(poller, return_exceptions=True)

    def stop(self) -> None:
        """End all streams; safe to call from a signal handler."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end)

    async def follow(self) -> AsyncIterator[Change]:
        """What changes from the first answer on, which names nothing; ends when the hub stops."""
        heard: asyncio.Queue[Change | None] = asyncio.Queue()
        self._listeners.add(heard)
        self._wanted.set()
        try:
            await self._looked.wait()
            change: Change | None = Change((), now())
            while change is not None and not self._stopping:
                yield change
                change = await self._next(heard)
        finally:
            self._listeners.discard(heard)

    async def _next(self, heard: asyncio.Queue[Change | None]) -> Change | None:
        try:
            return await asyncio.wait_for(heard.get(), KEEP_ALIVE_SECONDS)
        except TimeoutError:
            return Change((), now())

    def _end(self) -> None:
        self._stopping = True
        self._looked.set()
        self._tell(None)

    def _tell(self, change: Change | None) -> None:
        for heard in self._listeners:
            heard.put_nowait(change)

    async def _poll(self) -> None:
        before: Marks | None = None
        while True:
            if not self._listeners:
                before = None
                self._looked.clear()
                self._wanted.clear()
                await self._wanted.wait()
            before = await asyncio.to_thread(self._look, before)
            if before is not None:
                self._looked.set()
            await asyncio.sleep(INTERVAL_SECONDS)

    def _look(self, before: Marks | None) -> Marks | None:
        """The marks now; tells listeners how they differ from those ``before``."""
        try:
            with self._database.read() as tx:
                after = marks(tx)
        except AndonError as failed:
            LOG.error("cannot see what changed: %s %s", failed.message, failed.todo)
            return before
        nouns = tuple(name for name in after if before is not None and after[name] != before[name])
        if nouns and self._loop is not None:
            self._loop.call_soon_threadsafe(self._tell, Change(nouns, now()))
        return after

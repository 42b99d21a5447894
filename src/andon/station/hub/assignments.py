"""What the station runs: fetched, verified, made durable, swapped in; after a restart without the hub."""

import json
import shutil
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from andon.blobs.folder import FolderBlobs
from andon.domain.serial import canonical, from_json
from andon.domain.stations import AlarmCode, Assignment
from andon.errors import AndonError, NetworkError, NotFound, OperatorError, Refused
from andon.runtime.package import load_package, package_digest, seal, write_package
from andon.station.hub.client import Hub
from andon.station.inspecting.inspectors import Inspectors, Prepared
from andon.station.inspecting.judgements import Setup
from andon.station.running.clock import Clock, back_off
from andon.station.running.loops import Thread
from andon.station.spool.thread import SpoolThread
from andon.station.state.alarms import Case, Raised
from andon.station.state.line import LineState
from andon.trust.assignments import SignedAssignment, verify
from andon.trust.keys import PublicKey
from andon.units import Digest

ROUND = 0.5
LONGEST_PAUSE = 15.0
REFUSED_PAUSE = 60.0
"""Seconds before what was refused is tried again."""


@dataclass(frozen=True, slots=True)
class Library:
    """Where packages and templates lie, and what they are opened with.

    Attributes:
        packages: folder; each package in one named by its digest.
        templates: pictures to locate parts by.
        threads: of the engine.
        hub_key: base64, where somebody told the station; None trusts the hub it meets first.
    """

    packages: Path
    templates: FolderBlobs
    threads: int = 1
    hub_key: str | None = None


class Keeper:
    """The blocking half: hub and disk; called in a thread of its own."""

    def __init__(self, hub: Hub, library: Library, station: str) -> None:
        self._hub = hub
        self._library = library
        self._station = station

    def stored(self, text: str, key: str, floor: int) -> Assignment:
        """The assignment that ran before a restart.

        Raises:
            Refused: it was altered on the disk, or is not the hub's.
        """
        return verify(from_json(SignedAssignment, json.loads(text)), PublicKey(key), self._station, floor)

    @property
    def told(self) -> str | None:
        """The hub's key, where somebody told the station: it counts more than what it knows."""
        return self._library.hub_key

    def met(self) -> str:
        """The hub's key as the hub says it: believed once, when they first meet."""
        return self._hub.key().text

    def fetch(self, key: str, floor: int) -> tuple[Assignment, str]:
        """The newest assignment, and its signed text to keep."""
        signed = self._hub.assignment()
        return verify(signed, PublicKey(key), self._station, floor), canonical(signed).decode()

    def prepare(self, assignment: Assignment) -> Prepared:
        """Bring package and template to the disk, where they are not there and whole.

        Raises:
            NetworkError: the hub is needed and away. Refused: what it gives is not what was signed.
        """
        recipe = assignment.recipe
        folder = self._library.packages / recipe.package
        try:
            load_package(folder, recipe.package)
        except (Refused, OperatorError):
            self._download(folder, recipe.package)
        template = None if recipe.locate is None else self._template(recipe.locate.template)
        setup = Setup(
            folder=str(folder),
            package=recipe.package,
            recipe=recipe,
            variants=assignment.variants,
            threads=self._library.threads,
            template=None if template is None else b64encode(template).decode(),
        )
        return Prepared(assignment, setup)

    def _download(self, folder: Path, package: Digest) -> None:
        manifest = self._hub.manifest(package)
        graph, golden = self._hub.package_files(package, manifest)
        if package_digest(seal(manifest, graph, golden)) != package:
            raise Refused(
                f"the package that came is not {package[:12]}", "Look at the hub's disk: its files changed."
            )
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_package(folder, manifest, graph, golden)

    def _template(self, digest: Digest) -> bytes:
        try:
            return self._library.templates.get(digest)
        except (NotFound, Refused):
            content = self._hub.blob(digest)
            self._library.templates.path(digest).unlink(missing_ok=True)
            self._library.templates.put(content)
            return content


class Assignments:
    """Sees to it that the newest assignment runs.

    Attributes:
        wanted: counter that the hub named last; 0 while it named none.
    """

    def __init__(
        self, keeper: Keeper, inspectors: Inspectors, spool: SpoolThread, state: LineState, clock: Clock
    ) -> None:
        self.wanted = 0
        self._keeper = keeper
        self._inspectors = inspectors
        self._spool = spool
        self._state = state
        self._clock = clock
        self._thread = Thread("assignments")
        self._order: _Order | None = None
        self._refused = (0, 0.0)

    async def run(self) -> None:
        """Run what ran before, then follow the hub, until cancelled."""
        await self._guarded(self._resume)
        failures = 0
        while True:
            failures = 0 if await self._guarded(self._follow) else failures + 1
            pause = back_off(self._clock, failures, LONGEST_PAUSE) if failures else ROUND
            await self._clock.sleep(pause)

    async def _guarded(self, step: Callable[[], Awaitable[None]]) -> bool:
        """Whether the step did what it should; what is refused becomes an alarm, the old one goes on."""
        try:
            await step()
        except NetworkError:
            # The loop that reports raises the alarm for it; what is to be done stays to be done.
            return False
        except AndonError as cause:
            self._refuse(cause)
            return False
        return True

    async def _resume(self) -> None:
        """Without the hub: a station goes on after a restart with what it had."""
        text = await self._spool.call(self._spool.spool.facts.assignment)
        key = await self._spool.call(self._spool.spool.facts.hub_key)
        if text is None or key is None:
            self._alarm_none()
            return
        floor = await self._spool.call(self._spool.spool.facts.floor)
        self._order = _Order(self._keeper.stored(text, key, floor), text)
        self._state.assignment = self._order.assignment

    async def _follow(self) -> None:
        """Fetch what the hub wants to run, where it is newer; then run what is to be run."""
        if self._inspectors.spoiled and self._inspectors.prepared and self._order is None:
            self._order = _Order(self._inspectors.prepared.assignment, None)
        if self._is_new(self.wanted):
            self._order = await self._fetched()
        if self._order is not None:
            await self._carry_out(self._order)

    def _is_new(self, counter: int) -> bool:
        if not counter or counter == self._counter():
            return False
        refused, until = self._refused
        return counter != refused or self._clock.monotonic() >= until

    def _counter(self) -> int:
        """Of what is to be run, else of what runs."""
        if self._order is not None:
            return self._order.assignment.counter
        return self._inspectors.prepared.assignment.counter if self._inspectors.prepared else 0

    async def _fetched(self) -> "_Order":
        known = await self._spool.call(self._spool.spool.facts.hub_key)
        key = self._keeper.told or known
        if key is None:
            key = await self._thread.call(self._keeper.met)
        if key != known:
            await self._spool.call(self._spool.spool.facts.keep_hub_key, key)
        floor = await self._spool.call(self._spool.spool.facts.floor)
        return _Order(*await self._thread.call(self._keeper.fetch, key, floor))

    async def _carry_out(self, order: "_Order") -> None:
        prepared = await self._thread.call(self._keeper.prepare, order.assignment)

        async def keep() -> None:
            """The floor rises before the first part is judged by it."""
            if order.text is not None:
                counter = order.assignment.counter
                await self._spool.call(self._spool.spool.facts.keep_assignment, order.text, counter)

        await self._inspectors.swap(prepared, keep)
        self._order = None
        self._state.clear_alarm(AlarmCode.PACKAGE_REFUSED)

    def _refuse(self, cause: AndonError) -> None:
        """What runs goes on; the same is tried again after a while, something newer at once."""
        counter = self._order.assignment.counter if self._order else self.wanted
        self._refused = (counter, self._clock.monotonic() + REFUSED_PAUSE)
        self._order = None if self._inspectors.prepared else self._order
        now, values = self._clock.now(), {"counter": counter}
        alarm = Raised(Case.ASSIGNMENT_REFUSED, cause.message, cause.todo, now, values)
        self._state.raise_alarm(alarm)

    def _alarm_none(self) -> None:
        message = "the station has no assignment: every part is NO-DECISION"
        todo = "Assign a recipe to this station on the hub's page Stations."
        self._state.raise_alarm(Raised(Case.NOTHING_ASSIGNED, message, todo, self._clock.now()))


@dataclass(frozen=True, slots=True)
class _Order:
    """An assignment to be run; ``text`` is its signed form to keep, None where it is kept already."""

    assignment: Assignment
    text: str | None

"""The station: builds its parts from settings, runs its loops, and ends in order."""

import asyncio
import gc
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx

from andon import __version__
from andon.blobs.files import disk_errors
from andon.blobs.folder import FolderBlobs
from andon.blobs.locks import alone
from andon.errors import AndonError
from andon.runtime.telemetry import forbid
from andon.station.drivers import camera_of, output_of
from andon.station.hub.assignments import Assignments
from andon.station.hub.client import Hub
from andon.station.hub.contact import HubContact, Link, Reports
from andon.station.hub.library import Keeper, Library
from andon.station.hub.rollbacks import WayBack
from andon.station.hub.shadows import Shadows
from andon.station.hub.uploads import Uploads
from andon.station.inspecting.inspectors import Inspectors
from andon.station.line.line import Books, Ends, Line
from andon.station.running.clock import Clock, system_clock
from andon.station.running.loops import Loop, Thread, run_apart, run_together
from andon.station.running.watch import Watch
from andon.station.settings import Settings
from andon.station.spool.images import ImageWriter
from andon.station.spool.recorder import Recorder
from andon.station.spool.records import Spool
from andon.station.spool.shadows import ShadowSpool
from andon.station.spool.shelves import Shelves, Space
from andon.station.spool.thread import SpoolThread
from andon.station.state.line import LineState
from andon.station.web.desk import Stock
from andon.station.web.open import PageSettings, open_page
from andon.station.web.serve import PageServer

SWITCH_SECONDS = 0.0005
"""How long a busy thread may keep the interpreter while the loop waits for it."""

HTTP_SECONDS = 15.0
TIDY_SECONDS = 1.0
PULSE_SECONDS = 0.5
PULSE_PATIENCE = 15.0
FINISH_SECONDS = 5.0
"""How long parts and pictures at work may take after the station was told to stop."""


def serve(settings: Settings) -> None:
    """Inspect until told to stop (SIGTERM, Ctrl-C); the address of the page is said on stderr first.

    Raises:
        Conflict: another station works in this folder.
        InvalidInput: a driver does not take its settings.
        OperatorError: the folder cannot be used, or a loop ended; its reason is in the message.
        BugError: a loop died of something that Andon does not know.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    with disk_errors(settings.folder):
        settings.folder.mkdir(parents=True, exist_ok=True)
    with alone(settings.folder / "lock", f"station {settings.name}"):
        asyncio.run(_serve(settings, system_clock()))


async def _serve(settings: Settings, clock: Clock) -> None:
    watch = Watch(clock.monotonic)
    station = await asyncio.to_thread(_opened, settings, clock, watch)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    page = station.state.page
    sys.stderr.write(f"Andon station {settings.name}: {page}  (hub {settings.hub}, {settings.folder})\n")
    sys.stderr.flush()
    gc.collect()
    gc.freeze()
    guard = watch.guard()
    try:
        await run_together(_loops(station, clock, watch), lambda: _until(station, stop))
    finally:
        guard.set()
        await station.inspectors.close()
        await asyncio.to_thread(station.shadows.close)
        await asyncio.to_thread(station.spool.thread.close)
        station.spool.spool.close()


@dataclass(frozen=True, slots=True)
class _Station:
    """All parts of a running station."""

    state: LineState
    spool: SpoolThread
    blobs: FolderBlobs
    inspectors: Inspectors
    recorder: Recorder
    images: ImageWriter
    shelves: Shelves
    line: Line
    assignments: Assignments
    way_back: WayBack
    shadows: Shadows
    reports: Reports
    uploads: Uploads
    ends: Ends
    page: PageServer


def _opened(settings: Settings, clock: Clock, watch: Watch) -> _Station:
    state = LineState(settings.name, settings.line, __version__, clock.now())
    spool = SpoolThread(Spool(settings.folder / "spool.db"), Thread("spool"))
    spool.spool.reap()
    blobs = FolderBlobs(settings.folder / "images")
    recorder = Recorder(spool, state, clock)
    images = ImageWriter(blobs, recorder, state, watch)
    inspectors = Inspectors(settings.frame_bytes, state, clock)
    camera = camera_of(settings.camera, clock)
    output = output_of(settings.output, state, clock)
    ends = Ends(camera, output, watch, settings.queue, settings.stall)
    hub = Hub(httpx.Client(base_url=settings.hub, timeout=HTTP_SECONDS), settings.name)
    keeper = Keeper(hub, _library(settings), settings.name)
    assignments = Assignments(keeper, inspectors, spool, state, clock)
    page = PageSettings(settings.page_host, settings.page_port)
    link = Link(hub, HubContact(state, clock), watch, clock)
    return _Station(
        state=state,
        spool=spool,
        blobs=blobs,
        inspectors=inspectors,
        recorder=recorder,
        images=images,
        shelves=Shelves(spool, blobs, Space(settings.folder, settings.min_free)),
        line=Line(ends, Books(recorder, images), inspectors, state, clock),
        assignments=assignments,
        way_back=WayBack(keeper, inspectors, spool, state, clock),
        shadows=Shadows(link, ShadowSpool(settings.folder / "shadows.db"), inspectors.beside, state),
        reports=Reports(link, state, assignments),
        uploads=Uploads(link, spool, blobs, state),
        ends=ends,
        page=open_page(page, Stock(spool, blobs), state, clock),
    )


def _library(settings: Settings) -> Library:
    folder: Path = settings.folder
    templates = FolderBlobs(folder / "templates")
    return Library(folder / "packages", templates, settings.threads, settings.hub_key)


def _loops(station: _Station, clock: Clock, watch: Watch) -> tuple[Loop, ...]:
    async def pulse() -> None:
        """Shows that the loop itself turns."""
        while True:
            watch.progress("pulse", PULSE_PATIENCE)
            await clock.sleep(PULSE_SECONDS)

    async def tidy() -> None:
        while True:
            with watch.step("tidy", HTTP_SECONDS * 4):
                await station.shelves.tidy(station.state, clock)
            await clock.sleep(TIDY_SECONDS)

    return (
        Loop("pulse", pulse),
        Loop("records", station.recorder.run),
        Loop("images", station.images.run),
        Loop("inspector", station.inspectors.run),
        Loop("beside", station.inspectors.beside.run),
        Loop("output", station.ends.output.run),
        Loop("line", station.line.judge),
        Loop("camera", station.line.take),
        Loop("assignments", station.assignments.run),
        Loop("way back", station.way_back.run),
        Loop("shadows", station.shadows.run),
        Loop("shadow uploads", station.shadows.upload),
        Loop("reports", station.reports.run),
        Loop("uploads", station.uploads.run),
        Loop("tidy", tidy),
        Loop("page", lambda: run_apart("page", station.page.run)),
    )


async def _until(station: _Station, stop: asyncio.Event) -> None:
    """Wait for the word to stop; then finish the parts at work, and no others."""
    await stop.wait()
    station.line.close()
    for work in (station.line.drained(), station.images.drained()):
        try:
            await asyncio.wait_for(work, FINISH_SECONDS)
        except TimeoutError:
            sys.stderr.write("andon: parts at work were not finished in time; their records are kept\n")


def run() -> int:
    """`python -m andon.station FILE`: run a station from its settings file. Gives the exit code."""
    from andon.station.settings import read_settings

    forbid()
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m andon.station SETTINGS.toml\n")
        return 2
    try:
        serve(read_settings(Path(sys.argv[1]), {}))
    except AndonError as failure:
        sys.stderr.write(f"andon: {failure.message}\n  {failure.todo}\n")
        return failure.exit_code
    return 0

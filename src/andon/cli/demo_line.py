"""The demo's second half: hub, worker and station as real programs, and parts that pass by."""

import csv
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from andon.cli.session import talk
from andon.domain.parts import serial_key
from andon.domain.stations import StationReport
from andon.errors import NotFound, OperatorError
from andon.services.stations import AssignmentRequest, assign, find_station
from andon.services.workspaces import Workspace

STATION, LINE = "demo-station", "demo-line"
HUB_PORT, PAGE_PORT = 8400, 8401
START_SECONDS, DRAIN_SECONDS, STOP_SECONDS = 120.0, 120.0, 20.0
LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class LineFolder:
    """Where the running half of the demo keeps its files; made anew each time, except the workspace."""

    root: Path

    @property
    def settings(self) -> Path:
        """What the station is told."""
        return self.root / "station.toml"

    @property
    def truth(self) -> Path:
        """What is true of the simulated parts; the camera alone writes it, the station never reads it."""
        return self.root / "truth.csv"

    @property
    def station(self) -> Path:
        """The station's own folder."""
        return self.root / "station"

    @property
    def faults(self) -> Path:
        """Words in this file are faults of the camera; nothing comes until the station may judge."""
        return self.root / "faults"


@dataclass(frozen=True, slots=True)
class SimulatedParts:
    """What the simulated camera shows.

    Attributes:
        parts: after so many none come; None: until somebody stops the demo.
        side: of the grey pictures, pixels. seed: other than that of the parts that were learned from.
    """

    parts: int | None
    pool: int
    per_second: float
    side: int
    defect_rate: float
    seed: int


@contextmanager
def running_line(workspace: Workspace, folder: LineFolder, parts: SimulatedParts) -> Iterator[str]:
    """Start the three programs, assign the recipe "demo", let parts come; gives the hub's address.

    At the end of the block the programs are stopped in order.

    Raises:
        OperatorError: a program did not start, or ended early; its last words are in the message.
    """
    shutil.rmtree(folder.root, ignore_errors=True)
    folder.root.mkdir(parents=True)
    programs = _Programs(folder.root)
    hub, page = _port(HUB_PORT), _port(PAGE_PORT)
    address = f"http://127.0.0.1:{hub}"
    folder.faults.write_text("stall\n", encoding="utf-8")
    folder.settings.write_text(_station_settings(folder, parts, (address, page)), encoding="utf-8")
    with _stopped_by_signals():
        try:
            where = str(workspace.folder)
            programs.start("hub", ["andon.hub", "--workspace", where, "--port", str(hub)])
            programs.start("worker", ["andon.worker", where])
            programs.start("station", ["andon.station", str(folder.settings)])
            programs.until("the station reports to the hub", lambda: report_of(workspace) is not None)
            counter = assign(workspace, STATION, AssignmentRequest("demo")).counter
            programs.until("the station runs the recipe", lambda: _runs(workspace, counter))
            folder.faults.unlink()
            yield address
        finally:
            programs.stop()


def report_of(workspace: Workspace) -> StationReport | None:
    """What the station said last; None before its first word."""
    try:
        return find_station(workspace, STATION).report
    except NotFound:
        return None


def wait_for(workspace: Workspace, parts: int, said: Callable[[StationReport], None]) -> None:
    """Wait until the station has answered ``parts`` parts and the hub has all its records.

    Raises:
        OperatorError: the records did not come in time after the last part.
    """
    end = None
    while True:
        report = report_of(workspace)
        answered = sum(report.parts.values()) if report else 0
        if report is not None:
            said(report)
            if answered >= parts and report.spool == 0:
                return
        if answered >= parts and end is None:
            end = time.monotonic() + DRAIN_SECONDS
        if end is not None and time.monotonic() > end:
            raise OperatorError(
                f"the station still holds {report.spool if report else 0} records",
                "Look at the logs in the demo's folder.",
            )
        time.sleep(LOOK_SECONDS)


def defective_parts(folder: LineFolder) -> dict[str, bool]:
    """Key of every part that passed the camera -> whether it is defective."""
    with folder.truth.open(encoding="utf-8") as rows:
        return {serial_key(row["serial"]): bool(row["concepts"]) for row in csv.DictReader(rows)}


def _runs(workspace: Workspace, counter: int) -> bool:
    report = report_of(workspace)
    return report is not None and report.counter == counter and bool(report.variant)


def _station_settings(folder: LineFolder, parts: SimulatedParts, at: tuple[str, int]) -> str:
    """TOML; JSON's spelling of texts and numbers is TOML's too."""
    hub, page = at
    camera = {
        "driver": "simulated",
        "parts_per_second": parts.per_second,
        "height": parts.side,
        "width": parts.side,
        "channels": 1,
        "defect_rate": parts.defect_rate,
        "seed": parts.seed,
        "pool": parts.pool,
        **({} if parts.parts is None else {"parts": parts.parts}),
        "truth": str(folder.truth.resolve()),
        "faults": str(folder.faults.resolve()),
    }
    station = {"name": STATION, "line": LINE, "folder": str(folder.station.resolve()), "hub": hub}
    lines = [f"{name} = {json.dumps(value)}" for name, value in (station | {"page_port": page}).items()]
    lines += ["", "[camera]", *(f"{name} = {json.dumps(value)}" for name, value in camera.items())]
    return "\n".join(lines) + "\n"


def _port(wanted: int) -> int:
    """``wanted`` where nobody listens there, else a free one."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            free: int = probe.getsockname()[1]
            return free
    raise OperatorError("this machine gives no free port")


class _Programs:
    """Processes of the demo; each one's talk goes into ``NAME.log``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, name: str, command: Sequence[str]) -> None:
        talk.print(f"starting the {name}: python -m {' '.join(command)}", soft_wrap=True)
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._started.append((name, process))

    def until(self, what: str, look: Callable[[], bool]) -> None:
        end = time.monotonic() + START_SECONDS
        while not look():
            self.check()
            if time.monotonic() > end:
                raise OperatorError(
                    f"in {START_SECONDS:.0f} s not reached: {what}", f"Logs: {self._folder}"
                )
            time.sleep(LOOK_SECONDS)

    def check(self) -> None:
        for name, process in self._started:
            if process.poll() is not None:
                log = (self._folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
                raise OperatorError(f"the {name} ended early: {log[-600:].strip()}")

    def stop(self) -> None:
        """The last first, so that nothing loses what it stands on."""
        for _, process in reversed(self._started):
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """A closed terminal or a `kill` stops the programs too, not only Ctrl-C."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

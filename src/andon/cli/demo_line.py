"""The demo's line: hub, worker and station as real programs, and parts that pass by."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from andon.cli.demo_people import LineTruth
from andon.cli.demo_plan import DEADLINE, KEEP, LINE, NAME, QUEUE, SEND, STATION
from andon.cli.session import talk
from andon.domain.serial import to_json
from andon.domain.stations import StationReport
from andon.errors import NotFound, OperatorError
from andon.services.stations import AssignmentRequest, assign, find_station
from andon.services.workspaces import Workspace
from andon.simulate.settings import LineSettings

HUB_PORT, PAGE_PORT = 8400, 8401
START_SECONDS, DRAIN_SECONDS, STOP_SECONDS = 120.0, 300.0, 20.0
LOOK_SECONDS, REST_SECONDS = 0.2, 2.5


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


class RunningLine:
    """The three programs while they run, and the parts that pass, which can be held up.

    Attributes:
        hub: its address. truth: of the parts that passed.
    """

    def __init__(self, workspace: Workspace, folder: LineFolder, hub: str, truth: LineTruth) -> None:
        self.hub = hub
        self.truth = truth
        self._workspace = workspace
        self._folder = folder

    @property
    def page(self) -> str:
        """Address of the station's page."""
        report = report_of(self._workspace)
        return report.page if report else ""

    def resume(self) -> None:
        """Let parts come."""
        self._folder.faults.unlink(missing_ok=True)

    def pause(self, is_quiet: Callable[[], bool]) -> None:
        """No more parts come; returns when all that passed are answered, and what shall go to the hub is
        there, and ``is_quiet`` says so of the people at the station.

        Raises:
            OperatorError: the records did not come in time after the last part.
        """
        self._folder.faults.write_text("stall\n", encoding="utf-8")
        end = time.monotonic() + DRAIN_SECONDS
        while not (is_quiet() and self._is_drained() and is_quiet()):
            if time.monotonic() > end:
                raise OperatorError(
                    f"in {DRAIN_SECONDS:.0f} s not all parts reached the hub", f"Logs: {self._folder.root}"
                )
            time.sleep(LOOK_SECONDS)

    def passed(self, said: Callable[[int], None], until: Callable[[int], bool]) -> None:
        """Wait until ``until`` says so of how many parts the station has answered; ``said`` hears them."""
        while True:
            answered = self.answered()
            said(answered)
            if until(answered):
                return
            time.sleep(LOOK_SECONDS)

    def answered(self) -> int:
        """How many parts the station says it has answered."""
        report = report_of(self._workspace)
        return sum(report.parts.values()) if report else 0

    def _is_drained(self) -> bool:
        """The camera looks for faults before every part, and the station reports every two seconds: what
        two reports say alike holds."""
        before = report_of(self._workspace)
        time.sleep(REST_SECONDS)
        after, offered = report_of(self._workspace), len(self.truth.all())
        return all(_has_handed_over(report, offered) for report in (before, after))


def _has_handed_over(report: StationReport | None, offered: int) -> bool:
    if report is None or report.spool or sum(report.parts.values()) < offered:
        return False
    return report.sending is None or not report.sending.waiting


@contextmanager
def running_line(
    workspace: Workspace, folder: LineFolder, shown: LineSettings, pool: int
) -> Iterator[RunningLine]:
    """Start the three programs and assign the recipe "demo"; no part comes before ``resume``.

    Args:
        workspace: of the hub.
        folder: made anew.
        shown: what the simulated camera shows.
        pool: how many different parts, before they come again.

    At the end of the block the programs are stopped in order.

    Raises:
        OperatorError: a program did not start, or ended early; its last words are in the message.
    """
    shutil.rmtree(folder.root, ignore_errors=True)
    folder.root.mkdir(parents=True)
    programs = _Programs(folder.root)
    hub, page = _port(HUB_PORT), _port(PAGE_PORT)
    folder.faults.write_text("stall\n", encoding="utf-8")
    folder.settings.write_text(_station_settings(folder, shown, pool, (hub, page)), encoding="utf-8")
    with _stopped_by_signals():
        try:
            where = str(workspace.folder)
            programs.start("hub", ["andon.hub", "--workspace", where, "--port", str(hub)])
            programs.start("worker", ["andon.worker", where])
            programs.start("station", ["andon.station", str(folder.settings)])
            programs.until("the station reports to the hub", lambda: report_of(workspace) is not None)
            asked = AssignmentRequest(NAME, KEEP, DEADLINE, SEND)
            counter = assign(workspace, STATION, asked).counter
            programs.until("the station runs the recipe", lambda: _runs(workspace, counter))
            truth = LineTruth(folder.truth, shown, pool)
            yield RunningLine(workspace, folder, f"http://127.0.0.1:{hub}", truth)
        finally:
            programs.stop()


def report_of(workspace: Workspace) -> StationReport | None:
    """What the station said last; None before its first word."""
    try:
        return find_station(workspace, STATION).report
    except NotFound:
        return None


def _runs(workspace: Workspace, counter: int) -> bool:
    report = report_of(workspace)
    return report is not None and report.counter == counter and bool(report.variant)


def _station_settings(folder: LineFolder, shown: LineSettings, pool: int, ports: tuple[int, int]) -> str:
    """TOML; ``ports`` of the hub and of the station's page."""
    camera = {
        "driver": "simulated",
        **to_json(shown),
        "pool": pool,
        "truth": str(folder.truth.resolve()),
        "faults": str(folder.faults.resolve()),
    }
    station = {
        "name": STATION,
        "line": LINE,
        "folder": str(folder.station.resolve()),
        "hub": f"http://127.0.0.1:{ports[0]}",
        "page_port": ports[1],
        "stall": 0,
        "queue": QUEUE,
    }
    tables = [*_lines(station), "", "[camera]", *_lines(camera)]
    return "\n".join(tables) + "\n"


def _lines(values: Mapping[str, object]) -> list[str]:
    return [f"{name} = {_toml(value)}" for name, value in values.items() if value is not None]


def _toml(value: object) -> str:
    """JSON's spelling of texts and numbers is TOML's too; that of objects is not."""
    if isinstance(value, Mapping):
        inside = ", ".join(_lines(value))
        return f"{{{inside}}}"
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return json.dumps(value)


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

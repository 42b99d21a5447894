"""A plant in small with every program of it as a real process: hub, worker, station, broker, and a PLC."""

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from simulators.broker import Broker
from simulators.broker import broker as broker_of
from simulators.chaos_proxy import ChaosProxy, chaos_proxy
from simulators.line_books import Books, Death
from simulators.line_hub import DEADLINE, STATION, Hub
from simulators.line_station import Line, Station, settings_of
from simulators.plc import Plc
from simulators.plc import plc as plc_of
from simulators.programs import PATIENCE, Program, free_port, python, until

RESTS = 2.0
"""Seconds without a new part after which no more come; the slowest line here shows five a second."""

PROGRAM = "from andon.cli.main import run; run()"
"""What the installed `andon` does."""


@dataclass
class Plant:
    """All programs of one line. ``acknowledged`` are ids that the hub was once seen to have."""

    folder: Path
    hub: Hub
    worker: Program
    station: Station
    broker: Broker
    plc: Plc
    network: ChaosProxy | None = None
    acknowledged: set[str] = field(default_factory=set)
    deaths: list[Death] = field(default_factory=list)
    unheard: set[int] = field(default_factory=set)
    _still: tuple[int, float] = (0, 0.0)

    def programs(self) -> list[Program]:
        return [self.station.program, self.worker, self.hub.program]

    def kill_station(self) -> None:
        """kill -9, note how far it was, start it again once the broker has said the safe state for it."""
        self.station.program.kill()
        until("the plant hears that the station is gone", lambda: self.plc.state() == "offline")
        self.deaths.append(Death(self.station.sequence(), len(self.station.offered())))
        self.station.program.start()

    def heard(self) -> int:
        return self.plc.answers

    def until_heard(self, more: int) -> None:
        """Wait for so many answers more than there were."""
        before = self.heard()
        until(f"{more} more answers", lambda: self.heard() >= before + more or self.lively())

    def lively(self) -> bool:
        """Never true; fails where the station has ended by itself."""
        assert self.station.program.alive(), f"the station ended\n{self.station.program.tail()}"
        return False

    def until_running(self, counter: int) -> None:
        """Wait until the station says that it runs the assignment."""
        until(
            f"assignment {counter} runs",
            lambda: self.hub.report().get("counter") == counter or self.lively(),
        )

    def alarms(self) -> dict[str, Mapping[str, Any]]:
        """The alarms that the station's last report says stand, by code."""
        return {alarm["code"]: alarm for alarm in self.hub.report().get("alarms", ())}

    def until_alarm(self, code: str) -> Mapping[str, Any]:
        """The alarm, once it stands on the hub; it must say what is wrong and what to do."""
        alarm = until(f"the alarm {code}", lambda: self.alarms().get(code) or self.lively())
        assert alarm["message"] and alarm["todo"], alarm
        return alarm

    def until_own_alarm(self, code: str) -> Mapping[str, Any]:
        """The alarm, once it stands on the station's own page: the hub may be away."""
        alarm = until(f"the alarm {code}", lambda: self.station.alarms().get(code) or self.lively())
        assert alarm["message"] and alarm["todo"], alarm
        return alarm

    def until_calm(self) -> None:
        """Wait until no alarm stands, but for the one that says that a busy machine is slow."""
        try:
            until("no alarm stands", lambda: not set(self.alarms()) - {"late"} or self.lively())
        except TimeoutError as cause:
            told = [f"{code}: {alarm['message']}" for code, alarm in self.alarms().items()]
            raise AssertionError(
                f"{told}\n{self.hub.program.tail()}\n{self.station.program.tail()}"
            ) from cause

    def note(self) -> None:
        """Remember what the hub has now: it may never lack it again."""
        self.acknowledged |= self.hub.ids()

    def stop_parts(self) -> None:
        """No more parts come; those on their way are answered, recorded and delivered."""
        self.station.fault("stall")
        self._still = (0, 0.0)
        until("every part is delivered", self._drained, patience=3 * PATIENCE)

    def _drained(self) -> bool:
        """The camera, which looks for faults once a part, shows nothing new for a while; all is there."""
        self.lively()
        offered, now = self.station.offered(), time.monotonic()
        if len(offered) != self._still[0]:
            self._still = (len(offered), now)
        rests = bool(offered) and now - self._still[1] > RESTS
        return rests and not self.station.spooled() and offered[-1] in self._recorded()

    def _recorded(self) -> set[str]:
        with closing(sqlite3.connect(f"file:{self.hub.workspace / 'andon.db'}?mode=ro", uri=True)) as rows:
            found = rows.execute("SELECT part FROM inspections WHERE station = ?", (STATION,))
            return {str(row[0]) for row in found}

    def books(self) -> Books:
        """What everybody wrote down."""
        return Books(
            heard=self.plc.verdicts(),
            stored=self.hub.records(),
            spooled=self.station.spooled(),
            offered=self.station.offered(),
            acknowledged=self.acknowledged,
            deaths=self.deaths,
            unheard=self.unheard,
        )


@contextmanager
def running(
    learned: Path,
    folder: Path,
    line: Line,
    network: bool = False,
    assigned: bool = True,
    disk: int = 0,
    deadline: float = DEADLINE,
) -> Iterator[Plant]:
    """A plant whose hub starts with a copy of the workspace ``learned``; everything ends with the block.

    Args:
        learned: workspace with a recipe ``brackets`` that can be approved.
        folder: empty; everything is below it.
        line: what passes under the camera.
        network: the station reaches the hub through a network whose weather can be changed.
        assigned: the recipe is approved, assigned and runs before the block begins.
        deadline: of the assignment, milliseconds.
        disk: bytes of a disk of its own for the station's data; 0 for none. Needs root.
    """
    shutil.copytree(learned, folder / "workspace")
    (folder / "station" / "data").mkdir(parents=True)
    with ExitStack() as things:
        if disk:
            things.enter_context(small_disk(folder / "station" / "data", disk))
        broker = things.enter_context(broker_of(folder))
        plc = things.enter_context(plc_of(broker.port))
        until("the PLC listens", lambda: plc.connections)
        hub = _hub(folder)
        proxy = things.enter_context(chaos_proxy(hub.port)) if network else None
        reached = proxy.port if proxy else hub.port
        plant = Plant(
            folder, hub, _worker(folder), _station(folder, line, reached, broker.port), broker, plc
        )
        plant.network = proxy
        things.callback(_end, plant)
        hub.up()
        if assigned:
            hub.approve()
        plant.station.program.start()
        plant.worker.start()
        until("the station reports", lambda: hub.report() or plant.lively())
        if assigned:
            plant.until_running(hub.assign("brackets", deadline))
        yield plant


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _hub(folder: Path) -> Hub:
    port = free_port()
    workspace = folder / "workspace"
    command = python("andon.hub", "--workspace", str(workspace), "--port", str(port))
    return Hub(Program("hub", command, folder / "hub.log"), port, workspace)


def _worker(folder: Path) -> Program:
    options = ["-w", str(folder / "workspace"), "worker", "--dead-after", "3", "--patience", "1"]
    return Program("worker", [sys.executable, "-c", PROGRAM, *options], folder / "worker.log")


def _station(folder: Path, line: Line, hub: int, broker: int) -> Station:
    own = folder / "station"
    settings = own / "station.toml"
    port = free_port()
    settings.write_text(settings_of(line, own, hub, (port, broker)))
    command = python("andon.station", str(settings))
    return Station(Program("station", command, folder / "station.log"), own, port)


def _end(plant: Plant) -> None:
    """Nothing outlives a test, not even the child of what was killed."""
    for program in plant.programs():
        family = program.family()
        program.kill()
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()

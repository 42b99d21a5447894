"""A plant in small with every program of it as a real process: hub, worker, station, broker, and a PLC."""

import csv
import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import psutil
from simulators.broker import Broker
from simulators.broker import broker as broker_of
from simulators.chaos_proxy import ChaosProxy, chaos_proxy
from simulators.line_books import Books, Death
from simulators.plc import Plc
from simulators.plc import plc as plc_of
from simulators.programs import PATIENCE, Program, free_port, python, until

from andon.domain.inspections import Inspection
from andon.domain.parts import serial_key
from andon.services.workspaces import open_workspace
from andon.store import inspections as stored_inspections

STATION = "st-1"
LINE = "line-1"
DEADLINE = 60_000.0
"""Milliseconds. These tests ask what is lost, not how fast a busy machine is."""

OUTPUT = {"driver": "mqtt", "heartbeat": 0.5, "patience": 30.0}
"""An answer that waits longer than ``patience`` is not said any more; a busy machine may need over 2 s."""

RESTS = 2.0
"""Seconds without a new part after which no more come; the slowest line here shows five a second."""

PROGRAM = "from andon.cli.main import run; run()"
"""What the installed `andon` does."""


CLIENT = httpx.Client(verify=False, timeout=PATIENCE, limits=httpx.Limits(max_keepalive_connections=0))
"""For addresses of this machine alone; certificates are not read for each question."""


@dataclass
class Hub:
    """The hub's program, and what is asked of it over HTTP."""

    program: Program
    port: int
    workspace: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        self.program.start()
        self.wait()

    def wait(self) -> None:
        until("the hub answers", self.answers)

    def answers(self) -> bool:
        try:
            return CLIENT.get(self.address + "/api/key", timeout=2).is_success
        except httpx.TransportError:
            assert self.program.alive(), f"the hub ended\n{self.program.tail()}"
            return False

    def get(self, path: str) -> Any:
        answer = CLIENT.get(self.address + path)
        assert answer.is_success, (path, answer.status_code, answer.text)
        return answer.json()

    def post(self, path: str, body: object) -> Any:
        answer = CLIENT.post(self.address + path, json=body)
        assert answer.is_success, (path, answer.status_code, answer.text)
        return answer.json()

    def approve(self, model: str = "latest") -> None:
        self.post(f"/api/models/{model}/approvals", {"reason": "the line tests need one"})

    def assign(self, recipe: str, deadline: float = DEADLINE, **keep: float) -> int:
        """Tell the station to run a recipe; the counter of the assignment."""
        wanted = {"recipe": recipe, "deadline": deadline, "keep": keep}
        return int(self.post(f"/api/stations/{STATION}/assignments", wanted)["counter"])

    def report(self) -> Mapping[str, Any]:
        """What the station said of itself last; empty before it did."""
        answer = CLIENT.get(f"{self.address}/api/stations/{STATION}")
        return (answer.json()["report"] or {}) if answer.is_success else {}

    def records(self) -> list[Inspection]:
        """All records of the station by their sequence, read past the program from its database."""
        workspace = open_workspace(self.workspace, "test")
        with closing(workspace.database), workspace.database.read() as tx:
            query = stored_inspections.Query(station=STATION)
            page = stored_inspections.page(tx, query, None, 5000)
            found = list(page.rows)
            while page.next is not None:
                page = stored_inspections.page(tx, query, page.next, 5000)
                found += page.rows
        return sorted(found, key=lambda record: record.capture.sequence if record.capture else 0)

    def ids(self) -> set[str]:
        """Ids of the station's records on the hub now."""
        with closing(sqlite3.connect(f"file:{self.workspace / 'andon.db'}?mode=ro", uri=True)) as rows:
            found = rows.execute("SELECT inspection FROM inspections WHERE station = ?", (STATION,))
            return {str(row[0]) for row in found}


@dataclass(frozen=True)
class Line:
    """What passes under the camera. ``pool``: different pictures. ``parts``: 0 never ends."""

    parts: int = 0
    rate: float = 5.0
    side: int = 96
    channels: int = 3
    pool: int = 12
    queue: int = 100
    stall: float = 30.0
    threads: int = 1


def settings_of(line: Line, folder: Path, hub: int, ports: tuple[int, int]) -> str:
    """The station's TOML file; ``ports`` of its page and of the broker."""
    camera = {
        "driver": "simulated",
        "height": line.side,
        "width": line.side,
        "channels": line.channels,
        "parts_per_second": line.rate,
        "defect_rate": 0.3,
        "seed": 6,
        "pool": line.pool,
        "truth": str(folder / "truth.csv"),
        "faults": str(folder / "faults"),
    }
    if line.parts:
        camera["parts"] = line.parts
    tables = {"camera": camera, "output": {**OUTPUT, "port": ports[1]}}
    settings = {
        "name": STATION,
        "line": LINE,
        "folder": str(folder / "data"),
        "hub": f"http://127.0.0.1:{hub}",
        "page_port": ports[0],
        "queue": line.queue,
        "threads": line.threads,
        "stall": line.stall,
        "frame_bytes": 2**20,
        "min_free": 2**20,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    for name, table in tables.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


@dataclass
class Station:
    """The station's program, its folder, and the faults of its camera."""

    program: Program
    folder: Path
    port: int

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def truth(self) -> Path:
        return self.folder / "truth.csv"

    def fault(self, *words: str) -> None:
        """From now on the camera has these faults; none for a good one."""
        beside = self.folder / "faults.new"
        beside.write_text(" ".join(words))
        beside.rename(self.folder / "faults")

    def offered(self) -> list[str]:
        """Keys of the parts that the camera showed, as the camera wrote them down."""
        if not self.truth.exists():
            return []
        text = self.truth.read_text()
        rows = csv.DictReader(StringIO(text[: text.rfind("\n") + 1]))
        return [serial_key(row["serial"]) for row in rows]

    def spooled(self) -> list[str]:
        """Ids of the records that the station still holds."""
        path = self.data / "spool.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as rows:
            return [str(row[0]) for row in rows.execute("SELECT id FROM records ORDER BY sequence")]

    def sequence(self) -> int:
        """The last number that the station gave."""
        with closing(
            sqlite3.connect(f"file:{self.data / 'spool.db'}?mode=ro", uri=True, timeout=30)
        ) as rows:
            found = rows.execute("SELECT value FROM facts WHERE name = 'sequence'").fetchone()
            return int(found[0]) if found else 0

    def inspectors(self) -> list[psutil.Process]:
        """Inspector processes that live now."""
        return [one for one in self.program.family()[1:] if "inspecting.child" in command_of(one)]

    def alarms(self) -> dict[str, Mapping[str, Any]]:
        """The alarms on the station's own page, in English, by code."""
        line = CLIENT.get(f"http://127.0.0.1:{self.port}/api/line?language=en").json()
        return {alarm["code"]: alarm for alarm in line["alarms"]}


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


def command_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""

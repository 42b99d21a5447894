"""The station of one line as a real process, its settings, and what passes under its camera."""

import csv
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import psutil
from simulators.line_hub import CLIENT, STATION
from simulators.programs import Program

from andon.domain.parts import serial_key

LINE = "line-1"

OUTPUT = {"driver": "mqtt", "heartbeat": 0.5, "patience": 30.0}
"""An answer that waits longer than ``patience`` is not said any more; a busy machine may need over 2 s."""


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


def command_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""

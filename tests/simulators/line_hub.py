"""The hub of one line as a real process, and what is asked of it over HTTP or read from its database."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from simulators.programs import PATIENCE, Program, until

from andon.domain.inspections import Inspection
from andon.services.workspaces import open_workspace
from andon.store import inspections as stored_inspections

STATION = "st-1"
DEADLINE = 60_000.0
"""Milliseconds. These tests ask what is lost, not how fast a busy machine is."""

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

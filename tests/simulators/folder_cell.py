"""A real station that judges what is put into a folder; what it must answer can be computed by hand."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from simulators.brightness_plant import BrightnessPlant
from simulators.graphs import grey, png
from simulators.line_plant import PROGRAM
from simulators.programs import Program, free_port, until

from andon.domain.stations import StationReport
from andon.services.approvals import approve
from andon.services.stations import AssignmentRequest, assign
from andon.services.workspaces import Workspace
from andon.store import stations

STATION = "st-1"


@dataclass(frozen=True)
class Cell:
    """The station's program, the workspace of its hub, where parts are laid, and its page."""

    program: Program
    workspace: Workspace
    inbox: Path
    page: str

    def lay(self, serial: str, score: float) -> None:
        """Put a part under the camera whose bright spot the model gives this score."""
        pixels = grey()
        pixels[20:28, 20:28] = round((score / 2 + 0.5) * 255)
        beside = self.inbox / f"{serial}.tmp"
        beside.write_bytes(png(pixels.astype(np.uint8)))
        beside.rename(self.inbox / f"{serial}.png")

    def reported(self) -> StationReport | None:
        """What it said of itself last."""
        assert self.program.alive(), self.program.tail()
        with self.workspace.database.read() as tx:
            return next((one.report for one in stations.everyone(tx) if one.name == STATION), None)

    def runs(self, version: int) -> bool:
        report = self.reported()
        return report is not None and report.recipe_version == version


@contextmanager
def folder_cell(folder: Path, plant: BrightnessPlant, hub: str, recipe: str) -> Iterator[Cell]:
    """A station of the hub at ``hub`` that runs ``recipe`` (``NAME@VERSION``), whose model it approves.

    Everything of the station's own lies below ``folder``.
    """
    inbox, port = folder / "in", free_port()
    inbox.mkdir()
    camera = f"folder:folder={inbox},interval=0.1"
    options = ["--folder", str(folder / "st"), "--hub", hub, "--camera", camera, "--page-port", str(port)]
    command = [sys.executable, "-c", PROGRAM, "station", STATION, *options, "--stall", "0"]
    program = Program("station", command, folder / "station.log").start()
    cell = Cell(program, plant.workspace, inbox, f"http://127.0.0.1:{port}")
    try:
        until("the station reports", cell.reported)
        approve(plant.workspace, plant.package.digest, "agreed with quality")
        assign(plant.workspace, STATION, AssignmentRequest(recipe, deadline=60_000.0))
        until("it runs the recipe", lambda: cell.runs(int(recipe.rpartition("@")[2])))
        yield cell
    finally:
        program.kill()

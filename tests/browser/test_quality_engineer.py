"""A quality engineer moves a cut: seen on history, saved, given to a station, which judges by it."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser.cut_panel import shown, slide
from playwright.sync_api import Page, expect
from simulators.brightness_plant import BrightnessPlant, build
from simulators.graphs import grey, png
from simulators.line_plant import PROGRAM
from simulators.programs import Program, until

from andon.domain.stations import StationReport
from andon.services.approvals import approve
from andon.services.recipes import find_recipe
from andon.services.stations import AssignmentRequest, assign
from andon.services.workspaces import Workspace
from andon.store import stations

STATION = "st-1"
PATIENCE_MS = 120_000


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> BrightnessPlant:
    return build(tmp_path_factory.mktemp("plant"))


@pytest.fixture
def workspace(plant: BrightnessPlant) -> Workspace:
    return plant.workspace


@dataclass(frozen=True)
class Cell:
    """A station that judges what is put into a folder."""

    program: Program
    workspace: Workspace
    inbox: Path

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


@pytest.fixture
def cell(tmp_path: Path, workspace: Workspace, address: str, plant: BrightnessPlant) -> Iterator[Cell]:
    inbox = tmp_path / "in"
    inbox.mkdir()
    camera = f"folder:folder={inbox},interval=0.1"
    options = ["--folder", str(tmp_path / "st"), "--hub", address, "--camera", camera, "--page-port", "0"]
    command = [sys.executable, "-c", PROGRAM, "station", STATION, *options, "--stall", "0"]
    made = Cell(Program("station", command, tmp_path / "station.log").start(), workspace, inbox)
    try:
        until("the station reports", made.reported)
        approve(workspace, plant.package.digest, "agreed with quality")
        assign(workspace, STATION, AssignmentRequest("tiles@1", deadline=60_000.0))
        until("it runs version 1", lambda: made.runs(1))
        yield made
    finally:
        made.program.kill()


def story(page: Page, address: str, serial: str) -> Any:
    """Open the story of the part with this serial, as soon as the hub has it."""
    page.goto(f"{address}/inspections?part={serial}")
    page.get_by_role("link", name=serial, exact=True).click(timeout=PATIENCE_MS)
    return expect(page.get_by_role("region", name="Verdict"))


def test_a_cut_is_moved_and_the_line_judges_by_it(
    plant: BrightnessPlant, cell: Cell, address: str, open_page: Callable[..., Page]
) -> None:
    before = find_recipe(plant.workspace, "tiles@1").cuts["bright"]
    wanted = before.reject / 2
    between = (wanted + before.reject) / 2
    cell.lay("as-before", between)
    page = open_page()
    story(page, address, "as-before").not_to_contain_text("Why REJECT")

    page.get_by_role("link", name="Recipes", exact=True).click()
    page.get_by_role("link", name="tiles").first.click()
    page.get_by_role("link", name="Edit as a new version").click()
    panel = page.locator("[data-cuts=bright]")
    slide(page, panel, "reject", wanted)
    moved = shown(panel)
    assert abs(moved.reject - wanted) < 0.01
    page.get_by_role("button", name="Preview on history").click()
    expect(page.locator("[data-preview]")).to_contain_text("verdicts would be another")
    page.locator("[name=note]").fill("dents got past us")
    page.locator("[data-save]").click()
    page.wait_for_url("**/recipes/tiles/versions/2")
    expect(page.get_by_text(f"was {before.reject:.4f}")).to_be_visible()
    saved = find_recipe(plant.workspace, "tiles")
    assert (saved.version, saved.cuts["bright"]) == (2, moved)

    page.get_by_role("link", name="stations it is assigned to").click()
    page.get_by_role("link", name="Assign a recipe").click()
    page.get_by_label("Recipe").select_option("tiles@2")
    page.get_by_label("Deadline, ms").fill("60000")
    page.get_by_role("button", name="See what will happen").click()
    page.get_by_role("button", name=f"Assign tiles@2 to {STATION}").click()
    expect(page.get_by_text("Runs what was assigned: tiles v2.")).to_be_visible(timeout=PATIENCE_MS)

    cell.lay("from-now-on", between)
    story(page, address, "from-now-on").to_contain_text("Why REJECT")
    expect(page.locator("main")).to_contain_text("tiles v2")
    story(page, address, "as-before").not_to_contain_text("Why REJECT")

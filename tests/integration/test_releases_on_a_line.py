"""Releases with a real hub and a real station: a good one goes all the way, a bad one comes back."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from simulators.brightness_plant import BrightnessPlant, build
from simulators.folder_cell import STATION, Cell, folder_cell
from simulators.programs import Program, python, until
from simulators.told_stations import ToldStation, add_gate

from andon.domain.models import Cuts
from andon.domain.releases import Release, ReleaseSettings, ReleaseStep
from andon.domain.stations import WatchLimits
from andon.services.recipes import RecipeRequest, make_recipe
from andon.services.release_progress import progress, release_needs
from andon.services.releases import ReleaseRequest, release
from andon.services.stations import AssignmentRequest, assign
from andon.store import recipes

LATER = "st-2"
GOOD_PART, BAD_PART = 0.05, 0.9
CUTS = {"good": Cuts(0.3, 0.6), "better": Cuts(0.35, 0.65), "bad": Cuts(0.03, 0.04)}


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[BrightnessPlant]:
    """Versions 2, 3 and 4 of a recipe: the good one, a better one, and one that rejects everything."""
    made = build(tmp_path)
    for cuts in CUTS.values():
        make_recipe(
            made.workspace, RecipeRequest("tiles", made.package.digest, dict.fromkeys(CONCEPTS, cuts))
        )
    with made.workspace.database.write() as tx:
        for version, against in ((3, 2), (4, 2), (4, 3)):
            add_gate(tx, recipes.get(tx, "tiles", version), against=f"@{against}")
    yield made
    made.workspace.database.close()


CONCEPTS = ("bright", "dark")


@pytest.fixture
def hub(tmp_path: Path, plant: BrightnessPlant) -> Iterator[str]:
    command = python("andon.hub", "--workspace", str(plant.workspace.folder), "--port", "0")
    program = Program("hub", command, tmp_path / "hub.log").start()

    def where() -> str | None:
        assert program.alive(), program.tail()
        found = re.search(r"http://127\.0\.0\.1:\d+", program.log.read_text())
        return found.group() if found else None

    try:
        yield until("the hub says where it is", where)
    finally:
        program.kill()


@pytest.fixture
def cell(tmp_path: Path, hub: str, plant: BrightnessPlant) -> Iterator[Cell]:
    with folder_cell(tmp_path, plant, hub, "tiles@2") as running:
        yield running


class Line:
    """Parts that come as long as somebody waits; every tenth has a defect."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._laid = 0

    def until(self, what: str, look: Callable[[], object]) -> None:
        def lay_and_look() -> object:
            assert self._cell.program.alive(), self._cell.program.tail()
            self._laid += 1
            self._cell.lay(f"P{self._laid:05}", GOOD_PART if self._laid % 10 else BAD_PART)
            return look()

        until(what, lay_and_look, every=0.3)


def step(cell: Cell, of: Release, station: str = STATION) -> ReleaseStep:
    found = {one.station.name: one.last.step for one in progress(cell.workspace, of.id).stations}
    return found[station]


def settings(shadow: int, watch: float) -> ReleaseSettings:
    return ReleaseSettings(shadow, 600.0, 0.5, WatchLimits(watch, rejects=0.1, p99=10_000.0, parts=5))


def begin(cell: Cell, recipe: str, how: ReleaseSettings) -> Release:
    asked = ReleaseRequest(recipe, ((STATION,), (LATER,)), "to see it through", settings=how)
    return release(cell.workspace, asked)


def test_a_good_release_goes_all_the_way_and_a_bad_one_comes_back(cell: Cell) -> None:
    line, other = Line(cell), ToldStation(cell.workspace, LATER)
    other.reports()
    assign(cell.workspace, LATER, AssignmentRequest("tiles@2"))
    other.reports()

    good = begin(cell, "tiles@3", settings(shadow=5, watch=4.0))
    line.until("it judges beside", lambda: progress(cell.workspace, good.id).stations[0].shadow.judged)
    assert step(cell, good) in (ReleaseStep.SHADOW, ReleaseStep.SWITCHED)
    line.until("the first station is done", lambda: step(cell, good) is ReleaseStep.DONE)
    first = progress(cell.workspace, good.id).stations[0]
    assert [event.step for event in first.events] == [
        ReleaseStep.WAITING,
        ReleaseStep.SHADOW,
        ReleaseStep.SWITCHED,
        ReleaseStep.WATCHED,
        ReleaseStep.DONE,
    ]
    assert first.shadow.judged >= 5
    assert first.runs
    other.reports()
    assert step(cell, good, LATER) is ReleaseStep.SHADOW  # its wave begins
    assert cell.runs(3)

    assign(cell.workspace, LATER, AssignmentRequest("tiles@2"))
    for _ in range(2):
        other.reports()
    bad = begin(cell, "tiles@4", settings(shadow=0, watch=600.0))
    line.until("it went back by itself", lambda: step(cell, bad) is ReleaseStep.ROLLED_BACK)
    assert cell.runs(3)
    other.reports()
    assert step(cell, bad, LATER) is ReleaseStep.STOPPED
    ended = progress(cell.workspace, bad.id).stations[0].last
    assert ended.author == f"station/{STATION}"
    assert any(f"/releases/{bad.id}" == need.link and need.wrong for need in release_needs(cell.workspace))

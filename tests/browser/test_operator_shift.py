"""An operator's shift at a real station, in one go: every touch, German, the hub away and back."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from simulators.brightness_plant import BrightnessPlant, build
from simulators.folder_cell import Cell, folder_cell
from simulators.programs import Program, free_port, python, until

from andon.domain.feedback import Answer
from andon.domain.models import Cuts
from andon.services.recipes import RecipeRequest, make_recipe
from andon.services.workspaces import Workspace
from andon.store import inspections, reviews

GOOD, DOUBTFUL, BAD = 0.1, 0.5, 0.9
CUTS = Cuts(0.3, 0.7)
PATIENCE_MS = 120_000


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> BrightnessPlant:
    made = build(tmp_path_factory.mktemp("plant"))
    request = RecipeRequest("tiles", made.package.digest, {"bright": CUTS, "dark": CUTS})
    make_recipe(made.workspace, request)
    return made


@pytest.fixture
def workspace(plant: BrightnessPlant) -> Workspace:
    return plant.workspace


@pytest.fixture
def hub(tmp_path: Path, workspace: Workspace) -> Iterator[Program]:
    """One that comes back at the same address."""
    command = python("andon.hub", "--workspace", str(workspace.folder), "--port", str(free_port()))
    program = Program("hub", command, tmp_path / "hub.log").start()
    try:
        until("the hub says where it is", lambda: "http://" in program.log.read_text())
        yield program
    finally:
        program.kill()


@pytest.fixture
def cell(tmp_path: Path, address: str, plant: BrightnessPlant) -> Iterator[Cell]:
    with folder_cell(tmp_path, plant, address, "tiles@2") as running:
        yield running


def answers(workspace: Workspace) -> dict[str, Answer]:
    """Serial of every part that somebody judged -> what was said last, as the hub has it."""
    with workspace.database.read() as tx:
        rows = inspections.page(tx, inspections.Query(station="st-1"), None, 100).rows
        said = {row.name: reviews.of(tx, row.id) for row in rows}
    return {name.removesuffix(".png"): told[-1].answer for name, told in said.items() if told}


def seen(page: Page, serial: str, word: str) -> None:
    """The part lies in the middle of the page with its verdict."""
    now = page.locator(".now")
    expect(now).to_contain_text(serial, timeout=PATIENCE_MS)
    expect(now).to_contain_text(word)


def test_a_shift(cell: Cell, hub: Program, open_page: Callable[..., Page], workspace: Workspace) -> None:
    page = open_page()
    page.goto(cell.page)
    desk, said = page.locator("#held .held-part"), page.locator("[data-said]")

    cell.lay("A-1", BAD)
    seen(page, "A-1", "REJECT")
    expect(desk).to_have_text("Part A-1")
    page.get_by_role("button", name="confirm NG").click()
    expect(said).to_have_text("Stored: part A-1, confirm NG.")

    cell.lay("A-2", BAD)
    expect(desk).to_have_text("Part A-2", timeout=PATIENCE_MS)
    page.keyboard.press("2")
    expect(said).to_have_text("Stored: part A-2, false alarm.")

    cell.lay("A-3", DOUBTFUL)
    seen(page, "A-3", "REVIEW")
    page.get_by_role("button", name="unsure").click()
    expect(said).to_have_text("Stored: part A-3, unsure.")

    cell.lay("A-4", GOOD)
    seen(page, "A-4", "PASS")
    expect(page.locator("#held")).to_contain_text("Nothing waits")
    page.get_by_role("button", name="missed").click()
    page.get_by_label("serial").fill("A-4")
    page.get_by_role("button", name="find").click()
    expect(desk).to_have_text("Part A-4")
    page.wait_for_load_state()
    page.get_by_role("button", name="missed").click()
    until("four answers are on the hub", lambda: len(answers(workspace)) == 4)

    hub.kill()
    expect(page.locator(".alarm")).to_contain_text("Hub away", timeout=PATIENCE_MS)
    page.get_by_role("link", name="Deutsch").click()
    cell.lay("A-5", BAD)
    seen(page, "A-5", "AUSSCHUSS")
    page.get_by_role("button", name="Fehlalarm").click()
    expect(said).to_have_text("Gespeichert: Teil A-5, Fehlalarm.")
    hub.start()
    expect(page.locator(".alarm")).to_have_count(0, timeout=PATIENCE_MS)
    assert until("the fifth answer is on the hub", lambda: _five(workspace)) == {
        "A-1": Answer.CONFIRMED,
        "A-2": Answer.FALSE_ALARM,
        "A-3": Answer.UNSURE,
        "A-4": Answer.MISSED,
        "A-5": Answer.FALSE_ALARM,
    }


def _five(workspace: Workspace) -> dict[str, Answer] | None:
    found = answers(workspace)
    return found if len(found) == 5 else None

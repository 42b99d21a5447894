"""A quality engineer moves a cut: seen on history, saved, gated, given to a station, which judges by it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser.cut_panel import shown, slide
from playwright.sync_api import Page, expect
from simulators.brightness_plant import BrightnessPlant, build, hold_golden
from simulators.folder_cell import STATION, Cell, folder_cell
from simulators.workers import Workers

from andon.services.recipes import find_recipe
from andon.services.workspaces import Workspace

PATIENCE_MS = 120_000


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> BrightnessPlant:
    root = tmp_path_factory.mktemp("plant")
    made = build(root)
    hold_golden(made, root)
    return made


@pytest.fixture
def workspace(plant: BrightnessPlant) -> Workspace:
    return plant.workspace


@pytest.fixture
def cell(tmp_path: Path, address: str, plant: BrightnessPlant) -> Iterator[Cell]:
    with folder_cell(tmp_path, plant, address, "tiles@1") as running:
        yield running


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
    expect(page.get_by_label("Not possible yet")).to_contain_text("no gate has compared recipe tiles@2")
    form = page.url
    page.get_by_role("link", name="Compare it with tiles@1").click()
    expect(page.get_by_label("Candidate")).to_have_value("tiles@2")
    expect(page.get_by_label("Against")).to_have_value("tiles@1")
    with Workers(plant.workspace.folder) as workers:
        workers.start("w")
        page.get_by_role("button", name="Run the gate").click()
        page.get_by_role("link", name="tiles@2", exact=True).click(timeout=PATIENCE_MS)
    expect(page.get_by_label("Result")).to_contain_text("passed")

    page.goto(form)
    page.get_by_role("button", name=f"Assign tiles@2 to {STATION}").click()
    expect(page.get_by_text("Runs what was assigned: tiles v2.")).to_be_visible(timeout=PATIENCE_MS)

    cell.lay("from-now-on", between)
    story(page, address, "from-now-on").to_contain_text("Why REJECT")
    expect(page.locator("main")).to_contain_text("tiles v2")
    story(page, address, "as-before").not_to_contain_text("Why REJECT")

"""From a folder of pictures to an approved model, on pages alone, with a worker that does the work."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect
from simulators.workers import Workers

from andon.formats.pixels import encode_png
from andon.services.approvals import approved_packages
from andon.services.models import list_models
from andon.services.workspaces import Workspace

PATIENCE_MS = 240_000
MANY = 96
STEPS = "40"


def parts(root: Path) -> Path:
    """Noise; every third part has a bright spot."""
    noise = np.random.default_rng(7)
    for number in range(MANY):
        folder = root / ("spot" if number % 3 == 0 else "good")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = noise.integers(0, 120, (64, 64), dtype=np.uint8)
        if folder.name == "spot":
            pixels[24:40, 24:40] = 255
        (folder / f"{number:03d}.png").write_bytes(encode_png(pixels))
    return root


def train(page: Page) -> None:
    """Press the button, wait for the model, look at it."""
    page.get_by_role("button", name="Start training").click()
    page.locator("#run").get_by_role("link", name="Its model").click(timeout=PATIENCE_MS)
    expect(page.get_by_text("Nothing is known of it yet")).to_be_visible()


def evaluate(page: Page) -> None:
    """Ask for an evaluation with costs, and wait until the page shows it."""
    page.get_by_label("An escape costs").fill("50")
    page.get_by_role("button", name="Evaluate", exact=True).click()
    quality = page.locator("#quality")
    expect(quality).to_contain_text("Measured on test parts", timeout=PATIENCE_MS)
    expect(quality).to_contain_text("escapes")


def test_from_a_folder_to_an_approved_model(
    workspace: Workspace, address: str, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = open_page()
    with Workers(workspace.folder) as workers:
        workers.start("w")
        page.goto(address)
        page.get_by_role("link", name="Images", exact=True).click()
        page.get_by_role("link", name="Import").first.click()
        page.set_input_files("[data-drop-folder]", parts(tmp_path / "March"))
        page.get_by_role("button", name=f"Import {MANY} images").click()
        page.get_by_role("link", name="Freeze a data set").click(timeout=PATIENCE_MS)

        page.get_by_label("Name", exact=True).fill("spots")
        page.get_by_role("button", name="Show the split").click()
        page.get_by_role("button", name=f"Freeze “spots”, {MANY} images").click()
        page.get_by_role("link", name="Train a model on it").click()

        page.get_by_role("link", name="classify").click()
        page.get_by_text("More: network").click()
        page.get_by_label("Start from").select_option("none")
        page.get_by_label("Encoder").fill("test_efficientnet")
        page.get_by_label("Input height").fill("64")
        page.get_by_label("Input width").fill("64")
        page.get_by_label("Length is given in").select_option("steps")
        page.get_by_label("Steps", exact=True).fill(STEPS)
        page.get_by_label("Images per step").fill("8")
        page.get_by_label("CPU threads").fill("1")
        train(page)
        evaluate(page)

        page.get_by_role("link", name="Runs", exact=True).click()
        page.get_by_role("link", name="classify on spots").first.click()
        page.get_by_role("link", name="Train again with changes").click()
        page.get_by_text("More: network").click()
        page.get_by_label("Seed").fill("1")
        train(page)
        evaluate(page)

    page.get_by_role("button", name="Side by side").click()
    expect(page.get_by_role("heading", name="Where they disagree")).to_be_visible()
    page.locator("table a").first.click()
    page.get_by_label("Why it may go to stations").fill("finds what the other finds, and is newer")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#approval")).to_contain_text("finds what the other finds, and is newer")
    newest = list_models(workspace, 1)[0]["digest"]
    assert approved_packages(workspace) == {newest}

"""Somebody trains a model on pages alone: a form, live curves and pictures, stop, go on, a model."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Page, expect
from simulators.workers import Workers

from andon.domain.datasets import DatasetSpec
from andon.jobs.import_images import ImportRequest, import_images
from andon.services.datasets import freeze_dataset
from andon.services.workspaces import Workspace, now

PATIENCE_MS = 120_000


def teach(workspace: Workspace, root: Path) -> None:
    """A data set of noise, some of it with a bright spot."""
    noise = np.random.default_rng(7)
    for number in range(48):
        folder = root / ("spot" if number % 3 == 0 else "good")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = noise.integers(0, 120, (64, 64), dtype=np.uint8)
        if folder.name == "spot":
            pixels[24:40, 24:40] = 255
        assert cv2.imwrite(str(folder / f"{number:03d}.png"), pixels)
    request = ImportRequest(root, "parts", "mara", now(), "classes")
    import_images(workspace.database, workspace.blobs, request, lambda *_: None)
    freeze_dataset(workspace, DatasetSpec("spots"))


def fill(page: Page, steps: int) -> None:
    """The form of a small network, for so many steps."""
    page.get_by_text("More: network").click()
    page.get_by_label("Start from").select_option("none")
    page.get_by_label("Encoder").fill("test_efficientnet")
    page.get_by_label("Input height").fill("64")
    page.get_by_label("Input width").fill("64")
    page.get_by_label("Length is given in").select_option("steps")
    page.get_by_label("Steps", exact=True).fill(str(steps))
    page.get_by_label("Images per step").fill("8")
    page.get_by_label("CPU threads").fill("1")
    page.get_by_label("mirror left to right").uncheck()


def test_a_model_is_trained_without_a_command_line(
    workspace: Workspace, address: str, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    teach(workspace, tmp_path / "parts")
    page = open_page()
    page.goto(f"{address}/runs")
    page.get_by_role("link", name="Train a model").first.click()
    page.get_by_role("link", name="classify").click()
    fill(page, steps=200)
    page.get_by_role("button", name="Start training").click()
    run = page.locator("#run")
    expect(run).to_contain_text("queued")
    expect(run).to_contain_text("Waits for a worker")
    with Workers(workspace.folder) as workers:
        workers.start("w")
        expect(run.locator("figure.chart svg")).to_be_visible(timeout=PATIENCE_MS)
        expect(run.locator(".tiles img").first).to_be_visible(timeout=PATIENCE_MS)
        expect(run).to_contain_text("left")
        run.get_by_role("button", name="Stop").click()
        page.get_by_role("button", name="Stop training").click()
        expect(run).to_contain_text("stopped", timeout=PATIENCE_MS)
        run.get_by_role("button", name="Go on").click()
        expect(run.get_by_role("link", name="Its model")).to_be_visible(timeout=PATIENCE_MS)
    run.get_by_text("Settings").click()
    expect(run).to_contain_text("mirror left to right")
    page.goto(f"{address}/jobs")
    page.get_by_role("link", name="Train a model").click()
    expect(page.locator("#job")).to_contain_text("Asked to stop")
    expect(page.locator("#job")).to_contain_text("after 200 steps")


def test_pages_of_work_fit_a_phone(
    workspace: Workspace, address: str, open_page: Callable[..., Page]
) -> None:
    page = open_page("phone", "dark")
    for path in ("/runs", "/runs/new", "/jobs", "/jobs/inspections"):
        page.goto(f"{address}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path

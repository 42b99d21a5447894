"""A quality engineer brings a folder in, looks at it and freezes it, in a real browser."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from simulators.workers import Workers

from andon.domain.images import ImageFilter
from andon.formats.pixels import encode_mask, encode_png
from andon.jobs.import_images import ImportRequest, import_images
from andon.services.workspaces import Workspace, now
from andon.store import images
from andon.units import digest_of

OpenPage = Callable[..., Page]
MANY = 64


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    root = tmp_path / "March"
    noise = np.random.default_rng(2)
    mask = np.zeros((48, 64), bool)
    mask[10:20, 20:40] = True
    for number in range(MANY):
        folder = "dent" if number % 4 == 0 else "good"
        (root / folder).mkdir(parents=True, exist_ok=True)
        pixels = noise.integers(90, 130, (48, 64), dtype=np.uint8)
        (root / folder / f"{number:02d}.png").write_bytes(encode_png(pixels))
        if folder == "dent":
            (root / "masks" / "dent").mkdir(parents=True, exist_ok=True)
            (root / "masks" / "dent" / f"{number:02d}.png").write_bytes(encode_mask(mask))
    (root / "notes.txt").write_text("from the line")
    return root


@pytest.fixture
def workers(workspace: Workspace) -> Iterator[Workers]:
    with Workers(workspace.folder) as started:
        yield started


def imported(page: Page, address: str, parts: Path) -> None:
    """Send the folder, look at what is in it, and wait until a worker has imported it."""
    page.goto(f"{address}/imports/new")
    page.set_input_files("[data-drop-folder]", parts)
    page.wait_for_url("**/imports/0*")
    expect(page.get_by_role("heading", name="Import March")).to_be_visible()
    expect(page.get_by_text("notes.txt")).to_be_visible()
    page.get_by_role("button", name=f"Import {MANY} images").click()
    expect(page.get_by_role("link", name="Look at the images")).to_be_visible(timeout=90_000)
    expect(page.get_by_text("Left out: 1 file")).to_be_visible()


@pytest.fixture
def stocked(workspace: Workspace, parts: Path) -> None:
    """The folder, imported without pages."""
    request = ImportRequest(parts, "March", "mara", now())
    import_images(workspace.database, workspace.blobs, request, lambda *_: None)


def shown(page: Page) -> str:
    return str(page.locator("[data-shot][aria-current]").get_attribute("data-shot"))


def test_from_a_folder_to_a_data_set(
    address: str, parts: Path, workers: Workers, open_page: OpenPage
) -> None:
    workers.start("w1")
    page = open_page()
    imported(page, address, parts)

    page.get_by_role("link", name="Look at the images").click()
    expect(page.locator("[data-shot]")).to_have_count(60)
    expect(page.get_by_text("64 images")).to_be_visible()

    page.goto(f"{address}/datasets/new?name=brackets")
    page.get_by_role("button", name="Freeze “brackets”, 64 images").click()
    expect(page.get_by_role("heading", name="Data set brackets")).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download as COCO").click()
    assert waiting.value.suggested_filename.endswith("-coco.zip")


@pytest.mark.usefixtures("stocked")
@pytest.mark.parametrize(("size", "scheme"), [("desk", "light"), ("phone", "dark")])
def test_one_image_slides_over_and_the_place_is_kept(
    address: str, open_page: OpenPage, size: str, scheme: str
) -> None:
    page = open_page(size, scheme)
    page.goto(f"{address}/images?labels=defective")
    shots = page.locator("[data-shot]")
    expect(shots).to_have_count(16)
    shots.nth(2).click()
    expect(page.locator("[data-panel] .picture img").first).to_be_visible()
    third = shown(page)
    assert f"image={third}" in page.url
    page.keyboard.press("ArrowRight")
    expect(shots.nth(3)).to_have_attribute("aria-current", "true")
    page.keyboard.press("ArrowLeft")
    expect(shots.nth(2)).to_have_attribute("aria-current", "true")
    assert shown(page) == third
    page.keyboard.press("Escape")
    expect(page.locator("[data-panel]")).to_be_hidden()
    assert page.url == f"{address}/images?labels=defective"
    for path in ("/images", "/imports/new", "/datasets", "/datasets/new?name=q"):
        page.goto(address + path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


@pytest.mark.usefixtures("stocked")
def test_the_detail_goes_on_over_the_end_of_the_page(address: str, open_page: OpenPage) -> None:
    page = open_page()
    page.goto(f"{address}/images")
    shots = page.locator("[data-shot]")
    shots.nth(59).click()
    expect(page.locator("[data-panel] .picture img").first).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(shots).to_have_count(MANY)
    expect(shots.nth(60)).to_have_attribute("aria-current", "true")
    page.go_back()
    expect(page.locator("[data-panel]")).to_be_hidden()


@pytest.mark.usefixtures("stocked")
def test_some_are_chosen_and_stay_chosen(address: str, open_page: OpenPage, workspace: Workspace) -> None:
    with workspace.database.write() as tx:
        known = images.page(tx, ImageFilter(clean=True), None, 1).rows[0]
        bare = [replace(known, digest=digest_of(b"%d" % n), name=f"new {n}") for n in range(5)]
        images.add(tx, bare, "station/ST-1", "mara", now())
    page = open_page()
    page.goto(f"{address}/images?labels=unlabelled")
    boxes, bar = page.locator(".tick"), page.locator("#bulk")
    expect(bar).to_be_hidden()
    boxes.nth(0).click()
    boxes.nth(3).click(modifiers=["Shift"])
    expect(bar).to_contain_text("4 images")
    page.locator("[data-shot]").nth(4).click()
    expect(page.locator("[data-panel] .picture img").first).to_be_visible()
    page.keyboard.press("Escape")
    page.reload()
    expect(bar).to_contain_text("4 images")
    bar.get_by_role("combobox").select_option("dent")
    bar.get_by_role("button", name="Label them").click()
    expect(page.get_by_text("4 images labelled dent.")).to_be_visible()
    expect(page.locator("[data-shot]")).to_have_count(1)
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator("[data-shot]")).to_have_count(5)
    page.keyboard.press("a")
    expect(page.locator("#bulk")).to_contain_text("5 images")


@pytest.mark.usefixtures("stocked")
def test_size_and_contours_are_kept(address: str, open_page: OpenPage) -> None:
    page = open_page()
    page.goto(f"{address}/images?labels=defective")
    contour = page.locator("#shots .contours").first
    expect(contour).to_be_visible()
    before = page.locator(".shot").first.bounding_box()
    page.get_by_label("Contours").uncheck()
    expect(contour).to_be_hidden()
    page.get_by_label("Size of the pictures").fill("352")
    page.reload()
    expect(contour).to_be_hidden()
    after = page.locator(".shot").first.bounding_box()
    assert before is not None and after is not None and after["width"] > 1.5 * before["width"]


def test_a_stopped_sending_and_an_empty_choice_say_so(
    address: str, tmp_path: Path, open_page: OpenPage
) -> None:
    empty = tmp_path / "empty"
    (empty / ".git").mkdir(parents=True)
    (empty / ".git" / "config").write_text("x")
    page = open_page()
    page.goto(f"{address}/imports/new")
    page.set_input_files("[data-drop-folder]", empty)
    expect(page.get_by_text("there is no file in it")).to_be_visible()
    expect(page.get_by_text("Choose a folder", exact=True)).to_be_visible()

"""The Label page: proposals accepted by one key, fixed by box, polygon and finger; no stroke is lost."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from simulators.label_plant import LabelPlant, build
from simulators.programs import Program, python, until

from andon.domain.annotations import Annotation, AnnotationState, Box, Polygon, WholeImage
from andon.domain.selections import LabelOutcome, Pick, Selection, SelectionSettings
from andon.services.labels import LabelWork, label_sheet, save_labels
from andon.services.selections import make_selection
from andon.store import selections as stored_selections

OpenPage = Callable[..., Page]
Point = tuple[float, float]
SIDE = 64


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> LabelPlant:
    return build(tmp_path_factory.mktemp("plant"), 24)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, plant: LabelPlant) -> Iterator[str]:
    log: Path = tmp_path_factory.mktemp("hub") / "hub.log"
    command = python("andon.hub", "--workspace", str(plant.workspace.folder), "--port", "0")
    program = Program("hub", command, log).start()
    try:
        until("the hub says where it is", lambda: "http://" in program.log.read_text())
        found = re.search(r"http://127\.0\.0\.1:\d+", program.log.read_text())
        assert found is not None
        yield found.group()
    finally:
        program.kill()


@pytest.fixture
def made(plant: LabelPlant) -> Selection:
    """A selection of four pictures that nobody has labelled yet."""
    return make_selection(plant.workspace, SelectionSettings(minutes=1, seconds=15, control=0))


def on_screen(page: Page, point: Point) -> Point:
    """Where a pixel of the picture lies."""
    frame = page.locator(".canvas-shapes").bounding_box()
    assert frame is not None
    scale = frame["width"] / SIDE
    return frame["x"] + point[0] * scale, frame["y"] + point[1] * scale


def press(page: Page, *points: Point) -> None:
    for point in points:
        page.mouse.click(*on_screen(page, point))


def drag(page: Page, start: Point, end: Point) -> None:
    page.mouse.move(*on_screen(page, start))
    page.mouse.down()
    page.mouse.move(*on_screen(page, ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)))
    page.mouse.move(*on_screen(page, end))
    page.mouse.up()


def opened(page: Page, address: str, made: Selection, pick: Pick | None = None) -> Page:
    image = f"&image={pick.image}" if pick else ""
    page.goto(f"{address}/label?selection={made.id}{image}")
    return ready(page)


def ready(page: Page) -> Page:
    expect(page.locator("[data-tool=box]")).to_be_visible()
    return page


def in_hand(page: Page) -> Locator:
    return page.locator("form[data-label] input[name=image]")


def accepted(plant: LabelPlant, pick: Pick) -> list[Annotation]:
    sheet = label_sheet(plant.workspace, pick.image)
    return [] if sheet.proposed else list(sheet.said)


def outcomes(plant: LabelPlant, made: Selection) -> list[LabelOutcome]:
    with plant.workspace.database.read() as tx:
        return [one.outcome for one in stored_selections.labellings_of(tx, [made.id])]


def near(value: float, wanted: float) -> bool:
    return abs(value - wanted) < 1.0


def test_four_pictures_by_keys_alone(
    open_page: OpenPage, address: str, plant: LabelPlant, made: Selection
) -> None:
    first, second, third, fourth = made.picks
    page = opened(open_page(), address, made)
    expect(in_hand(page)).to_have_value(first.image)
    page.keyboard.press("Enter")
    expect(in_hand(page)).to_have_value(second.image)
    ready(page)
    page.keyboard.press("c")
    expect(in_hand(page)).to_have_value(third.image)
    ready(page)
    page.keyboard.press("s")
    expect(in_hand(page)).to_have_value(fourth.image)
    ready(page)
    for _ in range(page.locator("[data-label-list] li").count()):
        page.locator("[data-label-list] li >> nth=0").get_by_role("button", name="Remove").press("Enter")
    page.locator("[data-canvas]").focus()
    page.keyboard.press("3")
    expect(page.locator("[data-label-list] li")).to_have_text(re.compile("scratch.*whole image"))
    page.keyboard.press("Enter")
    expect(in_hand(page)).to_have_value(third.image)
    wanted = LabelOutcome.ACCEPTED if first.proposal else LabelOutcome.CLEAN
    assert outcomes(plant, made) == [wanted, LabelOutcome.CLEAN, LabelOutcome.SKIPPED, LabelOutcome.FIXED]
    assert [label.concept for label in first.proposal] == [one.concept for one in accepted(plant, first)]
    (whole,) = accepted(plant, fourth)
    assert (whole.concept, whole.geometry, whole.author) == ("scratch", WholeImage(), "local")
    with plant.workspace.database.read() as tx:
        times = [one.seconds for one in stored_selections.labellings_of(tx, [made.id])]
    assert all(0 < seconds < 600 for seconds in times)


def test_a_box_and_a_polygon_are_drawn_and_undone(
    open_page: OpenPage, address: str, plant: LabelPlant, made: Selection
) -> None:
    pick = made.picks[0]
    page = opened(open_page(), address, made, pick)
    proposed = page.locator("[data-label-list] li").count()
    page.keyboard.press("b")
    page.keyboard.press("2")
    drag(page, (5, 6), (25, 16))
    expect(page.locator("[data-label-list] li")).to_have_count(proposed + 1)
    page.keyboard.press("p")
    page.keyboard.press("3")
    press(page, (30, 30), (50, 30), (40, 50))
    page.keyboard.press("Enter")
    expect(page.locator("[data-label-list] li")).to_have_count(proposed + 2)
    expect(in_hand(page)).to_have_value(pick.image)
    page.keyboard.press("b")
    drag(page, (1, 1), (9, 9))
    page.keyboard.press("u")
    expect(page.locator("[data-label-list] li")).to_have_count(proposed + 2)
    page.keyboard.press("v")
    page.keyboard.press("Enter")
    expect(in_hand(page)).not_to_have_value(pick.image)
    said = accepted(plant, pick)
    (box,) = (
        one for one in said if isinstance(one.geometry, Box) and one.author == "local" and one.revision == 1
    )
    assert isinstance(box.geometry, Box)
    assert box.concept == "dark"
    assert near(box.geometry.x, 5) and near(box.geometry.y, 6)
    assert near(box.geometry.width, 20) and near(box.geometry.height, 10)
    (polygon,) = (one for one in said if isinstance(one.geometry, Polygon) and one.revision == 1)
    assert isinstance(polygon.geometry, Polygon)
    assert polygon.concept == "scratch"
    assert [(near(x, a), near(y, b)) for (x, y), (a, b) in zip(
        polygon.geometry.points, ((30, 30), (50, 30), (40, 50)), strict=True
    )] == [(True, True)] * 3  # fmt: skip


def test_a_proposal_that_is_renamed_keeps_its_trace(
    open_page: OpenPage, address: str, plant: LabelPlant, made: Selection
) -> None:
    pick = next(pick for pick in made.picks if len(pick.proposal) == 1)
    proposed = label_sheet(plant.workspace, pick.image).said[0]
    page = opened(open_page(), address, made, pick)
    page.locator("[data-label-list] .label-pick").click()
    page.keyboard.press("3")
    expect(page.locator("[data-label-list] li")).to_contain_text("scratch")
    expect(page.locator("[data-accept-words]")).to_have_text("Save 1 label")
    page.locator("[data-canvas]").focus()
    page.get_by_role("button", name="Save 1 label").click()
    expect(in_hand(page)).not_to_have_value(pick.image)
    (kept,) = accepted(plant, pick)
    assert (kept.id, kept.revision, kept.concept) == (proposed.id, 2, "scratch")
    assert kept.state is AnnotationState.ACCEPTED


def test_what_was_drawn_and_not_saved_is_there_again(
    open_page: OpenPage, address: str, plant: LabelPlant, made: Selection
) -> None:
    pick = made.picks[0]
    page = opened(open_page(), address, made, pick)
    before = page.locator("[data-label-list] li").count()
    page.keyboard.press("b")
    drag(page, (40, 4), (60, 14))
    expect(page.locator("[data-label-list] li")).to_have_count(before + 1)
    page.goto(f"{address}/selections")
    opened(page, address, made, pick)
    expect(page.locator("[data-label-list] li")).to_have_count(before + 1)
    expect(page.locator("[data-toasts]")).to_contain_text("Your drawing is back")
    page.keyboard.press("u")
    expect(page.locator("[data-label-list] li")).to_have_count(before)


def test_a_picture_that_somebody_else_labelled_meanwhile_is_not_overwritten(
    chromium: Browser, address: str, plant: LabelPlant, made: Selection
) -> None:
    """On a page that nobody watches: the browser calls the refusal an error."""
    pick = made.picks[1]
    page = opened(chromium.new_page(), address, made, pick)
    page.keyboard.press("b")
    drag(page, (5, 5), (15, 15))
    save_labels(plant.workspace, LabelWork(pick.image))
    page.keyboard.press("v")
    page.keyboard.press("Enter")
    expect(page.locator("[data-toasts]")).to_contain_text("meanwhile")
    expect(in_hand(page)).to_have_value(pick.image)
    assert label_sheet(plant.workspace, pick.image).clean
    page.reload()
    expect(page.locator("[data-toasts]")).to_contain_text("Somebody labelled the picture meanwhile")
    expect(page.locator("[data-label-list] li")).to_have_count(len(pick.proposal) + 1)
    page.close()


def test_a_finger_draws_on_a_phone(
    chromium: Browser, address: str, plant: LabelPlant, made: Selection
) -> None:
    pick = made.picks[0]
    context = chromium.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, color_scheme="dark"
    )
    page = context.new_page()
    try:
        opened(page, address, made, pick)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        before = page.locator("[data-label-list] li").count()
        page.locator("[data-tool=polygon]").tap()
        page.locator("[data-canvas]").scroll_into_view_if_needed()
        for point in ((10, 10), (30, 10), (20, 30), (10, 10)):
            page.touchscreen.tap(*on_screen(page, point))
        expect(page.locator("[data-label-list] li")).to_have_count(before + 1)
        sizes = page.evaluate(
            "[...document.querySelectorAll('.label button')].filter((one) => one.offsetParent)"
            ".map((one) => one.getBoundingClientRect().height)"
        )
        assert min(sizes) >= 48
        page.locator("button[value=accept]").tap()
        expect(in_hand(page)).not_to_have_value(pick.image)
    finally:
        context.close()
    assert any(isinstance(one.geometry, Polygon) for one in accepted(plant, pick))


def test_selections_are_read_on_both_sizes(open_page: OpenPage, address: str, made: Selection) -> None:
    for size, scheme in (("desk", "light"), ("phone", "dark")):
        page = open_page(size, scheme)
        page.goto(f"{address}/selections")
        expect(page.locator("#selections")).to_contain_text("Labelled")
        page.goto(f"{address}/selections/{made.id}")
        expect(page.locator(".pick")).to_have_count(len(made.picks))
        expect(page.locator("#worth")).to_contain_text("Drawn by chance")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.locator(".pick-picture >> nth=0").click()
        expect(in_hand(page)).to_have_value(made.picks[0].image)

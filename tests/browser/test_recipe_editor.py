"""The recipe editor: regions drawn by pointer, finger and keys; cuts dragged; history asked; saved."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from browser.cut_panel import shown, slide
from playwright.sync_api import Browser, Locator, Page, expect
from simulators.brightness_plant import BrightnessPlant, build
from simulators.programs import Program, python, until

from andon.analysis.cuts import expected_cost, rates_of, verdicts
from andon.services.previews import preview_recipe
from andon.services.recipes import BOUND_IN_VIEW, RecipeRequest, find_recipe
from andon.services.scores import latest_evaluation

OpenPage = Callable[..., Page]
Point = tuple[float, float]

SIDE = 64
"""Pixels of the plant's pictures."""


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> BrightnessPlant:
    return build(tmp_path_factory.mktemp("plant"))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, plant: BrightnessPlant) -> Iterator[str]:
    log = tmp_path_factory.mktemp("hub") / "hub.log"
    program = Program(
        "hub", python("andon.hub", "--workspace", str(plant.workspace.folder), "--port", "0"), log
    ).start()
    try:
        until("the hub says where it is", lambda: "http://" in program.log.read_text())
        found = re.search(r"http://127\.0\.0\.1:\d+", program.log.read_text())
        assert found is not None
        yield found.group()
    finally:
        program.kill()


def edit(page: Page, address: str) -> Page:
    page.goto(f"{address}/drafts?recipe=tiles@1")
    expect(page.locator("[data-tools]")).to_be_visible()
    return page


def on_screen(page: Page, point: Point) -> Point:
    """Where a pixel of the picture lies."""
    page.locator("[data-canvas]").scroll_into_view_if_needed()
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


def tool(page: Page, name: str) -> None:
    page.locator(f"[data-tool={name}]").click()


def numbers(field: Locator) -> list[list[float]]:
    """Polygons in a text field, a flat list of coordinates each."""
    return [[float(word) for word in line.split()] for line in field.input_value().splitlines()]


def near(found: list[float], wanted: list[float]) -> bool:
    return len(found) == len(wanted) and all(abs(a - b) < 1 for a, b in zip(found, wanted, strict=True))


def test_regions_are_drawn_moved_taken_back_and_saved(
    plant: BrightnessPlant, address: str, open_page: OpenPage
) -> None:
    page = edit(open_page(), address)
    regions, ignore = page.locator("[name=regions]"), page.locator("[name=ignore]")
    tool(page, "region")
    press(page, (4, 4), (60, 4), (60, 50), (4, 4))
    assert near(numbers(regions)[0], [4, 4, 60, 4, 60, 50])
    tool(page, "ignore")
    drag(page, (20, 20), (30, 40))
    assert near(numbers(ignore)[0], [20, 20, 30, 20, 30, 40, 20, 40])

    drag(page, (25, 30), (35, 35))
    assert near(numbers(ignore)[0], [30, 25, 40, 25, 40, 45, 30, 45])
    page.keyboard.press("Shift+ArrowRight")
    assert near(numbers(ignore)[0], [40, 25, 50, 25, 50, 45, 40, 45])
    drag(page, (50, 45), (55, 55))
    assert near(numbers(ignore)[0], [40, 25, 50, 25, 55, 55, 40, 45])

    page.keyboard.press("Delete")
    assert ignore.input_value() == ""
    page.get_by_role("button", name="Undo").click()
    assert near(numbers(ignore)[0], [40, 25, 50, 25, 55, 55, 40, 45])
    page.get_by_role("button", name="Delete Region 1").press("Enter")
    assert regions.input_value() == ""
    page.keyboard.press("Control+z")
    assert near(numbers(regions)[0], [4, 4, 60, 4, 60, 50])

    tool(page, "locate")
    drag(page, (10, 12), (26, 32))
    page.locator("[name=note]").fill("drawn")
    page.locator("[data-save]").click()
    page.wait_for_url("**/recipes/tiles/versions/*")
    saved = find_recipe(plant.workspace, "tiles")
    assert saved.version > 1 and saved.note == "drawn"
    assert near([v for p in saved.regions[0].points for v in p], [4, 4, 60, 4, 60, 50])
    assert near([v for p in saved.ignore[0].points for v in p], [40, 25, 50, 25, 55, 55, 40, 45])
    assert saved.locate is not None
    assert (abs(saved.locate.x - 10) <= 1, abs(saved.locate.y - 12) <= 1) == (True, True)
    assert saved.cuts == find_recipe(plant.workspace, "tiles@1").cuts


def test_what_is_drawn_stays_on_another_picture(address: str, open_page: OpenPage) -> None:
    page = edit(open_page(), address)
    tool(page, "region")
    drag(page, (8, 8), (40, 40))
    before = page.locator("[data-canvas] img").get_attribute("src")
    page.get_by_text("Another picture").click()
    page.locator("[data-picture]").nth(1).click()
    image = page.locator("[data-canvas] img")
    expect(image).not_to_have_attribute("src", str(before))
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("image => image.naturalWidth") == SIDE
    assert near(numbers(page.locator("[name=regions]"))[0], [8, 8, 40, 8, 40, 40, 8, 40])


def test_a_finger_draws_too(chromium: Browser, plant: BrightnessPlant, address: str) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = edit(context.new_page(), address)
    page.locator("[data-tool=region]").tap()
    for point in ((8, 8), (56, 8), (32, 56), (8, 8)):
        page.touchscreen.tap(*on_screen(page, point))
    assert near(numbers(page.locator("[name=regions]"))[0], [8, 8, 56, 8, 32, 56])
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    context.close()


def test_a_zone_belongs_to_its_rule(address: str, open_page: OpenPage) -> None:
    page = edit(open_page(), address)
    for _ in range(2):
        page.get_by_role("button", name="Add a rule").click()
    first, second = (page.locator("[data-rule]").nth(place) for place in (0, 1))
    second.get_by_role("button", name="Draw its zone").click()
    drag(page, (4, 4), (24, 24))
    assert near(numbers(second.locator("[name=rule_within]"))[0], [4, 4, 24, 4, 24, 24, 4, 24])
    assert first.locator("[name=rule_within]").input_value() == ""
    first.get_by_role("button", name="Remove the rule").click()
    left = page.locator("[data-rule]")
    expect(left).to_have_count(1)
    assert near(numbers(left.locator("[name=rule_within]"))[0], [4, 4, 24, 4, 24, 24, 4, 24])


def test_a_known_length_becomes_a_calibration(address: str, open_page: OpenPage) -> None:
    page = edit(open_page(), address)
    tool(page, "length")
    drag(page, (10, 10), (10, 50))
    drawn = page.locator("[data-known=pixels]")
    assert abs(float(drawn.input_value()) - 40) < 1
    page.locator("[data-known=station]").fill("ST-07")
    page.locator("[data-known=millimetres]").fill("10")
    page.get_by_role("button", name="Add the calibration").click()
    expect(page.locator("[name=calibration]")).to_have_value("ST-07/top")
    page.goto(f"{address}/calibrations")
    expect(page.get_by_role("row", name="ST-07/top")).to_be_visible()


def test_cuts_are_dragged_over_the_group_that_may_choose(
    plant: BrightnessPlant, address: str, open_page: OpenPage
) -> None:
    page = edit(open_page(), address)
    panel = page.locator("[data-cuts=bright]")
    slide(page, panel, "reject", 0.62)
    slide(page, panel, "review", 0.31)
    cuts = {"bright": shown(panel), "dark": shown(page.locator("[data-cuts=dark]"))}
    assert abs(cuts["bright"].reject - 0.62) < 0.01 and abs(cuts["bright"].review - 0.31) < 0.01

    evaluation = latest_evaluation(plant.workspace, plant.package)
    assert evaluation is not None
    table = evaluation.calibration_table()
    decided = verdicts(table, cuts)
    rates = rates_of(decided, table.defective)
    told = page.locator("[data-rates]")
    expect(told).to_contain_text(f"calibration group ({len(table.parts)} parts)")
    expect(told).to_contain_text(f"escapes {rates.escapes.count} of {rates.escapes.of}")
    expect(told).to_contain_text(f"overkill {rates.overkill.count} of {rates.overkill.of}")
    expect(told).to_contain_text(f"to review {rates.reviews.count} of {rates.reviews.of}")
    price = re.search(r"on the line: ([\d.]+)\. ", told.inner_text())
    assert price is not None
    assert float(price.group(1)) == pytest.approx(
        expected_cost(decided, table.defective, evaluation.costs), rel=0.01
    )

    slide(page, panel, "review", 0.8)
    pushed = shown(panel)
    assert pushed.review == pushed.reject
    panel.locator("[data-cut=reject]").focus()
    page.keyboard.press("ArrowLeft")
    assert shown(panel).reject == pytest.approx(pushed.reject - 0.001)


def test_other_costs_choose_other_cuts(plant: BrightnessPlant, address: str, open_page: OpenPage) -> None:
    page = edit(open_page(), address)
    panel = page.locator("[data-cuts=bright]")
    before = shown(panel)
    page.locator("[name=cost_review]").fill("20")
    page.get_by_role("button", name="Take the cheapest cuts").click()
    evaluation = latest_evaluation(plant.workspace, plant.package)
    assert evaluation is not None
    wanted = evaluation.cheapest_cuts(replace(evaluation.costs, review=20.0)).cuts
    expect(panel.locator("[name=cut_reject]")).to_have_value(f"{wanted['bright'].reject}")
    assert shown(panel) == wanted["bright"] != before


def test_cuts_moved_with_the_test_group_in_view_say_so(
    plant: BrightnessPlant, address: str, open_page: OpenPage
) -> None:
    page = edit(open_page(), address)
    panel = page.locator("[data-cuts=bright]")
    slide(page, panel, "reject", 0.7)
    bound = page.locator("[data-bound]")
    bound.locator("summary").click()
    expect(bound).to_contain_text("chose nothing so far")
    evaluation = latest_evaluation(plant.workspace, plant.package)
    assert evaluation is not None
    cuts = {"bright": shown(panel), "dark": shown(page.locator("[data-cuts=dark]"))}
    escapes = evaluation.test_rates(cuts).escapes
    expect(bound).to_contain_text(f"{escapes.count} of n = {escapes.of}")
    slide(page, panel, "reject", 0.5)
    expect(bound).to_contain_text("moved cuts while looking")
    page.locator("[name=name]").fill("looked")
    page.locator("[name=note]").fill("tried")
    page.locator("[data-save]").click()
    page.wait_for_url("**/recipes/looked/versions/1")
    assert BOUND_IN_VIEW in find_recipe(plant.workspace, "looked").note


def test_history_says_what_would_change(plant: BrightnessPlant, address: str, open_page: OpenPage) -> None:
    page = edit(open_page(), address)
    panel = page.locator("[data-cuts=bright]")
    slide(page, panel, "reject", 0.25)
    cuts = {"bright": shown(panel), "dark": shown(page.locator("[data-cuts=dark]"))}
    wanted = preview_recipe(plant.workspace, RecipeRequest("x", plant.package.digest, cuts))
    assert wanted.changed
    page.get_by_role("button", name="Preview on history").click()
    preview = page.locator("[data-preview]")
    expect(preview).to_contain_text(f"{wanted.changed} of {wanted.judged} verdicts would be another")
    expect(preview.locator("figure")).to_have_count(len(wanted.flips))
    picture = preview.locator("img").first
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") > 0


def test_a_refusal_stands_beside_what_was_drawn(
    address: str, open_page: OpenPage, chromium: Browser
) -> None:
    page = chromium.new_page()  # a refused save is an error on the console, and meant to be
    edit(page, address)
    page.locator("[name=cut_review]").first.fill("0.9")
    page.locator("[name=cut_reject]").first.fill("0.3")
    page.locator("[name=note]").fill("wrong")
    page.locator("[data-save]").click()
    expect(page.locator("[data-problem]")).to_contain_text("must not be above the reject cut")
    assert page.url.endswith("/drafts?recipe=tiles@1")
    page.close()


def test_the_editor_saves_without_script(chromium: Browser, plant: BrightnessPlant, address: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/drafts?recipe=tiles@1")
    page.locator("[name=regions]").fill("1 1 60 1 60 60")
    page.locator("[name=name]").fill("plain")
    page.locator("[name=note]").fill("typed")
    page.get_by_role("button", name="Save as a new version").click()
    page.wait_for_url("**/recipes/plain/versions/1")
    assert len(find_recipe(plant.workspace, "plain").regions) == 1
    context.close()


@pytest.mark.parametrize("size", ["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(
    plant: BrightnessPlant, address: str, open_page: OpenPage, size: str, scheme: str
) -> None:
    page = open_page(size, scheme)
    model = f"/models/{plant.package.digest}"
    compare = f"{model}/comparisons?other={plant.other.digest}"
    for path in ("/models", model, compare, "/recipes", "/recipes/tiles", "/drafts", "/calibrations"):
        page.goto(f"{address}{path}")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path

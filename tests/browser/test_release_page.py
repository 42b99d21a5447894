"""A release in a real browser: made by the form, followed live, taken back with one touch."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from simulators.told_stations import ToldStation, stock

from andon.domain.inspections import Verdict
from andon.services.stations import AssignmentRequest, assign
from andon.services.workspaces import Workspace

PASS, REJECT = Verdict.PASS, Verdict.REJECT


@pytest.fixture
def station(workspace: Workspace) -> ToldStation:
    stock(workspace)
    made = ToldStation(workspace, "ST-1")
    made.reports()
    assign(workspace, "ST-1", AssignmentRequest("brackets@1"))
    made.reports()
    made.reports()
    return made


@pytest.mark.parametrize(("size", "scheme"), [("desk", "light"), ("phone", "dark")])
def test_a_release_is_followed_and_taken_back_while_the_station_goes_on_talking(
    address: str, open_page: Callable[..., Page], station: ToldStation, size: str, scheme: str
) -> None:
    page = open_page(size, scheme)
    page.goto(f"{address}/releases/new?recipe=brackets@2")
    page.get_by_label("Why it goes out").fill("finds more")
    page.get_by_label("ST-1").select_option("wave 1")
    page.get_by_text("More: the shadow").click()
    page.get_by_label("Parts judged beside").fill("2")
    page.get_by_role("button", name="Release it").click()
    page.get_by_role("dialog").get_by_role("button", name="Release it").click()
    card = page.get_by_label("Station ST-1")
    expect(card).to_contain_text("waits")
    station.reports()
    expect(card).to_contain_text("shadow")
    station.judges((REJECT, PASS), (PASS, PASS))
    expect(card).to_contain_text("Judged beside: 2 of 2 parts")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for _ in range(2):
        station.reports()
    expect(card).to_contain_text("watched")
    expect(card).to_contain_text("this release")

    page.get_by_role("button", name="Roll back everywhere").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 of 1 stations (ST-1)")
    word = page.locator("[data-updated]")
    for _ in range(3):  # the page hears of the station, and leaves alone what the question is about
        before = word.inner_text()
        station.reports()
        expect(word).not_to_have_text(before)
    dialog.get_by_role("button", name="Roll back").click()
    expect(card).to_contain_text("rolled back")
    station.reports()
    station.reports()
    expect(card).to_contain_text("brackets@1")
    assert station.told is not None
    assert station.told.recipe.version == 1

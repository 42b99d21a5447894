"""What every page of the hub has: navigation, keys, news while one looks, both sizes, both themes."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect
from simulators.programs import Program
from simulators.records import package, recipe, record, report, stalled

from andon.domain.approvals import Approval, ApprovalDecision
from andon.services.jobs import ago
from andon.services.workspaces import Workspace, now
from andon.store import approvals, inspections, models, recipes, stations
from andon.units import Timestamp

OpenPage = Callable[..., Page]


def later() -> Timestamp:
    """A station that reported then is not silent, however long a busy machine takes."""
    return ago(-3600)


@pytest.fixture(autouse=True)
def line(workspace: Workspace) -> Iterator[None]:
    with workspace.database.write() as tx:
        models.add(tx, package(), "mara", now())
        recipes.add_version(tx, recipe(package()))
        stations.report(tx, report("ST-1", held=0), "station/ST-1", later())
        inspections.add(tx, [record("ST-1", n, at=now()) for n in range(3)], "station/ST-1")
    yield


def menu_of(page: Page, address: str) -> list[str]:
    page.goto(address)
    return [str(link.get_attribute("href")) for link in page.locator("nav.menu li a").all()]


def test_the_overview_changes_by_itself(workspace: Workspace, address: str, open_page: OpenPage) -> None:
    page = open_page()
    page.goto(address)
    expect(page.locator("[data-updated]")).to_contain_text("Live")
    expect(page.get_by_text("1,188")).to_be_visible()
    with workspace.database.write() as tx:
        stations.report(tx, report("ST-1", held=0, alarms=(stalled(),)), "station/ST-1", later())
    expect(page.get_by_text("ST-1: no image for 5 s")).to_be_visible()
    expect(page.locator(".card .lamp-stopped").first).to_contain_text("stopped")


def test_a_station_that_falls_silent_is_seen_although_nobody_writes(
    workspace: Workspace, address: str, open_page: OpenPage
) -> None:
    with workspace.database.write() as tx:
        stations.report(tx, report("ST-1", held=0), "station/ST-1", now())
    page = open_page()
    page.goto(address)
    expect(page.get_by_text("ST-1 says nothing")).to_be_visible(timeout=120_000)


def test_words_that_are_not_sent_yet_stay(workspace: Workspace, address: str, open_page: OpenPage) -> None:
    def decide(decision: ApprovalDecision, reason: str) -> None:
        with workspace.database.write() as tx:
            approvals.add(tx, Approval(package().digest, decision, reason, "mara", now()))

    decide(ApprovalDecision.APPROVED, "its worst cases are harmless")
    page = open_page()
    page.goto(f"{address}/models/{package().digest}")
    reason = page.get_by_label("Why it is withdrawn")
    reason.fill("it misses dents")
    page.evaluate("document.addEventListener('andon:change', () => { document.title = 'heard' })")
    reason.blur()
    decide(ApprovalDecision.APPROVED, "seen by a second pair of eyes")
    expect(page).to_have_title("heard")
    expect(reason).to_have_value("it misses dents")
    expect(page.get_by_text("second pair of eyes")).to_have_count(0)
    reason.fill("")
    reason.blur()
    expect(page.get_by_text("second pair of eyes")).to_be_visible()


def test_a_page_says_that_the_hub_is_gone(hub: Program, address: str, chromium: object) -> None:
    page = chromium.new_page()  # type: ignore[attr-defined]
    page.goto(address)
    expect(page.locator("[data-updated]")).to_contain_text("Live")
    hub.kill()
    expect(page.locator("[data-updated]")).to_contain_text("does not answer")
    page.close()


def test_a_question_mark_lists_the_keys_and_a_digit_opens_its_page(
    address: str, open_page: OpenPage
) -> None:
    page = open_page()
    page.goto(address)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Keys of this page")
    expect(dialog).to_contain_text("Models")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.keyboard.press("5")
    expect(page).to_have_url(f"{address}/models")


def test_on_a_phone_the_navigation_folds_away(address: str, open_page: OpenPage) -> None:
    page = open_page("phone")
    page.goto(address)
    entry = page.get_by_role("link", name="Models", exact=True)
    expect(entry).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    entry.click()
    expect(page).to_have_url(f"{address}/models")


@pytest.mark.parametrize(("size", "scheme"), [("desk", "light"), ("phone", "dark")])
def test_every_page_fits_and_asks_nobody_else(
    address: str, open_page: OpenPage, size: str, scheme: str
) -> None:
    page = open_page(size, scheme)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in menu_of(page, address):
        page.goto(f"{address}{path}")
        expect(page.locator("h1").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is too wide"
    hosts = {urlsplit(url).netloc for url in asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(address).netloc}


def test_pages_say_what_they_are_without_script(chromium: object, address: str) -> None:
    context = chromium.new_context(java_script_enabled=False)  # type: ignore[attr-defined]
    page = context.new_page()
    page.goto(address)
    expect(page.get_by_text("1,188")).to_be_visible()
    page.get_by_role("link", name="Models", exact=True).click()
    expect(page.locator("h1").first).to_contain_text("Models")
    context.close()

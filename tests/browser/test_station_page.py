"""The operator's shift: a real browser before a real station's page."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from simulators.programs import until
from simulators.shown_line import Running, shown_line

from andon.domain.feedback import Answer, Queue
from andon.domain.inspections import Verdict
from andon.domain.stations import Assignment, Runnable
from andon.simulate.settings import LineSettings
from andon.station.hub.rollbacks import fallback_of
from andon.station.state.alarms import Case

LINE = LineSettings(height=192, width=192, channels=1, defect_rate=0.5)
FINGER = 48


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Running]:
    with shown_line(tmp_path, LINE) as running:
        yield running


def said(line: Running) -> list[tuple[str, Answer, Queue]]:
    return [(review.inspection, review.answer, review.queue) for review in line.do(line.line.reviews)]


def offer_way_back(line: Running) -> Assignment:
    """What runs is version 12; version 11 is what it can go back to."""
    runs = line.line.state.assignment
    assert runs is not None
    offered = replace(runs, fallback=Runnable(replace(runs.recipe, version=11), ()))
    line.line.state.assignment = offered
    return offered


def stored(line: Running, count: int) -> list[tuple[str, Answer, Queue]]:
    return until(f"{count} reviews", lambda: found if len(found := said(line)) >= count else None)


def test_what_happens_is_seen_without_a_touch(line: Running, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(line.line.address)
    expect(page.locator(".now")).to_contain_text("WAITING")
    good = line.do(line.line.part, Verdict.PASS)
    expect(page.locator(".now")).to_contain_text("PASS")
    expect(page.locator(".now")).to_contain_text(good.part)
    bad = line.do(line.line.part, Verdict.REJECT)
    expect(page.locator(".now")).to_contain_text("REJECT")
    expect(page.locator("body")).to_have_attribute("data-state", "REJECT")
    expect(page.locator(".live img")).to_have_attribute("src", f"/pictures/{bad.id}")
    assert page.locator(".live img").evaluate("image => image.naturalWidth") == 192
    expect(page.locator(".live .mark text").first).to_contain_text(bad.findings[0].concept)
    expect(page.locator(".chip")).to_have_count(2)
    expect(page.locator(".counts")).to_contain_text("1 rejected")
    expect(page.locator("#held .held-part")).to_have_text(f"Part {bad.part}")


def test_one_touch_or_key_says_what_is_true_of_the_part_on_the_desk(
    line: Running, open_page: Callable[..., Page]
) -> None:
    parts = [
        line.do(line.line.part, verdict) for verdict in (Verdict.REJECT, Verdict.REVIEW, Verdict.REJECT)
    ]
    audit = line.do(line.line.part, Verdict.PASS, Queue.AUDIT)
    page = open_page()
    page.goto(line.line.address)
    desk = page.locator("#held .held-part")
    expect(desk).to_have_text(f"Part {audit.part}")
    page.get_by_role("button", name="confirm PASS").click()
    expect(desk).to_have_text(f"Part {parts[2].part}")
    expect(page.locator("[data-said]")).to_have_text(f"Stored: part {audit.part}, confirm PASS.")
    page.keyboard.press("2")
    expect(desk).to_have_text(f"Part {parts[1].part}")
    page.keyboard.press("n")
    expect(desk).to_have_text(f"Part {parts[0].part}")
    page.keyboard.press("1")
    expect(desk).to_have_text(f"Part {parts[1].part}")
    page.get_by_role("button", name="unsure").click()
    expect(page.locator("#held")).to_contain_text("Nothing waits")
    assert sorted(stored(line, 4)) == sorted(
        [
            (audit.id, Answer.CONFIRMED, Queue.AUDIT),
            (parts[2].id, Answer.FALSE_ALARM, Queue.REJECT),
            (parts[0].id, Answer.CONFIRMED, Queue.REJECT),
            (parts[1].id, Answer.UNSURE, Queue.REVIEW),
        ]
    )
    expect(page.locator("[data-waiting]")).to_have_text("0 wait")


def test_the_desk_and_the_strip_under_a_finger_stand_still(
    line: Running, open_page: Callable[..., Page]
) -> None:
    first = line.do(line.line.part, Verdict.REJECT)
    page = open_page()
    page.goto(line.line.address)
    strip = page.locator(".strip-of-parts")
    page.locator(".chip").first.hover()
    newest = [line.do(line.line.part, Verdict.REJECT) for _ in range(4)][-1]
    expect(page.locator(".now")).to_contain_text(newest.part)
    expect(page.locator("#held .held-part")).to_have_text(f"Part {first.part}")
    assert strip.locator(".chip").count() == 1
    page.locator("h1").hover()
    expect(strip.locator(".chip")).to_have_count(5)


def test_the_way_to_the_next_part_appears_when_one_comes(
    line: Running, open_page: Callable[..., Page]
) -> None:
    first = line.do(line.line.part, Verdict.REJECT)
    page = open_page()
    page.goto(line.line.address)
    expect(page.locator("[data-following]")).to_have_count(0)
    second = line.do(line.line.part, Verdict.REJECT)
    page.locator("[data-following]").click()
    expect(page.locator("#held .held-part")).to_have_text(f"Part {second.part}")
    page.keyboard.press("n")
    expect(page.locator("#held .held-part")).to_have_text(f"Part {first.part}")


def test_a_missed_part_is_picked_from_the_strip(line: Running, open_page: Callable[..., Page]) -> None:
    passed = [line.do(line.line.part, Verdict.PASS) for _ in range(5)]
    line.do(line.line.part, Verdict.REJECT)
    page = open_page()
    page.goto(line.line.address)
    page.keyboard.press("3")
    expect(page.get_by_text("Touch the part in the strip")).to_be_visible()
    line.do(line.line.part, Verdict.REJECT)
    page.locator(f".chip[title^='{passed[3].part}']").click()
    expect(page.locator("#held .held-part")).to_have_text(f"Part {passed[3].part}")
    expect(page.locator("#held .held-photo img")).to_be_visible()
    page.get_by_role("button", name="missed").click()
    assert stored(line, 1) == [(passed[3].id, Answer.MISSED, Queue.PICKED)]


def test_a_missed_part_is_found_by_its_serial(line: Running, open_page: Callable[..., Page]) -> None:
    passed = [line.do(line.line.part, Verdict.PASS) for _ in range(3)]
    page = open_page()
    page.goto(line.line.address)
    page.get_by_role("button", name="missed").click()
    page.get_by_label("serial").fill("NOBODY-1")
    page.get_by_role("button", name="find").click()
    expect(page.locator("#held")).to_contain_text("There is no part NOBODY-1 among the last 3 parts.")
    page.wait_for_load_state()
    page.keyboard.press("3")
    page.get_by_label("serial").fill(passed[0].part)
    page.keyboard.press("Enter")
    expect(page.locator("#held .held-part")).to_have_text(f"Part {passed[0].part}")
    page.wait_for_load_state()
    page.keyboard.press("3")
    assert stored(line, 1) == [(passed[0].id, Answer.MISSED, Queue.PICKED)]


def test_marks_can_be_taken_off_the_pictures_to_see_the_part(
    line: Running, open_page: Callable[..., Page]
) -> None:
    line.do(line.line.part, Verdict.REJECT)
    page = open_page()
    page.goto(line.line.address)
    expect(page.locator(".live .marks")).to_be_visible()
    page.keyboard.press("m")
    expect(page.locator(".live .marks")).to_be_hidden()
    bad = line.do(line.line.part, Verdict.REJECT)
    expect(page.locator(".live img")).to_have_attribute("src", f"/pictures/{bad.id}")
    expect(page.locator(".live .marks")).to_be_hidden()
    page.get_by_role("button", name="Marks of the model").click()
    expect(page.locator(".live .marks")).to_be_visible()
    expect(page.locator(".held-photo .marks")).to_be_visible()


def test_alarms_say_what_to_do_and_break_the_edge(line: Running, open_page: Callable[..., Page]) -> None:
    line.do(line.line.part, Verdict.PASS)
    page = open_page()
    page.goto(line.line.address)
    expect(page.locator("body")).not_to_have_attribute("data-fault", "")
    line.do(line.line.alarm, Case.OUTPUT_AWAY, "the broker is away", {"address": "10.0.0.5:1883"})
    expect(page.locator(".alarm")).to_contain_text("PLC does not hear us")
    expect(page.locator(".alarm")).to_contain_text("must treat every part as REJECT")
    expect(page.locator(".alarm")).to_contain_text("The broker at 10.0.0.5:1883 is away.")
    line.do(line.line.alarm, Case.UNHEARD, "17 answers", {"count": 17, "part": "BRACKET-A-0000031"})
    expect(page.locator(".alarm")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    expect(page.locator("body")).to_have_attribute("data-fault", "")


def test_the_page_speaks_german_and_remembers(line: Running, open_page: Callable[..., Page]) -> None:
    part = line.do(line.line.part, Verdict.REJECT)
    page = open_page()
    page.goto(line.line.address)
    page.get_by_role("link", name="Deutsch").click()
    expect(page.locator(".now")).to_contain_text("AUSSCHUSS")
    page.get_by_role("button", name="Fehlalarm").click()
    expect(page.locator("[data-said]")).to_have_text(f"Gespeichert: Teil {part.part}, Fehlalarm.")
    line.do(line.line.part, Verdict.PASS)
    expect(page.locator(".now")).to_contain_text("GUT")
    page.goto(line.line.address)
    expect(page.locator("html")).to_have_attribute("lang", "de")


def test_without_script_the_page_still_works(line: Running, chromium: Browser) -> None:
    part = line.do(line.line.part, Verdict.REJECT)
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(line.line.address)
    expect(page.locator(".now")).to_contain_text("REJECT")
    page.get_by_role("button", name="confirm NG").click()
    expect(page.locator("[data-said]")).to_have_text(f"Stored: part {part.part}, confirm NG.")
    assert stored(line, 1) == [(part.id, Answer.CONFIRMED, Queue.REJECT)]
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_it_fits_and_can_be_touched_with_gloves(
    line: Running, open_page: Callable[..., Page], size: str, scheme: str
) -> None:
    offer_way_back(line)
    for verdict in (Verdict.PASS, Verdict.NO_DECISION, Verdict.REJECT):
        line.do(line.line.part, verdict)
    page = open_page(size, scheme)
    page.goto(line.line.address)
    expect(page.locator(".now")).to_contain_text("REJECT")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if size == "desk":
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    small = page.evaluate(
        "[...document.querySelectorAll('button, a:not(.skip)')].filter(e => e.checkVisibility())"
        f".filter(e => Math.min(e.offsetWidth, e.offsetHeight) < {FINGER}).map(e => e.outerHTML)"
    )
    assert small == []
    lit = page.evaluate(
        "(() => { const box = document.querySelector('.now').getBoundingClientRect();"
        " const body = getComputedStyle(document.body); const edge = parseFloat(body.borderLeftWidth);"
        " const lit = innerWidth * innerHeight - (innerWidth - 2 * edge) * (innerHeight - 2 * edge);"
        " return (box.width * box.height + lit) / (innerWidth * innerHeight); })()"
    )
    assert lit >= 1 / 3, "verdict and edge fill a third of the screen"


def test_a_page_that_lost_its_station_says_so(tmp_path: Path, chromium: Browser) -> None:
    page = chromium.new_page()
    with shown_line(tmp_path, LINE) as running:
        part = running.do(running.line.part, Verdict.REJECT)
        page.goto(running.line.address)
        expect(page.locator("#held .held-part")).to_have_text(f"Part {part.part}")
    expect(page.locator("[data-lost]")).to_be_visible(timeout=20_000)
    expect(page.locator("[data-lost]")).to_contain_text("NO CONNECTION")
    expect(page.locator("body")).to_have_attribute("data-offline", "")
    page.get_by_role("button", name="confirm NG").click()
    expect(page.locator("[data-said]")).to_contain_text("Not stored")
    expect(page.locator("#held .held-part")).to_have_text(f"Part {part.part}")
    page.close()


@pytest.mark.parametrize(("size", "scheme"), [("desk", "light"), ("phone", "dark")])
def test_going_back_asks_once_in_words_and_holds_while_parts_pass(
    line: Running, open_page: Callable[..., Page], size: str, scheme: str
) -> None:
    offered = offer_way_back(line)
    page = open_page(size, scheme)
    page.goto(f"{line.line.address}/?language=en")
    panel = page.locator("#back")
    page.get_by_role("button", name="back to brushed v11", exact=True).click()
    expect(panel).to_contain_text("It cannot be undone here")
    for verdict in (Verdict.PASS, Verdict.REJECT, Verdict.PASS):
        part = line.do(line.line.part, verdict)
        expect(page.locator(".now")).to_contain_text(part.part)
    expect(panel).to_be_visible()
    for button in panel.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None
        assert min(box["height"], box["width"]) >= FINGER
    panel.get_by_role("button", name="Leave it as it is").click()
    expect(panel).to_be_hidden()
    assert line.line.state.asked_back is None
    page.get_by_role("button", name="back to brushed v11", exact=True).click()
    panel.get_by_role("button", name="Go back to brushed v11").click()
    expect(page.locator("[data-said]")).to_contain_text("Going back to brushed v11")
    assert line.line.state.asked_back == (3, "operator")
    line.line.state.assignment = fallback_of(offered)
    expect(page.locator(".heading")).to_contain_text("brushed v11")
    expect(page.get_by_role("button", name="back to")).to_have_count(0)

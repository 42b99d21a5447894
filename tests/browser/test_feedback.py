"""The Feedback page in a real browser: what came back and why, and where one says what shall come back."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from simulators.programs import until
from simulators.records import T0, capture, identity, package, recipe, record, report, review

from andon.blobs.uploads import Piece
from andon.domain.feedback import Answer, Chosen, SendPolicy, SendReason, SendRule
from andon.domain.inspections import Inspection, Kept, Verdict
from andon.domain.ontologies import Concept, Ontology
from andon.domain.stations import Sending
from andon.formats.pixels import encode_png
from andon.services.approvals import approve
from andon.services.blobs import put_piece
from andon.services.ingest import deliver
from andon.services.scores import EVALUATION
from andon.services.stations import find_station, take_report
from andon.services.workspaces import Workspace, now
from andon.store import models, ontologies, recipes
from andon.units import digest_of
from andon.wire.deliveries import Delivery

OpenPage = Callable[..., Page]


def drawn(number: int, side: int) -> bytes:
    """A plate with a scratch somewhere."""
    grey = np.random.default_rng(number).normal(150, 6, (side, side)).clip(0, 255).astype(np.uint8)
    start, end = (side // 8 + number * side // 24, side // 4), (side * 2 // 3, side * 3 // 4)
    return encode_png(np.asarray(cv2.line(grey, start, end, 40, max(1, side // 64)), dtype=np.uint8))


def put(workspace: Workspace, content: bytes) -> None:
    put_piece(workspace, digest_of(content), Piece(0, len(content), content))


def part(number: int, verdict: Verdict) -> Inspection:
    whole, small = drawn(number, 256), drawn(number, 64)
    kept = {"kept": Kept.KEPT, "blob": digest_of(whole), "size": len(whole), "thumbnail": digest_of(small)}
    return record("ST-1", number, verdict, capture=capture("ST-1", number, **kept))


PARTS = (
    (part(1, Verdict.PASS), SendReason.AUDIT, 0.02, "1 of 50 passed parts is looked at"),
    (part(2, Verdict.REJECT), SendReason.WRONG, 1.0, "judged REJECT, a person said: a false alarm"),
    (part(3, Verdict.REVIEW), SendReason.CONFUSED, 1.0, "dent 0.24, review cut 0.20"),
    (part(4, Verdict.REJECT), SendReason.RULE, 1.0, "rule 1: dent 0.70 from 0.6 to 0.8, REJECT"),
    (part(5, Verdict.PASS), SendReason.RANDOM, 0.01, "1 of 100 parts is sent, whatever was decided"),
    (part(6, Verdict.REVIEW), SendReason.CONFUSED, 1.0, "dent 0.46, reject cut 0.50"),
)
HERE = 4
"""Of these the pictures came; of the others the small ones alone, and the last was given up."""


@pytest.fixture(autouse=True)
def line(workspace: Workspace) -> None:
    with workspace.database.write() as tx:
        ontologies.add_version(tx, Ontology(1, (Concept("dent"),)), "mara", T0)
        models.add(tx, package(), "mara", T0)
        models.add_attestation(tx, package().digest, EVALUATION, {}, ("mara", T0))
        recipes.add_version(tx, recipe(package()))
    approve(workspace, package().digest, "agreed")
    take_report(workspace, "ST-1", report("ST-1", counter=0, sending=Sending(2, 4, "quota")))


@pytest.fixture
def returned(workspace: Workspace) -> None:
    chosen = tuple(
        Chosen(identity("chosen", number), one.id, reason, now(), probability, detail)
        for number, (one, reason, probability, detail) in enumerate(PARTS)
    )
    said = replace(review(PARTS[1][0].id, Answer.FALSE_ALARM), author="anna")
    records = tuple(one for one, *_ in PARTS)
    deliver(workspace, "ST-1", Delivery(records, (said,), chosen))
    for number in range(1, len(PARTS) + 1):
        put(workspace, drawn(number, 64))
        if number <= HERE:
            put(workspace, drawn(number, 256))
    deliver(workspace, "ST-1", Delivery(given_up=(PARTS[-1][0].id,)))


def is_shown(image: Locator) -> bool:
    return bool(image.evaluate("image => image.complete && image.naturalWidth >= 64"))


def test_an_empty_page_says_what_belongs_here(address: str, open_page: OpenPage) -> None:
    page = open_page()
    page.goto(f"{address}/feedback")
    expect(page.get_by_role("heading", name="No picture was chosen to come back yet")).to_be_visible()
    page.get_by_role("link", name="Choose a station and set its policy").click()
    expect(page.get_by_role("heading", name="Stations")).to_be_visible()


def test_one_sees_what_came_back_and_why(
    workspace: Workspace, address: str, open_page: OpenPage, returned: None
) -> None:
    page = open_page()
    page.goto(f"{address}/feedback")
    tiles = page.locator(".feedback .tile")
    expect(tiles).to_have_count(len(PARTS))
    expect(tiles.first).to_contain_text("dent 0.46, reject cut 0.50")
    expect(tiles.first).to_contain_text("the station gave it up")
    expect(tiles.nth(1)).to_contain_text("not here yet")
    expect(tiles.nth(4)).to_contain_text("false alarm (anna)")
    for place in range(len(PARTS)):
        # The page draws itself anew when something comes: a tile is replaced, a picture asked for twice.
        tiles.nth(place).evaluate("tile => tile.scrollIntoView()")
        until("its picture is shown", partial(is_shown, tiles.nth(place).locator("img")))
    stations = page.get_by_role("region", name="What stations send")
    expect(stations).to_contain_text("2: today's quota is used up")
    page.get_by_label("Why it came back").first.select_option("wrong")
    page.get_by_role("button", name="Show").click()
    expect(tiles).to_have_count(1)
    tiles.get_by_role("link", name="S2", exact=True).click()
    expect(page.get_by_role("heading", name="Part S2")).to_be_visible()


def test_what_came_back_appears_while_one_looks(
    workspace: Workspace, address: str, open_page: OpenPage, returned: None
) -> None:
    page = open_page()
    page.goto(f"{address}/feedback")
    expect(page.locator("[data-updated]")).to_contain_text("Live")
    put(workspace, drawn(5, 256))
    expect(page.locator(".feedback .tile").nth(1)).not_to_contain_text("not here yet")


def test_a_station_is_told_what_to_send(workspace: Workspace, address: str, open_page: OpenPage) -> None:
    page = open_page()
    page.goto(f"{address}/stations/ST-1/assignments/new")
    page.get_by_label("Recipe").select_option("brackets@1")
    page.get_by_label("those that are chosen").check()
    page.get_by_label("Near a cut, score").fill("0.1")
    page.get_by_label("Pictures a day").fill("500")
    page.get_by_label("From hour, UTC").fill("22")
    page.get_by_label("to hour, UTC").fill("6")
    page.get_by_label("kB a second").fill("2.5")
    page.get_by_label("Parts that the plant asks for").fill("concept=dent low=0.6 high=0.8\n")
    page.get_by_role("button", name="See what will happen").click()
    happens = page.get_by_role("region", name="What will happen")
    expect(happens).to_contain_text("at most 500 a day; from 22 to 6 o'clock UTC; at most 2.5 kB a second.")
    page.get_by_role("button", name="Assign brackets@1 to ST-1").click()
    expect(page.get_by_text("has not taken it up yet")).to_be_visible()
    assignment = find_station(workspace, "ST-1").assignment
    assert assignment is not None
    rule = SendRule("dent", 0.6, 0.8)
    assert assignment.send == SendPolicy(
        near=0.1, rules=(rule,), quota=500, hours=(22, 6), bytes_per_second=2500
    )
    page.goto(f"{address}/stations/ST-1/assignments/new")
    expect(page.get_by_label("Pictures a day")).to_have_value("500")
    expect(page.get_by_label("those that are chosen")).to_be_checked()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(
    address: str, open_page: OpenPage, returned: None, scheme: str
) -> None:
    page = open_page("phone", scheme)
    for path in ("/feedback", "/feedback?reason=wrong", "/stations/ST-1/assignments/new?recipe=brackets@1"):
        page.goto(f"{address}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path

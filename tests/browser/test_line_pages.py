"""Stations and inspections in a real browser: they change by themselves, and one acts on them."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, expect
from simulators.records import T0, capture, package, recipe, record, report, stalled

from andon.blobs.uploads import Piece
from andon.domain.inspections import Kept, Verdict
from andon.domain.ontologies import Concept, Ontology
from andon.formats.pixels import encode_png
from andon.services.approvals import approve
from andon.services.blobs import put_piece
from andon.services.ingest import deliver
from andon.services.scores import EVALUATION
from andon.services.stations import signed_assignment, take_report
from andon.services.workspaces import Workspace
from andon.store import models, ontologies, recipes, reviews
from andon.units import digest_of
from andon.wire.deliveries import Delivery

OpenPage = Callable[..., Page]

PICTURE = np.full((32, 32), 120, np.uint8)
FILE = encode_png(np.asarray(cv2.line(PICTURE, (4, 4), (20, 20), 20, 2), dtype=np.uint8))
TAKEN = capture("ST-1", 2, kept=Kept.KEPT, blob=digest_of(FILE), size=len(FILE))
REJECTED = record("ST-1", 2, Verdict.REJECT, capture=TAKEN)


@pytest.fixture(autouse=True)
def line(workspace: Workspace) -> None:
    with workspace.database.write() as tx:
        ontologies.add_version(tx, Ontology(1, (Concept("dent"),)), "mara", T0)
        models.add(tx, package(), "mara", T0)
        models.add_attestation(tx, package().digest, EVALUATION, {}, ("mara", T0))
        recipes.add_version(tx, recipe(package()))
    approve(workspace, package().digest, "agreed")
    take_report(workspace, "ST-1", report("ST-1", counter=0, recipe="", recipe_version=0, package=None))
    deliver(workspace, "ST-1", Delivery((record("ST-1", 1), REJECTED)))
    put_piece(workspace, digest_of(FILE), Piece(0, len(FILE), FILE))


def test_a_station_is_given_a_recipe_and_shows_that_it_runs(
    workspace: Workspace, address: str, open_page: OpenPage
) -> None:
    page = open_page()
    page.goto(f"{address}/stations")
    expect(page.get_by_text("Nothing is assigned yet")).to_be_visible()
    page.get_by_role("link", name="Assign a recipe").click()
    page.get_by_label("Recipe").select_option("brackets@1")
    page.get_by_label("Deadline, ms").fill("5")
    page.get_by_role("button", name="See what will happen").click()
    expect(page.get_by_role("region", name="What will happen")).to_contain_text("between two parts")
    expect(page.get_by_text("such parts would be NO-DECISION")).to_be_visible()
    page.get_by_role("button", name="Assign brackets@1 to ST-1").click()
    expect(page.get_by_text("has not taken it up yet")).to_be_visible()
    assert '"counter":1' in signed_assignment(workspace, "ST-1").payload
    take_report(workspace, "ST-1", report("ST-1", alarms=(stalled(),)))
    expect(page.get_by_text("Runs what was assigned: brackets v1.")).to_be_visible()
    expect(page.get_by_text("Look at the cable.")).to_be_visible()


def test_a_false_alarm_is_found_looked_at_and_called_one(
    workspace: Workspace, address: str, open_page: OpenPage
) -> None:
    page = open_page()
    page.goto(f"{address}/inspections")
    page.get_by_label("Verdict", exact=True).select_option("REJECT")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(f"{address}/inspections?verdict=REJECT&station=&recipe=&part=&since=&before=")
    page.get_by_role("link", name="S2").click()
    shown = page.locator("figure.found image")
    expect(shown).to_be_visible()
    assert (
        page.request.get(f"{address}{shown.get_attribute('href')}").headers["content-type"] == "image/png"
    )
    expect(page.locator("figure.found .outline")).to_have_count(1)
    page.get_by_label("Note").fill("a reflection")
    with page.expect_navigation():
        page.get_by_role("button", name="False alarm").click()
    expect(page.locator("#people")).to_contain_text("a reflection")
    with workspace.database.read() as tx:
        (said,) = reviews.of(tx, REJECTED.id)
    assert (said.answer.value, said.author) == ("false-alarm", "local")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("heading", name="Part S1")).to_be_visible()


def test_parts_appear_while_one_looks(workspace: Workspace, address: str, open_page: OpenPage) -> None:
    page = open_page()
    page.goto(f"{address}/inspections")
    expect(page.locator("[data-updated]")).to_contain_text("Live")
    deliver(workspace, "ST-1", Delivery((record("ST-1", 3),)))
    expect(page.get_by_role("link", name="S3")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(address: str, open_page: OpenPage, scheme: str) -> None:
    page = open_page("phone", scheme)
    assignment = "/stations/ST-1/assignments/new?recipe=brackets@1"
    for path in ("/stations", "/stations/ST-1", assignment, "/inspections", f"/inspections/{REJECTED.id}"):
        page.goto(f"{address}{path}")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, path

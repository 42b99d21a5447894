"""Quality in a real browser: estimates, cohorts as addresses, and the way to a second look."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect
from simulators.records import T0, capture, identity, package, recipe, record, review

from andon.domain.feedback import Answer, Queue
from andon.domain.images import Image, Shape
from andon.domain.inspections import Verdict
from andon.domain.ontologies import Concept, Ontology
from andon.services.workspaces import Workspace
from andon.store import images, inspections, models, ontologies, recipes, reviews

COSTS = {"escape": 100.0, "overkill": 5.0, "review": 1.0, "defect_percent": 1.0}


@pytest.fixture
def judged(workspace: Workspace) -> Workspace:
    """Two releases, each with 60 audited passes; the first let ten defects pass, the second one."""
    made, said = [], []
    for n in range(1, 121):
        version = 1 if n <= 60 else 2
        taken = capture("ST-1", n, audit=0.5)
        made.append(record("ST-1", n, Verdict.PASS, capture=taken, recipe_version=version))
        missed = n <= 10 or n == 61
        word = review(made[-1].id, Answer.MISSED if missed else Answer.CONFIRMED)
        said.append(replace(word, id=identity("said", n), queue=Queue.AUDIT))
    with workspace.database.write() as tx:
        ontologies.add_version(tx, Ontology(1, (Concept("dent"),)), "mara", T0)
        models.add(tx, package(), "mara", T0)
        for _ in range(2):
            recipes.add_version(tx, replace(recipe(package()), costs=COSTS))
        inspections.add(tx, made, "station/ST-1")
        reviews.add(tx, said)
        here = made[60].image
        assert here is not None
        images.add(tx, [Image(here, here, "61.png", 9, Shape(32, 32, 1, 8))], "station/ST-1", "mara", T0)
    return workspace


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.mark.parametrize(("size", "scheme"), [("desk", "light"), ("phone", "dark")])
def test_from_overview_to_estimates_and_to_a_second_look(
    judged: Workspace, address: str, open_page: Callable[..., Page], size: str, scheme: str
) -> None:
    page = open_page(size, scheme)
    page.goto(f"{address}/")
    expect(page.get_by_text("1 part waits for a second look")).to_be_visible()
    page.goto(f"{address}/quality")
    expect(page.get_by_text("All 120 parts")).to_be_visible()
    expect(page.get_by_text("brackets@2 against brackets@1")).to_be_visible()
    expect(page.locator(".change.better").first).to_contain_text("better")
    assert fits(page)
    page.get_by_role("link", name="Station", exact=True).last.click()
    expect(page).to_have_url(f"{address}/quality?by=station")
    expect(page.locator("table.quality tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Second looks due").click()
    expect(page.get_by_role("link", name="Label the picture")).to_have_count(1)
    assert fits(page)
    link = page.get_by_role("link", name="Label the picture").get_attribute("href")
    assert link == f"/label?image={record('ST-1', 61).image}"

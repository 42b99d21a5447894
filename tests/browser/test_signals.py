"""The page Signals in a browser: news by itself, a plan's triggers, a turn begun and ended by hand."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from andon.domain.datasets import DatasetSpec
from andon.domain.loops import LoopPlan
from andon.domain.models import Costs
from andon.domain.presets import preset
from andon.domain.signals import Signal, SignalKind
from andon.services.loops import find_plan, save_plan
from andon.services.signals import take_note
from andon.services.workspaces import Workspace, now

OpenPage = Callable[..., Page]


@pytest.fixture(autouse=True)
def plan(workspace: Workspace) -> LoopPlan:
    costs = Costs(100.0, 5.0, 1.0, 0.01)
    return save_plan(
        workspace, LoopPlan("brackets", DatasetSpec("brackets"), preset("segment-tiny"), costs)
    )


def test_what_is_raised_appears_by_itself_and_the_plan_is_changed_by_its_form(
    workspace: Workspace, address: str, open_page: OpenPage
) -> None:
    page = open_page()
    page.goto(f"{address}/signals")
    expect(page.locator("[data-updated]")).to_contain_text("Live")
    limit = page.get_by_label("New labels")
    limit.fill("50")
    words = "brightness moved from 0.450 to 0.380 since the release"
    take_note(workspace, [Signal(SignalKind.HEALTH, "", "ST-1", 0.9, 0.21, 200, True, words, now())])
    expect(page.get_by_text(words)).to_be_visible()
    expect(limit).to_have_value("50")
    page.get_by_role("button", name="Save as version 2").click()
    expect(page.get_by_text("version 2")).to_be_visible()
    assert [trigger.limit for trigger in find_plan(workspace, "brackets").triggers] == [50.0]


def test_on_a_phone_a_turn_is_begun_and_ended_after_being_asked_once(
    address: str, open_page: OpenPage
) -> None:
    page = open_page("phone", "dark")
    page.goto(f"{address}/signals")
    page.get_by_role("button", name="Start a turn").click()
    expect(page.get_by_role("heading", name="Turn of brackets")).to_be_visible()
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0
    page.get_by_role("button", name="End this turn").click()
    page.get_by_role("button", name="End it").click()
    expect(page.get_by_text("ended by hand, on the hub's page").first).to_be_visible()

"""Releases by JSON and by page: made, followed, stopped, taken back."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from simulators.records import package, recipe
from simulators.told_stations import NEW, ToldStation, add_gate, stock

from andon.domain.inspections import Verdict
from andon.domain.releases import Release, ReleaseSettings, ReleaseStep
from andon.domain.serial import from_json, to_json
from andon.domain.stations import WatchLimits
from andon.hub.main import create_app
from andon.hub.settings import Settings
from andon.services.approvals import withdraw
from andon.services.releases import ReleaseRequest
from andon.services.stations import AssignmentRequest, assign
from andon.services.workspaces import Workspace, create_workspace
from andon.store import recipes

HUB = "http://127.0.0.1:8400"
PASS, REJECT = Verdict.PASS, Verdict.REJECT

SETTINGS = ReleaseSettings(2, watch=WatchLimits(1e-6, parts=1), shadow_flips=1.0)
ASKED = ReleaseRequest("brackets@2", (("ST-1",), ("ST-2",)), "fewer escapes", settings=SETTINGS)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made = create_workspace(tmp_path / "ws", "mara")[0]
    stock(made)
    yield made
    made.database.close()


@pytest.fixture
def stations(workspace: Workspace) -> tuple[ToldStation, ToldStation]:
    made = (ToldStation(workspace, "ST-1"), ToldStation(workspace, "ST-2"))
    for one in made:
        one.reports()
        assign(workspace, one.name, AssignmentRequest("brackets@1"))
        one.reports()
        one.reports()
    return made


@pytest.fixture
def hub(workspace: Workspace) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(workspace.folder, who="quentin")), base_url=HUB) as client:
        yield client


def release(hub: TestClient, asked: ReleaseRequest = ASKED) -> Release:
    answer = hub.post("/api/releases", json=to_json(asked))
    assert answer.status_code == 201, answer.text
    return from_json(Release, answer.json())


def test_a_release_is_made_followed_and_taken_back(
    hub: TestClient, stations: tuple[ToldStation, ToldStation]
) -> None:
    first, _ = stations
    made = release(hub)
    assert (made.author, made.waves) == ("quentin", (("ST-1",), ("ST-2",)))
    first.reports()
    first.judges((REJECT, PASS), (PASS, PASS))
    shown = hub.get(f"/api/releases/{made.id[:20]}").json()
    assert shown["state"] == "under way"
    assert [one["last"]["step"] for one in shown["stations"]] == ["shadow", "waiting"]
    assert shown["stations"][0]["shadow"] == {
        "judged": 2,
        "disagreeing": 1,
        "rejects": 0,
        "main_rejects": 1,
        "main_rejected": 1,
        "freed": 1,
    }
    for _ in range(2):
        first.reports()
    stopped = hub.post(f"/api/releases/{made.id}/stop", json={"reason": "the shift ends"}).json()
    assert stopped[-1] == {
        "release": made.id,
        "station": "ST-2",
        "step": "stopped",
        "reason": "the shift ends",
        "author": "quentin",
        "at": stopped[-1]["at"],
    }
    back = hub.post(f"/api/releases/{made.id}/rollback", json={"reason": "bad", "station": "ST-1"})
    assert (back.status_code, back.json()[-1]["step"]) == (200, "rolled-back")
    listed = hub.get("/api/releases").json()
    assert listed["next"] is None
    assert listed["releases"][0]["state"] == "rolled back"
    assert listed["releases"][0]["steps"] == {"ST-1": "rolled-back", "ST-2": "stopped"}
    again = hub.post(f"/api/releases/{made.id}/rollback", json={"reason": "bad"})
    assert (again.status_code, "nothing of release" in again.json()["message"]) == (409, True)
    assert hub.get("/api/releases/none").status_code == 404


def test_what_may_not_go_out_is_refused_in_words(
    hub: TestClient, workspace: Workspace, stations: tuple[ToldStation, ToldStation]
) -> None:
    asked = to_json(replace(ASKED, recipe="brackets@1"))
    answer = hub.post("/api/releases", json=asked)
    assert (answer.status_code, answer.json()["todo"]) == (403, "Run `andon gates run brackets@1`.")
    withdraw(workspace, NEW.digest, "wrong labels")
    assert hub.post("/api/releases", json=to_json(ASKED)).status_code == 403
    assert hub.post("/api/releases", json={"recipe": "brackets@2"}).status_code == 422


def test_the_pages_teach_when_there_is_nothing(hub: TestClient, workspace: Workspace) -> None:
    assert "Nothing was released yet" in hub.get("/releases").text
    assert "No station has reported yet" in hub.get("/releases/new").text
    withdraw(workspace, NEW.digest, "wrong labels")
    page = hub.get("/releases/new").text
    assert "Nothing can be released yet" in page
    assert "its model is not approved" in page
    assert hub.get("/releases/none").status_code == 404


def test_a_person_releases_by_the_form_and_takes_back_with_one_touch(
    hub: TestClient, stations: tuple[ToldStation, ToldStation]
) -> None:
    first, _ = stations
    assert "wave 2" in hub.get("/releases/new?recipe=brackets@2").text
    form = {
        "recipe": "brackets@2",
        "reason": "fewer <escapes>",
        "wave of ST-1": "1",
        "wave of ST-2": "3",
        "shadow_parts": "2",
        "shadow_flips": "100",
        "watch_minutes": "0.0001",
        "p99": "900",
    }
    answer = hub.post("/releases", data=form, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    page = answer.headers["location"]
    first.reports()
    first.judges((REJECT, PASS), (PASS, PASS))
    shown = hub.get(page).text
    assert "fewer &lt;escapes&gt;" in shown
    assert "Judged beside: 2 of 2 parts" in shown
    assert "Parts on which they disagree" in shown
    assert "Go no further" in shown
    assert "Roll back everywhere" not in shown
    for _ in range(2):
        first.reports()
    shown = hub.get(page).text
    assert "Roll back ST-1" in shown
    assert "Roll back to brackets v1" in hub.get("/stations/ST-1").text
    assert "Roll back to" not in hub.get("/stations/ST-2").text
    assert 'data-confirm="1 of 2 stations (ST-1)' in shown
    answer = hub.post(f"{page}/rollback", data={"station": "ST-1"}, follow_redirects=False)
    assert answer.status_code == 303
    assert "by hand, on the hub" in hub.get(page).text
    assert "rolled back" in hub.get("/releases").text
    first.reports()
    assert first.told is not None
    assert first.told.recipe.version == 1
    assert "Roll back to" not in hub.get("/stations/ST-1").text
    assert hub.post(f"{page}/stop", follow_redirects=False).status_code == 409


def test_a_form_with_mistakes_comes_back_and_says_what_is_wrong(
    hub: TestClient, stations: tuple[ToldStation, ToldStation]
) -> None:
    usual = {"recipe": "brackets@2", "reason": "better", "wave of ST-1": "1"}
    wrong = (
        ({"shadow_parts": "many"}, "is not a whole number", 422),
        ({"watch_minutes": "long"}, "is not a number", 422),
        ({"watch_minutes": "-1"}, "time positive", 422),
        ({"wave of ST-1": "0"}, "needs stations", 422),
        ({"reason": " "}, "needs a reason", 422),
        ({"recipe": "brackets@1"}, "has been through no gate", 403),
        ({"wave of ST-9": "1"}, "no station", 404),
    )
    for change, words, status in wrong:
        answer = hub.post("/releases", data=usual | change)
        assert answer.status_code == status, (change, answer.text)
        assert words in answer.text.replace("&#39;", "'")
    assert 'value="better"' in hub.post("/releases", data=usual | {"shadow_parts": "x"}).text
    assert hub.get("/api/releases").json()["releases"] == []


def test_a_release_that_went_wrong_stands_on_the_overview(
    hub: TestClient, stations: tuple[ToldStation, ToldStation]
) -> None:
    first, second = stations
    made = release(hub, replace(ASKED, settings=replace(SETTINGS, shadow_parts=0)))
    first.reports()
    first.reports()
    first.goes_back("40 of 50 parts were rejected")
    first.reports()
    second.reports()
    assert f'href="/releases/{made.id}"' in hub.get("/").text
    shown = hub.get(f"/releases/{made.id}").text
    assert "went back" in shown
    assert "ST-1 rolled-back: 40 of 50 parts were rejected" in shown
    assert ReleaseStep.STOPPED.value in shown
    runs = hub.get("/stations/ST-1").text
    assert "went back to brackets v1" in runs
    assert "Says that it runs" in hub.get("/stations").text
    assert hub.post(f"/releases/{made.id}/acknowledgement").status_code == 422
    seen = hub.post(f"/releases/{made.id}/acknowledgement", data={"reason": "a bad box"})
    assert "a bad box" in seen.text
    assert "Note it" in shown
    assert "Note it" not in seen.text
    assert f"/releases/{made.id}" not in hub.get("/").text
    asked = hub.post(f"/api/releases/{made.id}/acknowledgement", json={"reason": "again"})
    assert (asked.status_code, asked.json()[-1]["author"]) == (200, "quentin")


def test_who_assigns_past_a_release_is_told_that_it_ends(
    hub: TestClient, workspace: Workspace, stations: tuple[ToldStation, ToldStation]
) -> None:
    release(hub)
    stations[0].reports()
    ask = "/stations/{}/assignments/new?recipe=brackets@1"
    assert "A release is on its way here (shadow)" in hub.get(ask.format("ST-1")).text
    assert "It goes on after this assignment" in hub.get(ask.format("ST-2")).text
    with workspace.database.write() as tx:
        add_gate(tx, recipes.add_version(tx, recipe(package())))
    other = hub.get(ask.format("ST-2").replace("@1", "@3")).text
    assert "A release is on its way here (waiting). This assignment ends it" in other


def test_a_release_that_the_hub_cannot_take_further_says_so_on_its_page(
    hub: TestClient, workspace: Workspace, stations: tuple[ToldStation, ToldStation]
) -> None:
    made = release(hub)
    key = workspace.folder / "keys" / "hub.ed25519"
    key.chmod(0o644)
    stations[0].reports()
    assert "cannot go on at ST-1" in hub.get("/").text
    shown = hub.get(f"/releases/{made.id}").text
    assert "cannot go on here" in shown and f"chmod 600 {key}" in shown
    key.chmod(0o600)
    assert "cannot go on" not in hub.get(f"/releases/{made.id}").text
    assert "cannot go on" not in hub.get("/").text

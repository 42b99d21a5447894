"""Labels and selections over HTTP: JSON for programs, pages that work without script."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from simulators.label_plant import LabelPlant, build, label

from andon.domain.annotations import Annotation, AnnotationState, WholeImage
from andon.domain.selections import LabelOutcome, Selection, SelectionSettings
from andon.hub.main import create_app
from andon.hub.settings import Settings
from andon.services.jobs import list_jobs
from andon.services.labels import label_sheet
from andon.services.selections import make_selection
from andon.services.workspaces import new_id, now
from andon.store import annotations as stored_annotations
from andon.store import selections as stored_selections

HUB = "http://127.0.0.1:8400"


@pytest.fixture
def plant(tmp_path: Path) -> LabelPlant:
    return build(tmp_path, 12)


@pytest.fixture
def made(plant: LabelPlant) -> Selection:
    return make_selection(plant.workspace, SelectionSettings(minutes=3, seconds=20))


@pytest.fixture
def hub(plant: LabelPlant) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(plant.workspace.folder, who="olga")), base_url=HUB) as client:
        yield client


def said(plant: LabelPlant, image: str) -> dict[str, list[tuple[str | None, str]]]:
    """State -> concept and author of what stands on a picture now."""
    found: dict[str, list[tuple[str | None, str]]] = {}
    with plant.workspace.database.read() as tx:
        for one in stored_annotations.current(tx, [image])[image]:  # type: ignore[list-item, index]
            found.setdefault(one.state.value, []).append((one.concept, one.author))
    return found


def outcomes(plant: LabelPlant, made: Selection) -> list[LabelOutcome]:
    with plant.workspace.database.read() as tx:
        return [one.outcome for one in stored_selections.labellings_of(tx, [made.id])]


def box(**changes: float) -> dict[str, Any]:
    return {"kind": "box", "x": 1, "y": 2, "width": 10, "height": 8} | changes


def work(image: str, *geometries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"image": image, "labels": [{"concept": "scratch", "geometry": g} for g in geometries], **more}


def test_a_picture_is_labelled_by_a_program(hub: TestClient, plant: LabelPlant) -> None:
    image = plant.waiting[0].digest
    sheet = hub.get(f"/api/labels/{image[:16]}").json()
    assert (sheet["image"], sheet["width"], sheet["labels"], sheet["proposed"]) == (image, 64, [], True)
    corners = {"kind": "polygon", "points": [[1, 1], [9, 1], [5, 9]]}
    whole = {"kind": "wholeimage"}
    answer = hub.post(
        "/api/labels", json=work(image, box(), corners, whole, mark=sheet["mark"], seconds=4.5)
    )
    assert (answer.status_code, answer.json()["outcome"], answer.json()["revisions"]) == (201, "fixed", 3)
    after = hub.get(f"/api/labels/{image}").json()
    assert [one["geometry"]["kind"] for one in after["labels"]] == ["box", "polygon", "wholeimage"]
    assert said(plant, image) == {"accepted": [("scratch", "olga")] * 3}


def test_what_is_said_again_changes_nothing_and_what_is_left_out_is_rejected(
    hub: TestClient, plant: LabelPlant
) -> None:
    image = plant.waiting[0].digest
    hub.post("/api/labels", json=work(image, box(), box(x=30)))
    labels = hub.get(f"/api/labels/{image}").json()["labels"]
    again = hub.post("/api/labels", json={"image": image, "labels": labels}).json()
    assert (again["outcome"], again["revisions"]) == ("accepted", 0)
    less = hub.post("/api/labels", json={"image": image, "labels": labels[:1]}).json()
    assert (less["outcome"], less["revisions"]) == ("fixed", 1)
    assert said(plant, image) == {"accepted": [("scratch", "olga")], "rejected": [("scratch", "olga")]}
    clean = hub.post("/api/labels", json={"image": image}).json()
    assert clean["outcome"] == "clean"
    assert said(plant, image)["accepted"] == [(None, "olga")]
    assert hub.post("/api/labels", json={"image": image}).json()["revisions"] == 0


def test_nobody_overwrites_what_somebody_else_said_meanwhile(hub: TestClient, plant: LabelPlant) -> None:
    image = plant.waiting[1]
    mark = hub.get(f"/api/labels/{image.digest}").json()["mark"]
    label(plant.workspace, image, "dark")
    late = hub.post("/api/labels", json=work(image.digest, box(), mark=mark))
    assert late.status_code == 409
    assert "meanwhile" in late.json()["message"]
    assert said(plant, image.digest) == {"accepted": [("dark", "mara")]}


@pytest.mark.parametrize(
    ("geometry", "told"),
    [
        (box(x=60), "reaches out"),
        (box(y=-1), "reaches out"),
        (box(width=0), "no area"),
        (box(width=-3), "no area"),
        ({"kind": "polygon", "points": [[1, 1], [2, 2]]}, "at least 3 points"),
        ({"kind": "polygon", "points": [[1, 1], [2, 2], [3, 3]]}, "no area"),
        ({"kind": "polygon", "points": [[1, 1], [90, 2], [3, 30]]}, "reaches out"),
        ({"kind": "mask", "blob": "0" * 64, "area": 3}, "none of"),
        ({"kind": "box", "x": "1", "y": 2, "width": 3, "height": 4}, "expected a number"),
        ({"x": 1}, "none of"),
    ],
)
def test_places_that_are_none_are_refused_and_nothing_is_written(
    hub: TestClient, plant: LabelPlant, geometry: dict[str, Any], told: str
) -> None:
    image = plant.waiting[0].digest
    answer = hub.post("/api/labels", json=work(image, box(), geometry))
    assert answer.status_code == 422
    assert told in answer.json()["message"]
    assert hub.get(f"/api/labels/{image}").json()["labels"] == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"labels": [{"concept": "rust"}]}, 404),
        ({"labels": [{"concept": "dark", "source": "nobody's"}]}, 404),
        ({"image": "0" * 64}, 404),
        ({"selection": "nothing"}, 404),
        ({"labels": [{"concept": "dark"}] * 201}, 413),
        ({"seconds": -1}, 422),
        ({"colour": "red"}, 422),
    ],
)
def test_what_cannot_be_is_refused(
    hub: TestClient, plant: LabelPlant, change: dict[str, Any], status: int
) -> None:
    image = plant.waiting[0].digest
    assert hub.post("/api/labels", json={"image": image} | change).status_code == status
    assert label_sheet(plant.workspace, image).clean is False


def test_a_polygon_with_too_many_points_is_refused(hub: TestClient, plant: LabelPlant) -> None:
    points = [[1 + 60 * (i % 2), 1 + i / 100] for i in range(2001)]
    answer = hub.post(
        "/api/labels", json=work(plant.waiting[0].digest, {"kind": "polygon", "points": points})
    )
    assert answer.status_code == 413


def test_pages_work_without_script(hub: TestClient, plant: LabelPlant, made: Selection) -> None:
    first = made.picks[0]
    shown = hub.get(f"/label?selection={made.id}")
    assert shown.status_code == 200
    assert f'value="{first.image}"' in shown.text
    form = {
        "image": first.image,
        "selection": made.id,
        "mark": label_sheet(plant.workspace, first.image).mark,
    }
    answer = hub.post("/label", data=form | {"action": "accept"}, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/label?selection={made.id}&image={made.picks[1].image}"
    second, third, fourth = ({"image": pick.image, "selection": made.id} for pick in made.picks[1:4])
    hub.post("/label", data=second | {"action": "clean"})
    hub.post("/label", data=third | {"action": "skip"})
    hub.post("/label", data=fourth | {"concept": "scratch"})
    wanted = LabelOutcome.ACCEPTED if first.proposal else LabelOutcome.CLEAN
    assert outcomes(plant, made) == [
        wanted, LabelOutcome.CLEAN, LabelOutcome.SKIPPED, LabelOutcome.FIXED,
    ]  # fmt: skip
    assert said(plant, made.picks[3].image)["accepted"] == [("scratch", "olga")]
    assert hub.post("/label", data=fourth | {"action": "burn"}).status_code == 422


def test_without_script_only_what_was_shown_is_accepted(
    hub: TestClient, plant: LabelPlant, made: Selection
) -> None:
    image = made.picks[0].image
    page = hub.get(f"/label?selection={made.id}&image={image}").text
    shown = re.search(r'name="shown" value="(\w+)"', page)
    assert shown is not None
    later = Annotation(
        new_id(), 1, image, "scratch", WholeImage(), AnnotationState.PROPOSED, "model/other", now()
    )
    with plant.workspace.database.write() as tx:
        stored_annotations.add(tx, [later])
    form = {"image": image, "selection": made.id, "action": "accept", "shown": shown.group(1)}
    answer = hub.post("/label", data=form)
    assert answer.status_code == 409 and "has changed since it was shown" in answer.text
    assert outcomes(plant, made) == []
    fresh = {"shown": label_sheet(plant.workspace, image).shown}
    assert hub.post("/label", data=form | fresh, follow_redirects=False).status_code == 303
    assert said(plant, image)["accepted"] == [("scratch", "olga")]


def test_a_selection_ends_with_thanks_and_shows_what_it_was_worth(
    hub: TestClient, plant: LabelPlant, made: Selection
) -> None:
    for pick in made.picks:
        hub.post("/api/labels", json={"image": pick.image, "selection": made.id, "seconds": 5})
    assert f"All {len(made.picks)} pictures are labelled" in hub.get(f"/label?selection={made.id}").text
    assert "Nothing waits for a label" in hub.get("/label").text
    page = hub.get(f"/selections/{made.id}").text
    assert "Drawn by chance: 1 of 1 labelled" in page
    assert "✓ labelled" in page


def test_one_picture_is_labelled_by_itself(hub: TestClient, plant: LabelPlant, made: Selection) -> None:
    image = plant.waiting[5].digest
    assert f'value="{image}"' in hub.get(f"/label?image={image}").text
    answer = hub.post("/label", data={"image": image, "action": "clean"}, follow_redirects=False)
    assert answer.headers["location"] == f"/images/{image}"
    assert outcomes(plant, made) == []
    assert "accepted clean" in hub.get(f"/label?image={image}").text
    assert hub.get("/label?image=0000").status_code == 404
    with plant.workspace.database.read() as tx:
        labelled = stored_selections.labelled(tx, 100)
    archive = next(one.digest for one in labelled if one.name.startswith("archive"))
    assert hub.get(f"/label?selection={made.id}&image={archive}").status_code == 404


def test_selections_are_asked_for_and_listed(hub: TestClient, plant: LabelPlant, made: Selection) -> None:
    listed = hub.get("/api/selections").json()
    assert [(one["id"], one["pictures"], one["labelled"]) for one in listed] == [
        (made.id, len(made.picks), 0)
    ]
    assert len(hub.get(f"/api/selections/{made.id[:13]}").json()["picks"]) == len(made.picks)
    asked = hub.post("/api/selections", json={"minutes": 5})
    assert (asked.status_code, asked.json()["kind"]) == (202, "select")
    form = {"minutes": "10", "control": "25", "source": "station/"}
    answer = hub.post("/selections", data=form, follow_redirects=False)
    (job, _) = list_jobs(plant.workspace, 5).rows
    assert answer.headers["location"] == f"/jobs/{job.id}"
    assert (job.request["settings"]["control"], job.request["settings"]["source"]) == (0.25, "station/")
    assert hub.post("/api/selections", json={"minutes": -5}).status_code == 422
    assert "pictures wait for labels" in hub.get("/").text
    listing = hub.get("/selections").text
    assert f"/label?selection={made.id}" in listing
    assert "No selection yet" not in listing


def test_a_proposal_is_drawn_and_its_model_named(
    hub: TestClient, plant: LabelPlant, made: Selection
) -> None:
    pick = next(pick for pick in made.picks if pick.proposal)
    page = hub.get(f"/label?selection={made.id}&image={pick.image}").text
    assert 'class="shape shape-polygon' in page or "shape-box" in page
    assert "The model proposes" in page
    states = {one.state for one in label_sheet(plant.workspace, pick.image).said}
    assert states == {AnnotationState.PROPOSED}
    detail = hub.get(f"/images/{pick.image}").text
    assert f"model/{plant.package.digest[:12]}" in detail
    assert f"/label?image={pick.image}" in detail


def test_a_new_kind_of_defect_gets_a_name_while_labelling(
    hub: TestClient, plant: LabelPlant, made: Selection
) -> None:
    pick = made.picks[0]
    form = {"name": " inner  crack ", "severity": "critical", "image": pick.image, "selection": made.id}
    answer = hub.post("/label/concepts", data=form, follow_redirects=False)
    assert answer.headers["location"] == f"/label?selection={made.id}&image={pick.image}"
    concepts = hub.get("/api/concepts").json()["concepts"]
    assert [(one["name"], one["severity"]) for one in concepts][-1] == ("inner crack", "critical")
    whole = {"image": pick.image, "labels": [{"concept": "inner crack"}]}
    assert hub.post("/api/labels", json=whole).status_code == 201
    assert hub.post("/api/concepts", json={"name": "Inner Crack"}).status_code == 409
    assert hub.post("/api/concepts", json={"name": " "}).status_code == 422


def test_all_selections_together_tell_what_choosing_is_worth(
    hub: TestClient, plant: LabelPlant, made: Selection
) -> None:
    for pick in made.picks:
        hub.post("/api/labels", json={"image": pick.image, "selection": made.id, "seconds": 5})
    make_selection(plant.workspace, SelectionSettings(minutes=1, control=0.5))
    page = hub.get("/selections").text
    assert "The latest 2 selections together" in page
    assert "Drawn by chance: 1 of 3 labelled" in page


def test_what_another_model_proposes_meanwhile_takes_nobodys_work_away(
    hub: TestClient, plant: LabelPlant, made: Selection
) -> None:
    pick = next(pick for pick in made.picks if not pick.proposal)
    mark = hub.get(f"/api/labels/{pick.image}").json()["mark"]
    other = Annotation(
        "a" * 32, 1, pick.image, "dark", WholeImage(), AnnotationState.PROPOSED, "model/other", now()
    )
    with plant.workspace.database.write() as tx:
        stored_annotations.add(tx, [other])
    assert hub.post("/api/labels", json=work(pick.image, box(), mark=mark)).status_code == 201
    told = said(plant, pick.image)
    assert told == {"accepted": [("scratch", "olga")], "rejected": [("dark", "olga")]}

"""Models and recipes on pages and in JSON: what is shown, asked for, drafted, tried and saved."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from simulators.brightness_plant import BrightnessPlant, build
from simulators.programs import until
from simulators.records import package
from typer.testing import CliRunner

from andon.cli.main import app
from andon.domain.jobs import JobKind
from andon.domain.models import Cuts
from andon.domain.recipes import Unit
from andon.domain.requests import BenchmarkJob, EvaluateJob, read_request
from andon.formats.pixels import decode
from andon.hub.main import create_app
from andon.hub.settings import Settings
from andon.runtime.execution import REFERENCE
from andon.services.approvals import is_approved
from andon.services.comparisons import compare_models
from andon.services.jobs import claim_job, list_jobs
from andon.services.previews import preview_recipe
from andon.services.recipes import BOUND_IN_VIEW, RecipeRequest, find_recipe, rescore_recipe, versions_of
from andon.services.scores import latest_evaluation
from andon.services.workspaces import now
from andon.store import inspections as stored_inspections
from andon.store import models as stored_models
from andon.worker.kinds import do


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> BrightnessPlant:
    return build(tmp_path_factory.mktemp("plant"))


@pytest.fixture(scope="module")
def client(plant: BrightnessPlant) -> Iterator[TestClient]:
    app = create_app(Settings(plant.workspace.folder, who="mara"))
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=True) as opened:
        yield opened


def draft(plant: BrightnessPlant, **changes: object) -> dict[str, Any]:
    """The fields that the editor sends."""
    fields: dict[str, Any] = {
        "name": "drafted",
        "model": plant.package.digest,
        "note": "drawn",
        "cut_concept": ["bright", "dark"],
        "cut_review": ["0.3", "0.4"],
        "cut_reject": ["0.5", "0.6"],
    }
    return fields | changes


def test_an_evaluation_keeps_both_groups_apart(plant: BrightnessPlant) -> None:
    evaluation = latest_evaluation(plant.workspace, plant.package)
    assert evaluation is not None and evaluation.scores is not None
    calibration = {scored.part for scored in evaluation.scores.calibration}
    test = {scored.part for scored in evaluation.scores.test}
    assert calibration and test and not calibration & test
    assert evaluation.test_rates(evaluation.cuts) == evaluation.rates


def test_cuts_are_drawn_over_the_group_that_chooses_not_over_the_one_that_bounds(
    plant: BrightnessPlant, client: TestClient
) -> None:
    evaluation = latest_evaluation(plant.workspace, plant.package)
    assert evaluation is not None and evaluation.scores is not None
    html = client.get(f"/drafts?model={plant.package.digest}").text
    found = re.search(r"data-draft-data>(.*?)</script>", html, re.S)
    assert found is not None
    group = json.loads(found.group(1))["group"]
    shown = sorted(max(scores) for scores in group["scores"])
    own = sorted(max(scored.scores.values()) for scored in evaluation.scores.calibration)
    assert shown == pytest.approx(own, abs=1e-5)


def test_models_that_disagree_show_where_and_the_same_model_never_does(plant: BrightnessPlant) -> None:
    found = compare_models(plant.workspace, plant.package, plant.other)
    assert found.flips and found.parts[: len(found.flips)] == found.flips
    assert len(found.parts) == found.rates[0].escapes.of + found.rates[0].overkill.of
    assert any("different costs" in remark for remark in found.remarks)
    assert not compare_models(plant.workspace, plant.package, plant.package).flips


def test_a_preview_says_what_rescoring_then_does_and_stores_nothing(
    plant: BrightnessPlant, client: TestClient
) -> None:
    cuts = {"bright": Cuts(0.1, 0.2), "dark": Cuts(0.9, 0.95)}
    request = RecipeRequest("tried", plant.package.digest, cuts)
    preview = preview_recipe(plant.workspace, request)
    assert preview.changed > 0 and preview.judged == sum(preview.changes.values())
    with plant.workspace.database.read() as tx:
        page = stored_inspections.page(tx, stored_inspections.Query(), None, 100)
        assert not [i for i in page.rows if stored_inspections.rescorings(tx, i.id)]

    from andon.services.recipes import make_recipe

    make_recipe(plant.workspace, request)
    asked = client.post("/recipes/tried/versions/1/rescorings")
    assert asked.status_code == 200 and asked.url.path.startswith("/jobs/")
    job = list_jobs(plant.workspace, 1).rows[0]
    far: list[tuple[int, int | None]] = []
    told = do(plant.workspace, job, lambda done, total, _text: far.append((done, total)))

    assert f"{preview.changed} with another verdict" in told and far[-1][0] == far[-1][1]
    for (before, after), count in preview.changes.items():
        assert before is after or f"{before} -> {after}: {count}" in told
    assert 'href="/recipes/tried/versions/1"' in client.get(f"/jobs/{job.id}").text
    assert rescore_recipe(plant.workspace, "tried")["changed"] == preview.changed


def test_a_preview_of_a_long_history_counts_no_further_than_it_must(
    plant: BrightnessPlant, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = draft(plant, name="tried")
    assert "+ inspections of this model" not in client.post("/drafts/previews", data=fields).text
    monkeypatch.setattr("andon.services.previews.LOOKED_AT", 3)
    monkeypatch.setattr("andon.services.previews.COUNTED", 7)
    assert "the newest 3 of 7+ inspections" in client.post("/drafts/previews", data=fields).text


def test_milder_flips_come_first(plant: BrightnessPlant) -> None:
    cuts = {"bright": Cuts(0.02, 0.99), "dark": Cuts(0.99, 1.0)}
    flips = preview_recipe(plant.workspace, RecipeRequest("x", plant.package.digest, cuts)).flips
    milder = [flip.milder for flip in flips]
    assert True in milder and False in milder
    assert milder == sorted(milder, reverse=True)


def test_a_model_is_approved_with_a_reason_and_withdrawn(
    plant: BrightnessPlant, client: TestClient
) -> None:
    address = f"/models/{plant.other.digest}"
    refused = client.post(f"{address}/approvals", data={"reason": " "})
    assert refused.status_code == 422 and "need a reason" in refused.text
    assert (
        "agreed with quality"
        in client.post(f"{address}/approvals", data={"reason": "agreed with quality"}).text
    )
    assert is_approved(plant.workspace, plant.other.digest)
    assert client.post(f"/api{address}/withdrawals", json={"reason": "dust"}).status_code == 201
    assert not is_approved(plant.workspace, plant.other.digest)
    decisions = [row["decision"] for row in client.get(f"/api{address}/approvals").json()]
    assert decisions == ["approved", "withdrawn"]


def test_evaluations_and_benchmarks_are_asked_of_a_worker(
    plant: BrightnessPlant, client: TestClient
) -> None:
    address = f"/models/{plant.package.digest}"
    costs = {"cost_escape": 9, "cost_overkill": 3, "cost_review": 1, "defect_percent": 2}
    shown = client.post(f"{address}/evaluations", data=costs | {"variant": "onnxruntime/f32"})
    assert shown.status_code == 200 and "waits for a worker" in shown.text
    assert client.post(f"{address}/benchmarks", data={"images": 7, "threads": 1}).status_code == 200
    benchmark, evaluation = list_jobs(plant.workspace, 2).rows
    assert read_request(JobKind.BENCHMARK, benchmark.request) == BenchmarkJob(plant.package.digest, 7, 1)
    asked = read_request(JobKind.EVALUATE, evaluation.request)
    assert isinstance(asked, EvaluateJob)
    assert (asked.costs.escape, asked.costs.defect_rate) == (9, 0.02)
    for wrong in ({"variant": "abacus/f32"}, {"defect_percent": 0}, {"cost_review": -1}):
        fields = costs | {"variant": "onnxruntime/f32"} | wrong
        assert client.post(f"{address}/evaluations", data=fields).status_code == 422
    assert client.post(f"{address}/benchmarks", data={"images": 1, "threads": 1}).status_code == 422


def test_what_was_drafted_is_what_is_saved(plant: BrightnessPlant, client: TestClient) -> None:
    calibration = {"station": "ST-04", "view": "top", "pixels": 40, "millimetres": 10}
    assert client.post("/calibrations", data=calibration).status_code == 200
    fields = draft(
        plant,
        regions="0 0 60 0 60 60\n2 2 30 2 30 30 2 30",
        ignore="5 5 9 5 9 9",
        part_type="tile",
        calibration="ST-04/top",
        rule_concept=["bright", ""],
        rule_min_area=["0.5", ""],
        rule_min_length=["", ""],
        rule_max_count=["2", ""],
        rule_unit=["mm", "px"],
        rule_severity=["minor", ""],
        rule_within=["0 0 20 0 20 20", ""],
        health_dark="0.1",
        health_stuck="5",
        cost_escape="50",
    )
    saved = client.post("/recipes", data=fields)
    assert saved.status_code == 200 and saved.url.path == "/recipes/drafted/versions/1"
    recipe = find_recipe(plant.workspace, "drafted")
    assert (len(recipe.regions), len(recipe.ignore), recipe.part_type) == (2, 1, "tile")
    assert recipe.regions[1].points == ((2, 2), (30, 2), (30, 30), (2, 30))
    assert recipe.cuts == {"bright": Cuts(0.3, 0.5), "dark": Cuts(0.4, 0.6)}
    (rule,) = recipe.rules
    assert (rule.min_area, rule.max_count, rule.unit, rule.severity) == (0.5, 2, Unit.MILLIMETRE, "minor")
    assert rule.within is not None and rule.within.points == ((0, 0), (20, 0), (20, 20))
    assert recipe.calibration is not None and recipe.calibration.pixels_per_mm == 4
    assert (recipe.health.dark, recipe.health.bright, recipe.health.stuck) == (0.1, 0.98, 5)
    assert recipe.costs == {"escape": 50}

    again = client.get("/drafts?recipe=drafted@1").text
    for kept in ("2 2 30 2 30 30 2 30", "0 0 20 0 20 20", 'value="0.1"', 'value="ST-04/top" data-scale'):
        assert kept in again


def test_the_template_is_the_grey_crop_below_the_box(plant: BrightnessPlant, client: TestClient) -> None:
    evaluation = latest_evaluation(plant.workspace, plant.package)
    assert evaluation is not None and evaluation.scores is not None
    picture = evaluation.scores.calibration[0]
    box = {"locate_x": "4", "locate_y": "6", "locate_width": "20", "locate_height": "12"}
    limits = {"locate_reach": "9", "locate_least": "0.7"}
    cut = {"locate_how": "cut", "locate_picture": picture.image} | box | limits
    assert client.post("/recipes", data=draft(plant, name="located", **cut)).status_code == 200
    locate = find_recipe(plant.workspace, "located").locate
    assert locate is not None and (locate.x, locate.y, locate.reach, locate.least) == (4, 6, 9, 0.7)
    whole = decode(plant.workspace.blobs.get(picture.blob))
    np.testing.assert_array_equal(decode(plant.workspace.blobs.get(locate.template)), whole[6:18, 4:24])
    shown = client.get(f"/drafts/templates/{locate.template}").content
    assert cv2.imdecode(np.frombuffer(shown, np.uint8), cv2.IMREAD_UNCHANGED).shape == (12, 20)

    keep = {"locate_how": "keep", "locate_template": locate.template} | box | limits
    client.post("/recipes", data=draft(plant, name="located", **keep))
    assert find_recipe(plant.workspace, "located@2").locate == locate
    client.post("/recipes", data=draft(plant, name="located", **(keep | {"locate_how": "none"})))
    assert find_recipe(plant.workspace, "located@3").locate is None

    small = client.post("/recipes", data=draft(plant, name="located", **(cut | {"locate_width": "3"})))
    assert small.status_code == 422 and "too small" in small.text
    assert len(versions_of(plant.workspace, "located")) == 3


def test_cuts_chosen_with_the_bound_in_view_say_so(plant: BrightnessPlant, client: TestClient) -> None:
    fields = draft(plant, name="looked")
    before = client.post("/drafts/rates", data=fields).text
    assert "chose nothing so far" in before and "while looking" not in before
    assert (
        "moved cuts while looking"
        in client.post("/drafts/rates", data=fields | {"bound_in_view": "yes"}).text
    )
    client.post("/recipes", data=fields | {"bound_in_view": "yes"})
    client.post("/recipes", data=fields | {"bound_in_view": "no"})
    assert BOUND_IN_VIEW in find_recipe(plant.workspace, "looked@1").note
    assert find_recipe(plant.workspace, "looked@2").note == "drawn"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cut_review": ["0.7", "0.4"]}, "must not be above"),
        ({"cut_review": ["0.3", "often"]}, "review cut of dark"),
        ({"cut_review": ["0.001", "0.4"]}, "Findings below"),
        ({"regions": "1 2 3"}, "odd number of coordinates"),
        ({"regions": "1 2 3 4"}, "at least 3 points"),
        ({"name": "a/b"}, "not usable"),
        ({"health_dark": "0.99"}, "image health"),
        ({"calibration": "ST-99/top"}, "no calibration"),
        ({"locate_how": "keep", "locate_reach": "1", "locate_least": "1", "locate_x": "0"}, "locate"),
    ],
)
def test_a_draft_that_cannot_be_is_refused_in_words(
    plant: BrightnessPlant, client: TestClient, changes: dict[str, Any], said: str
) -> None:
    refused = client.post("/recipes", data=draft(plant, name="refused") | changes)
    assert refused.status_code in (404, 422)
    assert said in refused.text
    assert client.get("/recipes/refused").status_code == 404


def test_a_command_makes_what_the_editor_makes(plant: BrightnessPlant, client: TestClient) -> None:
    evaluation = latest_evaluation(plant.workspace, plant.package)
    assert evaluation is not None and evaluation.scores is not None
    image = evaluation.scores.calibration[0].image
    options = {
        "--model": plant.package.digest,
        "--locate": f"{image}:x=4,y=6,width=20,height=12,reach=9,least=0.7",
        "--health": "dark=0.1,stuck=5",
        "--costs": "escape=50,overkill=5,review=20,defect_percent=5",
        "--cut": "dark=0.4,0.6",
    }
    words = [word for option in options.items() for word in option]
    command = ["-w", str(plant.workspace.folder), "recipes", "make", "typed", *words]
    assert CliRunner().invoke(app, command).exit_code == 0
    typed = find_recipe(plant.workspace, "typed")

    limits = {"locate_x": "4", "locate_y": "6", "locate_width": "20", "locate_height": "12"}
    limits |= {"locate_reach": "9", "locate_least": "0.7"}
    box = {"locate_how": "cut", "locate_picture": image} | limits
    bright = typed.cuts["bright"]
    cuts = {"cut_review": [str(bright.review), "0.4"], "cut_reject": [str(bright.reject), "0.6"]}
    costs = {"cost_escape": "50", "cost_overkill": "5", "cost_review": "20", "cost_defect_percent": "5"}
    fields = draft(
        plant, name="typed", note="", health_dark="0.1", health_stuck="5", **box, **cuts, **costs
    )
    assert client.post("/recipes", data=fields).status_code == 200
    drawn = find_recipe(plant.workspace, "typed@2")
    assert replace(typed, version=2, at=drawn.at, author=drawn.author) == drawn
    dearer = replace(evaluation.costs, review=20.0)
    assert bright == evaluation.cheapest_cuts(dearer).cuts["bright"] != evaluation.cuts["bright"]


def test_an_inspection_is_asked_for_with_all_that_the_command_has(
    plant: BrightnessPlant, client: TestClient, tmp_path: Path
) -> None:
    form = client.get("/jobs/inspections").text
    assert 'value="tiles"' in form and 'name="threads"' in form
    out = tmp_path / "results"
    asked = {"recipe": "tiles@1", "folder": str(plant.inspected), "out": str(out)}
    variant = {"variant": str(REFERENCE), "threads": "1"}
    page = client.post("/jobs/inspections", data=asked | variant)
    assert page.url.path.startswith("/jobs/"), page.text
    job = list_jobs(plant.workspace, 1).rows[0]
    until("a worker has it", lambda: taken(plant, job.id))
    do(plant.workspace, job, lambda *_: None)
    assert (out / "results.csv").is_file()
    address = f"/jobs/{job.id}/results/results.csv"
    assert address in client.get(f"/jobs/{job.id}").text
    assert client.get(address).content == (out / "results.csv").read_bytes()
    with plant.workspace.database.read() as tx:
        rows = stored_inspections.page(tx, stored_inspections.Query(job=job.id), None, 1).rows
    assert rows[0].variant == str(REFERENCE)
    for wrong in ({"variant": "abacus/f32"}, {"threads": "0"}, {"threads": "many"}, {"out": "results"}):
        refused = client.post("/jobs/inspections", data=asked | variant | wrong)
        assert refused.status_code == 422 and 'role="alert"' in refused.text, wrong


def taken(plant: BrightnessPlant, job: str) -> bool:
    """Take the job that waits longest; whether it is this one."""
    claimed = claim_job(plant.workspace, "w")
    return claimed is not None and claimed.job.id == job


def test_every_page_shows(plant: BrightnessPlant, client: TestClient) -> None:
    model = f"/models/{plant.package.digest}"
    pages = ("/models", model, f"{model}/card", f"{model}/comparisons?other={plant.other.digest}")
    for address in (*pages, "/recipes", "/recipes/tiles", "/drafts", "/calibrations"):
        assert client.get(address).status_code == 200, address
    evaluation = latest_evaluation(plant.workspace, plant.package)
    assert evaluation is not None
    for case in (*evaluation.worst.misses, *evaluation.worst.false_alarms):
        assert client.get(f"{model}/pictures/{case.overlay}").content.startswith(b"\x89PNG")
    blob = plant.workspace.blobs.put(b"secret")
    assert client.get(f"{model}/pictures/{blob}").status_code == 404


def test_a_model_that_was_never_evaluated_says_what_is_missing(
    plant: BrightnessPlant, client: TestClient
) -> None:
    bare = package()
    with plant.workspace.database.write() as tx:
        stored_models.add(tx, bare, "mara", now())
    address = f"/models/{bare.digest}"
    shown = client.get(address).text
    assert "Nothing is known of it yet" in shown and "needs an evaluation first" in shown
    refused = client.post(f"{address}/approvals", data={"reason": "good"})
    assert refused.status_code == 403 and "never evaluated" in refused.text
    compared = client.get(f"{address}/comparisons?other={plant.package.digest}")
    assert compared.status_code == 422 and "never evaluated" in compared.text
    editor = client.get(f"/drafts?model={bare.digest}").text
    assert "There are no scores to draw" in editor and "regions can only be given as coordinates" in editor


def test_an_empty_workspace_teaches(tmp_path: Path) -> None:
    from andon.services.workspaces import create_workspace

    create_workspace(tmp_path / "ws", "mara")
    with TestClient(create_app(Settings(tmp_path / "ws")), base_url="http://127.0.0.1") as client:
        assert "No model yet" in client.get("/models").text
        assert "No recipe yet" in client.get("/recipes").text
        assert client.get("/drafts").status_code == 404

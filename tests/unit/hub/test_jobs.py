"""Jobs and runs through the hub: what pages and JSON say, and what they refuse."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from andon.domain.datasets import DatasetSpec
from andon.domain.jobs import JobState, Usage
from andon.domain.runs import Family, MetricPoint, Miss
from andon.hub.main import create_app
from andon.hub.settings import Settings
from andon.jobs.import_images import ImportRequest, import_images
from andon.services.datasets import freeze_dataset, load_snapshot
from andon.services.jobs import (
    Claimed,
    beat,
    claim_job,
    find_job,
    put_back,
    report_progress,
    settle,
    write_log,
)
from andon.services.runs import record_metrics, story_of_run
from andon.services.workspaces import Workspace, create_workspace, now, open_workspace

HUB = "http://127.0.0.1:8400"
FORM = {"family": "classify", "weights": "none", "length": "steps", "steps": "30", "batch": "4"}


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a data set, to be copied."""
    root = tmp_path_factory.mktemp("taught")
    noise = np.random.default_rng(7)
    for number in range(48):
        folder = root / "pictures" / ("spot" if number % 3 == 0 else "good")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = noise.integers(0, 255, (64, 64), dtype=np.uint8)
        assert cv2.imwrite(str(folder / f"{number:03d}.png"), pixels)
    made = create_workspace(root / "ws", "tester")[0]
    request = ImportRequest(root / "pictures", "pictures", "tester", now(), "classes")
    import_images(made.database, made.blobs, request, lambda *_: None)
    freeze_dataset(made, DatasetSpec("spots"))
    made.database.close()
    return root / "ws"


@pytest.fixture
def workspace(taught: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(taught, tmp_path / "ws")
    return open_workspace(tmp_path / "ws", "tester")


@pytest.fixture
def hub(workspace: Workspace) -> Iterator[TestClient]:
    app = create_app(Settings(workspace.folder))
    with TestClient(app, base_url=HUB, headers={"origin": HUB}, follow_redirects=False) as client:
        yield client


def asked(hub: TestClient, **changes: str) -> str:
    """Start a training from the form; the run's id."""
    answer = hub.post("/runs", data={"dataset": "spots", **FORM, **changes})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].removeprefix("/runs/")


def claimed(workspace: Workspace) -> Claimed:
    found = claim_job(workspace, "w1")
    assert found is not None
    return found


def test_the_form_has_the_presets_of_each_family(hub: TestClient) -> None:
    for family in Family:
        page = hub.get("/runs/new", params={"family": family}).text
        assert f'name="family" value="{family}"' in page
        takes_steps = family is not Family.PATCHES
        assert ('name="minutes"' in page) is ('name="changes"' in page) is takes_steps
    assert (
        'name="height" type="number" min="32" max="8192" step="32" value="512"'
        in hub.get("/runs/new?family=unet").text
    )


def test_a_filled_form_becomes_a_run_that_waits(hub: TestClient, workspace: Workspace) -> None:
    run = asked(hub, changes="shown", change_blur="on", seed="7", encoder="resnet18")
    settings = story_of_run(workspace, run).line.run.settings
    assert (settings.family, settings.steps, settings.batch, settings.seed) == (Family.CLASSIFY, 30, 4, 7)
    assert (settings.encoder, settings.weights) == ("resnet18", "none")
    assert settings.augmentation.blur > 0 and not settings.augmentation.flip_horizontal
    page = hub.get(f"/runs/{run}").text
    assert "queued" in page and "spots" in page
    assert run in hub.get("/runs").text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": "many"}, "not a whole number"),
        ({"height": "100"}, "multiples of 32"),
        ({"dataset": "none"}, "none"),
        ({"family": "gpt"}, "family"),
        ({"weights": "file"}, "no file of weights"),
    ],
)
def test_a_form_that_cannot_be_comes_back_with_the_reason(
    hub: TestClient, change: dict[str, str], words: str
) -> None:
    answer = hub.post("/runs", data={"dataset": "spots", **FORM, **change})
    assert 400 <= answer.status_code < 500
    assert words in answer.text and "Start training" in answer.text


def test_a_run_shows_curves_what_it_gets_wrong_and_time_left(hub: TestClient, workspace: Workspace) -> None:
    run = asked(hub)
    job = claimed(workspace)
    story = story_of_run(workspace, run)
    image = load_snapshot(workspace, "spots").items[0].image
    worst = (Miss(image, "spot", 0.9, False), Miss(image, "spot", 0.2, False))
    record_metrics(workspace, story.line.run, MetricPoint(3, 12.0, {"loss": 0.5, "stop_ap": 0.7}, worst))
    report_progress(workspace, job.job.id, (3, 30), "loss 0.5")
    page = hub.get(f"/runs/{run}").text
    assert "<svg" in page and "stop ap 0.700" in page
    assert "false alarm" in page and f"/api/images/{image}/thumbnail" in page
    assert "says 90.0 %" in page and "says 20.0 %" not in page, "only what is wrong"
    assert "about 108 s left" in page or "about 2 min left" in page
    told = hub.get(f"/api/runs/{run}").json()
    assert told["metrics"][0]["worst"][0] == {
        "image": image,
        "concept": "spot",
        "score": 0.9,
        "shown": False,
    }


def test_stop_and_go_on(hub: TestClient, workspace: Workspace) -> None:
    run = asked(hub)
    job = claimed(workspace)
    assert hub.post(f"/runs/{run}/cancellation").headers["location"] == f"/runs/{run}"
    assert "stopping" in hub.get(f"/runs/{run}").text
    put_back(workspace, job.claim, "its process was ended by SIGTERM")
    page = hub.get(f"/runs/{run}").text
    assert "stopped" in page and "Go on" in page
    assert hub.post(f"/runs/{run}/continuation").headers["location"] == f"/runs/{run}"
    assert find_job(workspace, job.job.id).state is JobState.QUEUED


def test_a_job_shows_usage_log_and_how_it_ended(hub: TestClient, workspace: Workspace) -> None:
    asked(hub)
    job = claimed(workspace)
    beat(workspace, job.claim, Usage(12.0, 345_000_000, 6_000))
    write_log(workspace, job.claim, ["<b>bold</b> words"])
    page = hub.get(f"/jobs/{job.job.id}").text
    assert "345 MB" in page and "6.0 kB" in page and "12 s" in page
    assert "&lt;b&gt;bold" in page and "<b>bold" not in page
    settle(workspace, job.claim, JobState.FAILED, "the disk is full. Free some space.")
    assert "the disk is full. Free some space." in hub.get(f"/jobs/{job.job.id}").text
    assert job.job.id in hub.get("/jobs?state=failed").text
    assert job.job.id not in hub.get("/jobs?state=finished").text
    texts = [event["text"] for event in hub.get(f"/api/jobs/{job.job.id}/events").json()]
    assert "<b>bold</b> words" in texts
    assert hub.post(f"/jobs/{job.job.id}/retries").status_code == 303
    assert hub.get(f"/api/jobs/{job.job.id}").json()["state"] == "queued"


def test_json_asks_for_jobs_and_refuses_what_is_none(hub: TestClient) -> None:
    wish = {"kind": "import-images", "request": {"path": "/nowhere", "source": "s"}, "subject": "s"}
    made = hub.post("/api/jobs", json=wish)
    assert made.status_code == 202 and made.json()["state"] == "queued"
    assert hub.post(f"/api/jobs/{made.json()['id']}/cancellation").json()["state"] == "cancelled"
    assert hub.post(f"/api/jobs/{made.json()['id']}/cancellation").status_code == 409
    wrong = hub.post("/api/jobs", json={**wish, "request": {"path": 7, "source": "s"}})
    assert wrong.status_code == 422 and "path" in wrong.json()["message"]
    assert hub.get("/api/jobs/nix").status_code == 404
    lone = '{"kind":"import-images","request":{"path":"x","source":"s"},"subject":"\\ud800"}'
    answer = hub.post("/api/jobs", content=lone, headers={"content-type": "application/json"})
    assert answer.status_code == 422 and "not Unicode" in answer.json()["message"]
    strange = {"recipe": "r", "folder": "/x", "overlays": "nix"}
    assert hub.post("/api/jobs", json={"kind": "inspect", "request": strange}).status_code == 422
    assert hub.get("/jobs/nix").status_code == 404


def test_an_inspection_is_asked_for_by_recipe_only(hub: TestClient, tmp_path: Path) -> None:
    assert "No recipe to judge by yet" in hub.get("/jobs/inspections").text
    answer = hub.post("/jobs/inspections", data={"recipe": "nix", "folder": str(tmp_path)})
    assert answer.status_code == 404 and "nix" in answer.text

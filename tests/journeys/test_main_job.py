"""The main job, command by command, as the README walks through it."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from journeys.conftest import Plant, must


@pytest.fixture(scope="module")
def inspected(plant: Plant, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    out = tmp_path_factory.mktemp("out")
    arguments = ("inspect", plant.fresh, "--recipe", "brackets", "--truth", plant.truth, "--out", out)
    return must(plant.andon(*arguments, "--json")).json()


@pytest.fixture(scope="module")
def plant(plant: Plant, tmp_path_factory: pytest.TempPathFactory) -> Plant:
    """A copy: what these journeys add to it, no other journey meets."""
    folder = tmp_path_factory.mktemp("main-job") / "workspace"
    shutil.copytree(plant.folder, folder)
    return replace(plant, folder=folder)


def test_importing_again_adds_nothing(plant: Plant) -> None:
    again = must(plant.andon("images", "import", plant.parts, "--source", "parts", "--json")).json()
    assert (again["imported"], again["known"], again["left_out"]) == (0, 120, [])


def test_freezing_again_gives_the_same_digest(plant: Plant) -> None:
    first = must(plant.andon("datasets", "show", "brackets", "--json")).json()
    again = must(plant.andon("datasets", "freeze", "brackets", "--json")).json()
    assert again["snapshot"] == first["snapshot"]
    assert {group["group"] for group in again["groups"]} == {"train", "stop", "calibration", "test"}
    assert sum(group["parts"] for group in again["groups"]) == 120


def test_every_variant_has_a_parity_certificate(plant: Plant) -> None:
    model = must(plant.andon("models", "show", "latest", "--json")).json()
    variants = {parity["variant"]: parity for parity in model["parity"]}
    assert {"onnxruntime/f32", "openvino/f32"} <= set(variants)
    assert variants["onnxruntime/f32"]["passed"] and variants["onnxruntime/f32"]["largest_gap"] <= 1e-3
    assert variants["onnxruntime/f32"]["images"] > 10


def test_the_evaluation_states_bounds_and_writes_the_card(plant: Plant) -> None:
    costs = ("--cost-escape", "50", "--cost-overkill", "2", "--cost-review", "0.5", "--defect-rate", "0.02")
    found = must(plant.andon("models", "evaluate", "latest", *costs, "--json")).json()
    escapes = found["rates"]["escapes"]
    assert 0 <= escapes["count"] <= escapes["of"] and escapes["high"] > escapes["count"] / escapes["of"]
    assert set(found["cuts"]) <= {"dent", "scratch", "stain", "crack"}
    card = Path(found["card"]).read_text()
    assert card.startswith("<!doctype html>")
    assert "http://" not in card.replace("http://www.w3.org", "") and "https://" not in card


def test_every_variant_is_timed(plant: Plant) -> None:
    rows = must(plant.andon("models", "benchmark", "latest", "--images", "5", "--json")).json()
    assert {"variant", "median", "p95", "decode", "engine"} <= set(rows[0]) and len(rows) >= 2


def test_inspecting_gives_a_record_for_every_part(plant: Plant, inspected: dict[str, object]) -> None:
    assert inspected["parts"] == 20
    assert sum(inspected["verdicts"].values()) == 20
    rows = list(csv.DictReader(Path(inspected["csv"]).open()))
    lines = [json.loads(line) for line in Path(inspected["jsonl"]).read_text().splitlines()]
    assert [row["image"] for row in rows] == [line["name"] for line in lines]
    assert len({row["id"] for row in rows}) == 20
    stored = must(
        plant.andon("inspections", "list", "--recipe", "brackets", "--limit", "500", "--json")
    ).json()
    assert {row["id"] for row in rows} <= {row["id"] for row in stored}


def test_escapes_and_overkill_are_counted_against_the_hidden_truth(
    plant: Plant, inspected: dict[str, object]
) -> None:
    truth: dict[str, set[str]] = {}
    for row in csv.DictReader(plant.truth.open()):
        truth.setdefault(row["path"], set()).add(row["label"])
    verdicts = {row["image"]: row["verdict"] for row in csv.DictReader(Path(inspected["csv"]).open())}
    defective = {name for name, labels in truth.items() if labels != {"good"}}
    escapes = sum(verdicts[name] == "PASS" for name in defective)
    overkill = sum(verdicts[name] == "REJECT" for name in truth.keys() - defective)
    rates = inspected["rates"]
    assert (rates["escapes"]["count"], rates["escapes"]["of"]) == (escapes, len(defective))
    assert (rates["overkill"]["count"], rates["overkill"]["of"]) == (overkill, 20 - len(defective))


def test_the_report_opens_without_the_network(inspected: dict[str, object]) -> None:
    report = Path(inspected["report"]).read_text()
    assert "BRACKET" in report
    assert "http://" not in report.replace("http://www.w3.org", "") and "https://" not in report


def test_one_part_tells_its_whole_story(plant: Plant, inspected: dict[str, object]) -> None:
    line = json.loads(Path(inspected["jsonl"]).read_text().splitlines()[0])
    story = must(plant.andon("inspections", "show", line["id"], "--json")).json()
    assert story["name"] == line["name"] and story["versions"]["model"] == line["package"]
    assert story["versions"]["image"] == line["image"] and len(story["scores"]) >= 1
    by_person = must(plant.andon("inspections", "show", line["id"])).stdout
    assert line["name"] in by_person and "brackets@" in by_person


def test_a_new_cut_rescores_history_without_the_model(plant: Plant, inspected: dict[str, object]) -> None:
    model = must(plant.andon("models", "show", "latest", "--json")).json()
    cuts = [option for concept in model["concepts"] for option in ("--cut", f"{concept}=0.02,0.02")]
    must(plant.andon("recipes", "make", "brackets", *cuts, "--note", "everything is rejected"))
    rescored = must(plant.andon("recipes", "rescore", "brackets", "--json")).json()
    assert rescored["judged"] >= 20
    lines = [json.loads(line) for line in Path(inspected["jsonl"]).read_text().splitlines()]
    with_score = next(line for line in lines if max(line["scores"].values()) >= 0.02)
    story = must(plant.andon("inspections", "show", with_score["id"], "--json")).json()
    assert story["rescorings"][-1]["verdict"] == "REJECT"
    assert story["verdict"] == with_score["decision"]["verdict"], "the first verdict is never overwritten"


def test_the_test_group_can_be_inspected(plant: Plant) -> None:
    found = must(plant.andon("inspect", "--test-of", "brackets", "--recipe", "brackets@1", "--json")).json()
    groups = must(plant.andon("datasets", "show", "brackets", "--json")).json()["groups"]
    test = next(group for group in groups if group["group"] == "test")
    assert found["parts"] == test["parts"]
    assert found["rates"]["escapes"]["of"] == test["defective"]


def test_a_snapshot_can_be_taken_out_and_read_again(plant: Plant, tmp_path: Path) -> None:
    must(plant.andon("datasets", "export", "brackets", "--layout", "coco", "--to", tmp_path / "out"))
    must(plant.andon("init", tmp_path / "other"))
    other = Plant(tmp_path / "other", plant.parts, plant.fresh, plant.truth)
    imported = must(other.andon("images", "import", tmp_path / "out", "--json")).json()
    assert (imported["imported"], imported["left_out"]) == (120, [])


def test_a_layout_that_cannot_hold_the_labels_is_refused(plant: Plant, tmp_path: Path) -> None:
    refused = plant.andon("datasets", "export", "brackets", "--layout", "mvtec", "--to", tmp_path / "out")
    assert refused.code == 3 and "MVTec layout holds one" in str(refused.error)
    assert not list((tmp_path / "out").rglob("*.png"))

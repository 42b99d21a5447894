"""A model from elsewhere on its whole way: import, parity, cuts, evaluation, inspection, gate, pages."""

import copy
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from fastapi.testclient import TestClient
from journeys.conftest import Answer, andon
from simulators import foreign_models as foreign
from simulators.foreign_models import ColourPlant, build

from andon.domain.datasets import DatasetSpec, Split
from andon.domain.gates import GateRequest, Purpose
from andon.domain.images import ImageFilter
from andon.domain.model_imports import ModelImport
from andon.domain.models import Costs, Engine, InputSpec, Manifest, Parity, Precision, Variant
from andon.domain.runs import Family, TrainSettings
from andon.domain.serial import from_json
from andon.errors import InvalidInput, NotPossible, ParityFailed, Refused, UnsupportedVersion
from andon.hub.main import create_app
from andon.hub.settings import Settings
from andon.jobs.gate import run_gate
from andon.jobs.import_images import ImportRequest, import_images
from andon.jobs.train import train_model
from andon.runtime import parity as parities
from andon.runtime import wrapping
from andon.runtime.execution import REFERENCE
from andon.runtime.features import PLAIN, look
from andon.runtime.foreign import open_foreign
from andon.runtime.package import load_package, package_digest, read_manifest, seal
from andon.services.datasets import freeze_dataset, load_snapshot
from andon.services.evaluations import evaluate_model
from andon.services.holdouts import hold_part
from andon.services.models import find_package
from andon.services.recipes import RecipeRequest, make_recipe
from andon.services.runs import checkpoint_of
from andon.services.shipping import Proven, evidence, make_package
from andon.services.workspaces import Workspace, now, open_workspace
from andon.store import images as stored_images
from andon.store import models as stored_models
from andon.units import Digest

BROKEN = Variant(Engine.OPENVINO, Precision.F32)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> ColourPlant:
    return build(tmp_path_factory.mktemp("colour"))


@pytest.fixture
def copied(plant: ColourPlant, tmp_path: Path) -> Path:
    """A workspace of one's own."""
    shutil.copytree(plant.workspace.folder, tmp_path / "ws")
    return tmp_path / "ws"


def written(folder: Path, model: onnx.ModelProto, stated: dict[str, Any]) -> tuple[str | Path, ...]:
    """Arguments of the command for these two files."""
    (folder / "beads.onnx").write_bytes(model.SerializeToString())
    (folder / "beads.json").write_text(json.dumps(stated))
    return ("models", "import", folder / "beads.onnx", "--manifest", folder / "beads.json")


def asked(ws: Path, folder: Path, model: onnx.ModelProto, stated: dict[str, Any]) -> Answer:
    return andon("-w", ws, *written(folder, model, stated), "--dataset", "beads", "--json")


@pytest.fixture(scope="module")
def imported(plant: ColourPlant, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("elsewhere")
    answer = asked(plant.workspace.folder, folder, foreign.classifier(), foreign.CLASSIFIER)
    assert answer.error is None, answer.error
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def client(plant: ColourPlant) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(plant.workspace.folder, who="mara")), "http://127.0.0.1") as opened:
        yield opened


def test_the_import_gives_parity_cuts_and_bounds(plant: ColourPlant, imported: dict[str, Any]) -> None:
    assert imported["new"] and all(one["passed"] for one in imported["parity"])
    evaluation = imported["evaluation"]
    assert set(evaluation["cuts"]) == {"red", "blue"}
    assert evaluation["rates"]["escapes"]["count"] == 0 < evaluation["rates"]["escapes"]["of"]
    assert "is the word of whoever imported it" in evaluation["remarks"][0]
    assert "neither was checked" in Path(evaluation["card"]).read_text()


def test_the_package_says_where_it_came_from(plant: ColourPlant, imported: dict[str, Any]) -> None:
    folder = plant.workspace.packages / imported["model"]
    loaded = load_package(folder, imported["model"])
    origin = loaded.manifest.origin
    assert origin is not None and origin.file == "beads.onnx" and loaded.manifest.family is None
    assert origin.learned_from == foreign.CLASSIFIER["learned_from"]
    assert json.loads((folder / "manifest.json").read_text())["format"] == 2
    assert len(loaded.golden) == 4 and loaded.manifest.input.source_sizes == ((32, 32),)
    newer = json.dumps({"format": 3}).encode()
    with pytest.raises(UnsupportedVersion, match="has the format 3, this Andon reads up to 2"):
        read_manifest(newer, "x")


def test_a_station_gets_the_very_package(
    plant: ColourPlant, imported: dict[str, Any], client: TestClient
) -> None:
    base = f"/api/packages/{imported['model']}/files"
    manifest = read_manifest(client.get(f"{base}/manifest.json").content, "x")
    golden = {name: client.get(f"{base}/golden/{name}").content for name in manifest.golden}
    graph = client.get(f"{base}/model.onnx").content
    assert package_digest(seal(manifest, graph, golden)) == imported["model"]


def test_it_describes_pictures_for_drift_and_selections(
    plant: ColourPlant, imported: dict[str, Any]
) -> None:
    loaded = load_package(plant.workspace.packages / imported["model"])
    random = np.random.default_rng(0)
    seen = list(look(loaded, [("a.png", random.integers(0, 256, (32, 32, 3)).astype(np.uint8))]))
    assert seen[0].features.shape == (PLAIN,) and seen[0].scores.shape == (2,)


def test_the_same_again_is_the_same_model(copied: Path, tmp_path: Path, imported: dict[str, Any]) -> None:
    again = asked(copied, tmp_path, foreign.classifier(), foreign.CLASSIFIER).json()
    assert (again["model"], again["new"]) == (imported["model"], False)
    other = foreign.CLASSIFIER | {"learned_from": "something else"}
    assert asked(copied, tmp_path, foreign.classifier(), other).json()["model"] != imported["model"]


def test_parts_are_inspected_with_it(
    plant: ColourPlant, copied: Path, imported: dict[str, Any], tmp_path: Path
) -> None:
    foreign.draw(tmp_path / "fresh", 12, seed=9)
    cuts = ("--model", imported["model"][:12])
    assert andon("-w", copied, "recipes", "make", "beads", *cuts).error is None
    done = andon("-w", copied, "inspect", tmp_path / "fresh", "--recipe", "beads", "--json")
    assert done.error is None, done.error
    lines = [json.loads(line) for line in Path(done.json()["jsonl"]).read_text().splitlines()]
    assert len(lines) == 12
    for line in lines:
        kind = line["name"].split("/")[0]
        assert line["decision"]["verdict"] == ("PASS" if kind == "good" else "REJECT"), line
        assert kind == "good" or max(line["scores"], key=line["scores"].get) == kind


@pytest.mark.parametrize("stated", ["segmenter", "anomaly"])
def test_maps_and_ranges_find_parts_too(stated: str, copied: Path, tmp_path: Path) -> None:
    manifest = {"segmenter": foreign.SEGMENTER, "anomaly": foreign.ANOMALY}[stated]
    answer = asked(copied, tmp_path, getattr(foreign, stated)(), manifest)
    assert answer.error is None, answer.error
    rates = answer.json()["evaluation"]["rates"]
    assert (rates["escapes"]["count"], rates["overkill"]["count"]) == (0, 0)


def test_nothing_is_fine_tuned_from_it(plant: ColourPlant, imported: dict[str, Any]) -> None:
    package = find_package(plant.workspace, imported["model"])
    with pytest.raises(NotPossible, match="is imported: there is nothing to fine-tune from"):
        checkpoint_of(plant.workspace, package)
    with pytest.raises(NotPossible, match="nothing to fine-tune from"):
        train_model(plant.workspace, "beads", TrainSettings(start=package.digest), lambda *_: None)
    runs = andon("-w", plant.workspace.folder, "runs", "list", "--json").json()
    assert not runs, "no run was begun"


def test_its_page_says_where_it_came_from_and_whose_word_that_is(
    imported: dict[str, Any], client: TestClient
) -> None:
    page = client.get(f"/models/{imported['model']}").text
    assert "beads.onnx" in page and foreign.CLASSIFIER["learned_from"] in page
    assert "not checked" in page and "the file that was imported" in page
    assert "imported" in client.get("/models").text
    assert client.get(f"/models/{imported['model']}/card").status_code == 200
    assert client.get(f"/api/models/{imported['model']}").json()["family"] == "imported"


def test_a_variant_that_does_not_run_is_left_out_and_shown(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One engine is given a graph it cannot open; the others stay."""
    compared = parities._compare

    def one_breaks(graph: Any, references: Any, cuts: Any, variant: Variant, threads: int) -> Any:
        if variant == BROKEN:
            graph = replace(graph, content=b"nothing an engine could open")
        return compared(graph, references, cuts, variant, threads)

    monkeypatch.setattr(parities, "_compare", one_breaks)
    found = asked(copied, tmp_path, foreign.classifier(), changed(name="half of it")).json()
    failed = [one for one in found["parity"] if not one["passed"]]
    assert [one["variant"] for one in failed] == [{"engine": "openvino", "precision": "f32"}]
    assert failed[0]["failure"].startswith("OpenVINO cannot open the graph")
    with TestClient(create_app(Settings(copied, who="mara")), "http://127.0.0.1") as hub:
        assert "OpenVINO cannot open the graph" in hub.get(f"/models/{found['model']}").text
    shown = andon("-w", copied, "models", "show", found["model"]).stdout
    assert "OpenVINO cannot open the graph" in shown


def stored(ws: Path) -> tuple[list[Any], list[str]]:
    folder = ws / "packages"
    rows = andon("-w", ws, "models", "list", "--json").json()
    return rows, sorted(one.name for one in folder.iterdir()) if folder.exists() else []


def test_a_spoiled_wrapper_stores_nothing(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored(copied)
    monkeypatch.setattr(wrapping, "_scaled", lambda nodes, name, stated: name)
    refused = asked(copied, tmp_path, foreign.classifier(), foreign.CLASSIFIER)
    assert isinstance(refused.error, ParityFailed) and refused.code == 5
    assert ".png" in refused.error.message and "verdicts flip" in refused.error.message
    assert stored(copied) == before


def test_a_mirrored_map_stores_nothing(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    squeezed = wrapping._squeezed
    monkeypatch.setattr(
        wrapping,
        "_squeezed",
        lambda nodes, output, raw: nodes.add(
            "Transpose", [squeezed(nodes, output, raw)], perm=[0, 1, 3, 2]
        ),
    )
    refused = asked(copied, tmp_path, foreign.segmenter(), foreign.SEGMENTER)
    assert isinstance(refused.error, ParityFailed) and "in maps" in refused.error.message


def test_a_model_that_answers_otherwise_each_time_is_refused(copied: Path, tmp_path: Path) -> None:
    model = foreign.classifier()
    noise = onnx.helper.make_node("RandomNormalLike", ["before/Cast0"], ["noise"])
    added = onnx.helper.make_node("Add", ["before/Cast0", "noise"], ["noisy"])
    model.graph.node.insert(3, noise)
    model.graph.node.insert(4, added)
    model.graph.node[5].input[0] = "noisy"
    refused = asked(copied, tmp_path, model, foreign.CLASSIFIER)
    assert isinstance(refused.error, ParityFailed) and not stored(copied)[0][1:]


def changed(**parts: Any) -> dict[str, Any]:
    return copy.deepcopy(foreign.CLASSIFIER) | parts


def test_what_does_not_go_with_the_data_set_is_refused(copied: Path, tmp_path: Path) -> None:
    strange = changed()
    strange["concepts"][0]["name"] = "rust"
    deep = changed(input=foreign.CLASSIFIER["input"] | {"bit_depth": 16})
    lost = changed(expected=[{"image": "nowhere.png", "output": "logits", "values": [1, 2, 3]}])
    name = "good/000.png"
    wrong = changed(expected=[{"image": name, "output": "logits", "values": [1, 2, 3]}])
    for stated, told in (
        (strange, r"concept 'rust' is no defect of data set 'beads' \(it has blue, red\)"),
        (deep, "3 channels of 8 bits, the manifest says bit_depth 16"),
        (lost, "no picture of data set 'beads' has the name 'nowhere.png'"),
        (wrong, f"output 'logits' on {name} differs from what is expected by"),
    ):
        refused = asked(copied, tmp_path, foreign.classifier(), stated)
        assert refused.error is not None and refused.code in {3, 5}
        with pytest.raises(type(refused.error), match=told):
            raise refused.error
    assert len(stored(copied)[0]) <= 1


def test_expected_outputs_are_compared_where_there_are_some(
    plant: ColourPlant, copied: Path, tmp_path: Path
) -> None:
    import onnxruntime

    pixels = np.float32(cv_read(plant.parts / "red" / "001.png"))
    ready = ((pixels - np.float32(foreign.MEAN)) / np.float32(foreign.STD))[np.newaxis]
    session = onnxruntime.InferenceSession(foreign.classifier().SerializeToString())
    logits = session.run(["logits"], {"image": ready})[0].ravel().tolist()
    stated = changed(expected=[{"image": "red/001.png", "output": "logits", "values": logits}])
    assert asked(copied, tmp_path, foreign.classifier(), stated).error is None
    stated["input"]["colour"] = "rgb"
    refused = asked(copied, tmp_path, foreign.classifier(), stated)
    assert isinstance(refused.error, ParityFailed) and "on red/001.png differs" in refused.error.message


def cv_read(path: Path) -> np.ndarray:
    import cv2

    found = cv2.imread(str(path))
    assert found is not None
    return found


def test_nan_on_a_calibration_part_is_refused_by_name(
    plant: ColourPlant, copied: Path, tmp_path: Path
) -> None:
    model = foreign.segmenter()
    model.graph.node[1].output[0] = "plain"
    for kind, ins, outs in (("Sub", ["limit", "small"], "room"), ("Sqrt", ["room"], "root")):
        model.graph.node.append(onnx.helper.make_node(kind, ins, [outs]))
    model.graph.node.append(onnx.helper.make_node("Add", ["plain", "root"], ["mask"]))
    limit = onnx.numpy_helper.from_array(np.array(0.5, np.float32), "limit")
    model.graph.initializer.append(limit)
    refused = asked(copied, tmp_path, model, foreign.SEGMENTER)
    assert isinstance(refused.error, Refused) and "is not finite (NaN or infinite)" in refused.error.message
    calibration = load_snapshot(plant.workspace, "beads").of(Split.CALIBRATION)
    assert any(item.name in refused.error.message for item in calibration)


def test_a_data_set_without_clean_calibration_parts_is_refused(copied: Path, tmp_path: Path) -> None:
    workspace = open_workspace(copied, "mara")
    foreign.draw(tmp_path / "odd", 40, seed=5)
    shutil.rmtree(tmp_path / "odd" / "good")
    request = ImportRequest(tmp_path / "odd", "odd", "mara", now())
    import_images(workspace.database, workspace.blobs, request, lambda done, total: None)
    freeze_dataset(workspace, DatasetSpec("odd", ImageFilter(source="odd")))
    arguments = written(tmp_path, foreign.classifier(), foreign.CLASSIFIER)
    refused = andon("-w", copied, *arguments, "--dataset", "odd")
    assert isinstance(refused.error, NotPossible) and "holds no clean part" in refused.error.message


def test_its_report_says_whose_word_it_is(copied: Path, tmp_path: Path, imported: dict[str, Any]) -> None:
    made = tmp_path / "report.html"
    assert andon("-w", copied, "models", "report", imported["model"], "--out", made).error is None
    text = made.read_text()
    assert "beads.onnx" in text and ">None<" not in text
    assert "whether it learned from them was not checked" in text


def test_files_that_are_not_there_are_told(copied: Path, tmp_path: Path) -> None:
    arguments = written(tmp_path, foreign.classifier(), foreign.CLASSIFIER)
    (tmp_path / "beads.onnx").unlink()
    missing = andon("-w", copied, *arguments, "--dataset", "beads")
    assert missing.code == 3 and "there is no file" in str(missing.error)
    assert andon("-w", copied, *written(tmp_path, foreign.classifier(), {}), "--dataset", "x").code == 3


def own_model(workspace: Workspace) -> str:
    """A package as Andon trains them (format 1), recorded and evaluated; it is blind to what is blue."""
    model = foreign.classifier()
    weights = onnx.numpy_helper.to_array(model.graph.initializer[0]).copy()
    weights[:, 2] = 0
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weights, "weights"))
    stated = from_json(ModelImport, foreign.CLASSIFIER)
    found = open_foreign(model.SerializeToString(), stated)
    taken = InputSpec(foreign.SIDE, foreign.SIDE, 3, 8)
    graph = wrapping.wrap(found, stated, taken, wrapping.output_spec(stated, found))
    snapshot = load_snapshot(workspace, "beads")
    draft = Manifest(
        name="own", family=Family.CLASSIFY, encoder="", input=taken, output=graph.output,
        snapshot=snapshot.digest, settings_digest=Digest("2" * 64), seed=0, code_version="test", files={},
        golden={},
    )  # fmt: skip
    chosen = evidence(snapshot)
    parity = (Parity(REFERENCE, len(chosen), 0.0, 0.0, (), 1e-3),)
    package = make_package(workspace, draft, Proven(graph, parity, chosen, 1), None)
    with workspace.database.write() as tx:
        stored_models.add(tx, package, workspace.who, now())
    evaluate_model(workspace, package.digest, str(REFERENCE), Costs(50.0, 5.0, 1.0, 0.05), lambda *_: None)
    return package.digest


def test_a_gate_compares_it_with_one_of_andons_own(
    copied: Path, tmp_path: Path, imported: dict[str, Any]
) -> None:
    workspace = open_workspace(copied, "mara")
    own = own_model(workspace)
    foreign.draw(tmp_path / "golden", 240, seed=7)
    request = ImportRequest(tmp_path / "golden", "golden", "mara", now())
    import_images(workspace.database, workspace.blobs, request, lambda done, total: None)
    with workspace.database.read() as tx:
        found = stored_images.page(tx, ImageFilter(source="golden"), None, 400).rows
    for image in found:
        hold_part(workspace, image.digest, Purpose.GOLDEN, "agreed")
    for model in (own, imported["model"]):
        make_recipe(workspace, RecipeRequest("beads", model, cuts={}))
    better = run_gate(workspace, GateRequest("beads@2", "beads@1"), lambda *_: None).outcome
    checks = {check.name: check.passed for check in better.checks}
    assert better.parts == 240 and checks["runs here"] and checks["golden set"], better.checks
    assert sum("was trained elsewhere" in remark for remark in better.remarks) == 1
    assert "the candidate, was trained elsewhere" in better.remarks[0]
    worse = run_gate(workspace, GateRequest("beads@1", "beads@2"), lambda *_: None).outcome
    assert not all(check.passed for check in worse.checks)
    assert "what runs now, was trained elsewhere" in worse.remarks[0]


def test_nothing_is_asked_of_a_file_that_is_too_large(
    plant: ColourPlant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from andon.jobs import import_model

    monkeypatch.setattr(import_model, "MAX_GRAPH_BYTES", 100)
    refused = asked(plant.workspace.folder, tmp_path, foreign.classifier(), foreign.CLASSIFIER)
    assert refused.code == 3 and "has more than 100 bytes" in str(refused.error)
    assert not isinstance(refused.error, InvalidInput)

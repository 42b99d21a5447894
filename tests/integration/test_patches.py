"""A model of clean images through everything around it: freezing, training, evaluation, report, recipe."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from simulators.graphs import png
from typer.testing import CliRunner, Result

from andon.analysis.metrics import ANY
from andon.cli.main import app
from andon.domain.annotations import Label
from andon.domain.datasets import Split
from andon.domain.models import ANOMALY, Costs, Package
from andon.domain.ontologies import Concept, ConceptKind
from andon.domain.presets import preset
from andon.domain.promises import PromiseWish
from andon.domain.runs import Family
from andon.errors import AndonError
from andon.jobs.train import train_model
from andon.runtime.execution import REFERENCE
from andon.services.evaluations import Evaluation, evaluate_model
from andon.services.model_figures import measure
from andon.services.models import find_package, snapshot_of
from andon.services.recipes import RecipeRequest, find_recipe, make_recipe
from andon.services.truths import defect_names, seen_by
from andon.services.workspaces import Workspace, open_workspace

COSTS = Costs(escape=50.0, overkill=5.0, review=1.0, defect_rate=0.05)
TINY = ("--encoder", "test_efficientnet", "--weights", "none", "--size", "64x64", "--threads", "1")


@dataclass(frozen=True)
class Plant:
    """``package`` was learnt from the clean of 40 good parts, 12 with dents and 12 with stains."""

    workspace: Workspace
    package: Package
    evaluation: Evaluation


def andon(folder: Path, *words: str | Path) -> Result:
    return CliRunner().invoke(app, ["-w", str(folder), *map(str, words)])


def must(done: Result) -> Result:
    assert done.exit_code == 0, (done.output, done.exception)
    return done


def drawn(folder: Path, kinds: dict[str, int]) -> Path:
    random = np.random.default_rng(1)
    for kind, count in kinds.items():
        for number in range(count):
            pixels = random.integers(110, 146, (64, 64)).astype(np.uint8)
            if kind != "good":
                pixels[20:40, 20:40] = 250 if kind == "dent" else 5
            path = folder / kind / f"{kind}{number:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(pixels))
    return folder


def frozen(folder: Path, kinds: dict[str, int]) -> Path:
    """A workspace with a data set ``parts``."""
    parts = drawn(folder / "parts", kinds)
    must(andon(folder, "init", folder / "ws"))
    must(andon(folder / "ws", "images", "import", parts, "--add-concepts"))
    must(andon(folder / "ws", "datasets", "freeze", "parts"))
    return folder / "ws"


def silent(*_: object) -> None:
    """Nobody looks."""


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    folder = frozen(tmp_path_factory.mktemp("plant"), {"good": 40, "dent": 12, "stain": 12})
    workspace = open_workspace(folder, "mara")
    trained = train_model(workspace, "parts", preset("patches-tiny"), silent)
    package = find_package(workspace, trained.digest)
    return Plant(
        workspace, package, evaluate_model(workspace, trained.digest, str(REFERENCE), COSTS, silent)
    )


def test_every_kind_of_defect_counts_as_the_one_output(plant: Plant) -> None:
    snapshot = snapshot_of(plant.workspace, plant.package)
    bad = sum(bool(item.concepts() & {"dent", "stain"}) for item in snapshot.of(Split.TEST))
    assert plant.package.manifest.output.concepts == (ANOMALY,)
    assert plant.package.manifest.format == 2
    assert plant.evaluation.unknown == ()
    assert plant.evaluation.parts[ANY].defective == plant.evaluation.parts[ANOMALY].defective == bad > 0
    assert "From costs" in plant.evaluation.card.read_text()
    assert plant.evaluation.rates and plant.evaluation.rates.escapes.of == bad


def test_a_report_counts_defects_of_every_kind_and_misses_no_training_with_them(plant: Plant) -> None:
    measured = measure(plant.workspace, plant.package.digest, None)
    assert [count.concept for count in measured.concepts] == [ANOMALY]
    assert {name for part in measured.known for name in part.defects} == {ANOMALY}
    said = " ".join(caution.text for caution in measured.cautions)
    assert "to learn from" not in said and "none to choose cuts with" not in said


def test_a_promise_has_seen_the_one_output(plant: Plant) -> None:
    wish = PromiseWish(0.7, 0.8)
    make_recipe(plant.workspace, RecipeRequest("promising", plant.package.digest, cuts={}, promise=wish))
    promise = find_recipe(plant.workspace, "promising").promise
    assert promise is not None and promise.unseen == ()


def test_another_concept_of_that_name_is_no_defect(plant: Plant) -> None:
    """People may have called an attribute like the output."""
    snapshot = snapshot_of(plant.workspace, plant.package)
    own = (*snapshot.concepts, Concept(ANOMALY, ConceptKind.ATTRIBUTE))
    one = next(item for item in snapshot.items if not item.concepts())
    marked = replace(one, labels=(Label(ANOMALY),))
    items = tuple(marked if item is one else item for item in snapshot.items)
    named = replace(snapshot, concepts=own, items=items)
    seen = seen_by(Family.PATCHES, named)
    assert defect_names(seen) == {ANOMALY}
    assert not next(item for item in seen.items if item.image == one.image).concepts()
    assert seen_by(Family.SEGMENT, named) is named


def test_twenty_good_images_are_enough_for_the_way_of_the_readme(tmp_path: Path) -> None:
    folder = frozen(tmp_path, {"good": 20})
    trained = must(andon(folder, "train", "parts", *TINY))
    assert "Family patches: the training group shows no defect" in trained.stderr
    evaluated = must(andon(folder, "models", "evaluate", "latest"))
    assert "pixel IoU" in evaluated.stdout and "not measured" in evaluated.stdout
    found = json.loads(must(andon(folder, "models", "evaluate", "latest", "--json")).stdout)
    assert found["pixel_iou"] == {} and found["expected_cost"] is None
    assert "From costs" not in Path(found["card"]).read_text(), "costs chose nothing"
    must(andon(folder, "recipes", "make", "parts"))
    fresh = drawn(tmp_path / "fresh", {"good": 2, "dent": 2})
    inspected = json.loads(must(andon(folder, "inspect", fresh, "--recipe", "parts", "--json")).stdout)
    assert inspected["parts"] == 4


def test_too_few_images_are_refused_with_what_is_missing(tmp_path: Path) -> None:
    folder = frozen(tmp_path, {"good": 4})
    refused = andon(folder, "train", "parts", *TINY)
    assert isinstance(refused.exception, AndonError)
    assert "clean images, a patch memory needs 5" in refused.exception.message
    assert json.loads(must(andon(folder, "models", "list", "--json")).stdout) == []


def test_an_interrupted_pass_is_made_again_by_the_same_run(tmp_path: Path) -> None:
    folder = frozen(tmp_path, {"good": 12})
    workspace = open_workspace(folder, "mara")

    def stopped(done: int, *_: object) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_model(workspace, "parts", preset("patches-tiny"), stopped)
    trained = train_model(workspace, "parts", preset("patches-tiny"), silent)
    runs = json.loads(must(andon(folder, "runs", "list", "--json")).stdout)
    assert [(run["id"], run["state"]) for run in runs] == [(trained.run, "finished")]
    assert len(json.loads(must(andon(folder, "models", "list", "--json")).stdout)) == 1

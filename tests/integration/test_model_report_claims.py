"""What a report says of the recipe's promise, and of a model from elsewhere."""

import json
import re
from dataclasses import replace
from pathlib import Path

from simulators import foreign_models as foreign
from simulators.report_plant import Photo, build, rest_of_the_data
from typer.testing import CliRunner

from andon.cli.main import app
from andon.domain.models import Cuts
from andon.domain.promises import PromiseWish
from andon.domain.requests import ReportJob
from andon.services.model_figures import measure
from andon.services.model_reports import Target, make_report
from andon.services.recipes import RecipeRequest, find_recipe, make_recipe
from andon.store import recipes as stored_recipes

EQUAL = {"bright": Cuts(0.3, 0.6), "dark": Cuts(0.3, 0.6)}
TEST = [
    Photo("caught.png", 0.9, "bright"),
    Photo("missed.png", 0.2, "bright"),
    Photo("mistaken.png", 0.9, "dark"),
    Photo("fine.png", 0.1),
]


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.split("</style>")[1]).split())


def _silent(done: int, total: int | None, text: str) -> None:
    """Nobody looks."""


def test_the_report_repeats_what_the_recipe_promises(tmp_path: Path) -> None:
    workspace = build(tmp_path, [*rest_of_the_data(), *TEST])
    asked = RecipeRequest("kept", "latest", cuts=EQUAL, promise=PromiseWish(0.9, 0.9))
    make_recipe(workspace, asked)
    kept = find_recipe(workspace, "kept").promise
    assert kept is not None
    made = make_report(workspace, ReportJob("latest", images=0), Target(tmp_path, pdf=False), _silent)
    line = (
        "kept@1 promises that at most 90 % of defective parts pass, with 90 % confidence: "
        f"{kept.misses} of {kept.parts} defective parts of the calibration group pass with "
        f"review cuts at {kept.limit:.4f}; "
        f"{kept.test_misses} of {kept.test_parts} defective parts of the test group pass there."
    )
    assert line in words(made.html.read_text())
    assert made.as_json()["promise"] == made.facts()["promise"] == line
    high = dict.fromkeys(EQUAL, Cuts(0.95, 0.99))
    make_recipe(workspace, RecipeRequest("kept", "latest", cuts=high))
    dropped = measure(workspace, "latest", "kept")
    assert dropped.promise.startswith("kept@2 promises nothing: version 1 promised that at most 90 %")
    assert measure(workspace, "latest", "kept@1").promise == line


def test_a_promise_that_the_test_group_breaks_is_doubted(tmp_path: Path) -> None:
    workspace = build(tmp_path, [*rest_of_the_data(), *TEST])
    make_recipe(workspace, RecipeRequest("kept", "latest", cuts=EQUAL, promise=PromiseWish(0.9, 0.9)))
    made = find_recipe(workspace, "kept")
    assert made.promise is not None
    broken = replace(made.promise, asked=PromiseWish(0.1, 0.9), test_parts=40, test_misses=20)
    with workspace.database.write() as tx:
        stored_recipes.add_version(tx, replace(made, version=2, promise=broken))
    doubts = [one.text for one in measure(workspace, "latest", None).cautions if one.rule == "promise"]
    assert doubts == [
        "kept@2: 20 of 40 defective parts of the test group pass there, more than chance explains."
    ]
    assert not [one for one in measure(workspace, "latest", "kept@1").cautions if one.rule == "promise"]


def test_a_model_from_elsewhere_claims_nothing_of_its_training(tmp_path: Path) -> None:
    plant = foreign.build(tmp_path)
    (tmp_path / "beads.onnx").write_bytes(foreign.classifier().SerializeToString())
    (tmp_path / "beads.json").write_text(json.dumps(foreign.CLASSIFIER))
    command = ["-w", str(plant.workspace.folder), "models", "import", str(tmp_path / "beads.onnx")]
    command += ["--manifest", str(tmp_path / "beads.json"), "--dataset", "beads"]
    assert CliRunner().invoke(app, command).exit_code == 0
    made = make_report(plant.workspace, ReportJob("latest"), Target(tmp_path / "r.pdf"), _silent)
    text = words(made.html.read_text())
    assert made.pdf is not None and "trained the model" not in text.split("How it was counted")[0]
    assert "none of which chose its cuts; whether it learned from them was not checked" in text
    assert "family imported imported from beads.onnx" in text
    assert "to learn from" not in " ".join(caution.text for caution in made.measured.cautions)
    assert "neither was checked" in " ".join(caution.text for caution in made.measured.cautions)

"""`andon gates`: results on stdout, a refusal as exit code 5, parts held and given back."""

import json
import os
import subprocess
import sys
from pathlib import Path

from simulators.gate_plant import CONCEPTS, build
from typer.testing import CliRunner

from andon.cli.main import app
from andon.domain.models import Cuts
from andon.services.recipes import RecipeRequest, find_recipe, make_recipe


def test_a_gate_is_run_listed_and_shown_and_a_refusal_is_an_exit_code(tmp_path: Path) -> None:
    plant = build(tmp_path)
    folder = str(plant.workspace.folder)
    model = find_recipe(plant.workspace, "tiles@1").package
    for cuts in (Cuts(0.999, 0.999), Cuts(0.03, 0.06)):
        make_recipe(plant.workspace, RecipeRequest("cuts", model, dict.fromkeys(CONCEPTS, cuts)))

    def told(*arguments: str, code: int = 0) -> str:
        ran = CliRunner().invoke(app, ["-w", folder, "gates", *arguments])
        assert ran.exit_code == code, (ran.output, ran.exception)
        return ran.stdout

    blind = ("gates", "run", "cuts@1", "--baseline", "tiles@1", "--json")
    program = "from andon.cli.main import run; run()"
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    refused = subprocess.run(
        [sys.executable, "-c", program, "-w", folder, *blind],
        capture_output=True,
        check=False,
        text=True,
        env=environment,
    )
    assert refused.returncode == 5, refused.stderr
    assert "cuts@1 was refused: must-catch parts" in refused.stderr
    outcome = json.loads(refused.stdout)
    assert outcome["passed"] is False
    assert outcome["outcome"]["flips"][0]["images"]

    wider = ("--latency-ratio", "1000", "--reason", "other programs run beside the tests")
    text = told("run", "cuts@2", "--baseline", "tiles@1", "--margin", "0.05", *wider)
    assert "passed" in text
    first, second = json.loads(told("list", "--json"))
    assert (first["passed"], second["id"]) == (True, outcome["id"])
    assert "refused" in told("list")
    assert "NO" in told("show", outcome["id"][:30])

    assert "must-catch" in told("hold", "G-1", "--purpose", "must-catch", "--reason", "a complaint")
    held = json.loads(told("held", "--json"))
    assert held[-1]["part"] == "serial=G-1"
    told("release", "G-1", "--purpose", "must-catch", "--reason", "settled")
    assert len(json.loads(told("held", "--json"))) == len(held) - 1
    plant.workspace.database.close()

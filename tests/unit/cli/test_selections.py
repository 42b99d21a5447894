"""`andon selections`."""

import json
from pathlib import Path

from simulators.label_plant import build
from typer.testing import CliRunner

from andon.cli.main import app


def test_a_selection_is_made_listed_and_shown(tmp_path: Path) -> None:
    plant = build(tmp_path, 12)

    def told(*arguments: str) -> object:
        ran = CliRunner().invoke(
            app, ["-w", str(plant.workspace.folder), "selections", *arguments, "--json"]
        )
        assert ran.exit_code == 0, ran.output
        return json.loads(ran.stdout)

    made = told("make", "--minutes", "2", "--control", "0.5")
    assert isinstance(made, dict)
    assert (len(made["picks"]), made["looked_at"]) == (6, 12)
    (listed,) = told("list")  # type: ignore[misc]
    assert (listed["selection"], listed["waiting"]) == (made["selection"], 6)
    shown = told("show", made["selection"][:13])
    assert shown == made
    assert made["worth"]["control"]["pictures"] == 3
    plain = CliRunner().invoke(
        app, ["-w", str(plant.workspace.folder), "selections", "show", made["selection"]]
    )
    assert "waiting" in plain.stdout

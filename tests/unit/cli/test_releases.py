"""`andon releases`."""

import json
from pathlib import Path

from simulators.told_stations import ToldStation, stock
from typer.testing import CliRunner

from andon.cli.main import app
from andon.services.stations import AssignmentRequest, assign
from andon.services.workspaces import create_workspace


def test_a_release_is_made_listed_shown_stopped_and_rolled_back(tmp_path: Path) -> None:
    workspace = create_workspace(tmp_path / "ws", "mara")[0]
    stock(workspace)
    for name in ("ST-1", "ST-2"):
        station = ToldStation(workspace, name)
        station.reports()
        assign(workspace, name, AssignmentRequest("brackets@1"))
        station.reports()
        station.reports()

    def told(*arguments: str, code: int = 0) -> str:
        ran = CliRunner().invoke(app, ["-w", str(workspace.folder), "releases", *arguments])
        assert ran.exit_code == code, (ran.output, ran.exception)
        return ran.stdout

    waves = ("--wave", "ST-1, ST-2")
    asked = ("make", "brackets", *waves, "--reason", "finds more", "--shadow-parts", "5", "--p99", "90")
    made = json.loads(told(*asked, "--json"))
    assert made["waves"] == [["ST-1", "ST-2"]]
    assert (made["settings"]["shadow_parts"], made["settings"]["watch"]["p99"]) == (5, 90.0)
    (listed,) = json.loads(told("list", "--json"))
    assert (listed["state"], listed["release"]["id"]) == ("under way", made["id"])
    assert "ST-1 waiting, ST-2 waiting" in told("list")
    shown = told("show", made["id"][:30])
    assert "brackets@1" in shown
    assert "finds more" in shown
    assert json.loads(told("show", made["id"], "--json"))["stations"][1]["wave"] == 1
    assert "enough for today (local)" in told("stop", made["id"], "--reason", "enough for today")
    told("rollback", made["id"], "--reason", "too late", code=1)
    workspace.database.close()

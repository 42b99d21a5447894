"""`andon releases`."""

import json
from pathlib import Path

from simulators.told_stations import ToldStation, stock
from typer.testing import CliRunner, Result

from andon.cli.main import app
from andon.domain.releases import ReleaseSettings
from andon.services.release_progress import release_needs
from andon.services.releases import ReleaseRequest, release
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


def test_a_release_that_went_back_is_acknowledged_and_needs_nobody(tmp_path: Path) -> None:
    workspace = create_workspace(tmp_path / "ws", "mara")[0]
    stock(workspace)
    station = ToldStation(workspace, "ST-1")
    station.reports()
    assign(workspace, "ST-1", AssignmentRequest("brackets@1"))
    station.reports()
    station.reports()
    at_once = ReleaseSettings(shadow_parts=0)
    of = release(workspace, ReleaseRequest("brackets@2", (("ST-1",),), "finds more", settings=at_once))
    for _ in range(2):
        station.reports()
    station.goes_back("too many rejects")
    station.reports()
    assert "went back at ST-1" in release_needs(workspace)[0].what

    def told(reason: str, *more: str) -> Result:
        words = ("releases", "acknowledge", of.id[:30], "--reason", reason, *more)
        return CliRunner().invoke(app, ["-w", str(workspace.folder), "--who", "quentin", *words])

    assert told(" ").exit_code == 1
    seen = told("the lamp was dark")
    assert (seen.exit_code, "rolled-back  the lamp was dark (quentin)" in seen.stdout) == (0, True)
    assert release_needs(workspace) == ()
    last = json.loads(told("and it is mended", "--json").stdout)[-1]
    assert (last["station"], last["step"], last["author"]) == ("ST-1", "rolled-back", "quentin")
    workspace.database.close()

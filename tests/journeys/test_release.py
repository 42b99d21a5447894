"""Releases through every program: a good one goes out and stays, a bad one comes back by itself."""

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from journeys.conftest import Plant as Learned
from simulators import broker
from simulators.line_books import contradictions
from simulators.line_hub import DEADLINE, STATION
from simulators.line_plant import Plant, running
from simulators.line_station import Line
from simulators.programs import until
from simulators.told_stations import add_gate

from andon.domain.models import Cuts
from andon.domain.recipes import HealthLimits, Recipe
from andon.services.workspaces import open_workspace
from andon.store import recipes

pytestmark = pytest.mark.skipif(broker.PROGRAM is None, reason="mosquitto is not installed")

Start = Callable[..., AbstractContextManager[Plant]]
SHADOWED = 10
WATCH = {"parts": 10, "p99": DEADLINE}
NEVER_REJECTS = Cuts(1.5, 2.0)
ALL_TOO_DARK = HealthLimits(dark=0.98, bright=0.99)


@pytest.fixture
def start(plant: Learned, tmp_path: Path) -> Start:
    """Opens a plant with all its programs, which knows the model that every journey shares."""
    return lambda line: running(plant.folder, tmp_path, line)


def gated(plant: Plant, change: Callable[[Recipe], Recipe]) -> str:
    """A new version of the plant's recipe that passed a gate: ``NAME@VERSION``."""
    workspace = open_workspace(plant.hub.workspace, "mara")
    with closing(workspace.database), workspace.database.write() as tx:
        made = recipes.add_version(tx, change(recipes.latest(tx, "brackets")))
        add_gate(tx, made, against=f"@{made.version - 1}")
    return f"{made.name}@{made.version}"


def release(plant: Plant, recipe: str, **settings: Any) -> str:
    told = {"deadline": DEADLINE, "shadow_flips": 1.0, "shadow_passes": 1.0, "watch": WATCH, **settings}
    asked = {"recipe": recipe, "waves": [[STATION]], "reason": "a better one", "settings": told}
    return str(plant.hub.post("/api/releases", asked)["id"])


def steps(plant: Plant, of: str) -> list[str]:
    with closing(sqlite3.connect(f"file:{plant.hub.workspace / 'andon.db'}?mode=ro", uri=True)) as rows:
        query = (
            "SELECT step FROM release_events e JOIN releases r ON r.id = e.release_id"
            " WHERE r.release = ? ORDER BY e.id"
        )
        return [str(row[0]) for row in rows.execute(query, (of,))]


def until_step(plant: Plant, of: str, step: str) -> None:
    try:
        until(f"release {of} is {step}", lambda: step in steps(plant, of) or plant.lively())
    except TimeoutError as cause:
        raise AssertionError(f"{steps(plant, of)}, {plant.hub.report()}") from cause


def shadowed(plant: Plant) -> int:
    with closing(sqlite3.connect(f"file:{plant.hub.workspace / 'andon.db'}?mode=ro", uri=True)) as rows:
        return int(rows.execute("SELECT count(*) FROM shadows").fetchone()[0])


def test_a_good_release_stays_and_a_bad_one_comes_back_by_itself(start: Start) -> None:
    with start(Line()) as plant:
        plant.until_heard(5)
        good = gated(plant, lambda now: replace(now, cuts=dict.fromkeys(now.cuts, NEVER_REJECTS)))
        first = release(plant, good, shadow_parts=SHADOWED, watch=WATCH | {"seconds": 5.0})
        until_step(plant, first, "done")
        assert steps(plant, first) == ["waiting", "shadow", "switched", "watched", "done"]
        assert shadowed(plant) >= SHADOWED
        bad = gated(plant, lambda now: replace(now, health=ALL_TOO_DARK))
        second = release(plant, bad, shadow_parts=0)
        until_step(plant, second, "rolled-back")
        report = plant.hub.report()
        assert report["rolled_back"]["cause"] == "undecided"
        assert f"{report['recipe']}@{report['recipe_version']}" == good
        plant.until_heard(10)
        plant.stop_parts()
        assert contradictions(plant.books(), DEADLINE) == []
        versions = [record.recipe_version for record in plant.hub.records() if record.recipe]
        order = [version for version, _ in groupby(versions)]
        assert order == [1, 2, 3, 2], "each part was judged by what ran, and its record says so"

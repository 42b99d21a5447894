"""A line that runs while everything around it fails: none lost, none twice, every part answered.

``ANDON_KILLS=1000`` kills more often than a test run does (``make chaos``); ``ANDON_SEED`` chooses when.
"""

import os
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest
from journeys.conftest import Plant as Learned
from simulators import broker
from simulators.line_books import contradictions
from simulators.line_plant import DEADLINE, Line, Plant, running
from simulators.programs import until

from andon.domain.inspections import ReasonCode, Verdict

KILLS = int(os.environ.get("ANDON_KILLS", "100"))
SEED = int(os.environ.get("ANDON_SEED", "3"))
PARTS = 60

pytestmark = pytest.mark.skipif(broker.PROGRAM is None, reason="mosquitto is not installed")

Start = Callable[..., AbstractContextManager[Plant]]


@pytest.fixture
def start(plant: Learned, tmp_path: Path) -> Start:
    """Opens a plant with all its programs, which knows the model that every journey shares."""
    return lambda line, **how: running(plant.folder, tmp_path, line, **how)


def nothing_lost(plant: Plant) -> None:
    """Let the line come to rest, then compare all books."""
    plant.stop_parts()
    assert contradictions(plant.books(), DEADLINE) == []
    whole(plant.hub.workspace / "andon.db")
    whole(plant.station.data / "spool.db")


def whole(path: Path) -> None:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)], path


def test_a_clean_run_is_the_same_in_every_book(start: Start) -> None:
    with start(Line()) as plant:
        plant.until_heard(PARTS)
        plant.until_calm()
        nothing_lost(plant)
        books = plant.books()
        assert [record.part for record in books.stored] == list(books.offered)
        judged = [record for record in books.stored if record.scores]
        assert len(judged) >= PARTS
        report = plant.hub.report()
        assert sum(report["parts"].values()) <= len(books.stored) and report["camera"] == "ok"
        assert plant.station.program.stop() == 0, plant.station.program.tail()


def test_without_an_assignment_every_part_is_undecided_and_the_page_says_why(start: Start) -> None:
    with start(Line(), assigned=False) as plant:
        plant.until_heard(10)
        alarm = plant.until_alarm("no-assignment")
        assert "Assign a recipe" in alarm["todo"]
        plant.hub.approve()
        plant.until_running(plant.hub.assign("brackets"))
        plant.until_calm()
        nothing_lost(plant)
        before, after = plant.books().stored[0], plant.books().stored[-1]
        assert before.decision.verdict is Verdict.NO_DECISION and not before.package
        assert before.decision.reasons[0].code is ReasonCode.NO_MODEL
        assert after.package and after.variant and after.scores


class Reaper:
    """Kills the programs of a plant in turn and starts again what it killed."""

    def __init__(self, plant: Plant, seed: int) -> None:
        self.plant = plant
        self.random = random.Random(seed)
        self.victims = {
            "station": self.station,
            "inspector": self.inspector,
            "hub": self.hub,
            "worker": self.worker,
        }
        self.killed: Counter[str] = Counter()

    def kill(self, times: int) -> None:
        """Rounds of all victims in a new order each; a kill comes at some part's some moment."""
        while self.killed.total() < times:
            for name in self.random.sample(sorted(self.victims), len(self.victims)):
                self.plant.until_heard(self.random.randint(1, 4))
                self.victims[name]()
                self.killed[name] += 1

    def station(self) -> None:
        self.plant.kill_station()

    def inspector(self) -> None:
        found = until("an inspector lives", self.plant.station.inspectors)
        found[0].kill()

    def hub(self) -> None:
        self.plant.hub.wait()
        self.plant.note()
        self.plant.hub.program.kill()
        self.plant.hub.program.start()

    def worker(self) -> None:
        self.plant.worker.kill()
        self.plant.worker.start()


def test_killed_in_turn_nothing_is_lost_and_nothing_is_twice(start: Start) -> None:
    with start(Line(rate=10.0)) as plant:
        job = plant.hub.post("/api/models/latest/evaluations", {})["id"]
        reaper = Reaper(plant, SEED)
        reaper.kill(KILLS)
        plant.hub.wait()
        until("the worker's job ends", lambda: plant.hub.get(f"/api/jobs/{job}")["state"] == "finished")
        plant.until_heard(PARTS)
        plant.until_calm()
        nothing_lost(plant)
        print(f"{dict(reaper.killed)} kills, {len(plant.books().stored)} parts, seed {SEED}")

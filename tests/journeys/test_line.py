"""A line that runs while everything around it fails: none lost, none twice, every part answered.

A test run kills a dozen times; a build server (``CI`` is set) kills 100 times and adds what takes long;
``make chaos`` kills 1,000 times, swaps 100 times, and delivers the backlog of an hour at 20 parts a second.
``ANDON_KILLS``, ``ANDON_SWAPS`` and ``ANDON_BACKLOG`` say how much, ``ANDON_SEED`` says when.
"""

import os
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from journeys.conftest import Plant as Learned
from journeys.conftest import must
from simulators import broker
from simulators.chaos_proxy import AWAY, FINE, RESETS, TRICKLE, Weather
from simulators.line_books import contradictions, nothing_left, numbered_without_gap, stored_once
from simulators.line_hub import DEADLINE
from simulators.line_plant import Plant, running
from simulators.line_station import Line
from simulators.programs import until

from andon.domain.inspections import ReasonCode, Verdict
from andon.station.spool.records import Spool
from andon.units import uuid7

KILLS = int(os.environ.get("ANDON_KILLS", "100" if os.environ.get("CI") else "12"))
SWAPS = int(os.environ.get("ANDON_SWAPS", "12"))
BACKLOG = int(os.environ.get("ANDON_BACKLOG", "3000"))
SEED = int(os.environ.get("ANDON_SEED", "3"))
PARTS = 60
SMALL_DISK = 64 * 2**20

pytestmark = pytest.mark.skipif(broker.PROGRAM is None, reason="mosquitto is not installed")

takes_long = pytest.mark.skipif(
    not {"CI", "ANDON_CHAOS"} & os.environ.keys(), reason="a build server and `make chaos` run it"
)

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
    with start(Line()) as plant:
        job = plant.hub.post("/api/models/latest/evaluations", {})["id"]
        reaper = Reaper(plant, SEED)
        reaper.kill(KILLS)
        plant.hub.wait()
        until("the worker's job ends", lambda: plant.hub.get(f"/api/jobs/{job}")["state"] == "finished")
        plant.until_heard(PARTS)
        plant.until_calm()
        nothing_lost(plant)
        print(f"{dict(reaper.killed)} kills, {len(plant.books().stored)} parts, seed {SEED}")


def test_a_long_time_without_the_hub_is_delivered_afterwards(start: Start) -> None:
    """Through a bad network: cut, half open, away, slow; then all of it, once, in any order of failures."""
    with start(Line(), network=True) as plant:
        assert plant.network is not None
        plant.until_heard(10)
        plant.network.change(AWAY)
        alarm = plant.until_own_alarm("hub-away")
        assert "sent later" in alarm["todo"]
        plant.until_heard(PARTS)
        assert len(plant.station.spooled()) >= PARTS
        for weather in (RESETS, TRICKLE, Weather(cut_after=3000), FINE):
            plant.note()
            plant.network.change(weather)
            plant.until_heard(PARTS // 4)
        plant.until_calm()
        nothing_lost(plant)
        assert plant.network.cuts > 0


@takes_long
def test_a_backlog_of_an_hour_drains_in_order(start: Start, tmp_path: Path) -> None:
    """What the station could not deliver for long is handed over in full, beside parts that come now."""
    with start(Line()) as plant:
        plant.until_heard(5)
        plant.stop_parts()
        assert plant.station.program.stop() == 0
        backlog = fill_spool(plant, BACKLOG)
        plant.station.fault()
        plant.station.program.start()
        plant.until_heard(10)
        plant.stop_parts()
        books = plant.books()
        assert backlog <= {record.id for record in books.stored}
        assert [*numbered_without_gap(books), *stored_once(books), *nothing_left(books)] == []


def fill_spool(plant: Plant, count: int) -> set[str]:
    """So many records more, as the line writes them, of parts that passed while the hub was away."""
    last = plant.hub.records()[-1]
    spool = Spool(plant.station.data / "spool.db")
    made = set()
    with closing(spool):
        spool._run("PRAGMA synchronous = OFF")  # here only: the hour passes in seconds
        for number in range(count):
            identity = uuid7(1_767_000_000_000 + number, number.to_bytes(10, "big"))
            spool.settle(spool.record(replace(last, id=identity, part=f"hour-{number}")))
            made.add(identity)
    return made


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("dark", ReasonCode.DARK_IMAGE),
        pytest.param("stuck", ReasonCode.STUCK_IMAGE, marks=takes_long),
    ],
)
def test_pictures_that_say_nothing_are_undecided(start: Start, fault: str, code: ReasonCode) -> None:
    with start(Line()) as plant:
        plant.until_heard(10)
        plant.station.fault(fault)
        until("parts are undecided for it", lambda: code.value in codes_of_last(plant, 5))
        plant.until_alarm("bad-images")
        plant.station.fault()
        plant.until_calm()
        nothing_lost(plant)
        undecided = [r for r in plant.books().stored if code in {why.code for why in r.decision.reasons}]
        assert undecided and all(r.decision.verdict is Verdict.NO_DECISION for r in undecided)


def judged(plant: Plant) -> bool:
    """Whether a model judged one of the last parts."""
    return any(heard.verdict is not Verdict.NO_DECISION for heard in plant.plc.last(3))


def codes_of_last(plant: Plant, count: int) -> set[str]:
    """Reason codes of the last answers, an empty one for a part without a reason."""
    return {code for heard in plant.plc.last(count) for code in heard.codes or ("",)}


def test_a_camera_that_stalls_is_an_alarm_and_goes_on_by_itself(start: Start) -> None:
    with start(Line(stall=2.0)) as plant:
        plant.until_heard(10)
        plant.station.fault("stall")
        assert "no picture came" in plant.until_alarm("camera-stalled")["message"]
        until("the plant hears of it", lambda: plant.plc.state() == "fault")
        plant.station.fault()
        plant.until_heard(10)
        plant.until_calm()
        plant.station.fault("stall")
        plant.until_alarm("camera-stalled")
        nothing_lost(plant)


def test_a_broker_that_dies_hears_no_old_answer_later(start: Start) -> None:
    with start(Line()) as plant:
        for _ in range(3):
            plant.until_heard(10)
            before = len(plant.station.offered())
            plant.broker.kill()
            assert "REJECT" in plant.until_alarm("output-lost")["todo"]
            until("parts pass unheard", lambda n=before: len(plant.station.offered()) >= n + 20)
            heard = {one.sequence for one in plant.plc.verdicts()}
            plant.broker.restart()
            plant.until_heard(5)
            first = min(one.sequence for one in plant.plc.verdicts() if one.sequence not in heard)
            plant.unheard |= set(range(max(heard) + 1, first))
            assert first - max(heard) > 10, "what passed meanwhile is not said now"
        plant.until_calm()
        nothing_lost(plant)


def test_a_package_spoiled_on_the_disk_is_refused_and_fetched_again(start: Start) -> None:
    with start(Line()) as plant:
        plant.until_heard(10)
        graph = next((plant.station.data / "packages").glob("*/model.onnx"))
        content = graph.read_bytes()
        graph.write_bytes(content[:-100] + bytes(100))
        plant.hub.program.kill()
        plant.station.inspectors()[0].kill()
        until("no model judges", lambda: ReasonCode.MODEL_FAILED.value in codes_of_last(plant, 3))
        told = plant.until_own_alarm("package-refused")
        assert "digest" in told["message"] or "package" in told["message"]
        plant.hub.up()
        until(
            "parts are judged again", lambda: ReasonCode.MODEL_FAILED.value not in codes_of_last(plant, 3)
        )
        plant.until_calm()
        assert graph.read_bytes() == content
        nothing_lost(plant)


@takes_long
def test_a_package_spoiled_on_its_way_or_on_the_hub_never_runs(start: Start) -> None:
    with start(Line(), network=True, assigned=False) as plant:
        assert plant.network is not None
        graph = next((plant.hub.workspace / "packages").glob("*/model.onnx"))
        content = graph.read_bytes()
        graph.write_bytes(content[:-100] + bytes(100))
        plant.hub.approve()
        counter = plant.hub.assign("brackets")
        plant.until_alarm("package-refused")
        plant.network.change(Weather(flip_every=10_000))
        graph.write_bytes(content)
        until("bytes were turned", lambda: plant.network is not None and plant.network.flipped > 0)
        plant.until_heard(5)
        assert not any(record.scores for record in plant.hub.records())
        plant.network.change(FINE)
        plant.until_running(counter)
        plant.until_heard(10)
        plant.until_calm()
        nothing_lost(plant)


@takes_long
def test_swaps_under_load_lose_no_part_and_no_memory(plant: Learned, tmp_path: Path) -> None:
    """Two versions that judge differently: each record must name the one whose cuts explain its verdict."""
    shutil.copytree(plant.folder, tmp_path / "learned")
    learned = Learned(tmp_path / "learned", plant.parts, plant.fresh, plant.truth)
    concepts = list(must(learned.andon("recipes", "show", "brackets", "--json")).json()["cuts"])
    strict = [option for name in concepts for option in ("--cut", f"{name}=0.02,0.02")]
    lenient = [option for name in concepts for option in ("--cut", f"{name}=1,1")]
    must(learned.andon("recipes", "make", "strict", *strict))
    must(learned.andon("recipes", "make", "lenient", *lenient))
    (tmp_path / "line").mkdir()
    with running(learned.folder, tmp_path / "line", Line(rate=10.0)) as line:
        sizes = []
        for number in range(SWAPS):
            line.until_running(line.hub.assign(("strict", "lenient")[number % 2]))
            sizes.append(line.station.program.memory())
        line.until_heard(5)
        nothing_lost(line)
        stored = line.books().stored
        judged = [record for record in stored if record.scores]
        lenient = [r.decision.verdict for r in judged if r.recipe == "lenient"]
        strict = [r for r in judged if r.recipe == "strict"]
        assert lenient and set(lenient) == {Verdict.PASS}
        assert all((r.decision.verdict is Verdict.PASS) == (not r.findings) for r in strict)
        assert any(r.findings for r in strict)
        undecided = [r for r in stored if r.recipe and r.decision.verdict is Verdict.NO_DECISION]
        assert not [r for r in undecided if ReasonCode.LATE not in {why.code for why in r.decision.reasons}]
        early, late = max(sizes[2 : SWAPS // 2]), min(sizes[SWAPS // 2 :])
        assert late < 1.15 * early, f"memory after each swap: {sizes}"


@takes_long
@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk needs the right to mount one")
def test_a_full_disk_undecides_parts_and_loses_no_record(start: Start) -> None:
    with start(Line(), disk=SMALL_DISK) as plant:
        plant.until_heard(10)
        plant.hub.program.kill()
        full = plant.station.data / "ballast"
        fill(full)
        until("parts are not recorded", lambda: ReasonCode.NOT_RECORDED.value in codes_of_last(plant, 3))
        plant.until_own_alarm("disk-full")
        plant.until_heard(10)
        full.unlink()
        until("parts are judged again", lambda: judged(plant))
        until("what waited in memory is written", lambda: "disk-full" not in plant.station.alarms())
        plant.hub.up()
        plant.until_calm()
        nothing_lost(plant)


def fill(path: Path) -> None:
    """Write until the disk has no byte left."""
    with path.open("wb", buffering=0) as file:
        for size in (2**16, 2**10, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))

"""The station's program against a hub in memory: swaps under load, restarts, spoiled packages, refusals."""

import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from simulators import graphs
from simulators.hub_twin import HubTwin, hub_twin
from simulators.programs import Program, until

from andon.domain.inspections import Inspection, ReasonCode, Verdict
from andon.domain.recipes import Locate
from andon.runtime.execution import REFERENCE
from andon.runtime.package import LoadedPackage
from andon.units import digest_of

PROGRAM = "from andon.cli.main import run; run()"
SWAPS = 4
PATIENCE = 180.0


@dataclass
class Scene:
    """A station beside a hub; ``packages`` are two that differ in nothing but their name."""

    hub: HubTwin
    station: Program
    folder: Path
    packages: tuple[LoadedPackage, LoadedPackage]

    def recipe(self, which: int = 0, **changes: Any) -> Any:
        return graphs.recipe_for(self.packages[which], **changes)

    def assign(self, which: int = 0, **more: Any) -> None:
        changes = {"version": more.pop("version", 1), "locate": more.pop("locate", None)}
        # Time enough on a machine that does much else: what is tested here is not speed.
        told = {"deadline": 30_000.0, **more}
        self.hub.assign(self.recipe(which, **changes), (REFERENCE,), **told)

    def records(self) -> list[Inspection]:
        found = [record for record in self.hub.records.values() if record.capture]
        return sorted(found, key=lambda record: record.capture.sequence)  # type: ignore[union-attr]

    def judged(self) -> list[Inspection]:
        return [record for record in self.records() if record.scores]

    def alarms(self) -> set[str]:
        return {alarm["code"] for alarm in self.hub.reports[-1]["alarms"]} if self.hub.reports else set()

    def runs(self, counter: int) -> bool:
        return bool(self.hub.reports) and self.hub.reports[-1]["counter"] == counter

    def until(self, what: str, look: Any) -> Any:
        def looked() -> Any:
            assert self.station.alive(), self.station.tail()
            return look()

        return until(what, looked, PATIENCE)


def renamed(folder: Path, name: str) -> LoadedPackage:
    stated = replace(graphs.manifest(), name=name)
    package = graphs.write_model(folder / "new", graphs.brightness_model(), stated)
    (folder / "new").rename(folder / package.digest)
    return replace(package, folder=folder / package.digest)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    (tmp_path / "hub").mkdir()
    packages = (renamed(tmp_path / "hub", "one"), renamed(tmp_path / "hub", "two"))
    with hub_twin(tmp_path / "hub") as hub:
        camera = "simulated:parts_per_second=5,height=128,width=128,pool=12"
        options = ["--folder", str(tmp_path / "st"), "--hub", hub.address, "--camera", camera]
        command = [
            sys.executable,
            "-c",
            PROGRAM,
            "station",
            "st-1",
            *options,
            "--page-port",
            "0",
            "--queue",
            "200",
        ]
        station = Program("station", command, tmp_path / "station.log")
        made = Scene(hub, station, tmp_path / "st", packages)
        try:
            yield made
        finally:
            station.kill()


@contextmanager
def running(scene: Scene) -> Iterator[None]:
    scene.station.start()
    yield
    assert scene.station.stop() == 0, scene.station.tail()


def drained(scene: Scene) -> bool:
    return bool(scene.hub.reports) and scene.hub.reports[-1]["spool"] < 15


def test_swaps_under_load_miss_no_part_and_each_record_names_what_judged_it(scene: Scene) -> None:
    scene.assign(0, version=1)
    with running(scene):
        scene.until("parts are judged", lambda: len(scene.judged()) > 5)
        first = scene.judged()[0].capture
        for number in range(2, SWAPS + 2):
            scene.assign(number % 2, version=number)
            scene.until("it runs", lambda number=number: scene.runs(number))
        last = len(scene.records())
        scene.until("it goes on", lambda: len(scene.records()) > last + 5)
    records = scene.records()
    assert scene.hub.sequences() == list(range(1, len(records) + 1))
    assert first is not None
    since = [record for record in records if record.capture and record.capture.sequence >= first.sequence]
    reasons = {reason.code for record in since for reason in record.decision.reasons}
    unjudged = {ReasonCode.NO_MODEL, ReasonCode.MODEL_FAILED, ReasonCode.NOT_RECORDED}
    assert not reasons & unjudged, "a part had no inspector during a swap"
    since = [record for record in since if record.scores]
    versions = [record.recipe_version for record in since]
    assert versions == sorted(versions)
    assert set(versions) == set(range(1, SWAPS + 2))
    for record in since:
        which = scene.packages[record.recipe_version % 2 if record.recipe_version > 1 else 0]
        assert (record.package, record.variant) == (which.digest, str(REFERENCE))


def test_a_restart_without_the_hub_goes_on_with_what_ran(scene: Scene) -> None:
    scene.assign(0, version=4, counter=7)
    with running(scene):
        scene.until("parts are judged", lambda: len(scene.judged()) > 3)
    scene.hub.away = True
    before = len(scene.records())
    scene.station.start()
    database = scene.folder / "spool.db"
    scene.until("records wait", lambda: waiting(database) > 30)
    scene.hub.away = False
    scene.until("all arrive", lambda: len(scene.records()) > before + 30 and drained(scene))
    assert scene.station.stop() == 0
    offline = scene.records()[before : before + 30]
    judged = [record for record in offline if record.scores]
    assert judged
    assert {record.recipe_version for record in judged} == {4}
    assert scene.hub.sequences() == list(range(1, len(scene.records()) + 1))


def waiting(database: Path) -> int:
    """Looked at from another process: two SQLite libraries in one must not share a file."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as reader:
        return int(reader.execute("SELECT count(*) FROM records").fetchone()[0])


def test_a_spoiled_package_and_an_old_assignment_are_refused_and_the_old_one_goes_on(scene: Scene) -> None:
    scene.assign(0, counter=5)
    graph = scene.packages[1].folder / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"x")
    with running(scene):
        scene.until("the first runs", lambda: scene.runs(5) and scene.judged())
        scene.assign(1, counter=6)
        scene.until("it is refused", lambda: "package-refused" in scene.alarms())
        judged = len(scene.judged())
        scene.until("the old one goes on", lambda: len(scene.judged()) > judged + 5)
        assert scene.runs(5)
        scene.assign(0, counter=4)
        scene.until("it was offered", lambda: len(scene.judged()) > judged + 15)
        assert scene.runs(5)
        assert "package-refused" in scene.alarms()
        scene.assign(0, counter=8, version=2)
        scene.until("a good one runs", lambda: scene.runs(8))
        scene.until("the alarm is gone", lambda: "package-refused" not in scene.alarms())
    assert {record.package for record in scene.judged()} == {scene.packages[0].digest}


def test_a_killed_inspector_is_replaced_and_its_parts_are_undecided(scene: Scene) -> None:
    scene.assign(0)
    with running(scene):
        scene.until("parts are judged", lambda: len(scene.judged()) > 3)
        inspectors = [child for child in scene.station.family()[1:] if "inspecting.child" in line_of(child)]
        os.kill(inspectors[0].pid, signal.SIGKILL)
        judged = len(scene.judged())
        scene.until("parts are judged again", lambda: len(scene.judged()) > judged + 10)
    records = scene.records()
    assert scene.hub.sequences() == list(range(1, len(records) + 1))
    undecided = [
        r for r in records if not r.scores and r.decision.reasons[0].code is ReasonCode.MODEL_FAILED
    ]
    assert undecided
    assert {record.decision.verdict for record in undecided} == {Verdict.NO_DECISION}


def line_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def test_what_the_hub_refuses_is_put_aside_and_alarmed_and_the_rest_arrives(scene: Scene) -> None:
    scene.assign(0)
    scene.hub.refuse = {f"serial=BRACKET-A-{number:07d}" for number in (3, 5)}
    with running(scene):
        scene.until("the others arrive", lambda: len(scene.records()) > 12)
        scene.until("it is alarmed", lambda: "records-refused" in scene.alarms())
    assert not {record.part for record in scene.records()} & scene.hub.refuse


def test_kept_pictures_arrive_whole(scene: Scene) -> None:
    scene.assign(0)
    with running(scene):
        scene.until("a reject is kept", lambda: any(r.capture and r.capture.blob for r in scene.records()))
        scene.until("pictures arrive", lambda: any(pictured(scene, record) for record in scene.records()))


def pictured(scene: Scene, record: Inspection) -> bool:
    capture = record.capture
    if capture is None or capture.blob is None or capture.thumbnail is None:
        return False
    found = [bytes(scene.hub.blobs.get(digest, b"")) for digest in (capture.blob, capture.thumbnail)]
    return [digest_of(content) for content in found] == [capture.blob, capture.thumbnail]


def test_a_template_comes_with_the_assignment(scene: Scene) -> None:
    """No part of this line shows the template, so none is found: that is said, and nothing passes."""
    template = graphs.png(graphs.golden_images()["spot.png"][5:25, 5:35])
    digest = digest_of(template)
    scene.hub.blobs[digest] = bytearray(template)
    scene.assign(0, locate=Locate(digest, 40, 40, reach=10, least=0.99))
    with running(scene):
        not_found = ReasonCode.PART_NOT_FOUND
        scene.until(
            "parts are looked for",
            lambda: any(not_found in {why.code for why in r.decision.reasons} for r in scene.records()),
        )
    assert {record.decision.verdict for record in scene.records()} == {Verdict.NO_DECISION}

"""The station's program against a hub in memory: swaps under load, restarts, spoiled packages, refusals."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulators import graphs
from simulators.station_scene import Scene, drained, inspectors, running, station_scene

from andon.domain.inspections import Inspection, ReasonCode, Verdict
from andon.domain.recipes import Locate
from andon.runtime.execution import REFERENCE
from andon.units import digest_of

SWAPS = 4


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with station_scene(tmp_path) as made:
        yield made


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
        os.kill(inspectors(scene)[0].pid, signal.SIGKILL)
        judged = len(scene.judged())
        scene.until("parts are judged again", lambda: len(scene.judged()) > judged + 10)
    records = scene.records()
    assert scene.hub.sequences() == list(range(1, len(records) + 1))
    undecided = [
        r for r in records if not r.scores and r.decision.reasons[0].code is ReasonCode.MODEL_FAILED
    ]
    assert undecided
    assert {record.decision.verdict for record in undecided} == {Verdict.NO_DECISION}


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

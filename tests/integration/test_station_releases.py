"""A release as its station lives it, with real processes: shadow, switch, watch, and the way back."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from simulators import graphs
from simulators.station_scene import Scene, inspectors, packaged, running, station_scene

from andon.domain.inspections import Inspection, ReasonCode, Verdict
from andon.domain.models import Cuts
from andon.domain.stations import Runnable, WatchLimits
from andon.runtime.execution import REFERENCE
from andon.runtime.package import LoadedPackage

PASSES = dict.fromkeys(graphs.CONCEPTS, Cuts(1.5, 2.0))
REJECTS = dict.fromkeys(graphs.CONCEPTS, Cuts(0.1, 0.2))
GOOD, BAD = 1, 2
WITHIN = 30.0
"""Seconds from the first part that a bad model judges to the first one that it does not."""

WATCH = WatchLimits(rejects=0.05)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with station_scene(tmp_path) as made:
        yield made


def good(scene: Scene) -> Runnable:
    return Runnable(graphs.recipe_for(scene.packages[0], PASSES, version=GOOD), (REFERENCE,))


def release(scene: Scene, package: LoadedPackage, cuts: Any, watch: WatchLimits) -> None:
    recipe = graphs.recipe_for(package, cuts, version=BAD)
    told = {"fallback": good(scene), "watch": watch, "deadline": 30_000.0}
    scene.hub.assign(recipe, (REFERENCE,), **told)


def begin(scene: Scene) -> None:
    """The good one runs and judges."""
    scene.hub.assign(good(scene).recipe, (REFERENCE,), deadline=30_000.0)
    scene.until("the good one judges", lambda: len(by(scene, GOOD)) > 5)


def by(scene: Scene, version: int) -> list[Inspection]:
    return [record for record in scene.records() if record.recipe_version == version]


def went_back(scene: Scene) -> dict[str, Any] | None:
    told: dict[str, Any] | None = scene.hub.reports[-1]["rolled_back"]
    return told


def seconds(record: Inspection) -> float:
    return datetime.fromisoformat(record.at.replace("Z", "+00:00")).timestamp()


def judged_since(scene: Scene, moment: float) -> list[Inspection]:
    """Those that were captured later; what waited on the station's disk came later, and was earlier."""
    return [record for record in scene.records() if record.scores and seconds(record) > moment]


def sequence(record: Inspection) -> int:
    assert record.capture is not None
    return record.capture.sequence


@pytest.mark.parametrize(
    ("bad", "cause"), [("rejects everything", "rejects"), ("fails", "undecided"), ("is slow", "slow")]
)
def test_a_bad_release_is_left_within_30_seconds_and_every_part_names_its_judge(
    scene: Scene, bad: str, cause: str
) -> None:
    package = scene.packages[1]
    if bad == "fails":
        package = packaged(scene.packages[1].folder.parent, "three", graphs.blinded_model())
    with running(scene):
        begin(scene)
        watch = replace(WATCH, p99=0.001) if bad == "is slow" else WATCH
        release(scene, package, REJECTS if bad == "rejects everything" else PASSES, watch)
        scene.until("the bad one judges", lambda: by(scene, BAD))
        scene.hub.away = True
        last = len(scene.hub.reports)
        scene.until("it went back by itself", lambda: alarm_on_page(scene, "rolled-back"))
        scene.hub.away = False
        scene.until("it is said", lambda: len(scene.hub.reports) > last and went_back(scene))
        before = len(by(scene, GOOD))
        scene.until("the old one judges", lambda: len(by(scene, GOOD)) > before + 10)
    fact = went_back(scene)
    assert fact is not None
    assert (fact["counter"], fact["author"], fact["cause"]) == (2, "watch", cause)
    report = scene.hub.reports[-1]
    runs = (report["counter"], report["recipe_version"], report["package"])
    assert runs == (2, GOOD, scene.packages[0].digest)
    records = scene.records()
    assert scene.hub.sequences() == list(range(1, len(records) + 1))
    judged = by(scene, BAD)
    back = next(r for r in by(scene, GOOD) if sequence(r) > sequence(judged[0]))
    assert seconds(back) - seconds(judged[0]) <= WITHIN
    between = [r for r in records if sequence(judged[0]) <= sequence(r) < sequence(back)]
    assert {(r.recipe_version, r.package) for r in between} == {(BAD, package.digest)}
    assert not {ReasonCode.NO_MODEL, ReasonCode.NOT_RECORDED} & codes(records[sequence(judged[0]) :])


def codes(records: list[Inspection]) -> set[ReasonCode]:
    return {reason.code for record in records for reason in record.decision.reasons}


def page_of(scene: Scene) -> str:
    return str(scene.hub.reports[-1]["page"])


def alarm_on_page(scene: Scene, code: str) -> bool:
    told = httpx.get(f"{page_of(scene)}/api/line", timeout=30).json()
    return code in {alarm["code"] for alarm in told["alarms"]}


def test_a_good_release_stays_a_touch_sends_it_back_and_a_kill_changes_nothing(scene: Scene) -> None:
    with running(scene):
        begin(scene)
        release(scene, scene.packages[1], PASSES, WATCH)
        scene.until("the new one judges", lambda: len(by(scene, BAD)) > 40)
        assert went_back(scene) is None
        answer = httpx.post(f"{page_of(scene)}/api/rollbacks", json={"counter": 2}, timeout=30)
        assert answer.status_code == 202
        scene.until("it went back", lambda: went_back(scene))
        scene.station.kill()
        scene.hub.away = True
        killed = time.time()
        scene.station.start()
        scene.until("it is up", lambda: len(inspectors(scene)) == 1)
        scene.hub.away = False
        scene.until("parts are judged", lambda: len(judged_since(scene, killed)) > 10)
        scene.until("it is said again", lambda: went_back(scene))
        fact = went_back(scene)
        assert fact is not None
        assert (fact["author"], fact["cause"]) == ("operator", "person")
        assert {r.recipe_version for r in judged_since(scene, killed)} == {GOOD}
        scene.hub.assign(
            graphs.recipe_for(scene.packages[1], PASSES, version=3), (REFERENCE,), deadline=30_000.0
        )
        scene.until("something newer ends it", lambda: by(scene, 3) and scene.runs(3))
        scene.until("nothing is left of it", lambda: went_back(scene) is None and not scene.alarms())


def test_a_shadow_judges_the_same_parts_and_is_what_is_left_out(scene: Scene) -> None:
    slow = packaged(scene.hub.packages, "slow", graphs.slow_model())
    shadow = Runnable(graphs.recipe_for(slow, REJECTS, version=BAD), (REFERENCE,))
    with running(scene):
        scene.hub.assign(good(scene).recipe, (REFERENCE,), deadline=30_000.0, shadow=shadow)
        scene.until("both judge", lambda: len(scene.hub.shadows) > 3)
        beside = max(inspectors(scene), key=lambda process: process.create_time())
        assert os.sched_getscheduler(beside.pid) == os.SCHED_IDLE, "it works only when nobody else would"
        judged, dropped = count(scene)
        scene.until("what it has no time for is dropped", lambda: count(scene)[1] > dropped + 20)
        scene.until("and it judges on", lambda: count(scene)[0] > judged + 3)
        os.kill(beside.pid, signal.SIGKILL)
        scene.until("its end is a note", lambda: scene.hub.reports[-1]["shadow"]["note"])
        before = len(scene.records())
        scene.until("the line goes on", lambda: len(scene.records()) > before + 10)
        assert scene.alarms() == set()
    records = {record.id: record for record in scene.records()}
    judged_since = [r for r in records.values() if r.scores]
    assert {r.decision.verdict for r in judged_since} == {Verdict.PASS}
    first = min(sequence(r) for r in judged_since)
    assert not codes([r for r in records.values() if sequence(r) > first]), "no part was late or undecided"
    for said in scene.hub.shadows.values():
        part = records[said.inspection]
        assert (part.recipe_version, said.recipe_version) == (GOOD, BAD)
        assert (said.package, said.decision.verdict) == (slow.digest, Verdict.REJECT)
        assert dict(said.scores) == pytest.approx(dict(part.scores))


def count(scene: Scene) -> tuple[int, int]:
    told = scene.hub.reports[-1]["shadow"]
    return (told["judged"], told["dropped"]) if told else (0, 0)


def test_a_spoiled_shadow_disturbs_nothing(scene: Scene) -> None:
    graph = scene.packages[1].folder / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"x")
    shadow = Runnable(graphs.recipe_for(scene.packages[1], PASSES, version=BAD), (REFERENCE,))
    with running(scene):
        scene.hub.assign(good(scene).recipe, (REFERENCE,), deadline=30_000.0, shadow=shadow)
        scene.until(
            "it is a note",
            lambda: ((scene.hub.reports and scene.hub.reports[-1]["shadow"]) or {}).get("note"),
        )
        scene.until("the line runs", lambda: len(by(scene, GOOD)) > 10)
        assert scene.alarms() == set()
        assert scene.runs(1)
    assert scene.hub.shadows == {}

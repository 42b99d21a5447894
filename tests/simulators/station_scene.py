"""The station's program beside a hub in memory, with packages that differ in nothing but their name."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx
import psutil
from simulators import graphs
from simulators.hub_twin import HubTwin, hub_twin
from simulators.programs import Program, until

from andon.domain.inspections import Inspection
from andon.runtime.execution import REFERENCE
from andon.runtime.package import LoadedPackage

PROGRAM = "from andon.cli.main import run; run()"
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


def packaged(folder: Path, name: str, model: onnx.ModelProto | None = None) -> LoadedPackage:
    """A package in a folder named by its digest, as the hub has it."""
    stated = replace(graphs.manifest(), name=name)
    package = graphs.write_model(folder / "new", model or graphs.brightness_model(), stated)
    (folder / "new").rename(folder / package.digest)
    return replace(package, folder=folder / package.digest)


@contextmanager
def station_scene(tmp_path: Path) -> Iterator[Scene]:
    """A station that is not started yet; what it left running is ended."""
    (tmp_path / "hub").mkdir()
    packages = (packaged(tmp_path / "hub", "one"), packaged(tmp_path / "hub", "two"))
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


def inspectors(scene: Scene) -> list[psutil.Process]:
    """The station's inspector processes, oldest first."""
    return [child for child in scene.station.family()[1:] if "inspecting.child" in command_of(child)]


def command_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""

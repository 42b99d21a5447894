"""An empty spool on a real disk, and a hub that serves three packages."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from simulators.hub_twin import HubTwin, hub_twin
from simulators.station_scene import packaged

from andon.runtime.package import LoadedPackage
from andon.station.spool.records import Spool


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(tmp_path / "spool.db")
    yield opened
    opened.close()


@pytest.fixture
def packages(tmp_path: Path) -> tuple[LoadedPackage, ...]:
    """Three packages of the hub's: what ran before, what is switched to, and another one."""
    (tmp_path / "hub").mkdir()
    return tuple(packaged(tmp_path / "hub", name) for name in ("old", "new", "third"))


@pytest.fixture
def hub(tmp_path: Path, packages: tuple[LoadedPackage, ...]) -> Iterator[HubTwin]:
    with hub_twin(tmp_path / "hub") as twin:
        yield twin

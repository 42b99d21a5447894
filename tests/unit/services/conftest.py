"""A workspace with two judged versions of a recipe, and stations that run the first."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from simulators.told_stations import ToldStation, stock

from andon.domain.stations import KeepPolicy
from andon.services.stations import AssignmentRequest, assign
from andon.services.workspaces import Workspace, create_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Two approved models, and a version of one recipe for each; the second one passed its gate."""
    made = create_workspace(tmp_path / "ws", "mara")[0]
    stock(made)
    yield made
    made.database.close()


@pytest.fixture
def station(workspace: Workspace) -> Callable[[str], ToldStation]:
    """A station that runs version 1 of the recipe."""

    def make(name: str) -> ToldStation:
        made = ToldStation(workspace, name)
        made.reports()
        assign(workspace, name, AssignmentRequest("brackets@1", KeepPolicy(0.5), 70.0))
        made.reports()
        made.reports()
        return made

    return make

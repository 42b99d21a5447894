"""An empty spool on a real disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from andon.station.spool.records import Spool


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(tmp_path / "spool.db")
    yield opened
    opened.close()

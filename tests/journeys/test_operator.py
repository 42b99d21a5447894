"""What an operator touches reaches the hub, whatever dies on the way."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from journeys.conftest import Plant as Learned
from simulators import broker
from simulators.line_plant import Plant, running
from simulators.line_station import Line
from simulators.programs import PATIENCE, until

from andon.formats.pixels import decode

pytestmark = pytest.mark.skipif(broker.PROGRAM is None, reason="mosquitto is not installed")

Start = Callable[..., AbstractContextManager[Plant]]


@pytest.fixture
def start(plant: Learned, tmp_path: Path) -> Start:
    return lambda line: running(plant.folder, tmp_path, line)


def page(plant: Plant, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{plant.station.port}{path}", timeout=PATIENCE)


def waiting(plant: Plant) -> str:
    """The inspection that lies on the desk."""
    return until("a part waits", lambda: page(plant, "/held").headers.get("x-part") or plant.lively())


def review(plant: Plant, inspection: str, answer: str) -> httpx.Response:
    address = f"http://127.0.0.1:{plant.station.port}/api/reviews"
    return httpx.post(address, json={"inspection": inspection, "answer": answer}, timeout=PATIENCE)


def on_the_hub(plant: Plant, inspection: str) -> list[dict[str, Any]]:
    found = httpx.get(f"{plant.hub.address}/api/inspections/{inspection}", timeout=PATIENCE)
    return found.json()["reviews"] if found.is_success else []


def test_a_touch_survives_the_death_of_hub_and_station(start: Start) -> None:
    with start(Line(rate=5.0)) as plant:
        plant.until_running(plant.hub.assign("brackets", audit=1.0))
        plant.until_heard(10)
        part = waiting(plant)
        picture = page(plant, f"/pictures/{part}")
        assert decode(picture.content).shape[:2] == (96, 96)
        plant.hub.program.kill()
        assert review(plant, part, "unsure").status_code == 201
        assert review(plant, "nothing", "unsure").status_code == 404
        plant.kill_station()
        plant.hub.up()
        (said,) = until("the review is on the hub", lambda: on_the_hub(plant, part))
        assert (said["answer"], said["author"]) == ("unsure", "operator")
        assert said["queue"] in {"audit", "reject", "review"}
        until("it waits no longer", lambda: waiting(plant) != part)

from pathlib import Path

import pytest
from simulators.station_parts import AT, HandClock

from andon.errors import InvalidInput, NotFound
from andon.station.cameras.folder import FolderCamera
from andon.station.cameras.simulated import SimulatedCamera
from andon.station.drivers import camera_of, output_of
from andon.station.outputs.mqtt import MqttOutput
from andon.station.outputs.silent import SilentOutput
from andon.station.settings import Settings, options_from, read_settings
from andon.station.state.line import LineState

FILE = """
name = "st-1"
folder = "/data/st-1"
line = "press-2"
threads = 2
stall = 3

[camera]
driver = "folder"
folder = "/in"
interval = 0.5
part_type = "tile"

[output]
driver = "mqtt"
port = 1884
"""


def test_a_file_and_options_make_settings_and_options_win(tmp_path: Path) -> None:
    path = tmp_path / "station.toml"
    path.write_text(FILE)
    given = {"line": "press-3", "hub": None, "camera": options_from("simulated:pool=3")}
    assert read_settings(path, given) == Settings(
        name="st-1",
        folder=Path("/data/st-1"),
        line="press-3",
        threads=2,
        stall=3,
        camera={"driver": "simulated", "pool": 3},
        output={"driver": "mqtt", "port": 1884},
    )


@pytest.mark.parametrize(
    "given",
    [
        {"folder": "f"},
        {"name": "st-1"},
        {"name": "st/1", "folder": "f"},
        {"name": "st-1", "folder": "f", "colour": "red"},
        {"name": "st-1", "folder": "f", "queue": 0},
        {"name": "st-1", "folder": "f", "threads": True},
        {"name": "st-1", "folder": "f", "hub": "127.0.0.1:8400"},
        {"name": "st-1", "folder": "f", "frame_bytes": 5},
        {"name": "st-1", "folder": 7},
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(given: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        read_settings(None, given)


def test_a_missing_file_and_one_that_is_no_toml_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_settings(tmp_path / "none.toml", {})
    (tmp_path / "odd.toml").write_text("name = ")
    with pytest.raises(InvalidInput):
        read_settings(tmp_path / "odd.toml", {})


def test_options_are_numbers_where_they_look_like_one() -> None:
    found = options_from("folder:folder=/in,interval=0.5,keep=false,pool=3")
    assert found == {"driver": "folder", "folder": "/in", "interval": 0.5, "keep": False, "pool": 3}
    with pytest.raises(InvalidInput):
        options_from("folder:/in")


def test_each_driver_is_found_by_its_word() -> None:
    clock, state = HandClock().clock, LineState("st-1", "line-1", "test", AT)
    assert isinstance(camera_of(options_from("folder:folder=/in,part_type=tile"), clock), FolderCamera)
    simulated = options_from("simulated:height=128,width=128,materials=cast|weave,pool=2,truth=/t.csv")
    assert isinstance(camera_of(simulated, clock), SimulatedCamera)
    assert isinstance(output_of(options_from("mqtt:host=127.0.0.1,port=1884"), state, clock), MqttOutput)
    assert isinstance(output_of(options_from("silent"), state, clock), SilentOutput)


@pytest.mark.parametrize(
    "text",
    ["gige", "folder", "folder:folder=/in,speed=3", "folder:folder=/in,keep=1", "simulated:pool=many"],
)
def test_a_camera_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        camera_of(options_from(text), HandClock().clock)


@pytest.mark.parametrize("text", ["modbus", "silent:host=h", "mqtt:prot=1", "mqtt:port=many"])
def test_an_output_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        output_of(options_from(text), LineState("st-1", "line-1", "test", AT), HandClock().clock)

"""The drivers there are, by the word that names them in the settings."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from andon.domain.images import METADATA_FIELDS, Origin
from andon.domain.serial import from_json
from andon.errors import InvalidInput
from andon.simulate.settings import LineSettings
from andon.station.cameras.folder import FolderCamera, FolderSettings
from andon.station.cameras.frames import Camera
from andon.station.cameras.simulated import SimulatedCamera, SimulatedSettings
from andon.station.outputs.answers import Output
from andon.station.outputs.mqtt import MqttOutput, MqttSettings
from andon.station.outputs.silent import SilentOutput
from andon.station.running.clock import Clock
from andon.station.settings import Options
from andon.station.state.line import LineState


def camera_of(options: Options, clock: Clock) -> Camera:
    """The camera that a settings table describes.

    Raises:
        InvalidInput: driver or option are unknown, missing or of another type.
    """
    make = _CAMERAS[_driver(_CAMERAS, "camera", options)]
    return make(_without_driver(options), clock)


def output_of(options: Options, state: LineState, clock: Clock) -> Output:
    """The output that a settings table describes.

    Raises:
        InvalidInput: driver or option are unknown, missing or of another type.
    """
    make = _OUTPUTS[_driver(_OUTPUTS, "output", options)]
    return make(_without_driver(options), state, clock)


def _folder(options: dict[str, Any], clock: Clock) -> Camera:
    origin = _origin(options)
    folder = Path(str(_needed(options, "folder")))
    known = _known(options, {"interval": float, "keep": bool})
    return FolderCamera(FolderSettings(folder=folder, origin=origin, **known), clock)


def _simulated(options: dict[str, Any], clock: Clock) -> Camera:
    names = {entry.name for entry in fields(LineSettings)}
    line = {name: options.pop(name) for name in list(options) if name in names}
    if isinstance(line.get("materials"), str):
        line["materials"] = line["materials"].split("|")
    line = {"channels": 1, "height": 512, "width": 512, "parts_per_second": 20.0, **line}
    paths: dict[str, Any] = {
        name: Path(str(options.pop(name))) for name in ("truth", "faults") if name in options
    }
    origin = _origin(options)
    known = _known(options, {"pool": int, "parts": int})
    settings = SimulatedSettings(line=from_json(LineSettings, line), origin=origin, **known, **paths)
    return SimulatedCamera(settings, clock)


def _mqtt(options: dict[str, Any], state: LineState, clock: Clock) -> Output:
    return MqttOutput(from_json(MqttSettings, options), state, clock)


def _silent(options: dict[str, Any], state: LineState, clock: Clock) -> Output:
    del clock
    _known(options, {})
    return SilentOutput(state)


_CAMERAS: Mapping[str, Callable[[dict[str, Any], Clock], Camera]] = {
    "folder": _folder,
    "simulated": _simulated,
}
_OUTPUTS: Mapping[str, Callable[[dict[str, Any], LineState, Clock], Output]] = {
    "mqtt": _mqtt,
    "silent": _silent,
}


def _driver(drivers: Mapping[str, Any], what: str, options: Options) -> str:
    driver = str(options.get("driver"))
    if driver not in drivers:
        raise InvalidInput(f"the {what} {driver!r} is unknown", f"Known: {', '.join(drivers)}.")
    return driver


def _without_driver(options: Options) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name != "driver"}


def _origin(options: dict[str, Any]) -> Origin:
    """What is known of every part: plant, view, part type and so on."""
    known = {name: str(options.pop(name)) for name in METADATA_FIELDS if name in options}
    return Origin(**known)  # type: ignore[arg-type]  # Timestamp is a text


def _needed(options: dict[str, Any], name: str) -> Any:
    if name not in options:
        raise InvalidInput(f"the driver needs the option {name!r}")
    return options.pop(name)


def _known(options: dict[str, Any], kinds: Mapping[str, type]) -> dict[str, Any]:
    for name, value in options.items():
        if name not in kinds:
            raise InvalidInput(f"the driver's option {name!r} is unknown", f"Known: {', '.join(kinds)}.")
        fits = isinstance(value, (int, float) if kinds[name] is float else kinds[name])
        if not fits or (isinstance(value, bool) and kinds[name] is not bool):
            raise InvalidInput(f"the driver's option {name!r} cannot be {value!r}")
    return options

"""What a station is told when it starts: from a TOML file, from the command line, or from both."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from andon.errors import InvalidInput, NotFound

Options = Mapping[str, Any]
"""A driver's table: ``driver`` and what else it takes."""

LEAST_SLOT = 2**20


@dataclass(frozen=True, slots=True)
class Settings:
    """Read once, passed down. The same names as in the TOML file.

    Attributes:
        name: of the station; the hub knows it by this. line: that it stands at.
        folder: of its own: spool, images, packages.
        hub: address, ``http://HOST:PORT``. hub_key: base64; without one the first hub met is believed.
        camera, output: tables with ``driver`` and its options.
        page_host, page_port: of the station's own page; 0 takes any free port.
        threads: of the engine. queue: frames that may wait. frame_bytes: of the largest frame.
        stall: seconds without a frame that are an alarm; 0 never (parts come when they come).
        min_free: bytes of disk that stay free for records.

    Raises:
        InvalidInput: a value is not possible.
    """

    name: str
    folder: Path
    line: str = "line-1"
    hub: str = "http://127.0.0.1:8400"
    hub_key: str | None = None
    camera: Options = field(default_factory=lambda: {"driver": "simulated"})
    output: Options = field(default_factory=lambda: {"driver": "silent"})
    page_host: str = "127.0.0.1"
    page_port: int = 8401
    threads: int = 1
    queue: int = 4
    frame_bytes: int = 32 * 2**20
    stall: float = 10.0
    min_free: int = 256 * 2**20

    def __post_init__(self) -> None:
        if not self.name or set(self.name) & set("/+#?%\\ ") or self.name.startswith("."):
            raise InvalidInput(f"{self.name!r} cannot name a station", "Use letters, digits, '-' and '_'.")
        if not self.hub.startswith(("http://", "https://")):
            raise InvalidInput(f"{self.hub!r} is no address of a hub", "Write http://HOST:PORT.")
        if self.threads < 1 or self.queue < 1 or self.stall < 0 or self.min_free < 0:
            raise InvalidInput("threads and queue start at 1, stall and min_free at 0")
        if self.frame_bytes < LEAST_SLOT:
            raise InvalidInput(f"frame_bytes is {self.frame_bytes}", f"Give {LEAST_SLOT} or more.")


def read_settings(path: Path | None, given: Options) -> Settings:
    """Settings from a file, with what was given beside it in its place.

    Args:
        path: TOML; None for none.
        given: by the names of :class:`Settings`; None values were not given.

    Raises:
        NotFound: there is no such file. InvalidInput: it is no TOML, or a setting is unknown, missing or
            of another type.
    """
    told: dict[str, Any] = _read(path) if path is not None else {}
    told |= {name: value for name, value in given.items() if value is not None}
    known = {entry.name: entry for entry in fields(Settings)}
    if odd := sorted(set(told) - set(known)):
        raise InvalidInput(f"the station's setting {odd[0]!r} is unknown", f"Known: {', '.join(known)}.")
    for name in ("name", "folder"):
        if name not in told:
            raise InvalidInput(f"the station's setting {name!r} is missing")
    for name, value in told.items():
        if not isinstance(value, _KINDS.get(name, str)) or isinstance(value, bool):
            raise InvalidInput(f"the station's setting {name!r} cannot be {value!r}")
    return replace(Settings(told.pop("name"), Path(told.pop("folder"))), **told)


_KINDS: Mapping[str, Any] = {
    "folder": (str, Path),
    "camera": dict,
    "output": dict,
    "page_port": int,
    "threads": int,
    "queue": int,
    "frame_bytes": int,
    "stall": (int, float),
    "min_free": int,
}


def options_from(text: str) -> Options:
    """A driver's table from one word: ``DRIVER`` or ``DRIVER:name=value,name=value``.

    Values are numbers where they look like one, ``true`` and ``false``, else text.

    Raises:
        InvalidInput: a part of it has no ``=``.
    """
    driver, _, rest = text.partition(":")
    options: dict[str, Any] = {"driver": driver}
    for part in filter(None, rest.split(",")):
        name, found, value = part.partition("=")
        if not found:
            raise InvalidInput(f"{part!r} in {text!r} has no value", "Write DRIVER:name=value,name=value.")
        options[name.strip()] = _value(value.strip())
    return options


def _value(text: str) -> object:
    if text in {"true", "false"}:
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as cause:
        raise NotFound(f"there is no file {path}") from cause
    except (OSError, ValueError) as cause:
        raise InvalidInput(f"{path} cannot be read as TOML: {cause}") from cause

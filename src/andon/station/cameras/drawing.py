"""The process that draws simulated parts: ``python -m andon.station.cameras.drawing``.

Reads one JSON object (``settings`` of the line, ``count``) from stdin, writes for every part one line of
JSON (``part_type``, ``lot``, ``concepts``, ``bytes``) and the picture's pixels to stdout, then ends.
"""

import json
import os
import sys
from typing import BinaryIO

from andon.domain.serial import from_json
from andon.simulate.line import Line
from andon.simulate.settings import LineSettings

_NICE = 10


def draw(request: bytes, out: BinaryIO) -> None:
    """Draw what ``request`` asks for.

    Raises:
        UserError: the request is not one, or asks for what cannot be drawn.
        BrokenPipeError: nobody listens any more.
    """
    asked = json.loads(request)
    line = Line(from_json(LineSettings, asked["settings"]))
    for part in line.parts(0, asked["count"]):
        pixels = part.pixels.tobytes()
        concepts = [concept for concept, _ in part.defects]
        about = {"part_type": part.part_type, "lot": part.lot, "concepts": concepts, "bytes": len(pixels)}
        out.write(json.dumps(about).encode() + b"\n" + pixels)
        out.flush()


def main() -> None:
    """Draw at low priority, so that the line which is watched is not disturbed."""
    os.nice(_NICE)
    try:
        draw(sys.stdin.buffer.read(), sys.stdout.buffer)
    except BrokenPipeError:
        os._exit(0)  # the camera is gone; flushing what it will not read would only complain


if __name__ == "__main__":
    main()

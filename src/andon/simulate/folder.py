"""Simulated parts as files: pictures, masks and a CSV manifest; or pictures alone, the truth elsewhere."""

import csv
import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.errors import DiskFull, InvalidInput, OperatorError
from andon.simulate.line import Line, SimulatedPart

COLUMNS = ("path", "label", "mask", "serial", "lot", "captured_at", "part_type", "line")
"""One row per picture and label; a clean part has one row, labelled clean, without a mask."""

MANIFEST = "manifest.csv"
TRUTH = "truth.csv"
LINE_NAME = "simulated"
CLEAN_LABEL = "good"
"""An empty label would mean that nobody has looked."""

Report = Callable[[int, int], None]
"""Told (done, total) after every part."""


def write_parts(root: Path, line: Line, indices: range, report: Report) -> Path:
    """Write labelled parts under ``root``: ``images/``, ``masks/`` and ``manifest.csv`` (returned).

    Paths in the manifest are relative to ``root`` with forward slashes; masks are grey PNG, 0 or 255.

    Raises:
        DiskFull, OperatorError: a file could not be written.
    """
    return _write(line, indices, report, _Places(root, root / "images", root, MANIFEST))


def write_fresh_parts(images: Path, truth: Path, line: Line, indices: range, report: Report) -> Path:
    """Write parts as a line delivers them: pictures alone in ``images``, what is true in folder ``truth``.

    ``truth`` receives ``truth.csv`` (returned) and ``masks/``; its paths are relative to the folder that
    holds them: pictures to ``images``, masks to ``truth``.

    Raises:
        InvalidInput: one folder lies in the other, so that an inspector could see the truth.
        DiskFull, OperatorError: a file could not be written.
    """
    inner, outer = truth.resolve(), images.resolve()
    if inner.is_relative_to(outer) or outer.is_relative_to(inner):
        raise InvalidInput(
            f"the truth folder {truth} and the image folder {images} lie in each other",
            "Name two folders side by side.",
        )
    return _write(line, indices, report, _Places(images, images, truth, TRUTH))


@dataclass(frozen=True)
class _Places:
    """Where things go; ``base`` is what the paths of pictures are relative to."""

    base: Path
    images: Path
    truth: Path
    table: str


def _write(line: Line, indices: range, report: Report, places: _Places) -> Path:
    path = places.truth / places.table
    try:
        for folder in (places.images, places.truth / "masks"):
            folder.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            table = _table(file)
            for done, index in enumerate(indices, 1):
                table.writerows(_written(line.part(index), places))
                report(done, len(indices))
    except OSError as cause:
        raise _disk_error(cause) from cause
    return path


def _written(part: SimulatedPart, places: _Places) -> list[dict[str, str]]:
    """Write one part's picture and masks; returns its rows."""
    picture = places.images / f"{part.serial}.png"
    _write_png(picture, part.pixels)
    name = picture.relative_to(places.base).as_posix()
    return [_row(part, name, label, mask) for label, mask in _written_masks(part, places.truth / "masks")]


def _table(file: TextIO) -> "csv.DictWriter[str]":
    table = csv.DictWriter(file, COLUMNS)
    table.writeheader()
    return table


def _written_masks(part: SimulatedPart, masks: Path) -> Iterator[tuple[str, str]]:
    """Write each mask; yields (label, path in the manifest), and (CLEAN_LABEL, "") for a clean part."""
    if not part.defects:
        yield CLEAN_LABEL, ""
    for concept, mask in part.defects:
        path = masks / f"{part.serial}.{concept.replace(' ', '-')}.png"
        _write_png(path, np.where(mask, 255, 0).astype(np.uint8))
        yield concept, f"masks/{path.name}"


def _row(part: SimulatedPart, path: str, label: str, mask: str) -> dict[str, str]:
    return {
        "path": path,
        "label": label,
        "mask": mask,
        "serial": part.serial,
        "lot": part.lot,
        "captured_at": part.captured_at,
        "part_type": part.part_type,
        "line": LINE_NAME,
    }


def _write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    if pixels.ndim == 3:
        pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), dtype=np.uint8)
    _, encoded = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    path.write_bytes(encoded.tobytes())


def _disk_error(cause: OSError) -> OperatorError:
    if cause.errno == errno.ENOSPC:
        return DiskFull(f"no space is left while writing {cause.filename}", "Free some space and repeat.")
    return OperatorError(f"{cause.filename} could not be written: {cause.strerror}")

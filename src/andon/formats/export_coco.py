"""COCO out: ``annotations.json`` and the images with their names below ``images/``.

Boxes, polygons and masks (compressed run lengths) are plain COCO.  A label without a place gets the box of
the whole image and the key ``andon_whole_image``; split and part are in keys that start with ``andon_``.
"""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from andon.blobs.folder import FolderBlobs
from andon.domain.annotations import Box, Geometry, Mask, Polygon, WholeImage
from andon.domain.datasets import Snapshot, SnapshotItem
from andon.errors import InvalidInput
from andon.formats.coco_json import WHOLE_IMAGE
from andon.formats.files import inside, suffix_of
from andon.formats.pixels import read_mask
from andon.formats.run_lengths import compress, run_lengths_of

IMAGES = "images"
ANNOTATIONS = "annotations.json"


def write(snapshot: Snapshot, blobs: FolderBlobs, folder: Path) -> None:
    """Write the snapshot; the JSON file comes last, so a folder without it is not complete."""
    categories = {concept.name: number for number, concept in enumerate(snapshot.concepts, start=1)}
    names = _file_names(snapshot, folder / IMAGES)
    annotations: list[dict[str, Any]] = []
    for number, item in enumerate(snapshot.items, start=1):
        path = folder / IMAGES / names[number - 1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blobs.get(item.blob))
        for label in item.labels:
            fields = _place(label.geometry, item, blobs)
            identity = {
                "id": len(annotations) + 1,
                "image_id": number,
                "category_id": categories[label.concept],
            }
            annotations.append({**identity, "iscrowd": 0, **fields})
    content = {
        "images": [
            _image(number, names[number - 1], item) for number, item in enumerate(snapshot.items, start=1)
        ],
        "categories": [{"id": number, "name": name} for name, number in categories.items()],
        "annotations": annotations,
    }
    (folder / ANNOTATIONS).write_text(json.dumps(content))


def _file_names(snapshot: Snapshot, folder: Path) -> list[str]:
    """The images' names; with the digest behind where two have one name or it is no path."""
    count = Counter(item.name for item in snapshot.items)
    return [_file_name(item, count, folder) for item in snapshot.items]


def _file_name(item: SnapshotItem, count: Mapping[str, int], folder: Path) -> str:
    try:
        inside(folder, item.name)
    except InvalidInput:
        return item.image + suffix_of(item.name)
    if count[item.name] == 1:
        return item.name
    path = Path(item.name)
    return path.with_name(f"{path.stem}-{item.image}{path.suffix}").as_posix()


def _image(number: int, name: str, item: SnapshotItem) -> dict[str, Any]:
    return {
        "id": number,
        "file_name": name,
        "height": item.shape.height,
        "width": item.shape.width,
        "andon_split": item.split,
        "andon_metadata": part_metadata(item),
    }


def part_metadata(item: SnapshotItem) -> dict[str, str]:
    """What tells parts and groups apart, as metadata: ``serial=7`` becomes ``{"serial": "7"}``."""
    keys = (key.partition("=") for key in (item.group, item.part))
    return {key: value for key, _, value in keys if key != "image"}


def _place(geometry: Geometry, item: SnapshotItem, blobs: FolderBlobs) -> dict[str, Any]:
    match geometry:
        case WholeImage():
            height, width = item.shape.height, item.shape.width
            return {
                WHOLE_IMAGE: True,
                "bbox": [0, 0, width, height],
                "area": width * height,
                "segmentation": [],
            }
        case Box():
            box = [geometry.x, geometry.y, geometry.width, geometry.height]
            return {"bbox": box, "area": geometry.width * geometry.height, "segmentation": []}
        case Polygon():
            return _outline(geometry)
        case Mask():
            return _runs(geometry, blobs)


def _outline(polygon: Polygon) -> dict[str, Any]:
    columns, rows = zip(*polygon.points, strict=True)
    following = (*polygon.points[1:], polygon.points[0])
    twice = sum(x * y2 - x2 * y for (x, y), (x2, y2) in zip(polygon.points, following, strict=True))
    return {
        "bbox": [min(columns), min(rows), max(columns) - min(columns), max(rows) - min(rows)],
        "area": abs(twice) / 2,
        "segmentation": [[value for point in polygon.points for value in point]],
    }


def _runs(mask: Mask, blobs: FolderBlobs) -> dict[str, Any]:
    pixels = read_mask(blobs.get(mask.blob))
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    runs = run_lengths_of(pixels)
    box = [0, 0, 0, 0]
    if len(rows):
        box = [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
    return {
        "bbox": [int(value) for value in box],
        "area": mask.area,
        "segmentation": {"size": [runs.height, runs.width], "counts": compress(runs.counts)},
    }

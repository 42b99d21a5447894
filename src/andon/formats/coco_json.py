"""A COCO JSON file as typed values, with limits."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from andon.domain.annotations import Box, Polygon, WholeImage
from andon.domain.serial import from_json
from andon.errors import Conflict, InvalidInput, LimitExceeded, UserError
from andon.formats.run_lengths import RunLengths, decompress

MAX_JSON_BYTES = 1024**3
MAX_IMAGES = 2_000_000
MAX_ANNOTATIONS = 20_000_000
MAX_NUMBERS = 1_000_000
"""Coordinates of one polygon, or counts of one mask."""

WHOLE_IMAGE = "andon_whole_image"
"""Key of an annotation that says that its box stands for "somewhere on the image"."""

Part = WholeImage | Box | Polygon | RunLengths
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CocoImage:
    """One entry of ``images``; the ``andon_`` keys are ours, other programs ignore them."""

    id: int
    file_name: str
    height: int
    width: int
    andon_split: str | None = None
    andon_metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CocoCategory:
    """One entry of ``categories``."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class CocoObject:
    """One entry of ``annotations``: a category and its places on an image (one, or one per polygon)."""

    image_id: int
    category_id: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class CocoFile:
    """A checked file: ids are unique and known."""

    images: tuple[CocoImage, ...]
    categories: tuple[CocoCategory, ...]
    objects: tuple[CocoObject, ...]


def read_coco(path: Path) -> CocoFile:
    """Read and check a COCO file.

    Raises:
        LimitExceeded: too many bytes, images, annotations or numbers.
        InvalidInput: not JSON, or not COCO; names file and entry. Conflict: an id or file stands twice.
    """
    content = _load(path)
    images = _entries(path, content, "images", MAX_IMAGES)
    categories = _entries(path, content, "categories", MAX_ANNOTATIONS)
    annotations = _entries(path, content, "annotations", MAX_ANNOTATIONS)
    file = CocoFile(
        tuple(_typed(CocoImage, f"{path.name}, images[{i}]", entry) for i, entry in enumerate(images)),
        tuple(
            _typed(CocoCategory, f"{path.name}, categories[{i}]", entry)
            for i, entry in enumerate(categories)
        ),
        tuple(_object(f"{path.name}, annotations[{i}]", entry) for i, entry in enumerate(annotations)),
    )
    _check_references(path, file)
    return file


def looks_like_coco(path: Path) -> bool:
    """Whether the file is a JSON object with images, annotations, categories; unreadable files are not."""
    try:
        content = _load(path)
    except UserError:
        return False
    return {"images", "annotations", "categories"} <= content.keys()


def _load(path: Path) -> dict[str, Any]:
    if path.stat().st_size > MAX_JSON_BYTES:
        raise LimitExceeded(f"{path.name} has more than {MAX_JSON_BYTES} bytes")
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as cause:
        raise InvalidInput(f"{path.name} is not readable as JSON: {str(cause)[:80]}") from cause
    if not isinstance(content, dict):
        raise InvalidInput(f"{path.name} is not a COCO file: no object at its top")
    return content


def _entries(path: Path, content: Mapping[str, Any], key: str, limit: int) -> list[Any]:
    entries = content.get(key)
    if not isinstance(entries, list):
        raise InvalidInput(f"{path.name} is not a COCO file: it has no list {key!r}")
    if len(entries) > limit:
        raise LimitExceeded(f"{path.name} has more than {limit} {key}")
    return entries


def _typed(kind: type[T], where: str, entry: object) -> T:
    """``entry`` as ``kind``; keys that we do not know are other programs' business."""
    if not isinstance(entry, dict):
        raise InvalidInput(f"{where} is no object")
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    try:
        return from_json(kind, {key: value for key, value in entry.items() if key in known})
    except UserError as problem:
        raise InvalidInput(f"{where}: {problem.message}") from problem


def _object(where: str, entry: object) -> CocoObject:
    if not isinstance(entry, dict) or type(entry.get("image_id")) is not int:
        raise InvalidInput(f"{where}: image_id is no whole number")
    if type(entry.get("category_id")) is not int:
        raise InvalidInput(f"{where}: category_id is no whole number")
    try:
        parts = _parts(entry)
    except UserError as problem:
        raise type(problem)(f"{where}: {problem.message}") from problem
    return CocoObject(entry["image_id"], entry["category_id"], parts)


def _parts(entry: Mapping[str, Any]) -> tuple[Part, ...]:
    if entry.get(WHOLE_IMAGE):
        return (WholeImage(),)
    segmentation, box = entry.get("segmentation"), entry.get("bbox")
    if isinstance(segmentation, dict):
        return (_run_lengths(segmentation),)
    if segmentation:
        return tuple(_polygon(ring) for ring in _list(segmentation, "segmentation"))
    if box:
        return (Box(*_numbers(box, "bbox", 4)),)
    return (WholeImage(),)


def _polygon(ring: object) -> Polygon:
    numbers = _numbers(ring, "segmentation")
    if len(numbers) % 2:
        raise InvalidInput("a polygon has an odd number of coordinates")
    return Polygon(tuple(zip(numbers[::2], numbers[1::2], strict=True)))


def _run_lengths(segmentation: Mapping[str, Any]) -> RunLengths:
    height, width = _whole_numbers(segmentation.get("size"), "size")[:2] or (0, 0)
    counts = segmentation.get("counts")
    if isinstance(counts, str):
        if len(counts) > 8 * MAX_NUMBERS:
            raise LimitExceeded(f"a mask has more than {MAX_NUMBERS} runs")
        return RunLengths(height, width, decompress(counts))
    return RunLengths(height, width, _whole_numbers(counts, "counts"))


def _numbers(value: object, key: str, count: int | None = None) -> tuple[float, ...]:
    numbers = _list(value, key)
    if count is not None and len(numbers) != count:
        raise InvalidInput(f"{key} has {len(numbers)} numbers instead of {count}")
    if not all(type(number) in {int, float} and abs(number) < 1e9 for number in numbers):
        raise InvalidInput(f"{key} holds something that is no usable number")
    return tuple(float(number) for number in numbers)


def _whole_numbers(value: object, key: str) -> tuple[int, ...]:
    numbers = _list(value, key)
    if not all(type(number) is int and 0 <= number < 1 << 40 for number in numbers):
        raise InvalidInput(f"{key} holds something that is no usable whole number")
    return tuple(numbers)


def _list(value: object, key: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise InvalidInput(f"{key} is no list")
    if len(value) > MAX_NUMBERS:
        raise LimitExceeded(f"{key} has more than {MAX_NUMBERS} numbers")
    return value


def _check_references(path: Path, file: CocoFile) -> None:
    for kind, keys in (
        ("image id", [image.id for image in file.images]),
        ("file_name", [image.file_name for image in file.images]),
        ("category id", [category.id for category in file.categories]),
    ):
        if len(set(keys)) != len(keys):
            twice = next(key for position, key in enumerate(keys) if key in keys[:position])
            raise Conflict(f"{path.name}: {kind} {twice!r} stands twice")
    images, categories = {image.id for image in file.images}, {category.id for category in file.categories}
    for position, item in enumerate(file.objects):
        if item.image_id not in images or item.category_id not in categories:
            raise InvalidInput(f"{path.name}, annotations[{position}] names an unknown image or category")

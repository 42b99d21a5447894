"""From entries of a layout to what an import stores: read, hashed, decoded, checked; runs in threads."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from andon.domain.annotations import Box, Mask, Polygon, WholeImage
from andon.domain.images import Image, Origin, Shape, origin_from
from andon.errors import InvalidInput, LimitExceeded, UserError
from andon.formats.entries import Entry, EntryLabel, LeftOut, MaskFile
from andon.formats.pixels import Limits, Pixels, decode, encode_mask, image_digest
from andon.formats.run_lengths import RunLengths
from andon.services.images import Labelled, Statement, clean_statement, statement
from andon.store import images as stored_images
from andon.store.database import Database
from andon.units import Digest, digest_of


@dataclass(frozen=True, slots=True)
class Prepared:
    """An image ready to be stored.

    Attributes:
        contents: bytes that must become blobs before: the file, and masks.
        remarks: what a person should know.
    """

    labelled: Labelled
    contents: tuple[bytes, ...]
    remarks: tuple[str, ...] = ()


def prepare(database: Database, entries: Sequence[Entry], limits: Limits) -> list[Prepared | LeftOut]:
    """Prepare some entries, in their order; what cannot be imported is left out with the reason.

    Files whose bytes were imported before are not decoded again.
    """
    files = [_read(entry.path, limits) for entry in entries]
    blobs = [digest_of(file) if isinstance(file, bytes) else Digest("") for file in files]
    with database.read() as tx:
        digests = stored_images.known_blobs(tx, [blob for blob in blobs if blob])
        known = stored_images.by_digests(tx, list(digests.values()))
    made: list[Prepared | LeftOut] = []
    for entry, file, blob in zip(entries, files, blobs, strict=True):
        if isinstance(file, str):
            made.append(LeftOut(entry.name, file))
            continue
        before = known.get(digests.get(blob, Digest("")))
        made.append(_prepare(_File(entry, file, blob), before, limits))
    return made


@dataclass(frozen=True, slots=True)
class _File:
    entry: Entry
    content: bytes
    blob: Digest


def _read(path: Path, limits: Limits) -> bytes | str:
    """The file's bytes, or why they cannot be had."""
    try:
        size = path.stat().st_size
        if size > limits.bytes:
            return f"the file has {size} bytes, at most {limits.bytes} are read"
        return path.read_bytes()
    except OSError as cause:
        return f"the file cannot be read: {cause.strerror}"


def _prepare(file: _File, before: Image | None, limits: Limits) -> Prepared | LeftOut:
    entry = file.entry
    try:
        digest, shape = (before.digest, before.shape) if before else _look(decode(file.content, limits))
        _check_size(entry, shape)
        statements, masks, remarks = _statements(entry, shape, limits)
        origin = origin_from({**entry.metadata, **({"split": str(entry.split)} if entry.split else {})})
    except UserError as problem:
        return LeftOut(entry.name, problem.message)
    if before and (lost := _not_taken(before.origin, origin)):
        remarks = (*remarks, f"the picture is known; it keeps what was said of it first, not this {lost}")
    image = Image(digest, file.blob, entry.name, len(file.content), shape, origin)
    return Prepared(Labelled(image, statements), (file.content, *masks), remarks)


def _not_taken(before: Origin, now: Origin) -> str:
    """The metadata that a known picture is not given."""
    return ", ".join(key for key in now.known() if now.value(key) != before.value(key))


def _look(pixels: Pixels) -> tuple[Digest, Shape]:
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    return image_digest(pixels), Shape(height, width, channels, 8 * pixels.dtype.itemsize)


def _check_size(entry: Entry, shape: Shape) -> None:
    if entry.size is not None and entry.size != (shape.height, shape.width):
        stated = f"{entry.size[0]} x {entry.size[1]}"
        raise InvalidInput(
            f"the labels are for {stated} pixels, the image has {shape.height} x {shape.width}"
        )


def _statements(
    entry: Entry, shape: Shape, limits: Limits
) -> tuple[tuple[Statement, ...], tuple[bytes, ...], tuple[str, ...]]:
    """What is said about the image, the masks to store, and remarks."""
    made = [_statement(label, shape, limits) for label in entry.labels]
    said = [item.statement for item in made if item.statement]
    if entry.clean or (made and not said):
        said = [clean_statement()]
    unique = {item.identity: item for item in said}
    masks = tuple(item.mask for item in made if item.mask)
    return tuple(unique.values()), masks, tuple(item.remark for item in made if item.remark)


@dataclass(frozen=True, slots=True)
class _Made:
    statement: Statement | None
    mask: bytes | None = None
    remark: str = ""


def _statement(label: EntryLabel, shape: Shape, limits: Limits) -> _Made:
    match label.place:
        case WholeImage() | Box() | Polygon() as geometry:
            _check_inside(geometry, shape)
            return _Made(statement(label.concept, geometry))
        case MaskFile() | RunLengths() as place:
            return _masked(label.concept, place, shape, limits)


def _masked(concept: str, place: MaskFile | RunLengths, shape: Shape, limits: Limits) -> _Made:
    try:
        mask = place.load(limits)
    except LimitExceeded as problem:
        raise LimitExceeded(f"its mask: {problem.message}") from problem
    except InvalidInput as problem:
        raise InvalidInput(f"its mask: {problem.message}") from problem
    if mask.shape != (shape.height, shape.width):
        size = f"{mask.shape[0]} x {mask.shape[1]}"
        raise InvalidInput(f"its mask has {size} pixels, the image {shape.height} x {shape.width}")
    area = int(mask.sum())
    if area:
        content = encode_mask(mask)
        geometry = Mask(digest_of(content), area)
        return _Made(statement(concept, geometry, digest_of(mask.tobytes())), content)
    if isinstance(place, MaskFile) and place.empty_is_clean:
        return _Made(None)
    remark = f"the mask of {concept!r} is empty; the label holds for the whole image"
    return _Made(statement(concept, WholeImage()), remark=remark)


def _check_inside(geometry: WholeImage | Box | Polygon, shape: Shape) -> None:
    match geometry:
        case WholeImage():
            return
        case Box():
            left, right = geometry.x, geometry.x + geometry.width
            top, bottom = geometry.y, geometry.y + geometry.height
        case Polygon():
            columns, rows = zip(*geometry.points, strict=True)
            left, right, top, bottom = min(columns), max(columns), min(rows), max(rows)
    if right <= 0 or bottom <= 0 or left >= shape.width or top >= shape.height:
        kind = type(geometry).__name__.lower()
        raise InvalidInput(f"its {kind} lies outside of the image's {shape.height} x {shape.width} pixels")

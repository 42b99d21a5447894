"""The manifest of a snapshot: a header line, then one JSON line per image, sorted by image digest."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from andon.domain.datasets import Snapshot, SnapshotItem
from andon.domain.ontologies import Concept
from andon.domain.serial import canonical, from_json, to_json
from andon.errors import InvalidInput, UnsupportedVersion
from andon.units import digest_of

MANIFEST_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Header:
    """First line of a manifest. No time and no author: the same data gives the same digest.

    Attributes:
        concepts: the ontology when it was frozen; the order is the order of the model's outputs.
        images: number of lines that follow.
    """

    dataset: str
    concepts: tuple[Concept, ...]
    images: int
    format: int = MANIFEST_FORMAT


def write_manifest(dataset: str, concepts: Sequence[Concept], items: Sequence[SnapshotItem]) -> bytes:
    """The manifest's bytes; its SHA-256 is the snapshot's digest."""
    ordered = sorted(items, key=lambda item: item.image)
    header = Header(dataset, tuple(concepts), len(ordered))
    return b"".join(canonical(line) + b"\n" for line in (header, *map(_line, ordered)))


def read_manifest(content: bytes) -> Snapshot:
    """The snapshot that ``content`` describes.

    Raises:
        UnsupportedVersion: it was written by a newer Andon.
        InvalidInput: it is no manifest, or lines are missing.
    """
    lines = content.splitlines()
    if not lines:
        raise InvalidInput("a snapshot manifest is empty")
    parsed = [_parse(number, line) for number, line in enumerate(lines, start=1)]
    if int(str(parsed[0].get("format", 0))) > MANIFEST_FORMAT:
        raise UnsupportedVersion("a snapshot was written by a newer Andon", "Update Andon.")
    header = from_json(Header, parsed[0])
    items = tuple(from_json(SnapshotItem, line) for line in parsed[1:])
    if len(items) != header.images:
        raise InvalidInput(f"a snapshot manifest holds {len(items)} of {header.images} images")
    return Snapshot(digest_of(content), header.dataset, header.concepts, items)


def _line(item: SnapshotItem) -> object:
    """Only regression cases say what they are, so that snapshots without any keep the digest they had."""
    facts = to_json(item)
    if not item.regression:
        del facts["regression"]
    return facts


def _parse(number: int, line: bytes) -> Mapping[str, object]:
    try:
        value = json.loads(line)
    except ValueError as cause:
        raise InvalidInput(f"line {number} of a snapshot manifest is not JSON") from cause
    if not isinstance(value, dict):
        raise InvalidInput(f"line {number} of a snapshot manifest is not an object")
    return value

"""Images: decoded pixels known by their digest, and where, when and of what they were taken."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from andon.errors import InvalidInput
from andon.units import Digest, Timestamp

METADATA_FIELDS = ("plant", "line", "station", "view", "part_type", "serial", "lot", "captured_at")
"""Metadata with a column of its own; every other key is kept in ``Origin.extra``."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Pixel format: rows, columns, channels (1 grey, 3 colour) and bits per channel (8 or 16)."""

    height: int
    width: int
    channels: int
    bit_depth: int


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an image comes from. Unknown values are None; ``extra`` keeps all other metadata as text."""

    plant: str | None = None
    line: str | None = None
    station: str | None = None
    view: str | None = None
    part_type: str | None = None
    serial: str | None = None
    lot: str | None = None
    captured_at: Timestamp | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    def value(self, key: str) -> str | None:
        """The metadata called ``key``, from its own field or from ``extra``."""
        if key in METADATA_FIELDS:
            found: str | None = getattr(self, key)
            return found
        return self.extra.get(key)

    def known(self) -> tuple[str, ...]:
        """Names of the metadata that is known."""
        return (*(key for key in METADATA_FIELDS if getattr(self, key)), *self.extra)


def origin_from(metadata: Mapping[str, str]) -> Origin:
    """Sort ``metadata`` (any keys, text values, empty = unknown) into an :class:`Origin`.

    Raises:
        InvalidInput: ``captured_at`` is no time.
    """
    known = {key: metadata[key] for key in METADATA_FIELDS if metadata.get(key)}
    captured = known.pop("captured_at", None)
    extra = {key: text for key, text in sorted(metadata.items()) if key not in METADATA_FIELDS and text}
    return Origin(**known, captured_at=_moment(captured) if captured else None, extra=extra)


def _moment(text: str) -> Timestamp:
    """ISO 8601; a time without a zone is UTC."""
    try:
        moment = datetime.fromisoformat(text)
        utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as cause:
        raise InvalidInput(
            f"captured_at {text[:40]!r} is no time", "Write it as 2026-03-01T06:00:00Z."
        ) from cause
    return Timestamp(f"{utc:%Y-%m-%dT%H:%M:%S.%fZ}")


@dataclass(frozen=True, slots=True)
class Image:
    """One stored image.

    Attributes:
        digest: SHA-256 over shape, type and decoded pixels; equal pictures in different files share it.
        blob: SHA-256 of the file's bytes as they were imported.
        name: path inside the source it came from, with forward slashes, for people to recognise it.
        size: bytes of the file.
    """

    digest: Digest
    blob: Digest
    name: str
    size: int
    shape: Shape
    origin: Origin = Origin()


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """A query over images; None means "any". Times are inclusive lower and exclusive upper bounds.

    Attributes:
        concept: only images whose current accepted annotations hold this concept.
        clean: only images accepted clean (True), or with at least one accepted defect (False).
        source: only images that were imported from this source (as `andon images import` named it).
        labelled: only images somebody has labelled, clean included (True), or nobody yet (False).
    """

    part_type: str | None = None
    line: str | None = None
    station: str | None = None
    lot: str | None = None
    concept: str | None = None
    clean: bool | None = None
    source: str | None = None
    captured_from: Timestamp | None = None
    captured_before: Timestamp | None = None
    labelled: bool | None = None

"""Images and where they came from; made for ten million of them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, select

from andon.domain.annotations import AnnotationState
from andon.domain.images import METADATA_FIELDS, Image, ImageFilter, Origin, Shape
from andon.domain.ontologies import ConceptKind
from andon.domain.splitting import CLEAN
from andon.store.paging import Cut, Page, oldest_first
from andon.store.rows import Values, add_new, as_text, by_prefix, from_text, matching
from andon.store.tables import annotations, concepts, image_labels, image_sources, images, ontologies
from andon.units import Digest, Timestamp

STATIONS, STATIONS_END = "station/", "station0"
"""Sources between the two are stations: `station/NAME`."""


@dataclass(frozen=True, slots=True)
class AddOutcome:
    """How many pictures were new, and how many were known already (also within the same call)."""

    new: int
    known: int


def add(tx: Connection, added: Sequence[Image], source: str, author: str, at: Timestamp) -> AddOutcome:
    """Add pictures that ``source`` holds; adding them again changes nothing.

    A picture that is known keeps the row it has, and is noted to be in ``source``, too.
    """
    who = {"author": author, "at": at}
    new = add_new(tx, images, [_row(image) | who for image in added], "id")
    known = ids(tx, [image.digest for image in added])
    sources = [
        {"source": source, "image_id": known[image.digest], "name": image.name, "blob": image.blob} | who
        for image in added
    ]
    add_new(tx, image_sources, sources, "id")
    return AddOutcome(len(new), len(added) - len(new))


def page(tx: Connection, query: ImageFilter, after: int | None, limit: int) -> Page[Image]:
    """Images that ``query`` asks for, in order of arrival."""
    statement = select(images).where(*conditions_of(query))
    return oldest_first(tx, statement, images, Cut(after, limit), image_of)


def count(tx: Connection, query: ImageFilter) -> int:
    """How many images ``query`` asks for."""
    statement = select(func.count()).select_from(images).where(*conditions_of(query))
    return tx.execute(statement).scalar_one()


def labelled_since(tx: Connection, query: ImageFilter, since: Timestamp, limit: int) -> tuple[Image, ...]:
    """Up to ``limit`` images of ``query`` with a label in force from after ``since``, by arrival."""
    seen = select(annotations.c.id).where(annotations.c.at <= since)
    before = tx.execute(seen.order_by(annotations.c.id.desc()).limit(1)).scalar() or 0
    later, accepted = annotations.alias(), annotations.c.state == AnnotationState.ACCEPTED
    revised = exists().where(
        later.c.annotation == annotations.c.annotation, later.c.revision > annotations.c.revision
    )
    labelled = select(annotations.c.image_id).where(annotations.c.id > before, accepted, ~revised)
    statement = select(images).where(images.c.id.in_(labelled), *conditions_of(query))
    return tuple(image_of(row) for row in tx.execute(statement.order_by(images.c.id).limit(limit)))


def by_digest(tx: Connection, start: str) -> Image:
    """The image whose digest is ``start`` or begins with it.

    Raises:
        NotFound: there is none. Conflict: there are several.
    """
    return image_of(by_prefix(tx, select(images), images.c.digest, start, "image"))


def by_digests(tx: Connection, digests: Sequence[Digest]) -> dict[Digest, Image]:
    """Those of ``digests`` that are stored."""
    return {row.digest: image_of(row) for row in matching(tx, select(images), images.c.digest, digests)}


def known_blobs(tx: Connection, blobs: Sequence[Digest]) -> dict[Digest, Digest]:
    """Which files were imported before: digest of the file's bytes -> digest of the picture."""
    statement = select(image_sources.c.blob, images.c.digest).join(images)
    return {row.blob: row.digest for row in matching(tx, statement, image_sources.c.blob, blobs)}


def of_serials(tx: Connection, serials: Sequence[str]) -> tuple[Image, ...]:
    """All pictures of the parts with these serials, in order of arrival."""
    found = matching(tx, select(images), images.c.serial, serials)
    return tuple(image_of(row) for row in sorted(found, key=lambda row: int(row.id)))


def from_stations(tx: Connection, digests: Sequence[Digest]) -> frozenset[Digest]:
    """Those of ``digests`` that came back from a line."""
    statement = select(images.c.digest).join(image_sources)
    came = statement.where(image_sources.c.source >= STATIONS, image_sources.c.source < STATIONS_END)
    return frozenset(row.digest for row in matching(tx, came, images.c.digest, digests))


def names(tx: Connection, digests: Sequence[Digest]) -> dict[Digest, tuple[str, ...]]:
    """Every name an image came under, from all sources, sorted: image -> names."""
    statement = select(images.c.digest, image_sources.c.name).join(image_sources)
    found: dict[Digest, set[str]] = defaultdict(set)
    for row in matching(tx, statement, images.c.digest, digests):
        found[row.digest].add(row.name)
    return {digest: tuple(sorted(these)) for digest, these in found.items()}


@dataclass(frozen=True, slots=True)
class Arrival:
    """One way an image came here."""

    source: str
    name: str
    author: str
    at: Timestamp


def arrivals(tx: Connection, digest: Digest) -> tuple[Arrival, ...]:
    """Every source and name an image came from, the first first."""
    statement = select(image_sources).join(images).where(images.c.digest == digest)
    found = tx.execute(statement.order_by(image_sources.c.id))
    return tuple(Arrival(row.source, row.name, row.author, row.at) for row in found)


def sources(tx: Connection) -> dict[str, int]:
    """All sources with the number of pictures in each."""
    number = func.count(image_sources.c.image_id.distinct())
    found = tx.execute(select(image_sources.c.source, number).group_by(image_sources.c.source))
    return dict(sorted((source, count) for source, count in found))


def ids(tx: Connection, digests: Sequence[Digest]) -> dict[Digest, int]:
    """Row ids of those of ``digests`` that are stored; for other tables of this floor."""
    statement = select(images.c.id, images.c.digest)
    return {row.digest: row.id for row in matching(tx, statement, images.c.digest, digests)}


def _row(image: Image) -> dict[str, object]:
    origin: Values = {name: getattr(image.origin, name) for name in METADATA_FIELDS}
    return {
        "digest": image.digest,
        "blob": image.blob,
        "name": image.name,
        "size": image.size,
        "height": image.shape.height,
        "width": image.shape.width,
        "channels": image.shape.channels,
        "bit_depth": image.shape.bit_depth,
        "extra": as_text(image.origin.extra),
        **origin,
    }


def image_of(row: Row[Any]) -> Image:
    """What a row of the table is about; for other modules of this floor."""
    origin = Origin(**{name: getattr(row, name) for name in METADATA_FIELDS}, extra=from_text(row.extra))
    shape = Shape(row.height, row.width, row.channels, row.bit_depth)
    return Image(row.digest, row.blob, row.name, row.size, shape, origin)


def conditions_of(query: ImageFilter) -> list[ColumnElement[bool]]:
    """What a row of the table must fulfil to pass ``query``; for other modules of this floor."""
    conditions = [
        images.c[name] == getattr(query, name)
        for name in ("part_type", "line", "station", "lot")
        if getattr(query, name) is not None
    ]
    if query.captured_from is not None:
        conditions.append(images.c.captured_at >= query.captured_from)
    if query.captured_before is not None:
        conditions.append(images.c.captured_at < query.captured_before)
    if query.source is not None:
        conditions.append(images.c.id.in_(_of_source(query.source)))
    if query.concept is not None:
        conditions.append(images.c.id.in_(_with_concept(query.concept)))
    if query.clean is not None:
        shown = images.c.id.in_(_with_concept(CLEAN))
        conditions.append(and_(shown, ~is_defective()) if query.clean else is_defective())
    if query.labelled is not None:
        said = exists().where(image_labels.c.image_id == images.c.id)
        conditions.append(said if query.labelled else ~said)
    return conditions


def _of_source(source: str) -> Select[tuple[int]]:
    return select(image_sources.c.image_id).where(image_sources.c.source == source)


def _with_concept(concept: str) -> Select[tuple[int]]:
    return select(image_labels.c.image_id).where(image_labels.c.concept == concept)


def is_defective() -> ColumnElement[bool]:
    """An accepted defect is on the image; conditions and attributes, like a pen mark, are none."""
    version = select(func.max(ontologies.c.version)).scalar_subquery()
    harmless = select(concepts.c.name).where(
        concepts.c.version == version, concepts.c.kind != ConceptKind.DEFECT
    )
    labels = image_labels.alias()
    return exists().where(
        labels.c.image_id == images.c.id, labels.c.concept != CLEAN, labels.c.concept.not_in(harmless)
    )

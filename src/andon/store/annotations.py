"""Annotations, revision by revision, and the projection ``image_labels`` of those in force."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, select

from andon.domain.annotations import Annotation, AnnotationState, Geometry
from andon.domain.serial import from_json
from andon.domain.splitting import CLEAN
from andon.errors import Conflict, NotFound
from andon.store import images as stored_images
from andon.store.rows import KEYS_A_QUERY, as_text, from_text, matching
from andon.store.tables import annotations, image_labels, images
from andon.units import Digest, Timestamp

LOOKED_THROUGH = 20_000


def add(tx: Connection, added: Sequence[Annotation]) -> int:
    """Add revisions; a revision that is there already, saying the same, is passed over.

    Returns:
        how many were new.

    Raises:
        NotFound: an image is not stored.
        Conflict: a revision is there and says something else, a revision is left out, or it moves to
            another image: somebody else edited the annotation meanwhile.
    """
    image_ids = stored_images.ids(tx, [annotation.image for annotation in added])
    last, new = _latest(tx, [annotation.id for annotation in added]), []
    for annotation in added:
        if annotation.image not in image_ids:
            raise NotFound(f"there is no image {annotation.image} to annotate")
        before = last.get(annotation.id, ())
        if annotation.revision <= len(before):
            _refuse_difference(before[annotation.revision - 1], annotation)
            continue
        _refuse_gap(before, annotation)
        last[annotation.id] = (*before, annotation)
        new.append(annotation)
    if new:
        tx.execute(annotations.insert(), [_row(a, image_ids[a.image]) for a in new])
        _project(tx, {image_ids[a.image] for a in new})
    return len(new)


def current(tx: Connection, digests: Sequence[Digest]) -> dict[Digest, tuple[Annotation, ...]]:
    """The annotations in force (highest revision, any state), by image, first made first."""
    in_force = {a.id: a for a in _read(tx, _revisions(), images.c.digest, digests)}
    found: dict[Digest, list[Annotation]] = defaultdict(list)
    for annotation in in_force.values():
        found[annotation.image].append(annotation)
    return {digest: tuple(these) for digest, these in found.items()}


def history(tx: Connection, annotation_id: str) -> tuple[Annotation, ...]:
    """All revisions of one annotation, first to last.

    Raises:
        NotFound: there is no such annotation.
    """
    found = _latest(tx, [annotation_id])
    if annotation_id not in found:
        raise NotFound(f"there is no annotation {annotation_id!r}")
    return found[annotation_id]


def made_at(tx: Connection, author: str, at: Timestamp) -> tuple[Annotation, ...]:
    """Accepted annotations that ``author`` made at that moment and that nobody has revised.

    Only the latest ``LOOKED_THROUGH`` revisions are looked through.
    """
    latest = select(annotations).order_by(annotations.c.id.desc()).limit(LOOKED_THROUGH).subquery()
    wanted = select(latest.c.annotation).where(latest.c.author == author, latest.c.at == at)
    found = _latest(tx, tx.execute(wanted).scalars().all())
    whole = [revisions[0] for revisions in found.values() if len(revisions) == 1]
    return tuple(one for one in whole if one.state is AnnotationState.ACCEPTED)


def labels(tx: Connection, digests: Sequence[Digest]) -> dict[Digest, frozenset[str]]:
    """Concepts accepted on images now, from the projection; ``CLEAN`` stands for accepted clean.

    An image nobody has looked at is not in the answer.
    """
    statement = select(images.c.digest, image_labels.c.concept).join(image_labels)
    found: dict[Digest, set[str]] = defaultdict(set)
    for row in matching(tx, statement, images.c.digest, digests):
        found[row.digest].add(row.concept)
    return {digest: frozenset(these) for digest, these in found.items()}


def rebuild_labels(tx: Connection) -> None:
    """Make the projection anew from the facts; changes nothing when both agree, which a test shows."""
    tx.execute(delete(image_labels))
    _project(tx, tx.execute(select(annotations.c.image_id).distinct()).scalars().all())


def _latest(tx: Connection, keys: Sequence[str]) -> dict[str, tuple[Annotation, ...]]:
    found: dict[str, tuple[Annotation, ...]] = {}
    for annotation in _read(tx, _revisions(), annotations.c.annotation, keys):
        found[annotation.id] = (*found.get(annotation.id, ()), annotation)
    return found


def _revisions() -> Select[Any]:
    statement = select(annotations, images.c.digest).join(images)
    return statement.order_by(annotations.c.id)


def _read(tx: Connection, statement: Select[Any], column: Any, keys: Sequence[str]) -> list[Annotation]:
    return [_annotation(row) for row in matching(tx, statement, column, keys)]


def _refuse_difference(stored: Annotation, given: Annotation) -> None:
    if _statement(stored) != _statement(given):
        raise Conflict(
            f"annotation {given.id} has another revision {given.revision} already",
            "Somebody edited it meanwhile: look at theirs, then edit again.",
        )


def _refuse_gap(before: Sequence[Annotation], given: Annotation) -> None:
    if given.revision != len(before) + 1:
        raise Conflict(f"annotation {given.id} has {len(before)} revisions, {given.revision} cannot follow")
    if before and before[-1].image != given.image:
        raise Conflict(f"annotation {given.id} belongs to another image", "Make a new annotation.")


def _statement(annotation: Annotation) -> tuple[object, ...]:
    return (annotation.image, annotation.concept, annotation.geometry, annotation.state)


def _project(tx: Connection, image_ids: Iterable[int]) -> None:
    ordered = sorted(image_ids)
    for start in range(0, len(ordered), KEYS_A_QUERY):
        _project_some(tx, ordered[start : start + KEYS_A_QUERY])


def _project_some(tx: Connection, image_ids: Sequence[int]) -> None:
    columns = (annotations.c.image_id, annotations.c.annotation, annotations.c.concept, annotations.c.state)
    of_images = annotations.c.image_id.in_(image_ids)
    statement = select(*columns).where(of_images).order_by(annotations.c.revision)
    in_force = {row.annotation: row for row in tx.execute(statement)}
    accepted = {
        (row.image_id, CLEAN if row.concept is None else row.concept)
        for row in in_force.values()
        if row.state == AnnotationState.ACCEPTED
    }
    tx.execute(delete(image_labels).where(image_labels.c.image_id.in_(image_ids)))
    if accepted:
        rows = [{"image_id": image_id, "concept": concept} for image_id, concept in sorted(accepted)]
        tx.execute(image_labels.insert(), rows)


def _row(annotation: Annotation, image_id: int) -> dict[str, object]:
    return {
        "annotation": annotation.id,
        "revision": annotation.revision,
        "image_id": image_id,
        "concept": annotation.concept,
        "geometry": as_text(annotation.geometry, Geometry),
        "state": annotation.state,
        "author": annotation.author,
        "at": annotation.at,
    }


def _annotation(row: Row[Any]) -> Annotation:
    return Annotation(
        id=row.annotation,
        revision=row.revision,
        image=row.digest,
        concept=row.concept,
        geometry=from_json(Geometry, from_text(row.geometry)),
        state=AnnotationState(row.state),
        author=row.author,
        at=row.at,
    )

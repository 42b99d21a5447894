"""What people said of inspections. Only ever added to; the latest of an inspection counts."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from andon.domain.feedback import Answer, Queue, Review
from andon.errors import NotFound
from andon.store.rows import add_new, matching
from andon.store.tables import inspections, reviews
from andon.units import Digest


def add(tx: Connection, added: Sequence[Review]) -> frozenset[str]:
    """Record reviews; those whose id is recorded are passed over. Gives the ids of the new ones.

    Raises:
        NotFound: an inspection is not recorded.
    """
    query = select(inspections.c.id, inspections.c.inspection)
    found = matching(tx, query, inspections.c.inspection, [review.inspection for review in added])
    ids = {row.inspection: row.id for row in found}
    for review in added:
        if review.inspection not in ids:
            raise NotFound(f"there is no inspection {review.inspection!r}")
    names = ("answer", "queue", "author", "at", "concept", "note")
    rows = [
        {name: getattr(review, name) for name in names}
        | {"review": review.id, "inspection_id": ids[review.inspection]}
        for review in added
    ]
    return frozenset(add_new(tx, reviews, rows, "review"))


def known(tx: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Those of ``ids`` that are recorded: review -> its inspection."""
    return {row.review: row.inspection for row in matching(tx, _rows(), reviews.c.review, ids)}


def of(tx: Connection, inspection: str) -> tuple[Review, ...]:
    """All reviews of one inspection (its full id), first to last."""
    found = tx.execute(_rows().where(inspections.c.inspection == inspection).order_by(reviews.c.id))
    return tuple(review_of(row) for row in found)


def latest(tx: Connection, ids: Collection[str]) -> dict[str, Review]:
    """The review that counts of those of the inspections ``ids`` that have one."""
    found = sorted(matching(tx, _rows(), inspections.c.inspection, list(ids)), key=lambda row: int(row.id))
    return {row.inspection: review_of(row) for row in found}


def contradicted(tx: Connection) -> dict[Digest, Answer]:
    """Images of which the latest review says that the verdict was wrong: MISSED or FALSE_ALARM."""
    last = select(func.max(reviews.c.id)).group_by(reviews.c.inspection_id)
    wrong = reviews.c.answer.in_([Answer.MISSED, Answer.FALSE_ALARM])
    joined = reviews.join(inspections, inspections.c.id == reviews.c.inspection_id)
    found = tx.execute(
        select(inspections.c.image, reviews.c.answer)
        .select_from(joined)
        .where(wrong, inspections.c.image.is_not(None), reviews.c.id.in_(last))
        .order_by(reviews.c.id)
    )
    return {row.image: Answer(row.answer) for row in found}


def review_of(row: Row[Any]) -> Review:
    """The review that a row holds: all columns of ``reviews``, and the id of its inspection."""
    return Review(
        id=row.review,
        inspection=row.inspection,
        answer=Answer(row.answer),
        queue=Queue(row.queue),
        author=row.author,
        at=row.at,
        concept=row.concept,
        note=row.note,
    )


def _rows() -> Select[Any]:
    joined = reviews.join(inspections, inspections.c.id == reviews.c.inspection_id)
    return select(reviews, inspections.c.inspection).select_from(joined)

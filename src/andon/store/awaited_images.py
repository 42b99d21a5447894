"""Kept images whose file is still to come: which inspections a blob belongs to when it arrives."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from andon.store.rows import add_new
from andon.store.tables import awaited_images
from andon.units import Digest, Timestamp

AT_ONCE = 1000
"""Inspections that one blob is looked up for."""


def add(tx: Connection, awaited: Sequence[tuple[Digest, str]], author: str, at: Timestamp) -> None:
    """Note that (blob, inspection id) pairs wait for the blob; those noted already stay."""
    rows = [{"blob": blob, "inspection": of, "author": author, "at": at} for blob, of in awaited]
    add_new(tx, awaited_images, rows, "id")


def waiting_for(tx: Connection, blob: Digest) -> tuple[str, ...]:
    """Ids of inspections that wait for ``blob``, in order of arrival."""
    query = select(awaited_images.c.inspection).where(awaited_images.c.blob == blob)
    return tuple(tx.execute(query.order_by(awaited_images.c.id).limit(AT_ONCE)).scalars())


def remove(tx: Connection, blob: Digest, inspections: Sequence[str]) -> None:
    """These inspections have their picture now."""
    done = awaited_images.c.inspection.in_(inspections)
    tx.execute(delete(awaited_images).where(awaited_images.c.blob == blob, done))

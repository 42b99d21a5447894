"""Kept pictures that stations gave up before they were sent: nobody waits for them any more."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, delete, select

from andon.store.rows import add_new, matching
from andon.store.tables import awaited_images, inspections, lost_images
from andon.units import Timestamp


def add(tx: Connection, ids: Sequence[str], author: str, at: Timestamp) -> int:
    """Note that the pictures of those inspections ``ids`` that are waited for will never come; how many.

    Of others there is nothing to note: their picture is here, or was never to come.
    """
    waiting = {
        row.inspection
        for row in matching(tx, select(awaited_images.c.inspection), awaited_images.c.inspection, ids)
    }
    query = select(inspections.c.id, inspections.c.inspection)
    found = list(matching(tx, query, inspections.c.inspection, sorted(waiting)))
    rows = [{"inspection_id": row.id, "author": author, "at": at} for row in found]
    add_new(tx, lost_images, rows, "id")
    for inspection in sorted(waiting):
        tx.execute(delete(awaited_images).where(awaited_images.c.inspection == inspection))
    return len(rows)


def among(tx: Connection, ids: Collection[str]) -> frozenset[str]:
    """Those of the inspections ``ids`` whose picture was given up."""
    joined = lost_images.join(inspections, inspections.c.id == lost_images.c.inspection_id)
    query = select(inspections.c.inspection).select_from(joined)
    return frozenset(row.inspection for row in matching(tx, query, inspections.c.inspection, list(ids)))

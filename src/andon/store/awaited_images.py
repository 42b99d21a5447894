"""Kept images whose file is still to come: which inspections a blob belongs to when it arrives."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from andon.store.rows import KEYS_A_QUERY, add_new, matching
from andon.store.tables import awaited_images
from andon.units import Digest, Timestamp


def add(tx: Connection, awaited: Sequence[tuple[Digest, str]], author: str, at: Timestamp) -> None:
    """Note that (blob, inspection id) pairs wait for the blob; those noted already stay."""
    rows = [{"blob": blob, "inspection": of, "author": author, "at": at} for blob, of in awaited]
    add_new(tx, awaited_images, rows, "id")


def waiting_for(tx: Connection, blobs: Sequence[Digest]) -> dict[Digest, tuple[str, ...]]:
    """Those of ``blobs`` that are waited for, with the ids of the inspections in order of arrival."""
    found: dict[Digest, list[str]] = defaultdict(list)
    for row in sorted(matching(tx, select(awaited_images), awaited_images.c.blob, blobs), key=_arrival):
        found[row.blob].append(row.inspection)
    return {blob: tuple(inspections) for blob, inspections in found.items()}


def remove(tx: Connection, blob: Digest, inspections: Sequence[str]) -> None:
    """These inspections have their picture now."""
    of_blob = awaited_images.c.blob == blob
    for start in range(0, len(inspections), KEYS_A_QUERY):
        done = awaited_images.c.inspection.in_(inspections[start : start + KEYS_A_QUERY])
        tx.execute(delete(awaited_images).where(of_blob, done))


def among(tx: Connection, inspections: Sequence[str]) -> frozenset[str]:
    """Those of the inspections whose picture is still to come."""
    column = awaited_images.c.inspection
    return frozenset(row.inspection for row in matching(tx, select(column), column, inspections))


def _arrival(row: Row[Any]) -> int:
    return int(row.id)

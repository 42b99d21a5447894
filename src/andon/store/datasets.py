"""Data sets and their snapshots: what was asked for, and what was frozen."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from andon.domain.datasets import DatasetSpec, Snapshot
from andon.domain.serial import from_json, to_json
from andon.errors import NotFound
from andon.store.paging import Cut, Page, newest_first
from andon.store.rows import add_new, as_text, by_prefix, from_text, next_version
from andon.store.tables import datasets, snapshots
from andon.units import Digest, Timestamp


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """What is recorded about a snapshot; its items are in the manifest blob of the same digest.

    Attributes:
        counts: split -> number of images, parts, and images of each concept (``concept:<name>``).
    """

    digest: Digest
    dataset: str
    dataset_version: int
    images: int
    counts: Mapping[str, Mapping[str, int]]
    author: str
    at: Timestamp

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        facts: dict[str, Any] = to_json(self)
        return facts


def add_snapshot(tx: Connection, spec: DatasetSpec, snapshot: Snapshot, author: str, at: Timestamp) -> None:
    """Record ``snapshot`` and what was asked for; the same of the same data set is recorded once."""
    row = {
        "digest": snapshot.digest,
        "dataset_id": _dataset_id(tx, spec, author, at),
        "images": len(snapshot.items),
        "counts": as_text(_counts(snapshot)),
        "author": author,
        "at": at,
    }
    add_new(tx, snapshots, [row], "id")


def find(tx: Connection, name: str) -> SnapshotRow:
    """The latest snapshot of the data set ``name``; else the one whose digest begins with ``name``.

    Raises:
        NotFound: there is none.
        Conflict: several digests begin so.
    """
    latest = _rows().where(datasets.c.name == name).order_by(snapshots.c.id.desc()).limit(1)
    row = tx.execute(latest).one_or_none()
    if row is not None:
        return _snapshot(row)
    return _snapshot(by_prefix(tx, _rows(), snapshots.c.digest, name, "data set or snapshot"))


def page(tx: Connection, after: int | None, limit: int) -> Page[SnapshotRow]:
    """Snapshots, newest first."""
    return newest_first(tx, _rows(), snapshots, Cut(after, limit), _snapshot)


def spec(tx: Connection, name: str, version: int | None = None) -> DatasetSpec:
    """What the data set ``name`` asked for when it was frozen last, or in ``version``.

    Raises:
        NotFound: there is no such data set.
    """
    statement = select(datasets.c.spec).where(datasets.c.name == name)
    if version is not None:
        statement = statement.where(datasets.c.version == version)
    found = tx.execute(statement.order_by(datasets.c.version.desc()).limit(1)).scalar()
    if found is None:
        raise NotFound(f"there is no data set {name!r}", "Freeze one with `andon datasets freeze`.")
    return from_json(DatasetSpec, from_text(found))


def _dataset_id(tx: Connection, spec: DatasetSpec, author: str, at: Timestamp) -> int:
    """Row of the data set's version that asks for ``spec``: the current one, or a new one."""
    current = select(datasets).where(datasets.c.name == spec.name).order_by(datasets.c.version.desc())
    row, text = tx.execute(current.limit(1)).one_or_none(), as_text(spec)
    if row is not None and row.spec == text:
        return int(row.id)
    version = next_version(tx, datasets, name=spec.name)
    values = {"name": spec.name, "version": version, "spec": text, "author": author, "at": at}
    added: int = tx.execute(datasets.insert().values(values).returning(datasets.c.id)).scalar_one()
    return added


def _counts(snapshot: Snapshot) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    parts: dict[str, set[str]] = {}
    for item in snapshot.items:
        counter = counts.setdefault(str(item.split), Counter())
        counter["images"] += 1
        counter.update(f"concept:{name}" for name in item.concepts())
        parts.setdefault(str(item.split), set()).add(item.part)
    return {split: {**counter, "parts": len(parts[split])} for split, counter in counts.items()}


def _rows() -> Select[Any]:
    return select(snapshots, datasets.c.name, datasets.c.version).join(datasets)


def _snapshot(row: Row[Any]) -> SnapshotRow:
    return SnapshotRow(
        digest=row.digest,
        dataset=row.name,
        dataset_version=row.version,
        images=row.images,
        counts=from_text(row.counts),
        author=row.author,
        at=row.at,
    )

"""Packages as recorded, and what was measured on them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from andon.domain.models import Manifest, Package, Parity
from andon.domain.serial import from_json
from andon.errors import NotFound
from andon.store.paging import Cut, Page, newest_first
from andon.store.rows import add_new, as_text, by_prefix, from_text, matching
from andon.store.tables import attestations as attestation_rows
from andon.store.tables import packages
from andon.units import Digest, Timestamp


@dataclass(frozen=True, slots=True)
class Attestation:
    """Something measured on a package.

    Attributes:
        kind: what was measured, e.g. ``evaluation`` or ``benchmark``.
        facts: JSON values.
    """

    package: Digest
    kind: str
    facts: Mapping[str, Any]
    author: str
    at: Timestamp


def add(tx: Connection, package: Package, author: str, at: Timestamp) -> bool:
    """Record a package; False when it is recorded already (then nothing changes)."""
    row = {
        "digest": package.digest,
        "name": package.manifest.name,
        "run": package.run,
        "manifest": as_text(package.manifest),
        "parity": as_text(package.parity),
        "author": author,
        "at": at,
    }
    return bool(add_new(tx, packages, [row], "id"))


def get(tx: Connection, start: str) -> Package:
    """The package whose digest is ``start`` or begins with it.

    Raises:
        NotFound: there is none.
        Conflict: several digests begin so.
    """
    return _package(by_prefix(tx, select(packages), packages.c.digest, start, "model"))


def page(tx: Connection, after: int | None, limit: int) -> Page[Package]:
    """Packages, newest first."""
    return newest_first(tx, select(packages), packages, Cut(after, limit), _package)


def latest(tx: Connection) -> Package:
    """The package recorded last.

    Raises:
        NotFound: there is none.
    """
    row = tx.execute(select(packages).order_by(packages.c.id.desc()).limit(1)).one_or_none()
    if row is None:
        raise NotFound("there is no model yet", "Make one with `andon train`.")
    return _package(row)


def add_attestation(
    tx: Connection, package: Digest, kind: str, facts: Mapping[str, Any], by: tuple[str, Timestamp]
) -> None:
    """Add a measurement; ``by`` is author and time.

    Raises:
        NotFound: the package is not recorded.
        InvalidInput: a value is NaN or infinite.
    """
    package_id(tx, package)
    values = {"package": package, "kind": kind, "facts": as_text(facts), "author": by[0], "at": by[1]}
    tx.execute(attestation_rows.insert(), values)


def attestations(tx: Connection, package: Digest) -> tuple[Attestation, ...]:
    """What was measured on a package, first to last."""
    statement = select(attestation_rows).where(attestation_rows.c.package == package)
    return tuple(
        Attestation(row.package, row.kind, from_text(row.facts), row.author, row.at)
        for row in tx.execute(statement.order_by(attestation_rows.c.id))
    )


def package_id(tx: Connection, digest: Digest) -> int:
    """Row id of a package, for other tables of this floor.

    Raises:
        NotFound: it is not recorded.
    """
    found: int | None = tx.execute(select(packages.c.id).where(packages.c.digest == digest)).scalar()
    if found is None:
        raise NotFound(f"there is no model {digest!r}")
    return found


def ids(tx: Connection, digests: Collection[Digest]) -> dict[Digest, int]:
    """Row ids of those of ``digests`` that are recorded; for other tables of this floor."""
    statement = select(packages.c.id, packages.c.digest)
    return {row.digest: row.id for row in matching(tx, statement, packages.c.digest, sorted(digests))}


def _package(row: Row[Any]) -> Package:
    return Package(
        digest=row.digest,
        manifest=from_json(Manifest, from_text(row.manifest)),
        run=row.run,
        parity=from_json(tuple[Parity, ...], from_text(row.parity)),
    )

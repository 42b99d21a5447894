"""Who let packages go to stations, and who took that back. Only ever added to."""

from typing import Any

from sqlalchemy import Connection, Row, func, select

from andon.domain.approvals import Approval, ApprovalDecision
from andon.store import models
from andon.store.tables import approvals, attestations, packages
from andon.units import Digest


def add(tx: Connection, approval: Approval) -> None:
    """Record a decision.

    Raises:
        NotFound: the package is not recorded.
    """
    models.package_id(tx, approval.package)
    names = ("package", "decision", "reason", "author", "at")
    tx.execute(approvals.insert(), {name: getattr(approval, name) for name in names})


def latest(tx: Connection, package: Digest) -> Approval | None:
    """The decision that counts; None where nobody has decided."""
    statement = select(approvals).where(approvals.c.package == package).order_by(approvals.c.id.desc())
    row = tx.execute(statement.limit(1)).one_or_none()
    return None if row is None else _approval(row)


def of_package(tx: Connection, package: Digest) -> tuple[Approval, ...]:
    """All decisions on a package, first to last."""
    statement = select(approvals).where(approvals.c.package == package).order_by(approvals.c.id)
    return tuple(_approval(row) for row in tx.execute(statement))


def approved(tx: Connection) -> frozenset[Digest]:
    """Packages that are approved now."""
    newest = select(func.max(approvals.c.id)).group_by(approvals.c.package)
    wanted = approvals.c.id.in_(newest) & (approvals.c.decision == ApprovalDecision.APPROVED)
    return frozenset(
        Digest(found) for found in tx.execute(select(approvals.c.package).where(wanted)).scalars()
    )


def undecided(tx: Connection, measured: str, limit: int = 20) -> tuple[Digest, ...]:
    """Packages with an attestation of kind ``measured`` and no decision, newest first.

    Only those newer than every decided package: a decision settles what came before it.
    """
    decided = select(packages.c.id).join(approvals, approvals.c.package == packages.c.digest)
    last = select(func.coalesce(func.max(decided.subquery().c.id), 0)).scalar_subquery()
    known = select(attestations.c.package).where(attestations.c.kind == measured)
    wanted = (packages.c.id > last) & packages.c.digest.in_(known)
    found = tx.execute(select(packages.c.digest).where(wanted).order_by(packages.c.id.desc()).limit(limit))
    return tuple(Digest(digest) for digest in found.scalars())


def _approval(row: Row[Any]) -> Approval:
    return Approval(row.package, ApprovalDecision(row.decision), row.reason, row.author, row.at)

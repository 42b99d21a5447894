"""Approvals of models: only an approved model goes to stations."""

from sqlalchemy import Connection

from andon.domain.approvals import (
    Approval,
    ApprovalDecision,
    check_approval,
    check_gates,
    check_withdrawal,
)
from andon.domain.needs import Need
from andon.services.gates import running
from andon.services.loops import go_on, models_in_hand
from andon.services.release_progress import unreleased
from andon.services.scores import EVALUATION, is_evaluated
from andon.services.workspaces import Workspace, now
from andon.store import approvals as stored_approvals
from andon.store import gates as stored_gates
from andon.store import models as stored_models
from andon.units import Digest


def approve(workspace: Workspace, digest: str, reason: str) -> Approval:
    """Let a model go to stations; a turn of the loop that waited for it goes on.

    Args:
        workspace: where it is recorded.
        digest: of the package, or the beginning of it.
        reason: why, in a sentence.

    Raises:
        NotFound, Conflict: no package, or several, begin so; or it is approved already.
        InvalidInput: there is no reason.
        Refused: no variant passed parity, it was never evaluated, or another model runs on a station and
            no gate against that one has passed it.
    """
    with workspace.database.write() as tx:
        package = stored_models.get(tx, digest)
        latest = stored_approvals.latest(tx, package.digest)
        check_approval(package, is_evaluated(tx, package.digest), latest, reason)
        check_gates(package, running(tx), stored_gates.latest_of_package(tx, package.digest))
        approval = _add(workspace, tx, package.digest, (ApprovalDecision.APPROVED, reason))
    go_on(workspace)
    return approval


def withdraw(workspace: Workspace, digest: str, reason: str) -> Approval:
    """Take an approval back: no station is assigned the model any more; those that run it go on.

    Raises:
        NotFound, Conflict: no package, or several, begin so; or it is not approved.
        InvalidInput: there is no reason.
    """
    with workspace.database.write() as tx:
        package = stored_models.get(tx, digest)
        check_withdrawal(package, stored_approvals.latest(tx, package.digest), reason)
        return _add(workspace, tx, package.digest, (ApprovalDecision.WITHDRAWN, reason))


def is_approved(workspace: Workspace, digest: Digest) -> bool:
    """Whether the package with exactly this digest may go to stations."""
    with workspace.database.read() as tx:
        latest = stored_approvals.latest(tx, digest)
    return latest is not None and latest.decision is ApprovalDecision.APPROVED


def approvals_of(workspace: Workspace, digest: Digest) -> tuple[Approval, ...]:
    """All decisions on a package, first to last."""
    with workspace.database.read() as tx:
        return stored_approvals.of_package(tx, digest)


def approved_packages(workspace: Workspace) -> frozenset[Digest]:
    """Packages that are approved now."""
    with workspace.database.read() as tx:
        return stored_approvals.approved(tx)


def approval_needs(workspace: Workspace) -> tuple[Need, ...]:
    """Models that were evaluated, and on which nobody has decided.

    Those of which a turn or a gate that passed says more are theirs to tell of.
    """
    with workspace.database.read() as tx:
        found = stored_approvals.undecided(tx, EVALUATION)
        elsewhere = models_in_hand(tx) | {one.package for one in unreleased(tx)}
    undecided = [digest for digest in found if digest not in elsewhere]
    return tuple(
        Need(
            f"Model {digest[:12]} is evaluated, and nobody has decided on it",
            "Look at its figures and its worst cases, then approve it or leave it.",
            False,
            f"/models/{digest}",
        )
        for digest in undecided
    )


def _add(
    workspace: Workspace, tx: Connection, package: Digest, decided: tuple[ApprovalDecision, str]
) -> Approval:
    decision, reason = decided
    approval = Approval(package, decision, reason.strip(), workspace.who, now())
    stored_approvals.add(tx, approval)
    return approval

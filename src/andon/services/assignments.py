"""Assignments: the one way on which a station is told what to run, counted and signed."""

from sqlalchemy import Connection

from andon.domain.approvals import ApprovalDecision
from andon.domain.models import Package, Precision, Variant
from andon.domain.recipes import Recipe
from andon.domain.stations import Assignment, Runnable
from andon.errors import Refused
from andon.services.workspaces import Workspace
from andon.store import approvals as stored_approvals
from andon.store import assignments as stored_assignments
from andon.store import models as stored_models
from andon.store.assignments import SignedRow
from andon.trust.assignments import sign
from andon.trust.keys import SigningKey, signing_key
from andon.units import Digest


def put_in_force(tx: Connection, assignment: Assignment, key: SigningKey) -> None:
    """Sign an assignment; from the commit on it is what its station should run.

    Its counter must be ``store.assignments.next_counter`` of the same transaction.

    Raises:
        NotFound: its recipe version is not recorded.
        Conflict: another assignment took the counter at the same time.
    """
    signed = sign(assignment, key)
    stored_assignments.add(tx, assignment, SignedRow(signed.payload, signed.signature))


def hub_key(workspace: Workspace) -> SigningKey:
    """The hub's key, made when first asked for.

    Raises:
        OperatorError: its file cannot be read or made, or others can read it.
    """
    return signing_key(workspace.folder / "keys" / "hub.ed25519")


def usable_variants(package: Package) -> tuple[Variant, ...]:
    """The variants of a model that a station may choose from: in single precision alone.

    Evaluation, cuts and gates judge single precision.  BF16 moves a score by up to its tolerance, which can
    carry one that lies beside a cut across it: what nobody judged decides on no part.

    Raises:
        Refused: none passed parity.
    """
    passed = (parity.variant for parity in package.parity if parity.passed)
    variants = tuple(variant for variant in passed if variant.precision is Precision.F32)
    if not variants:
        raise Refused(
            f"no variant of model {package.digest[:12]} in single precision passed parity",
            "Train it again.",
        )
    return variants


def runnable(tx: Connection, recipe: Recipe) -> Runnable:
    """A recipe version with the variants of its model that a station may choose from.

    Raises:
        Refused: none did.
    """
    return Runnable(recipe, usable_variants(stored_models.get(tx, recipe.package)))


def is_approved(tx: Connection, package: Digest) -> bool:
    """Whether the model may go to stations now."""
    latest = stored_approvals.latest(tx, package)
    return latest is not None and latest.decision is ApprovalDecision.APPROVED


def refuse_unapproved(tx: Connection, recipe: Recipe) -> None:
    """Return where the recipe's model may go to stations.

    Raises:
        Refused: it is not approved.
    """
    if not is_approved(tx, recipe.package):
        raise Refused(
            f"model {recipe.package[:12]} of recipe {recipe.name}@{recipe.version} is not approved",
            f"Approve it on its page, or run `andon models approve {recipe.package[:12]}`.",
        )

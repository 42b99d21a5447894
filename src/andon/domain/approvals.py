"""Approvals: somebody says, with a reason, that a model may go to stations, or takes that back."""

from dataclasses import dataclass
from enum import StrEnum

from andon.domain.models import Package
from andon.errors import Conflict, InvalidInput, Refused
from andon.units import Digest, Timestamp

MAX_REASON_LENGTH = 2000


class ApprovalDecision(StrEnum):
    """What was decided; the latest decision on a package counts."""

    APPROVED = "approved"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Approval:
    """One decision on one package."""

    package: Digest
    decision: ApprovalDecision
    reason: str
    author: str
    at: Timestamp


def check_approval(package: Package, evaluated: bool, latest: Approval | None, reason: str) -> None:
    """Whether ``package`` may be approved now, for ``reason``.

    Raises:
        InvalidInput: there is no reason, or it is too long.
        Refused: no variant passed parity, or the model was never evaluated.
        Conflict: it is approved already.
    """
    _check_reason(reason)
    name = f"model {package.digest[:12]}"
    if not any(parity.passed for parity in package.parity):
        raise Refused(
            f"{name} cannot be approved: no variant of it scores like the model that was trained",
            "Look at its parity, and train or export it again.",
        )
    if not evaluated:
        raise Refused(
            f"{name} cannot be approved: it was never evaluated, so nothing is known of its escapes",
            f"Evaluate it on its model page, or with `andon models evaluate {package.digest[:12]}`.",
        )
    if latest is not None and latest.decision is ApprovalDecision.APPROVED:
        raise Conflict(f"{name} is approved already, by {latest.author} at {latest.at}")


def check_withdrawal(package: Package, latest: Approval | None, reason: str) -> None:
    """Whether the approval of ``package`` may be withdrawn now, for ``reason``.

    Raises:
        InvalidInput: there is no reason, or it is too long.
        Conflict: it is not approved.
    """
    _check_reason(reason)
    if latest is None or latest.decision is not ApprovalDecision.APPROVED:
        raise Conflict(f"model {package.digest[:12]} is not approved, so there is no approval to withdraw")


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidInput("an approval and its withdrawal need a reason", "Say why, in a sentence.")
    if len(reason) > MAX_REASON_LENGTH:
        raise InvalidInput(f"the reason has {len(reason)} characters, at most {MAX_REASON_LENGTH} are kept")

"""Approvals: somebody says, with a reason, that a model may go to stations, or takes that back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from andon.domain.gates import Gate
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


def check_gates(package: Package, runs: Mapping[str, Digest], gates: Sequence[Gate]) -> None:
    """Whether ``package`` was compared with what runs, and is not worse; nobody can override a refusal.

    Args:
        package: that somebody wants to approve.
        runs: recipe versions (``NAME@VERSION``) that stations run -> their packages. A package that runs
            already replaces nothing.
        gates: the latest of each of its recipe versions against each baseline, newest first.

    Raises:
        Refused: another model runs, and no recipe of the package has passed a gate against each version of
            the same recipe that runs; or, where none of that name does, against all it was compared with.
    """
    baseline = open_baseline(package, runs, gates)
    if not baseline:
        return
    name = f"model {package.digest[:12]}"
    refused = next((g for g in gates if g.request.baseline == baseline and not g.outcome.passed), None)
    if refused is None:
        candidate = gates[0].request.candidate if gates else "RECIPE"
        raise Refused(
            f"{name} cannot be approved: {baseline} runs, and no gate has compared the two",
            f"Run one on the page Gates, or with `andon gates run {candidate} --baseline {baseline}`.",
        )
    failed = ", ".join(check.name for check in refused.outcome.checks if not check.passed)
    raise Refused(
        f"{name} cannot be approved: its gate against {baseline} refused it ({failed})",
        "Look at the flips on the gate's page; label or train more, choose other cuts, or hold more golden "
        "parts where there were too few to be sure, and run the gate again.",
    )


def open_baseline(package: Package, runs: Mapping[str, Digest], gates: Sequence[Gate]) -> str:
    """What runs and ``package`` has to pass a gate against first, as ``NAME@VERSION``; empty: nothing.

    The arguments are those of :func:`check_gates`.
    """
    if not runs or package.digest in runs.values():
        return ""
    asked = [gate for gate in gates if gate.request.baseline in runs]
    candidates = dict.fromkeys(gate.request.candidate for gate in asked)
    open_questions = [_open(candidate, runs, asked) for candidate in candidates]
    if open_questions:
        return open_questions[0][0] if all(open_questions) else ""
    own = {gate.request.candidate.rpartition("@")[0] for gate in gates}
    same = (version for version in runs if version.rpartition("@")[0] in own)
    return next(same, next(iter(runs)))  # another product's version only where none of its own runs


def _open(candidate: str, runs: Mapping[str, Digest], gates: Sequence[Gate]) -> list[str]:
    """Versions that run and that ``candidate`` has not passed a gate against, though it should have."""
    own = {g.request.baseline or "": g.outcome.passed for g in gates if g.request.candidate == candidate}
    recipe = candidate.rpartition("@")[0]
    same = [version for version in runs if version.rpartition("@")[0] == recipe and version != candidate]
    return [version for version in same or own if not own.get(version, False)]


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

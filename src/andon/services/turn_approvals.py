"""What a turn that waits stands before: a gate that is missing, the word of its plan, or a person's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from andon.domain.approvals import ApprovalDecision, check_approval, check_gates, open_baseline
from andon.domain.gates import Gate, wider_than
from andon.domain.loops import LoopPlan, Turn, TurnStep
from andon.domain.models import Package
from andon.domain.recipes import Recipe
from andon.errors import Refused
from andon.services.gates import running
from andon.services.scores import is_evaluated
from andon.services.workspaces import Workspace
from andon.store import approvals as stored_approvals
from andon.store import gates as stored_gates
from andon.store import loops as stored_loops
from andon.store import models as stored_models
from andon.store import recipes as stored_recipes
from andon.units import Digest


@dataclass(frozen=True, slots=True)
class Standing:
    """How a turn stands before its approval.

    Attributes:
        refused: why its model cannot be approved now, by nobody; None where it can.
        baseline: ``NAME@VERSION`` that runs, and that no gate has compared its recipe with; may be empty.
        gate: that is enough for its plan to approve; None where only a person does.
    """

    refused: Refused | None = None
    baseline: str = ""
    gate: Gate | None = None


@dataclass(frozen=True, slots=True)
class _Compared:
    """A turn's model, what runs, and the gates that count of the turn's own recipe version."""

    package: Package
    runs: Mapping[str, Digest]
    gates: Sequence[Gate]


def standing(workspace: Workspace, turn: Turn) -> Standing:
    """How a turn that has its gate behind it stands before its approval, by what runs now."""
    with workspace.database.read() as tx:
        return standing_of(tx, turn)


def standing_of(tx: Connection, turn: Turn) -> Standing:
    """The same, where something is read already."""
    package = stored_models.get(tx, turn.subject(TurnStep.TRAINED))
    recipe = turn.subject(TurnStep.RECIPE)
    counting = stored_gates.latest_of_package(tx, package.digest)
    own = [gate for gate in counting if gate.request.candidate == recipe]
    compared = _Compared(package, running(tx), own)
    try:
        check_approval(package, is_evaluated(tx, package.digest), None, f"turn {turn.id}")
    except Refused as unfit:
        return Standing(unfit)
    try:
        check_gates(package, compared.runs, own)
    except Refused as ungated:
        return Standing(ungated, _uncompared(compared))
    return Standing(gate=_enough(tx, turn, compared))


def _uncompared(compared: _Compared) -> str:
    baseline = open_baseline(compared.package, compared.runs, compared.gates)
    return "" if any(gate.request.baseline == baseline for gate in compared.gates) else baseline


def _enough(tx: Connection, turn: Turn, compared: _Compared) -> Gate | None:
    """The gate that lets the turn's plan approve.

    A plan does not overrule the person who withdrew, and a gate without a part, or one that a person has
    asked with wider limits than the plan's, is for people to look at.  So is a version that cannot promise
    what the one before it did.
    """
    plan = stored_loops.plan(tx, turn.plan, turn.plan_version)
    latest = stored_approvals.latest(tx, compared.package.digest)
    if not plan.approves or (latest is not None and latest.decision is ApprovalDecision.WITHDRAWN):
        return None
    if promises_less(tx, turn):
        return None
    counting = [gate for gate in compared.gates if _counts_for(plan, gate)]
    if open_baseline(compared.package, compared.runs, counting):
        return None
    return next((gate for gate in counting if gate.outcome.passed), None)


def promises_less(tx: Connection, turn: Turn) -> bool:
    """Whether what ran when the turn began promises an escape rate, and the turn's own version none."""
    before, own = turn.subject(TurnStep.STARTED), turn.subject(TurnStep.RECIPE)
    promised = bool(before) and _recipe(tx, before).promise is not None
    return promised and _recipe(tx, own).promise is None


def _recipe(tx: Connection, name: str) -> Recipe:
    base, _, version = name.rpartition("@")
    return stored_recipes.get(tx, base, int(version))


def _counts_for(plan: LoopPlan, gate: Gate) -> bool:
    """Of the cost it is asked what was measured: a person's gate allows more than a plan's, usually."""
    ratio, costs = plan.gate.cost_ratio, gate.outcome.costs
    limits = replace(gate.request.limits, cost_ratio=ratio)
    is_dearer = costs is not None and costs[1] > ratio * costs[0]
    return bool(gate.outcome.parts) and not (is_dearer or wider_than(limits, plan.gate))

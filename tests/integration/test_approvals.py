"""Approvals: who let a model go to stations, and what stands in the way."""

from dataclasses import replace
from pathlib import Path

import pytest

from andon.domain.approvals import ApprovalDecision
from andon.domain.models import (
    Engine,
    InputSpec,
    Manifest,
    OutputSpec,
    Package,
    Parity,
    Precision,
    Variant,
)
from andon.domain.runs import Family
from andon.errors import Conflict, InvalidInput, NotFound, Refused
from andon.services.approvals import (
    approvals_of,
    approve,
    approved_packages,
    is_approved,
    withdraw,
)
from andon.services.evaluations import EVALUATION
from andon.services.workspaces import Workspace, create_workspace, now
from andon.store import models as stored_models
from andon.units import digest_of

REFERENCE = Variant(Engine.ONNXRUNTIME, Precision.F32)
GOOD = Parity(REFERENCE, images=20, largest_gap=1e-5, largest_map_gap=0.0, flips=(), tolerance=1e-3)
PACKAGE = Package(
    digest=digest_of(b"package"),
    manifest=Manifest(
        name="tiles",
        family=next(iter(Family)),
        encoder="",
        input=InputSpec(32, 32, 1, 8),
        output=OutputSpec(("crack",), maps=False),
        snapshot=digest_of(b"snapshot"),
        settings_digest=digest_of(b"settings"),
        seed=0,
        code_version="0",
        files={},
        golden={},
    ),
    run=None,
    parity=(GOOD,),
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return create_workspace(tmp_path / "ws", "mara")[0]


def record(workspace: Workspace, package: Package = PACKAGE, evaluated: bool = True) -> None:
    with workspace.database.write() as tx:
        stored_models.add(tx, package, "mara", now())
        if evaluated:
            stored_models.add_attestation(tx, package.digest, EVALUATION, {}, ("mara", now()))


def test_an_approval_is_kept_with_who_and_why(workspace: Workspace) -> None:
    record(workspace)
    assert not is_approved(workspace, PACKAGE.digest)

    approve(workspace, PACKAGE.digest[:10], "  agreed with quality ")

    assert is_approved(workspace, PACKAGE.digest)
    assert approved_packages(workspace) == {PACKAGE.digest}
    (kept,) = approvals_of(workspace, PACKAGE.digest)
    assert (kept.author, kept.reason) == ("mara", "agreed with quality")


def test_a_withdrawal_counts_until_the_next_approval(workspace: Workspace) -> None:
    record(workspace)
    approve(workspace, PACKAGE.digest, "good")
    withdraw(workspace, PACKAGE.digest, "misses scratches")
    assert not is_approved(workspace, PACKAGE.digest)
    assert approved_packages(workspace) == frozenset()

    approve(workspace, PACKAGE.digest, "they were dust")

    assert is_approved(workspace, PACKAGE.digest)
    decisions = [found.decision for found in approvals_of(workspace, PACKAGE.digest)]
    assert decisions == [
        ApprovalDecision.APPROVED,
        ApprovalDecision.WITHDRAWN,
        ApprovalDecision.APPROVED,
    ]


@pytest.mark.parametrize(
    "spoiled",
    [
        replace(GOOD, largest_gap=0.2),
        replace(GOOD, images=0),
        replace(GOOD, flips=("a.png",)),
    ],
)
def test_a_model_without_a_variant_of_good_parity_is_refused(workspace: Workspace, spoiled: Parity) -> None:
    record(workspace, replace(PACKAGE, parity=(spoiled,)))
    with pytest.raises(Refused, match="scores like the model that was trained"):
        approve(workspace, PACKAGE.digest, "good")
    assert not is_approved(workspace, PACKAGE.digest)


def test_a_model_that_was_never_evaluated_is_refused(workspace: Workspace) -> None:
    record(workspace, evaluated=False)
    with pytest.raises(Refused, match="never evaluated"):
        approve(workspace, PACKAGE.digest, "good")


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 2001])
def test_a_decision_needs_a_reason_of_some_length(workspace: Workspace, reason: str) -> None:
    record(workspace)
    with pytest.raises(InvalidInput, match="reason"):
        approve(workspace, PACKAGE.digest, reason)
    approve(workspace, PACKAGE.digest, "good")
    with pytest.raises(InvalidInput, match="reason"):
        withdraw(workspace, PACKAGE.digest, reason)


def test_nothing_is_decided_twice(workspace: Workspace) -> None:
    record(workspace)
    with pytest.raises(Conflict, match="not approved"):
        withdraw(workspace, PACKAGE.digest, "bad")
    approve(workspace, PACKAGE.digest, "good")
    with pytest.raises(Conflict, match="approved already, by mara"):
        approve(workspace, PACKAGE.digest, "very good")
    assert len(approvals_of(workspace, PACKAGE.digest)) == 1


def test_an_unknown_model_is_not_found(workspace: Workspace) -> None:
    with pytest.raises(NotFound):
        approve(workspace, "feed", "good")
    assert not is_approved(workspace, digest_of(b"another"))

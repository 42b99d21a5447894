"""What an evaluation leaves for later: every image's scores with its truth, and the worst cases.

Cuts are chosen on the calibration group; the test group chooses nothing and states the bound on escapes.
Both are kept, apart, so that a person who moves a cut sees the one group and is told of the other.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from andon.analysis.cuts import Choice, Rates, bound_rates, choose_cuts
from andon.analysis.parts import PartTable, fold
from andon.domain.inspections import Verdict
from andon.domain.models import Costs, Cuts, Package
from andon.domain.serial import canonical, from_json
from andon.errors import InvalidInput, NotPossible
from andon.services.workspaces import Workspace
from andon.store import models as stored_models
from andon.store.models import Attestation
from andon.units import Digest, Timestamp

EVALUATION = "evaluation"
"""Kind of the attestation that holds an evaluation."""

NEEDED = frozenset({"variant", "costs", "cuts"})
"""An attestation without these facts says nothing that cuts could be chosen with; it is passed over."""

NEVER = Cuts(2.0, 2.0)
"""Cuts no score reaches: for defects the model has no output for."""


@dataclass(frozen=True, slots=True)
class ScoredImage:
    """One image with its scores by concept, 0..1; ``truth`` names the defects on it, () is clean."""

    image: Digest
    blob: Digest
    name: str
    part: str
    truth: tuple[str, ...]
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class GroupScores:
    """The images of the two groups that training never sees."""

    calibration: tuple[ScoredImage, ...]
    test: tuple[ScoredImage, ...]


@dataclass(frozen=True, slots=True)
class WorstCase:
    """A test image far on the wrong side. ``score`` is its any-defect score, ``verdict`` that of the
    suggested cuts; ``overlay`` and ``original`` are blobs of small PNG files."""

    image: Digest
    name: str
    truth: tuple[str, ...]
    score: float
    verdict: Verdict
    overlay: Digest
    original: Digest


@dataclass(frozen=True, slots=True)
class WorstCases:
    """Worst first; whether a cut really misses them is what ``verdict`` says."""

    misses: tuple[WorstCase, ...] = ()
    false_alarms: tuple[WorstCase, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredEvaluation:
    """The latest evaluation of a package, as a person needs it to choose cuts.

    Attributes:
        scores: None where the evaluation is of an Andon that did not keep them.
        unknown: defects the model has no output for.
        number: position among the package's evaluations, from 1.
    """

    package: Package
    variant: str
    costs: Costs
    cuts: Mapping[str, Cuts]
    rates: Rates | None
    worst: WorstCases
    scores: GroupScores | None
    unknown: tuple[str, ...]
    remarks: tuple[str, ...]
    facts: Mapping[str, object]
    author: str
    at: Timestamp
    number: int

    def calibration_table(self) -> PartTable:
        """Parts of the group that chooses cuts; those with a defect the model cannot name left out.

        Raises:
            NotPossible: the evaluation kept no scores, or the group is empty.
        """
        concepts = tuple(self.cuts)
        return _table([s for s in self._kept().calibration if set(s.truth) <= set(concepts)], concepts)

    def test_table(self) -> PartTable:
        """Parts of the group that bounds escapes, with a column for every defect, found or not.

        Raises:
            NotPossible: the evaluation kept no scores, or the group is empty.
        """
        return _table(self._kept().test, (*self.cuts, *self.unknown))

    def test_rates(self, cuts: Mapping[str, Cuts]) -> Rates:
        """What ``cuts`` do to the test group; honest only for cuts that were not chosen by looking at it.

        Raises:
            NotPossible: as :meth:`test_table`. InvalidInput: a concept has no cuts.
        """
        missing = [concept for concept in self.cuts if concept not in cuts]
        if missing:
            raise InvalidInput(f"there are no cuts for {', '.join(missing)}")
        table = self.test_table()
        return bound_rates(table, {**cuts, **dict.fromkeys(self.unknown, NEVER)})

    def cheapest_cuts(self, costs: Costs) -> Choice:
        """Cuts of least expected cost, chosen on the calibration group.

        Raises:
            NotPossible: as :meth:`calibration_table`, or the group has no clean part.
            InvalidInput: a cost is not possible.
        """
        return choose_cuts(self.calibration_table(), costs, self.package.manifest.output.score_floor)

    def _kept(self) -> GroupScores:
        if self.scores is None:
            raise NotPossible(
                f"the evaluation of model {self.package.digest[:12]} kept no scores of single images",
                "Evaluate the model again.",
            )
        return self.scores


def keep_scores(workspace: Workspace, scores: GroupScores) -> Digest:
    """Store the scores as a blob; gives its digest."""
    return workspace.blobs.put(canonical(scores))


def latest_evaluation(
    workspace: Workspace, package: Package, *, brief: bool = False
) -> StoredEvaluation | None:
    """The latest evaluation of a package; None when it was never evaluated.

    Facts that an older Andon did not note are empty. ``brief`` leaves the scores of the single images
    where they are.

    Raises:
        NotFound, Refused: the scores it names are missing or damaged.
    """
    with workspace.database.read() as tx:
        found = evaluations_of(tx, package.digest)
    return _stored(package, found, _scores(workspace, found[-1], brief)) if found else None


def is_evaluated(tx: Connection, package: Digest) -> bool:
    """Whether anything was ever measured on a test group with a package."""
    return any(found.kind == EVALUATION for found in stored_models.attestations(tx, package))


def evaluations_of(tx: Connection, package: Digest) -> list[Attestation]:
    """The evaluations of a package that cuts can be chosen with, oldest first."""
    return [
        a
        for a in stored_models.attestations(tx, package)
        if a.kind == EVALUATION and set(a.facts) >= NEEDED
    ]


def _scores(workspace: Workspace, found: Attestation, brief: bool) -> GroupScores | None:
    kept = found.facts.get("scores")
    return None if kept is None or brief else from_json(GroupScores, json.loads(workspace.blobs.get(kept)))


def _stored(package: Package, found: Sequence[Attestation], scores: GroupScores | None) -> StoredEvaluation:
    facts = found[-1].facts
    rates = facts.get("rates")
    return StoredEvaluation(
        package=package,
        variant=facts["variant"],
        costs=from_json(Costs, facts["costs"]),
        cuts={name: from_json(Cuts, cuts) for name, cuts in facts["cuts"].items()},
        rates=None if rates is None else from_json(Rates, rates),
        worst=from_json(WorstCases, facts.get("worst", {})),
        scores=scores,
        unknown=tuple(facts.get("unknown_defects", ())),
        remarks=tuple(facts.get("remarks", ())),
        facts=facts,
        author=found[-1].author,
        at=found[-1].at,
        number=len(found),
    )


def _table(scored: Sequence[ScoredImage], concepts: Sequence[str]) -> PartTable:
    if not scored:
        raise NotPossible("this group of parts is empty", "Freeze a data set with more parts.")
    return fold(
        [s.part for s in scored],
        concepts,
        [[s.scores.get(name, 0.0) for name in concepts] for s in scored],
        [[name in s.truth for name in concepts] for s in scored],
    )

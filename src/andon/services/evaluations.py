"""Evaluate a package: cuts from the calibration group, metrics and bounds from the test group."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.analysis.bounds import parts_needed, sentence
from andon.analysis.cuts import Choice, Rates, bound_rates, choose_cuts
from andon.analysis.metrics import ANY, PixelCounts, Separation, separations
from andon.analysis.parts import PartTable, fold
from andon.domain.datasets import Snapshot, SnapshotItem, Split
from andon.domain.models import Costs, Cuts, OutputSpec, Package, Variant
from andon.domain.serial import to_json
from andon.errors import NotPossible
from andon.runtime.package import LoadedPackage
from andon.runtime.predictions import Prediction
from andon.runtime.scoring import score_images
from andon.services.models import find_package, open_package, parse_variant, snapshot_of
from andon.services.scores import (
    EVALUATION,
    NEVER,
    GroupScores,
    ScoredImage,
    WorstCases,
    evaluations_of,
    keep_scores,
    latest_evaluation,
)
from andon.services.truths import defect_names, is_located, read_mask, read_pixels, seen_by
from andon.services.workspaces import Workspace, now
from andon.store import models as stored_models
from andon.units import Digest

Report = Callable[[int, int | None, str], None]


@dataclass(frozen=True, slots=True)
class ScoredItem:
    """One image of the snapshot with the scores the exported file gives it, by concept."""

    item: SnapshotItem
    scores: Mapping[str, float]

    @property
    def worst(self) -> float:
        """The any-defect score."""
        return max(self.scores.values())


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was measured on one variant. Rates count parts.

    Attributes:
        parts, images: separation of defective from clean on the test group, by concept and "any".
        iou: pixel intersection over union on located test images, by concept and "any"; of those alone
            that a test image shows.
        rates: what the chosen cuts do to the test group; None without a test group.
        unknown: defects of the data set that the model has no output for; they count as escapes.
        scores: blob of every image's scores. worst: the pictures of the worst test images.
    """

    package: Package
    snapshot: Snapshot
    variant: Variant
    costs: Costs
    choice: Choice
    parts: Mapping[str, Separation]
    images: Mapping[str, Separation]
    iou: Mapping[str, float]
    rates: Rates | None
    unknown: tuple[str, ...]
    remarks: tuple[str, ...]
    calibration: Sequence[ScoredItem] = field(repr=False)
    test: Sequence[ScoredItem] = field(repr=False)
    card: Path = Path()
    scores: Digest | None = None
    worst: WorstCases = field(default_factory=WorstCases)

    def facts(self) -> dict[str, object]:
        """Name -> value, for people."""
        facts: dict[str, object] = {"model": self.package.digest, "variant": str(self.variant)}
        if ANY in self.parts:
            found = self.parts[ANY]
            facts["test parts"] = f"{found.clean} clean, {found.defective} defective"
            facts["part AP"], facts["part AUROC"] = f"{found.average_precision:.4f}", f"{found.auroc:.4f}"
            facts["image AP"] = f"{self.images[ANY].average_precision:.4f}"
        if ANY in self.iou:
            facts["pixel IoU"] = f"{self.iou[ANY]:.4f}"
        elif self.package.manifest.output.maps:
            facts["pixel IoU"] = "not measured: no test image shows where a defect is"
        if self.rates:
            facts["escapes"] = sentence(self.rates.escapes)
            overkill = self.rates.overkill
            facts["overkill"] = (
                f"{overkill.count} of {overkill.of}, {overkill.low:.1%} to {overkill.high:.1%}"
            )
            facts["clean parts to review"] = f"{self.rates.reviews.count} of {self.rates.reviews.of}"
        return facts

    def cut_table(self) -> tuple[tuple[str, ...], list[list[object]]]:
        """One row per concept."""
        rows: list[list[object]] = [
            [name, f"{cuts.review:.4f}", f"{cuts.reject:.4f}"] for name, cuts in self.choice.cuts.items()
        ]
        return ("concept", "review from", "reject from"), rows

    def as_json(self) -> dict[str, Any]:
        """All figures as JSON values: what is kept as an attestation."""
        return {
            "variant": str(self.variant),
            "snapshot": self.snapshot.digest,
            "costs": to_json(self.costs),
            "cuts": {name: to_json(cuts) for name, cuts in self.choice.cuts.items()},
            "expected_cost": self.choice.cost,
            "parts": {name: to_json(found) for name, found in self.parts.items()},
            "images": {name: to_json(found) for name, found in self.images.items()},
            "pixel_iou": dict(self.iou),
            "rates": to_json(self.rates) if self.rates else None,
            "unknown_defects": list(self.unknown),
            "remarks": list(self.remarks),
            "card": str(self.card),
            "scores": self.scores,
            "worst": to_json(self.worst),
        }


def evaluate_model(
    workspace: Workspace, name: str, variant: str, costs: Costs, report: Report
) -> Evaluation:
    """Score calibration and test group through the exported file: cuts, bounds, and the card.

    Raises:
        NotFound: no such model. InvalidInput: the variant is not usable here, or a cost is not possible.
        NotPossible: the calibration group has no clean part.
    """
    from andon.services.cards import write_card
    from andon.services.galleries import draw_gallery, keep_gallery

    package = find_package(workspace, name)
    loaded = open_package(workspace, package)
    chosen = parse_variant(package, variant)
    snapshot = seen_by(package.manifest.family, snapshot_of(workspace, package))
    session = _Session(workspace, loaded, chosen, snapshot, report)
    evaluation = _evaluate(session, package, costs)
    gallery = draw_gallery(workspace, loaded, evaluation)
    evaluation = replace(
        evaluation,
        card=write_card(loaded, evaluation, gallery),
        scores=keep_scores(workspace, _group_scores(evaluation)),
        worst=keep_gallery(workspace, gallery),
    )
    with workspace.database.write() as tx:
        stored_models.add_attestation(
            tx, package.digest, EVALUATION, evaluation.as_json(), (workspace.who, now())
        )
    return evaluation


def suggested_cuts(workspace: Workspace, package: Package) -> Mapping[str, Cuts]:
    """The cuts of the package's latest evaluation; empty when it was never evaluated."""
    with workspace.database.read() as tx:
        found = evaluations_of(tx, package.digest)
    if not found:
        return {}
    return {name: Cuts(**cuts) for name, cuts in found[-1].facts["cuts"].items()}


def cheapest_cuts(workspace: Workspace, package: Package, costs: Costs) -> Mapping[str, Cuts]:
    """Cuts of least expected cost for other costs than its evaluation had; nothing is stored.

    Raises:
        NotPossible: it was never evaluated, or the evaluation kept no scores.
        InvalidInput: a cost is not possible.
    """
    evaluation = latest_evaluation(workspace, package)
    if evaluation is None:
        raise NotPossible(f"model {package.digest[:12]} was never evaluated", "Evaluate it first.")
    return evaluation.cheapest_cuts(costs).cuts


@dataclass(slots=True)
class _Session:
    """One pass over calibration and test group."""

    workspace: Workspace
    loaded: LoadedPackage
    variant: Variant
    snapshot: Snapshot
    report: Report
    counts: dict[str, PixelCounts] = field(default_factory=dict)

    @property
    def output(self) -> OutputSpec:
        return self.loaded.manifest.output

    def score(self, split: Split) -> list[ScoredItem]:
        items = self.snapshot.of(split)
        pixels = ((item.image, read_pixels(self.workspace.blobs, item)) for item in items)
        scored = score_images(self.loaded.graph, pixels, self.variant)
        found = []
        for number, (item, one) in enumerate(zip(items, scored, strict=True), start=1):
            values = dict(zip(self.output.concepts, one.prediction.scores.tolist(), strict=True))
            found.append(ScoredItem(item, {name: min(max(v, 0.0), 1.0) for name, v in values.items()}))
            if split is Split.TEST:
                self._count_pixels(item, one.prediction)
            self.report(number, len(items), str(split))
        return found

    def _count_pixels(self, item: SnapshotItem, prediction: Prediction) -> None:
        concepts = self.output.concepts
        if prediction.maps is None or not is_located(item, concepts):
            return
        size = (item.shape.height, item.shape.width)
        any_predicted, any_true = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
        for index, concept in enumerate(concepts):
            predicted = _enlarged(prediction.maps[index], size) >= self.output.map_level
            true = read_mask(self.workspace.blobs, item, concept)
            self.counts.setdefault(concept, PixelCounts()).add(predicted, true)
            any_predicted |= predicted
            any_true |= true
        self.counts.setdefault(ANY, PixelCounts()).add(any_predicted, any_true)


def _enlarged(probabilities: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    enlarged = cv2.resize(probabilities, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(enlarged, dtype=np.float32)


def _evaluate(session: _Session, package: Package, costs: Costs) -> Evaluation:
    concepts = session.output.concepts
    defects = defect_names(session.snapshot)
    calibration = session.score(Split.CALIBRATION)
    test = session.score(Split.TEST)
    if not calibration:
        raise NotPossible("the calibration group is empty, no cut can be chosen", "Freeze with more parts.")
    known = [s for s in calibration if not s.item.concepts() & defects - set(concepts)]
    choice = choose_cuts(_table(known, concepts), costs, session.output.score_floor)
    unknown = tuple(sorted({n for s in test for n in s.item.concepts() & defects} - set(concepts)))
    table = _table(test, (*concepts, *unknown)) if test else None
    measurable = table is not None and table.defective.any() and not table.defective.all()
    return Evaluation(
        package=package,
        snapshot=session.snapshot,
        variant=session.variant,
        costs=costs,
        choice=choice,
        parts=separations(table) if table is not None and measurable else {},
        images=separations(_image_table(test, (*concepts, *unknown))) if measurable else {},
        iou={name: counts.iou for name, counts in session.counts.items() if counts.true},
        rates=bound_rates(table, {**choice.cuts, **dict.fromkeys(unknown, NEVER)})
        if table is not None
        else None,
        unknown=unknown,
        remarks=(*_origin(package), *_remarks(table, choice, unknown)),
        calibration=calibration,
        test=test,
    )


def _group_scores(evaluation: Evaluation) -> GroupScores:
    defects = defect_names(evaluation.snapshot)
    groups = (
        tuple(
            ScoredImage(i.image, i.blob, i.name, i.part, tuple(sorted(i.concepts() & defects)), s.scores)
            for s in group
            for i in (s.item,)
        )
        for group in (evaluation.calibration, evaluation.test)
    )
    return GroupScores(*groups)


def table_of_test(evaluation: Evaluation) -> PartTable | None:
    """Scores and truth of the test parts, a column per defect, with or without an output; None: empty."""
    concepts = (*evaluation.choice.cuts, *evaluation.unknown)
    return _table(evaluation.test, concepts) if evaluation.test else None


def _table(scored: Sequence[ScoredItem], concepts: Sequence[str]) -> PartTable:
    return fold(
        [s.item.part for s in scored], concepts, _scores(scored, concepts), _truth(scored, concepts)
    )


def _image_table(scored: Sequence[ScoredItem], concepts: Sequence[str]) -> PartTable:
    return fold(
        [s.item.image for s in scored], concepts, _scores(scored, concepts), _truth(scored, concepts)
    )


def _scores(scored: Sequence[ScoredItem], concepts: Sequence[str]) -> list[list[float]]:
    return [[s.scores.get(name, 0.0) for name in concepts] for s in scored]


def _truth(scored: Sequence[ScoredItem], concepts: Sequence[str]) -> list[list[bool]]:
    return [[name in s.item.concepts() for name in concepts] for s in scored]


def _origin(package: Package) -> tuple[str, ...]:
    origin = package.manifest.origin
    return () if origin is None else (origin.caveat,)


def _remarks(table: PartTable | None, choice: Choice, unknown: Sequence[str]) -> list[str]:
    remarks = [choice.note] if choice.note else []
    if table is None:
        remarks.append("The test group is empty: nothing can be said about escapes or overkill.")
    elif not table.defective.any():
        needed = ", ".join(f"{parts_needed(bound)} for {bound:.0%}" for bound in (0.10, 0.05, 0.01))
        remarks.append(
            "The test group shows no defect: no bound on escapes can be stated. Defective parts needed, "
            f"when none is missed: {needed}."
        )
    elif int(table.defective.sum()) < 30:
        remarks.append(
            f"Only {int(table.defective.sum())} defective test parts (n < 30): the bound is wide."
        )
    if unknown:
        remarks.append(f"The model has no output for {', '.join(unknown)}; such parts count as escapes.")
    return remarks

"""Two models on the same test parts, each judged with the cuts its own evaluation suggested."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from andon.analysis.cuts import PASS, REJECT, REVIEW, Rates, rates_of
from andon.domain.inspections import Verdict
from andon.domain.models import Package
from andon.domain.serial import to_json
from andon.errors import NotPossible
from andon.services.scores import ScoredImage, StoredEvaluation, latest_evaluation
from andon.services.workspaces import Workspace
from andon.units import Digest

NUMBERS = {Verdict.PASS: PASS, Verdict.REVIEW: REVIEW, Verdict.REJECT: REJECT}


@dataclass(frozen=True, slots=True)
class PartPair:
    """One test part as both models judge it.

    Attributes:
        image, name: the picture of it that scores highest with either.
        truth: defects on it.
        scores: any-defect score by each model.
    """

    part: str
    image: Digest
    name: str
    truth: tuple[str, ...]
    verdicts: tuple[Verdict, Verdict]
    scores: tuple[float, float]

    @property
    def flipped(self) -> bool:
        """Whether the two models disagree."""
        return self.verdicts[0] is not self.verdicts[1]

    @property
    def gravity(self) -> tuple[bool, bool, float]:
        """Sorts flips first, of those defects that one model lets pass, then the widest disagreement."""
        escaped = bool(self.truth) and Verdict.PASS in self.verdicts
        return not self.flipped, not escaped, -abs(self.scores[0] - self.scores[1])


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models side by side.

    Attributes:
        rates: what each model's cuts do to the shared test parts.
        parts: flips first.
        left_out: test parts of either model that are not test parts of both.
        remarks: what a reader must know before believing the numbers.
    """

    evaluations: tuple[StoredEvaluation, StoredEvaluation]
    rates: tuple[Rates, Rates]
    parts: tuple[PartPair, ...]
    left_out: int
    remarks: tuple[str, ...]

    @property
    def flips(self) -> tuple[PartPair, ...]:
        """The parts on which the models disagree."""
        return tuple(pair for pair in self.parts if pair.flipped)

    def as_json(self) -> dict[str, object]:
        """The same as JSON values."""
        return {
            "models": [e.package.digest for e in self.evaluations],
            "parts": len(self.parts),
            "left_out": self.left_out,
            "rates": [to_json(rates) for rates in self.rates],
            "flips": [to_json(pair) for pair in self.flips],
            "remarks": list(self.remarks),
        }


def compare_models(workspace: Workspace, first: Package, second: Package) -> Comparison:
    """Judge the test parts that both packages have with the cuts of their latest evaluations.

    Raises:
        NotPossible: one was never evaluated, kept no scores, or they share no test part.
    """
    evaluations = (_evaluation(workspace, first), _evaluation(workspace, second))
    images = [_by_image(evaluation) for evaluation in evaluations]
    shared = [image for image in images[0] if image in images[1]]
    if not shared:
        raise NotPossible(
            f"models {first.digest[:12]} and {second.digest[:12]} share no test part",
            "Compare models that were trained on the same data set.",
        )
    pairs = _pairs(evaluations, images, shared)
    parts = [{i.part for i in group.values()} for group in images]
    defective = np.array([bool(pair.truth) for pair in pairs])
    return Comparison(
        evaluations=evaluations,
        rates=(_rates(pairs, defective, 0), _rates(pairs, defective, 1)),
        parts=tuple(sorted(pairs, key=lambda pair: pair.gravity)),
        left_out=len((parts[0] | parts[1]) - {pair.part for pair in pairs}),
        remarks=tuple(_remarks(evaluations, images, shared)),
    )


def _evaluation(workspace: Workspace, package: Package) -> StoredEvaluation:
    found = latest_evaluation(workspace, package)
    if found is None or found.scores is None:
        raise NotPossible(
            f"model {package.digest[:12]} was never evaluated, or by an older Andon",
            f"Evaluate it on its model page, or with `andon models evaluate {package.digest[:12]}`.",
        )
    return found


def _by_image(evaluation: StoredEvaluation) -> dict[Digest, ScoredImage]:
    assert evaluation.scores is not None
    return {scored.image: scored for scored in evaluation.scores.test}


def _pairs(
    evaluations: Sequence[StoredEvaluation],
    images: Sequence[Mapping[Digest, ScoredImage]],
    shared: Sequence[Digest],
) -> list[PartPair]:
    parts: dict[str, list[Digest]] = {}
    for image in shared:
        parts.setdefault(images[0][image].part, []).append(image)
    return [
        _pair(part, [[group[i] for i in found] for group in images], evaluations)
        for part, found in sorted(parts.items())
    ]


def _pair(
    part: str, seen: Sequence[Sequence[ScoredImage]], evaluations: Sequence[StoredEvaluation]
) -> PartPair:
    shown = max((*seen[0], *seen[1]), key=lambda scored: max(scored.scores.values()))
    truth = {name for group in seen for scored in group for name in scored.truth}
    verdicts = [_verdict(group, e) for group, e in zip(seen, evaluations, strict=True)]
    scores = [max(max(scored.scores.values()) for scored in group) for group in seen]
    return PartPair(
        part,
        shown.image,
        shown.name,
        tuple(sorted(truth)),
        (verdicts[0], verdicts[1]),
        (scores[0], scores[1]),
    )


def _verdict(images: Sequence[ScoredImage], evaluation: StoredEvaluation) -> Verdict:
    reached = [
        (scored.scores[name] >= cuts.reject, scored.scores[name] >= cuts.review)
        for scored in images
        for name, cuts in evaluation.cuts.items()
    ]
    if any(reject for reject, _ in reached):
        return Verdict.REJECT
    return Verdict.REVIEW if any(review for _, review in reached) else Verdict.PASS


def _rates(pairs: Sequence[PartPair], defective: np.ndarray, side: int) -> Rates:
    return rates_of(np.array([NUMBERS[pair.verdicts[side]] for pair in pairs]), defective)


def _remarks(
    evaluations: Sequence[StoredEvaluation],
    images: Sequence[Mapping[Digest, ScoredImage]],
    shared: Sequence[Digest],
) -> Iterator[str]:
    if evaluations[0].costs != evaluations[1].costs:
        yield "Their cuts were chosen with different costs: part of the difference is that choice."
    if evaluations[0].variant != evaluations[1].variant:
        yield "They were evaluated on different variants."
    changed = sum(images[0][image].truth != images[1][image].truth for image in shared)
    if changed:
        yield f"{changed} shared images were labelled anew in between; a defect in either counts."

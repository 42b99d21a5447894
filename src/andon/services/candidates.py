"""Pictures that a selection may pick, and what speaks for each: the model, people, other models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from andon.analysis.selecting import Candidates, Floats, newness, outstanding, uncertainty
from andon.domain.annotations import Label
from andon.domain.feedback import Answer, Review, truth_of
from andon.domain.images import Image
from andon.domain.inspections import Inspection, Verdict
from andon.domain.models import Cuts, OutputSpec
from andon.domain.ontologies import Ontology, Severity
from andon.domain.parts import part_key
from andon.domain.selections import PickReason
from andon.runtime.features import Seen
from andon.services.holdouts import held_images
from andon.services.workspaces import Workspace
from andon.store import ontologies as stored_ontologies
from andon.store import reviews as stored_reviews
from andon.store import selections as stored_selections
from andon.units import Digest

MOST = 10_000
"""Pictures a selection looks at: those from lines first, each kind newest first."""

MOST_LABELLED = 2_000
"""Labelled pictures that newness is measured against, newest first."""

RANKS: Mapping[Verdict, int] = {Verdict.PASS: 0, Verdict.REVIEW: 1, Verdict.REJECT: 2}
"""How far verdicts lie apart; NO-DECISION says nothing of the part."""

SETTLED = 0.5
"""What a wrong verdict counts that the model which is asked would not give any more."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image without a label, and what is known of its part.

    Attributes:
        inspections: of the image by the line or by `andon inspect`, first to last.
        review: the latest word of a person on the line. shadows: verdicts of recipes that judged beside.
    """

    image: Image
    inspections: tuple[Inspection, ...] = ()
    review: Review | None = None
    shadows: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class Pool:
    """What a selection begins with: its candidates, and labelled pictures to compare them with."""

    candidates: tuple[Candidate, ...]
    labelled: tuple[Image, ...]
    ontology: Ontology


@dataclass(frozen=True, slots=True)
class Asked:
    """What a model says of a candidate, and the cuts it is judged by (concepts without: 0.5)."""

    scores: Mapping[str, float]
    cuts: Mapping[str, Cuts]

    def cut(self, concept: str) -> Cuts:
        """The cuts of a concept."""
        return self.cuts.get(concept, Cuts(0.5, 0.5))

    @property
    def verdict(self) -> Verdict:
        """By scores and cuts alone, without regions and rules."""
        if any(score >= self.cut(concept).reject for concept, score in self.scores.items()):
            return Verdict.REJECT
        review = any(score >= self.cut(concept).review for concept, score in self.scores.items())
        return Verdict.REVIEW if review else Verdict.PASS


def find_pool(workspace: Workspace, source: str) -> Pool:
    """Images without an accepted label whose parts are not held for gates; ``source`` is a prefix."""
    with workspace.database.read() as tx:
        bare = [image for image, _ in stored_selections.unlabelled(tx, source, MOST)]
        held = held_images(tx, bare)
        free = [image for image in bare if image.digest not in held]
        inspected = stored_selections.inspected(tx, [part_key(image) for image in free])
        ids = [one.id for these in inspected.values() for one in these]
        reviews, shadows = stored_reviews.latest(tx, ids), stored_selections.shadowed(tx, ids)
        labelled = stored_selections.labelled(tx, MOST_LABELLED)
        ontology = stored_ontologies.current(tx)
    candidates = [_candidate(image, inspected.get(part_key(image), ()), reviews, shadows) for image in free]
    return Pool(tuple(candidates), labelled, ontology)


def weigh(
    pool: Pool, seen: Mapping[Digest, Seen], output: OutputSpec, cuts: Mapping[str, Cuts]
) -> tuple[tuple[Candidate, ...], Candidates]:
    """The candidates that the model could look at, and what speaks for each of them.

    Args:
        pool: where they come from.
        seen: what the model says of candidates and of labelled images, by digest.
        output: what the model gives.
        cuts: concept -> cuts that its scores are judged by.
    """
    known = tuple(one for one in pool.candidates if one.image.digest in seen)
    features = _features([one.image for one in known], seen)
    labelled = _features([image for image in pool.labelled if image.digest in seen], seen)
    asked = [Asked(_scores(seen[one.image.digest], output), cuts) for one in known]
    critical = frozenset(c.name for c in pool.ontology.concepts if c.severity is Severity.CRITICAL)
    pairs = list(zip(known, asked, strict=True))
    parts = {
        PickReason.MUST_CATCH: [must_catch(one, said, critical) for one, said in pairs],
        PickReason.WRONG: [wrong(one, said) for one, said in pairs],
        PickReason.DISAGREEMENT: [disagreement(one, said) for one, said in pairs],
        PickReason.UNCERTAIN: [unsure(one, said) for one, said in pairs],
        PickReason.NEW: outstanding(newness(features, labelled)),
    }
    keys = tuple(one.image.digest for one in known)
    weighed = {reason: np.asarray(values, np.float64) for reason, values in parts.items()}
    return known, Candidates(keys, weighed, features)


def must_catch(one: Candidate, asked: Asked, critical: frozenset[str]) -> float:
    """Whether a critical defect may be on it: as a person reported, or by its score against its cut."""
    reported = one.review is not None and one.review.answer is Answer.MISSED
    if reported and one.review is not None and one.review.concept in critical:
        return 1.0
    suspected = [
        min(1.0, score / max(asked.cut(concept).reject, 1e-6))
        for concept, score in asked.scores.items()
        if concept in critical
    ]
    return max(suspected, default=0.0) ** 2


def wrong(one: Candidate, asked: Asked) -> float:
    """Whether a person contradicted the verdict; less where the model now says what the person said."""
    if one.review is None or one.review.answer not in (Answer.MISSED, Answer.FALSE_ALARM):
        return 0.0
    defective = one.review.answer is Answer.MISSED
    return SETTLED if (asked.verdict is not Verdict.PASS) == defective else 1.0


def disagreement(one: Candidate, asked: Asked) -> float:
    """How far apart verdicts on it lie: of the line, of recipes beside, of this model, of a person."""
    said = [one.inspections[-1].decision.verdict] if one.inspections else []
    said += [*one.shadows, asked.verdict]
    ranks = [RANKS[verdict] for verdict in said if verdict in RANKS]
    apart = (max(ranks) - min(ranks)) / 2
    return max(apart, _contradiction(one, asked))


def unsure(one: Candidate, asked: Asked) -> float:
    """How near the scores lie to the cuts; a part that a person could not judge is as near as can be."""
    if one.review is not None and one.review.answer is Answer.UNSURE:
        return 1.0
    return uncertainty(asked.scores, asked.cuts)


def proposal_of(seen: Seen, cuts: Mapping[str, Cuts], ontology: Ontology) -> tuple[Label, ...]:
    """What the model would label: findings from the review cut of their concept on."""
    asked = Asked({}, cuts)
    return tuple(
        label
        for label, score in seen.findings
        if score >= asked.cut(label.concept).review and label.concept in ontology.names
    )


def _contradiction(one: Candidate, asked: Asked) -> float:
    """A person confirmed what the line said, and this model would say the opposite."""
    if one.review is None or not one.inspections or one.review.answer is not Answer.CONFIRMED:
        return 0.0
    defective = truth_of(one.inspections[-1].decision.verdict, one.review)
    if defective is None:
        return 0.0
    return float((asked.verdict is not Verdict.PASS) != defective)


def _candidate(
    image: Image,
    inspected: Sequence[Inspection],
    reviews: Mapping[str, Review],
    shadows: Mapping[str, Sequence[Verdict]],
) -> Candidate:
    own = tuple(one for one in inspected if one.image in (image.digest, None))
    said = [reviews[one.id] for one in own if one.id in reviews]
    beside = tuple(verdict for one in own for verdict in shadows.get(one.id, ()))
    return Candidate(image, own, said[-1] if said else None, beside)


def _features(images: Sequence[Image], seen: Mapping[Digest, Seen]) -> Floats:
    rows = [seen[image.digest].features for image in images]
    return np.stack(rows) if rows else np.zeros((0, 1), np.float32)


def _scores(seen: Seen, output: OutputSpec) -> dict[str, float]:
    return dict(zip(output.concepts, seen.scores.tolist(), strict=True))

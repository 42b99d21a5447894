"""The parts a gate replays: golden, must-catch, and what lines sent back; with what people said of them."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from andon.domain.feedback import Answer, Review, truth_of
from andon.domain.gates import UNNAMED, CaseSource, GateLimits, GateRequest, Holdout, Purpose, is_held
from andon.domain.images import Image
from andon.domain.inspections import Inspection, Verdict
from andon.domain.models import Package
from andon.domain.ontologies import ConceptKind
from andon.domain.parts import part_key
from andon.services.datasets import load_snapshot
from andon.services.gate_weights import Sent
from andon.services.holdouts import images_of
from andon.services.models import find_package
from andon.services.workspaces import Workspace
from andon.store import annotations as stored_annotations
from andon.store import holdouts as stored_holdouts
from andon.store import images as stored_images
from andon.store import inspections as stored_inspections
from andon.store import ontologies as stored_ontologies
from andon.store import reviews as stored_reviews
from andon.store import runs as stored_runs
from andon.units import Digest

PAGE = 1000
LONGEST_LINE = 50
"""Models that were begun with one another, at most."""

ENOUGH = 6.3
"""Times 1 / margin: with so many parts two that become worse do not yet break the bound (the limit of a
Poisson count of two, at 95 %)."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a part; ``inspection`` is what a station recorded of it, where it came from one."""

    image: Image
    inspection: Inspection | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a gate; see :class:`andon.domain.gates.GateCase` for source, weight and truth.

    Attributes:
        by_scores: its pictures came for what the model or a person said of it, not by a draw: how many
            parts it stands for is not known, and its weight is the least.
        one_word: that it is defective rests on one operator's word against the verdict.
    """

    key: str
    source: CaseSource
    weight: float
    truth: tuple[str, ...] | None
    pictures: tuple[Picture, ...]
    by_scores: bool = False
    one_word: bool = False


@dataclass(frozen=True, slots=True)
class Collected:
    """What a gate replays.

    Attributes:
        learned: parts that are left out, because the candidate has learned from them.
        taught: must-catch parts that are asked although the candidate has learned from them.
        absent: must-catch parts of which no picture is here.
        lost: golden parts of which no picture is here.
        known_before: parts that what runs now has learned from; it looks better on them than it is.
        more: there are more parts from lines than were asked for.
        kept_apart: parts from lines that count, of those that are always kept for gates, where the
            candidate has learned from others.
        by_scores: parts that came back for what the model or a person said of them, not by a draw.
        one_word: defective parts that rest on one operator's word against the verdict.
        easier: parts from lines that somebody judged and the candidate did not learn from, and that nobody
            kept apart: they do not count where ``left_easier``, because what was labelled was chosen.
        chose: parts like these chose the candidate's cuts, so that they say nothing of it.
    """

    parts: tuple[Part, ...]
    learned: int = 0
    taught: int = 0
    absent: tuple[str, ...] = ()
    lost: int = 0
    known_before: int = 0
    more: bool = False
    by_scores: int = 0
    one_word: int = 0
    kept_apart: int = 0
    easier: int = 0
    left_easier: bool = False
    chose: bool = False


@dataclass(frozen=True, slots=True)
class Learned:
    """What a model has learned from, or was measured with: keys of parts, and images."""

    parts: frozenset[str]
    images: frozenset[Digest]

    def has(self, key: str, images: Sequence[Image]) -> bool:
        """Whether the part is one of them, by its key, by what else is known of it, or by a picture."""
        keys = {key} | {f"{name}={i.origin.value(name)}" for i in images for name in i.origin.known()}
        return bool(keys & self.parts) or any(image.digest in self.images for image in images)


@dataclass(slots=True)
class _Gathered:
    """A part while it is put together: its pictures, each with its inspection that says most."""

    pictures: dict[Digest, Picture] = field(default_factory=dict)
    inspections: list[Inspection] = field(default_factory=list)

    @property
    def images(self) -> list[Image]:
        return [picture.image for picture in self.pictures.values()]


def collect_parts(
    workspace: Workspace,
    request: GateRequest,
    candidate: Package,
    baseline: Package | None,
    line_chose: bool = False,
) -> Collected:
    """Every part that ``request`` asks for and the candidate has not learned from; must-catch parts always.

    From lines come the parts that recipes of the names asked for have judged: another recipe is another
    product.  Where what people judged there chose the candidate's cuts (``line_chose``), only those parts
    of lines count that are always kept for gates.

    Pictures of a part that came back from a line are judged together; of several inspections of one picture
    the latest that a person has reviewed is taken, else the latest.
    """
    learned = learned_by(workspace, candidate)
    with workspace.database.read() as tx:
        held = {holdout.part: holdout.purpose for holdout in _by_weight(tx)}
        here, more = _gathered(tx, _names(request), request.history if baseline else 0, held)
        taught = {key for key, part in here.items() if learned.has(key, part.images)}
        must = {key for key, purpose in held.items() if purpose is Purpose.MUST_CATCH}
        apart = {key: part for key, part in here.items() if key not in taught or key in must}
        inspections = [one for part in here.values() for one in part.inspections]
        said = _Truths.read(tx, list(apart.values())), Sent.read(tx, inspections)
    parts = [_part(key, part, held.get(key), said) for key, part in apart.items()]
    learned_of_line = any(part.inspections for key, part in here.items() if key not in apart)
    asked = line_chose or learned_of_line
    sampled = _sampled(parts, request.limits, line_chose) if asked else _Sampled(tuple(parts))
    left = sampled.parts
    before = learned_by(workspace, baseline)
    return Collected(
        left,
        learned=len(here) - len(apart),
        taught=len(taught & must),
        absent=tuple(sorted(must - here.keys())),
        lost=len(held.keys() - must - here.keys()),
        known_before=sum(before.has(p.key, [picture.image for picture in p.pictures]) for p in left),
        more=more,
        by_scores=sum(part.by_scores and part.truth is not None for part in left),
        one_word=sum(part.one_word for part in left),
        kept_apart=sampled.kept_apart,
        easier=sampled.easier,
        left_easier=sampled.left_easier,
        chose=line_chose,
    )


def _names(request: GateRequest) -> set[str]:
    asked = (request.candidate, request.baseline or request.candidate)
    return {version.rpartition("@")[0] for version in asked}


def judged_parts(workspace: Workspace, name: str, most: int) -> tuple[Part, ...]:
    """Parts of lines that people judged and no gate keeps, among the latest ``most`` pictures that versions
    of the recipe ``name`` have judged."""
    with workspace.database.read() as tx:
        gathered, _ = _from_lines(tx, {name}, most)
        held = {holdout.part for holdout in stored_holdouts.current(tx)}
        free = {key: part for key, part in gathered.items() if key not in held and not is_held(key)}
        inspections = [one for part in free.values() for one in part.inspections]
        said = _Truths.read(tx, list(free.values())), Sent.read(tx, inspections)
    parts = [_part(key, part, None, said) for key, part in free.items() if part.pictures]
    return tuple(_for_unanswered(parts))


def _for_unanswered(parts: Sequence[Part]) -> Iterator[Part]:
    """The judged ones: each stands also for those of its kind that people were asked about in vain."""
    asked: defaultdict[tuple[str, Verdict], float] = defaultdict(float)
    said: defaultdict[tuple[str, Verdict], float] = defaultdict(float)
    for part in parts:
        if kind := _asked_kind(part):
            asked[kind] += part.weight
            said[kind] += part.weight if part.truth is not None else 0.0
    for part in parts:
        kind = _asked_kind(part)
        if part.truth is not None:
            yield replace(part, weight=part.weight * asked[kind] / said[kind]) if kind else part


def _asked_kind(part: Part) -> tuple[str, Verdict] | None:
    """Station and verdict; None where people are not asked: passes that no audit drew."""
    made = next((one.inspection for one in part.pictures if one.inspection), None)
    if made is None or made.capture is None:
        return None
    passed = made.decision.verdict is Verdict.PASS
    if passed and part.source is not CaseSource.AUDIT:
        return None
    return made.capture.station, made.decision.verdict


@dataclass(frozen=True, slots=True)
class _Sampled:
    """Parts that count, or that nobody judged; see :class:`Collected` for the rest."""

    parts: tuple[Part, ...]
    kept_apart: int = 0
    easier: int = 0
    left_easier: bool = False


def _sampled(parts: Sequence[Part], limits: GateLimits, line_chose: bool) -> _Sampled:
    """Without the parts that are easier than the line's, where enough others are left.

    What was labelled, and learned from, was chosen because it is hard: the judged parts that are left over
    are easier.  Those that are kept for gates by their key alone were never offered.  Parts that chose the
    cuts never count.
    """
    judged = [part for part in parts if part.source in _OF_LINES and part.truth is not None]
    kept = [part for part in judged if is_held(part.key)]
    easier = {part.key for part in judged} - {part.key for part in kept}
    asked = [*kept, *(part for part in parts if part.source is CaseSource.GOLDEN)]
    defective = sum(bool(part.truth) for part in asked)
    good = sum(part.truth == () for part in asked)
    is_enough = (
        defective * limits.margin >= ENOUGH
        and good * min(limits.overkill_margin, limits.review_margin) >= ENOUGH
        and defective >= limits.min_defective
        and good >= limits.min_good
    )
    leaves = is_enough or line_chose
    left = tuple(part for part in parts if not (leaves and part.key in easier))
    return _Sampled(left, len(kept), len(easier), leaves)


_OF_LINES = (CaseSource.HISTORY, CaseSource.AUDIT)


def _gathered(
    tx: Connection, names: Collection[str], most: int, held: Mapping[str, Purpose]
) -> tuple[dict[str, _Gathered], bool]:
    """Parts of which a picture is here, from lines and held, and whether lines have more."""
    gathered, more = _from_lines(tx, names, most)
    for key, images in images_of(tx, list(held)).items():
        for image in images:
            gathered[key].pictures.setdefault(image.digest, Picture(image))
    return {key: part for key, part in gathered.items() if part.pictures}, more


def _by_weight(tx: Connection) -> Iterator[Holdout]:
    """Must-catch last, so that it counts where a part is golden, too."""
    yield from sorted(stored_holdouts.current(tx), key=lambda one: one.purpose is Purpose.MUST_CATCH)


def learned_by(workspace: Workspace, package: Package | None) -> Learned:
    """The snapshots of a model and of those it was begun with, all groups of them."""
    parts: set[str] = set()
    images: set[Digest] = set()
    for one in _begun_with(workspace, package):
        for item in load_snapshot(workspace, one.manifest.snapshot).items:
            parts.add(item.part)
            images.add(item.image)
    return Learned(frozenset(parts), frozenset(images))


def _begun_with(workspace: Workspace, package: Package | None) -> Iterator[Package]:
    for _ in range(LONGEST_LINE):
        if package is None:
            return
        yield package
        if package.run is None:
            return
        with workspace.database.read() as tx:
            start = stored_runs.get(tx, package.run).settings.start
        package = find_package(workspace, start) if start else None


def _from_lines(
    tx: Connection, names: Collection[str], most: int
) -> tuple[defaultdict[str, _Gathered], bool]:
    """Parts whose pictures came back, judged by recipes of these names, by key, and whether there are
    more."""
    found: list[Inspection] = []
    after = None
    while len(found) < most:
        page = stored_inspections.with_pictures(tx, names, after, min(PAGE, most - len(found)))
        found += page.rows
        after = page.next
        if after is None:
            break
    reviewed = stored_reviews.latest(tx, [inspection.id for inspection in found])
    images = stored_images.by_digests(tx, [i.image for i in found if i.image])
    gathered: defaultdict[str, _Gathered] = defaultdict(_Gathered)
    for inspection in sorted(found, key=lambda one: one.id not in reviewed):
        image = images.get(inspection.image or Digest(""))
        if image is not None:
            part = gathered[part_key(image)]
            part.inspections.append(inspection)
            part.pictures.setdefault(image.digest, Picture(image, inspection))
    return gathered, after is not None


@dataclass(frozen=True, slots=True)
class _Truths:
    """What people said: labels of images, which count most, and reviews of inspections."""

    labels: Mapping[Digest, frozenset[str]]
    reviews: Mapping[str, Review]
    defects: frozenset[str]

    @classmethod
    def read(cls, tx: Connection, parts: Sequence[_Gathered]) -> "_Truths":
        digests = [digest for part in parts for digest in part.pictures]
        ids = [inspection.id for part in parts for inspection in part.inspections]
        concepts = stored_ontologies.current(tx).concepts
        return cls(
            stored_annotations.labels(tx, digests),
            stored_reviews.latest(tx, ids),
            frozenset(c.name for c in concepts if c.kind is ConceptKind.DEFECT),
        )

    def of(self, picture: Picture) -> tuple[str, ...] | None:
        """Defects on one picture; None where nobody has said."""
        said = self.labels.get(picture.image.digest)
        if said is not None:
            return tuple(sorted(said & self.defects))
        inspection = picture.inspection
        review = self.reviews.get(inspection.id) if inspection else None
        if inspection is None or review is None:
            return None
        is_defective = truth_of(inspection.decision.verdict, review)
        if is_defective is None:
            return None
        return (review.concept or UNNAMED,) if is_defective else ()

    def of_part(self, pictures: Sequence[Picture]) -> tuple[str, ...] | None:
        """Defects on any of its pictures; clean only where somebody said so of every one."""
        said = [self.of(picture) for picture in pictures]
        found = tuple(sorted({name for names in said for name in names or ()}))
        return found if found or None not in said else None

    def is_one_word(self, picture: Picture) -> bool:
        """Whether an operator missed a defect there, and nobody looked a second time."""
        inspection = picture.inspection
        review = self.reviews.get(inspection.id) if inspection else None
        is_missed = review is not None and review.answer is Answer.MISSED
        return is_missed and picture.image.digest not in self.labels


def _part(key: str, gathered: _Gathered, held: Purpose | None, known: tuple[_Truths, Sent]) -> Part:
    truths, sent = known
    pictures = tuple(gathered.pictures.values())
    truth = truths.of_part(pictures)
    one_word = bool(truth) and all(truths.is_one_word(p) for p in pictures if truths.of(p))
    audit = _audited(gathered.inspections)
    match held:
        case Purpose.MUST_CATCH:
            return Part(key, CaseSource.MUST_CATCH, 1.0, truth, pictures)
        case Purpose.GOLDEN:
            return Part(key, CaseSource.GOLDEN, 1.0, truth, pictures)
    if audit:
        return Part(key, CaseSource.AUDIT, 1 / audit, truth, pictures, one_word=one_word)
    weight, by_scores = sent.weight(gathered.inspections)
    return Part(key, CaseSource.HISTORY, weight, truth, pictures, by_scores, one_word)


def _audited(inspections: Sequence[Inspection]) -> float:
    """Probability with which a part that passed was drawn; 0 where it was not, or did not pass."""
    if any(inspection.decision.verdict is not Verdict.PASS for inspection in inspections):
        return 0.0
    return max((i.capture.audit for i in inspections if i.capture), default=0.0)

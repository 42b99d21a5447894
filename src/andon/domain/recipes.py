"""Recipes: where to look, the only effective cuts, and the rules that make a verdict of findings."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from andon.domain.annotations import Polygon
from andon.domain.calibrations import Calibration, length_in_pixels
from andon.domain.geometry import lies_inside, touches
from andon.domain.inspections import MAX_FINDINGS, Decision, Finding, Reason, ReasonCode, Verdict
from andon.domain.models import Cuts
from andon.domain.ontologies import Severity
from andon.domain.promises import Promise
from andon.errors import InvalidInput
from andon.units import Digest, Timestamp

NOT_STORED = Timestamp("")
"""Time of a draft."""


class Unit(StrEnum):
    """Unit of a rule's lengths; areas are its square."""

    PIXEL = "px"
    MILLIMETRE = "mm"


@dataclass(frozen=True, slots=True)
class Rule:
    """A tolerance for one concept: a finding that keeps within it does not count against the part.

    A rule concerns the findings that touch its zone.  It tolerates a finding that is smaller than
    ``min_area`` or shorter than ``min_length``, and all of them when no more than ``max_count`` are
    neither.  A finding of unknown place (the whole image) is in every zone and never small.

    Attributes:
        min_area: smaller regions are tolerated (unit squared).
        min_length: shorter regions are tolerated (unit).
        max_count: up to this many findings that are not tolerated by size are tolerated together.
        within: the zone, a polygon in pixels; None: everywhere.
        severity: of findings that break this rule; None: that of the concept.

    Raises:
        InvalidInput: a size is negative or not finite, or the count is negative or beyond what is kept.
    """

    concept: str
    min_area: float = 0.0
    min_length: float = 0.0
    max_count: int = 0
    within: Polygon | None = None
    unit: Unit = Unit.PIXEL
    severity: Severity | None = None

    def __post_init__(self) -> None:
        for name, size in (("area", self.min_area), ("length", self.min_length)):
            if not 0 <= size < float("inf"):
                raise InvalidInput(
                    f"the rule for {self.concept!r} has the minimum {name} {size:g}",
                    "Give a size from 0 on.",
                )
        if not 0 <= self.max_count < MAX_FINDINGS:
            raise InvalidInput(
                f"the rule for {self.concept!r} tolerates {self.max_count} findings",
                f"Give a count from 0 to {MAX_FINDINGS - 1}.",
            )


@dataclass(frozen=True, slots=True)
class Locate:
    """Where the part is looked for before anything else; regions move with it.

    Attributes:
        template: blob of a grey PNG, a picture of something every part shows at the same place.
        x, y: where the template's left upper corner was in the picture that regions were drawn on, pixels.
        reach: how far from there it may be found, pixels.
        least: normalised correlation from which it counts as found, 0..1.
    """

    template: Digest
    x: int
    y: int
    reach: int = 40
    least: float = 0.6

    def __post_init__(self) -> None:
        if not (self.x >= 0 and self.y >= 0 and self.reach >= 0 and 0 < self.least <= 1):
            raise InvalidInput(
                "the place of the template, its reach or its least correlation is not possible"
            )


@dataclass(frozen=True, slots=True)
class HealthLimits:
    """When an image says nothing about the part. Values as ``runtime.health`` measures them.

    Attributes:
        dark, bright: mean brightness below or above which nothing is decided, 0..1.
        blurred: sharpness below which nothing is decided; 0 asks nothing.
        stuck: number of equal pictures one after the other from which the camera counts as stuck.
    """

    dark: float = 0.02
    bright: float = 0.98
    blurred: float = 0.0
    stuck: int = 3

    def __post_init__(self) -> None:
        if not (0 <= self.dark < self.bright <= 1 and self.blurred >= 0 and self.stuck >= 2):
            raise InvalidInput("the limits of image health are not possible", "0 <= dark < bright <= 1.")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One version of a recipe. Cuts here are the only ones in force; those of a package are suggestions.

    Attributes:
        cuts: concept -> cuts; every concept the package can find must have them.
        rules: tolerances; a finding counts unless every rule that concerns it tolerates it, so their
            order does not matter and the strictest wins. A finding that no rule concerns counts.
        regions: findings must touch one of these polygons to count; empty: the whole image.
        ignore: findings that lie entirely inside one of these polygons do not count.
        severities: concept -> severity, as the ontology had it when this version was made; MAJOR where
            it says nothing. MINOR asks for review where another severity rejects.
        locate: how the part is found; None: it always lies at the same place.
        health: images that are refused before a model sees them.
        line_chose: what people judged on the line chose the cuts, so that a gate must ask other parts.
        promise: the escape rate that this version keeps; None: it promises nothing.
        promise_dropped: why what the version before promised does not hold for this one; empty where that
            promised nothing, or where it holds.

    Raises:
        InvalidInput: cuts are negative, not numbers, or in the wrong order, or break the promise.
    """

    name: str
    version: int
    part_type: str | None
    package: Digest
    cuts: Mapping[str, Cuts]
    rules: tuple[Rule, ...] = ()
    regions: tuple[Polygon, ...] = ()
    ignore: tuple[Polygon, ...] = ()
    author: str = ""
    at: Timestamp = NOT_STORED
    calibration: Calibration | None = None
    note: str = ""
    costs: Mapping[str, float] = field(default_factory=dict)
    severities: Mapping[str, Severity] = field(default_factory=dict)
    locate: Locate | None = None
    health: HealthLimits = HealthLimits()
    line_chose: bool = False
    promise: Promise | None = None
    promise_dropped: str = ""

    def __post_init__(self) -> None:
        for concept, cuts in self.cuts.items():
            if not 0 <= cuts.review <= cuts.reject:
                raise InvalidInput(
                    f"cuts of {concept!r} are {cuts.review:g} and {cuts.reject:g}",
                    "The review cut must not be above the reject cut, and neither below 0.",
                )
        if self.promise is not None and above(self.cuts, self.promise):
            raise InvalidInput(
                f"a review cut of recipe {self.name!r} is above {self.promise.limit:g}, "
                "up to which it keeps its promise"
            )


def above(cuts: Mapping[str, Cuts], promise: Promise) -> tuple[str, ...]:
    """Concepts whose review cut breaks ``promise``."""
    return tuple(concept for concept, pair in cuts.items() if pair.review > promise.limit)


def keeping(draft: Recipe, promise: Promise) -> Recipe:
    """``draft`` with the promise, and with no review cut above what keeps it."""
    return replace(draft, cuts=lowered(draft.cuts, promise), promise=promise)


def lowered(cuts: Mapping[str, Cuts], promise: Promise) -> dict[str, Cuts]:
    """``cuts`` with no review cut above what keeps ``promise``; stricter ones stay as they are."""
    return {name: Cuts(min(pair.review, promise.limit), pair.reject) for name, pair in cuts.items()}


def succeeding(draft: Recipe, before: Recipe) -> Recipe:
    """``draft`` as the version after ``before``, with its promise where that still holds."""
    if before.promise is None:
        return draft
    lost = _why_lost(before, before.promise, draft)
    if not lost:
        return replace(draft, promise=before.promise)
    words = f"version {before.version} promised that {before.promise.asked.words}, but {lost}"
    return replace(draft, promise_dropped=words)


_JUDGING = {
    "rules": "rules",
    "regions": "regions",
    "ignore": "ignored regions",
    "locate": "way of locating parts",
    "health": "limits of image health",
    "calibration": "calibration",
}
"""What lets parts pass beside the cuts. Whether a change of it is milder or stricter is not asked."""


def judging_otherwise(one: Recipe, other: Recipe) -> tuple[str, ...]:
    """What lets parts pass, beside the model and the cuts, and is not the same in both; in words."""
    return tuple(words for name, words in _JUDGING.items() if getattr(one, name) != getattr(other, name))


def _why_lost(before: Recipe, promise: Promise, draft: Recipe) -> str:
    if before.package != draft.package:
        return "this version has another model"
    changed = judging_otherwise(before, draft)
    if changed:
        return f"this version has other {', '.join(changed)}"
    too_high = above(draft.cuts, promise)
    if not too_high:
        return ""
    several = "s of" if len(too_high) > 1 else " of"
    verb = "are" if len(too_high) > 1 else "is"
    return f"the review cut{several} {', '.join(map(repr, too_high))} {verb} above {promise.limit:.4f} now"


def judge(recipe: Recipe, findings: Sequence[Finding], moved: tuple[float, float] = (0.0, 0.0)) -> Decision:
    """Apply a recipe to the findings of one part's image: pure, so history can be judged anew.

    ``moved`` says how far (x, y) in pixels the part was found from where regions and zones were drawn;
    they move with it.

    Raises:
        NotPossible: a rule is in millimetres and the recipe has no calibration.
        InvalidInput: a finding's concept has no cuts in the recipe.
    """
    reasons: list[Reason] = []
    findings = [_as_drawn(finding, moved) for finding in findings]
    for concept in sorted({finding.concept for finding in findings}):
        if concept not in recipe.cuts:
            raise InvalidInput(
                f"recipe {recipe.name!r} has no cuts for {concept!r}", "Make a new recipe version."
            )
        reasons += _reasons(recipe, concept, [f for f in findings if f.concept == concept])
    return Decision(_worst(reasons), tuple(reasons))


def deciding_scores(
    recipe: Recipe, findings: Sequence[Finding], moved: tuple[float, float] = (0.0, 0.0)
) -> dict[str, float]:
    """Concept -> highest review cut with which the part would still not pass, whatever the recipe's own
    cuts; without the concepts that never stop it.

    What lies outside of the regions, is ignored, or is tolerated by a rule stops no part.

    Raises:
        NotPossible: as :func:`judge`.
    """
    found = {}
    for concept in recipe.cuts:
        own = [finding for finding in findings if finding.concept == concept]
        for score in sorted({finding.score for finding in own}, reverse=True):
            with_cut = replace(recipe, cuts={concept: Cuts(score, score)}, promise=None)
            if judge(with_cut, own, moved).verdict is not Verdict.PASS:
                found[concept] = score
                break
    return found


def _as_drawn(finding: Finding, moved: tuple[float, float]) -> Finding:
    """The finding where it would be had the part not moved; only its box is asked for its place."""
    if finding.box is None or moved == (0.0, 0.0):
        return finding
    box = finding.box
    return replace(finding, box=replace(box, x=box.x - moved[0], y=box.y - moved[1]))


def _reasons(recipe: Recipe, concept: str, findings: Sequence[Finding]) -> list[Reason]:
    cuts = recipe.cuts[concept]
    suspects = [f for f in findings if f.score >= cuts.review and _in_scope(recipe, f)]
    verdicts = [_Counted(f, severity) for f, severity in _counted(recipe, concept, suspects)]
    verdicts.sort(key=lambda counted: counted.rank(cuts))
    return [counted.reason(cuts) for counted in verdicts]


def _in_scope(recipe: Recipe, finding: Finding) -> bool:
    box = finding.box
    if box is None:
        return True
    if any(lies_inside(box, polygon) for polygon in recipe.ignore):
        return False
    return not recipe.regions or any(touches(box, polygon) for polygon in recipe.regions)


def _counted(
    recipe: Recipe, concept: str, suspects: Sequence[Finding]
) -> Iterator[tuple[Finding, Severity]]:
    """Those of ``suspects`` that are not tolerated, each with the gravest severity that applies to it."""
    own = recipe.severities.get(concept, Severity.MAJOR)
    concerned: set[int] = set()
    broken: dict[int, list[Severity]] = defaultdict(list)
    for rule in recipe.rules:
        if rule.concept != concept:
            continue
        zone = [i for i, f in enumerate(suspects) if _concerns(rule, f)]
        large = [i for i in zone if not _small(rule, suspects[i], recipe.calibration)]
        concerned.update(zone)
        for i in large if len(large) > rule.max_count else ():
            broken[i].append(rule.severity or own)
    for i, finding in enumerate(suspects):
        if i not in concerned:
            yield finding, own
        elif broken[i]:
            yield finding, max(broken[i], key=list(Severity).index)


def _concerns(rule: Rule, finding: Finding) -> bool:
    return rule.within is None or finding.box is None or touches(finding.box, rule.within)


def _small(rule: Rule, finding: Finding, calibration: Calibration | None) -> bool:
    scale = 1.0 if rule.unit is Unit.PIXEL else length_in_pixels(1.0, calibration)
    if finding.box is None:
        return False
    return finding.area < rule.min_area * scale * scale or finding.length < rule.min_length * scale


@dataclass(frozen=True, slots=True)
class _Counted:
    """A finding that counts against the part."""

    finding: Finding
    severity: Severity

    def code(self, cuts: Cuts) -> ReasonCode:
        if self.finding.score < cuts.reject:
            return ReasonCode.UNCERTAIN
        return ReasonCode.MINOR_DEFECT if self.severity is Severity.MINOR else ReasonCode.DEFECT

    def rank(self, cuts: Cuts) -> tuple[int, int, float]:
        """Sorts the worst first."""
        order = (ReasonCode.DEFECT, ReasonCode.MINOR_DEFECT, ReasonCode.UNCERTAIN)
        return order.index(self.code(cuts)), -list(Severity).index(self.severity), -self.finding.score

    def reason(self, cuts: Cuts) -> Reason:
        cut = cuts.reject if self.finding.score >= cuts.reject else cuts.review
        return Reason(
            self.code(cuts), self.finding.concept, f"score {self.finding.score:.3f}, cut {cut:.3f}"
        )


def _worst(reasons: Sequence[Reason]) -> Verdict:
    if any(reason.code is ReasonCode.DEFECT for reason in reasons):
        return Verdict.REJECT
    return Verdict.REVIEW if reasons else Verdict.PASS

"""Recipes: where to look, the only effective cuts, and the plant's rules that make a verdict of findings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from andon.domain.annotations import Polygon
from andon.domain.calibrations import Calibration, length_in_pixels
from andon.domain.inspections import Decision, Finding, Reason, ReasonCode, Verdict
from andon.domain.models import Cuts
from andon.domain.ontologies import Severity
from andon.errors import InvalidInput
from andon.units import Digest, Timestamp


class Unit(StrEnum):
    """Unit of a rule's lengths; areas are its square."""

    PIXEL = "px"
    MILLIMETRE = "mm"


@dataclass(frozen=True, slots=True)
class Rule:
    """A tolerance for one concept: findings within it do not count against the part.

    Attributes:
        min_area: smaller regions are tolerated (unit squared).
        min_length: shorter regions are tolerated (unit).
        max_count: up to this many findings of the concept are tolerated.
        within: only findings that touch this polygon (pixels) count; None: everywhere.
        severity: MINOR findings never reject, they ask for review.
    """

    concept: str
    min_area: float = 0.0
    min_length: float = 0.0
    max_count: int = 0
    within: Polygon | None = None
    unit: Unit = Unit.PIXEL
    severity: Severity = Severity.MAJOR


@dataclass(frozen=True, slots=True)
class Recipe:
    """One version of a recipe. Cuts here are the only ones in force; those of a package are suggestions.

    Attributes:
        cuts: concept -> cuts; every concept the package can find must have them.
        regions: findings must touch one of these polygons to count; empty: the whole image.
        ignore: findings that lie entirely inside one of these polygons do not count.
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
    at: Timestamp = Timestamp("")
    calibration: Calibration | None = None
    note: str = ""
    costs: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for concept, cuts in self.cuts.items():
            if not 0 <= cuts.review <= cuts.reject:
                raise InvalidInput(
                    f"cuts of {concept!r} are {cuts.review:g} and {cuts.reject:g}",
                    "The review cut must not be above the reject cut, and neither below 0.",
                )


def judge(recipe: Recipe, findings: Sequence[Finding]) -> Decision:
    """Apply a recipe to the findings of one part's image: pure, so history can be judged anew.

    Raises:
        NotPossible: a rule is in millimetres and the recipe has no calibration.
        InvalidInput: a finding's concept has no cuts in the recipe.
    """
    counted = [finding for finding in findings if _in_scope(recipe, finding)]
    reasons: list[Reason] = []
    for concept in sorted({finding.concept for finding in counted}):
        if concept not in recipe.cuts:
            raise InvalidInput(
                f"recipe {recipe.name!r} has no cuts for {concept!r}", "Make a new recipe version."
            )
        reasons += _reasons(recipe, concept, [f for f in counted if f.concept == concept])
    return Decision(_worst(reasons), tuple(reasons))


def _in_scope(recipe: Recipe, finding: Finding) -> bool:
    if finding.box is None:
        return True
    if any(_box_inside(finding, polygon) for polygon in recipe.ignore):
        return False
    return not recipe.regions or any(_box_touches(finding, polygon) for polygon in recipe.regions)


def _reasons(recipe: Recipe, concept: str, findings: Sequence[Finding]) -> list[Reason]:
    cuts = recipe.cuts[concept]
    rules = [rule for rule in recipe.rules if rule.concept == concept]
    above = [f for f in findings if f.score >= cuts.review]
    for rule in rules:
        above = [f for f in above if not _tolerated(rule, f, recipe.calibration)]
        if len(above) <= rule.max_count:
            above = []
    severity = min((rule.severity for rule in rules), key=list(Severity).index, default=Severity.MAJOR)
    return [_reason(f, cuts, severity) for f in sorted(above, key=lambda f: -f.score)]


def _tolerated(rule: Rule, finding: Finding, calibration: Calibration | None) -> bool:
    if finding.box is None:
        return False
    scale = 1.0 if rule.unit is Unit.PIXEL else length_in_pixels(1.0, calibration)
    if finding.area < rule.min_area * scale * scale or finding.length < rule.min_length * scale:
        return True
    return rule.within is not None and not _box_touches(finding, rule.within)


def _reason(finding: Finding, cuts: Cuts, severity: Severity) -> Reason:
    rejects = finding.score >= cuts.reject and severity is not Severity.MINOR
    code = ReasonCode.DEFECT if rejects else ReasonCode.UNCERTAIN
    if finding.score >= cuts.reject and not rejects:
        code = ReasonCode.MINOR_DEFECT
    cut = cuts.reject if finding.score >= cuts.reject else cuts.review
    return Reason(code, finding.concept, f"score {finding.score:.3f}, cut {cut:.3f}")


def _worst(reasons: Sequence[Reason]) -> Verdict:
    if any(reason.code is ReasonCode.DEFECT for reason in reasons):
        return Verdict.REJECT
    return Verdict.REVIEW if reasons else Verdict.PASS


def _box_inside(finding: Finding, polygon: Polygon) -> bool:
    return all(_contains(polygon, x, y) for x, y in finding.corners())


def _box_touches(finding: Finding, polygon: Polygon) -> bool:
    """Whether box and polygon share a point: a corner or vertex inside, or crossing edges."""
    if any(_contains(polygon, x, y) for x, y in finding.corners()):
        return True
    assert finding.box is not None
    box = finding.box
    if any(
        box.x <= x <= box.x + box.width and box.y <= y <= box.y + box.height for x, y in polygon.points
    ):
        return True
    return any(_crosses(a, b) for a in _edges(finding.corners()) for b in _edges(polygon.points))


_Point = tuple[float, float]
_Edge = tuple[_Point, _Point]


def _edges(points: Sequence[_Point]) -> list[_Edge]:
    return list(zip(points, [*points[1:], points[0]], strict=True))


def _crosses(first: _Edge, second: _Edge) -> bool:
    (a, b), (c, d) = first, second
    return _side(a, b, c) != _side(a, b, d) and _side(c, d, a) != _side(c, d, b)


def _side(a: _Point, b: _Point, point: _Point) -> bool:
    return (b[0] - a[0]) * (point[1] - a[1]) > (b[1] - a[1]) * (point[0] - a[0])


def _contains(polygon: Polygon, x: float, y: float) -> bool:
    """Even-odd rule; points on the left and top edge count as inside."""
    inside = False
    for (x1, y1), (x2, y2) in _edges(polygon.points):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside

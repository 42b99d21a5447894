"""What the recipe editor shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from andon.analysis.cuts import Rates
from andon.domain.calibrations import Calibration
from andon.domain.inspections import Verdict
from andon.domain.models import Cuts, Package
from andon.domain.ontologies import Severity
from andon.domain.recipes import HealthLimits, Recipe, Unit
from andon.domain.serial import to_json
from andon.errors import NotPossible
from andon.formats.pixels import decode
from andon.hub.api.models import USUAL_COSTS
from andon.hub.web.draft_forms import line_of, lines_of
from andon.services.drafts import PictureChoice, cut_group, find_picture, pictures_of
from andon.services.models import find_package
from andon.services.previews import Flip, Preview
from andon.services.recipes import find_recipe
from andon.services.scores import StoredEvaluation, latest_evaluation
from andon.services.workspaces import Workspace
from andon.store import calibrations as stored_calibrations

SPARE_RULES = 1
"""Empty rows of the form, so that rules can be added without script too."""

REACH, LEAST = 40, 0.6


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule as its fields hold it."""

    concept: str = ""
    min_area: str = ""
    min_length: str = ""
    max_count: str = ""
    unit: str = Unit.PIXEL
    severity: str = ""
    within: str = ""


@dataclass(frozen=True, slots=True)
class LocateRow:
    """Where the part is looked for, as its fields hold it; ``template`` is empty for none yet."""

    template: str = ""
    x: int = 0
    y: int = 0
    width: int = 0
    height: int = 0
    reach: int = REACH
    least: float = LEAST


@dataclass(frozen=True, slots=True)
class DraftView:
    """The editor.

    Attributes:
        group: the calibration group's scores, None where the model was not evaluated by this Andon.
        picture: the one shown; None where the model's pictures are gone.
        data: what the page's script works with.
        is_latest: whether what is saved follows ``base``, so that what it promises may go on.
    """

    name: str
    base: Recipe | None
    package: Package
    evaluation: StoredEvaluation | None
    cuts: Mapping[str, Cuts]
    costs: Mapping[str, float]
    rules: tuple[RuleRow, ...]
    regions: str
    ignore: str
    locate: LocateRow
    health: HealthLimits
    calibration: str
    calibrations: tuple[Calibration, ...]
    picture: PictureChoice | None
    pictures: tuple[PictureChoice, ...]
    data: Mapping[str, Any]
    is_latest: bool
    severities: tuple[str, ...] = tuple(Severity)


@dataclass(frozen=True, slots=True)
class PreviewView:
    """A preview as a table: a row a verdict then, a column a verdict now."""

    preview: Preview
    verdicts: tuple[Verdict, ...]
    table: tuple[tuple[int, ...], ...]
    milder: tuple[Flip, ...]
    stricter: tuple[Flip, ...]


@dataclass(frozen=True, slots=True)
class RatesView:
    """What the test group says of cuts; ``chosen`` when they were changed while it was looked at."""

    rates: Rates
    chosen: bool


def draft_view(
    workspace: Workspace, recipe: str | None, model: str | None, picture: str | None
) -> DraftView:
    """The editor over a recipe version, else over a model (default: the newest).

    Raises:
        NotFound, Conflict: no recipe, model or picture is called so.
    """
    base = find_recipe(workspace, recipe) if recipe else None
    package = find_package(workspace, model or (base.package if base else "latest"))
    evaluation = latest_evaluation(workspace, package)
    pictures = pictures_of(workspace, package)
    with workspace.database.read() as tx:
        calibrations = stored_calibrations.in_force(tx)
    own = base.calibration if base else None
    return DraftView(
        name=base.name if base else "",
        base=base,
        package=package,
        evaluation=evaluation,
        cuts=_cuts(package, base, evaluation),
        costs=_costs(base, evaluation),
        rules=(*_rules(base), *[RuleRow()] * SPARE_RULES),
        regions=lines_of(base.regions) if base else "",
        ignore=lines_of(base.ignore) if base else "",
        locate=_locate(workspace, base),
        health=base.health if base else HealthLimits(),
        calibration=f"{own.station}/{own.view}" if own else "",
        calibrations=calibrations,
        picture=_picture(workspace, picture, pictures),
        pictures=pictures,
        data=_data(package, evaluation),
        is_latest=base is not None and find_recipe(workspace, base.name).version == base.version,
    )


def preview_view(preview: Preview) -> PreviewView:
    """The same as a page shows it; verdicts that do not occur are left out."""
    seen = {verdict for pair in preview.changes for verdict in pair}
    shown = tuple(verdict for verdict in Verdict if verdict in seen)
    return PreviewView(
        preview,
        shown,
        tuple(tuple(preview.changes.get((then, now), 0) for now in shown) for then in shown),
        tuple(flip for flip in preview.flips if flip.milder),
        tuple(flip for flip in preview.flips if not flip.milder),
    )


def _cuts(package: Package, base: Recipe | None, evaluation: StoredEvaluation | None) -> Mapping[str, Cuts]:
    known = dict(evaluation.cuts) if evaluation else {}
    if base is not None and base.package == package.digest:
        known |= base.cuts
    floor = package.manifest.output.score_floor
    return {name: known.get(name, Cuts(max(0.5, floor), 1.0)) for name in package.manifest.output.concepts}


def _costs(base: Recipe | None, evaluation: StoredEvaluation | None) -> Mapping[str, float]:
    costs = evaluation.costs if evaluation else USUAL_COSTS
    named = {"escape": costs.escape, "overkill": costs.overkill, "review": costs.review}
    named["defect_percent"] = round(100 * costs.defect_rate, 6)
    return named | (dict(base.costs) if base else {})


def _rules(base: Recipe | None) -> tuple[RuleRow, ...]:
    return tuple(
        RuleRow(
            rule.concept,
            f"{rule.min_area:g}",
            f"{rule.min_length:g}",
            str(rule.max_count),
            rule.unit,
            rule.severity or "",
            line_of(rule.within),
        )
        for rule in (base.rules if base else ())
    )


def _locate(workspace: Workspace, base: Recipe | None) -> LocateRow:
    if base is None or base.locate is None:
        return LocateRow()
    own = base.locate
    height, width = decode(workspace.blobs.get(own.template)).shape[:2]
    return LocateRow(own.template, own.x, own.y, width, height, own.reach, own.least)


def _picture(
    workspace: Workspace, wanted: str | None, pictures: tuple[PictureChoice, ...]
) -> PictureChoice | None:
    if wanted is None:
        return pictures[0] if pictures else None
    found = find_picture(workspace, wanted)
    return PictureChoice(found.digest, found.name, found.shape.height, found.shape.width, "chosen")


def _data(package: Package, evaluation: StoredEvaluation | None) -> Mapping[str, Any]:
    """The calibration group only: the group that bounds escapes must not choose."""
    try:
        group = None if evaluation is None else cut_group(evaluation.calibration_table())
    except NotPossible:
        group = None
    return {"group": to_json(group), "floor": package.manifest.output.score_floor}

"""Recipes: make a version from a model's suggested cuts and the plant's rules; judge history anew."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from andon.domain.annotations import Polygon
from andon.domain.calibrations import Calibration
from andon.domain.inspections import Decision, Inspection, Verdict
from andon.domain.jobs import Job, JobKind
from andon.domain.models import Cuts, Package
from andon.domain.promises import PromiseWish
from andon.domain.recipes import (
    HealthLimits,
    Locate,
    Recipe,
    Rule,
    Unit,
    judge,
    judging_otherwise,
    keeping,
    succeeding,
)
from andon.domain.requests import RescoreJob
from andon.domain.serial import to_json
from andon.errors import Conflict, InvalidInput, NotFound, NotPossible
from andon.services.evaluations import suggested_cuts
from andon.services.jobs import enqueue
from andon.services.models import find_package
from andon.services.promises import judge_promise
from andon.services.workspaces import Workspace, now
from andon.store import calibrations as stored_calibrations
from andon.store import inspections as stored_inspections
from andon.store import ontologies as stored_ontologies
from andon.store import recipes as stored_recipes
from andon.store.paging import Page
from andon.units import Digest, is_digest

Report = Callable[[int, int | None, str], None]
"""Told how much is done, of how much, and what is being done."""

PAGE = 1000
MAX_VERSION_DIGITS = 9

BOUND_IN_VIEW = "(cuts chosen with the test group in view: its bound on escapes is optimistic for them)"
"""What a version says of itself when the group that states the bound has had a part in choosing."""


def _silent(_done: int, _total: int | None, _text: str) -> None:
    """Nobody wants to know how far it is."""


@dataclass(frozen=True, slots=True)
class RecipeRequest:
    """What a person asks of a recipe; ``cuts`` override the suggested ones, concept by concept.

    Attributes:
        model: package digest or its beginning, or "latest".
        calibration: "STATION/VIEW", needed by rules in mm.
        costs: what the cuts were chosen with, by name; kept for the record.
        bound_in_view: the cuts were changed while the test group's escapes were looked at; the note of
            the version says so, because that bound is then no longer from parts that chose nothing.
        line_chose: the cuts were chosen by what people judged on the line.
        promise: an escape rate to keep; review cuts are lowered as far as that takes. None: what the
            version before promises is kept where it still holds, and dropped with the reason where not.
    """

    name: str
    model: str
    cuts: Mapping[str, Cuts]
    rules: tuple[Rule, ...] = ()
    regions: tuple[Polygon, ...] = ()
    ignore: tuple[Polygon, ...] = ()
    part_type: str | None = None
    calibration: str | None = None
    note: str = ""
    locate: Locate | None = None
    health: HealthLimits = field(default_factory=HealthLimits)
    costs: Mapping[str, float] = field(default_factory=dict)
    bound_in_view: bool = False
    line_chose: bool = False
    promise: PromiseWish | None = None


def make_recipe(
    workspace: Workspace, request: RecipeRequest, report: Report = _silent, follows: Recipe | None = None
) -> dict[str, object]:
    """Store the next version of a recipe.

    A promise takes a while: the model judges the defective parts of its calibration and test group.

    Args:
        workspace: where the model is, and where the version is stored.
        request: what is asked for.
        report: told how many parts are judged, of how many.
        follows: the version whose promise goes on or ends with this one; None: the latest.

    Raises:
        Conflict: the calibration was made anew while the promise was judged.
        NotFound: model, concept or calibration is unknown.
        NotPossible: the model was never evaluated and cuts are missing; a rule in mm has no calibration; or
            the promise cannot be shown with the parts there are.
        InvalidInput: a cut lies below what findings are kept from.
    """
    package = find_package(workspace, request.model)
    judged = promising_draft(workspace, package, request, report)
    with workspace.database.write() as tx:
        draft = draft_recipe(workspace, tx, package, request)
        if judged is not None:
            draft = _as_judged(draft, judged)
        elif draft.name in stored_recipes.names(tx):
            draft = succeeding(draft, follows or stored_recipes.latest(tx, draft.name))
        recipe = stored_recipes.add_version(tx, draft)
    return as_facts(recipe)


def _as_judged(draft: Recipe, judged: Recipe) -> Recipe:
    """``draft`` with the promise of ``judged``, which was drafted before parts were judged by it."""
    changed = judging_otherwise(judged, draft)
    if changed:
        raise Conflict(
            f"the {', '.join(changed)} changed while the promise of {draft.name!r} was judged", "Try again."
        )
    assert judged.promise is not None
    return keeping(draft, judged.promise)


def promising_draft(
    workspace: Workspace, package: Package, request: RecipeRequest, report: Report = _silent
) -> Recipe | None:
    """:func:`draft_recipe` with the promise that is asked for and cuts that keep it; None where none is.

    Raises:
        NotFound, InvalidInput, NotPossible: as :func:`make_recipe`.
    """
    if request.promise is None:
        return None
    with workspace.database.read() as tx:
        draft = draft_recipe(workspace, tx, package, request)
    return keeping(draft, judge_promise(workspace, package, draft, request.promise, report))


def draft_recipe(workspace: Workspace, tx: Connection, package: Package, request: RecipeRequest) -> Recipe:
    """The recipe that ``request`` describes, as version 0; nothing is stored.

    Raises:
        InvalidInput, NotFound, NotPossible: as :func:`make_recipe`.
    """
    _check_name(request.name)
    cuts = _cuts(workspace, package, request)
    template = request.locate.template if request.locate else None
    if template is not None and not (is_digest(template) and workspace.blobs.has(template)):
        raise NotFound(f"there is no picture {template[:12]} to locate parts with", "Draw its box again.")
    return Recipe(
        name=request.name,
        version=0,
        part_type=request.part_type,
        package=package.digest,
        cuts=cuts,
        rules=request.rules,
        regions=request.regions,
        ignore=request.ignore,
        author=workspace.who,
        at=now(),
        calibration=_calibration(tx, request),
        severities={c.name: c.severity for c in stored_ontologies.current(tx).concepts if c.name in cuts},
        note=f"{request.note} {BOUND_IN_VIEW}".strip() if request.bound_in_view else request.note,
        costs=request.costs,
        locate=request.locate,
        health=request.health,
        line_chose=request.line_chose or _line_chose_before(tx, request.name, package),
    )


def _line_chose_before(tx: Connection, name: str, package: Package) -> bool:
    """Whether the version that this one follows has the model, with cuts that the line chose."""
    if name not in stored_recipes.names(tx):
        return False
    before = stored_recipes.latest(tx, name)
    return before.package == package.digest and before.line_chose


def _check_name(name: str) -> None:
    if not name.strip() or not name.isprintable() or "@" in name or "/" in name:
        raise InvalidInput(
            f"recipe name {name!r} is not usable", "Use printable characters, and neither '@' nor '/'."
        )


def _cuts(workspace: Workspace, package: Package, request: RecipeRequest) -> dict[str, Cuts]:
    concepts = package.manifest.output.concepts
    floor = package.manifest.output.score_floor
    for concept in [*request.cuts, *(rule.concept for rule in request.rules)]:
        if concept not in concepts:
            raise NotFound(
                f"model {package.digest[:12]} does not find {concept!r}",
                f"It finds: {', '.join(concepts)}.",
            )
    cuts = dict(suggested_cuts(workspace, package)) | dict(request.cuts)
    missing = [concept for concept in concepts if concept not in cuts]
    if missing:
        raise NotPossible(
            f"there are no cuts for {', '.join(missing)}",
            f"Run `andon models evaluate {package.digest[:12]}`, or give --cut CONCEPT=REVIEW,REJECT.",
        )
    for concept, pair in request.cuts.items():
        if pair.review < floor:
            raise InvalidInput(
                f"the review cut {pair.review:g} of {concept!r} is below {floor:g}",
                f"Findings below {floor:g} are not kept, so no cut can be set there.",
            )
    return cuts


def _calibration(tx: Connection, request: RecipeRequest) -> Calibration | None:
    if request.calibration is None:
        if any(rule.unit is Unit.MILLIMETRE for rule in request.rules):
            raise NotPossible(
                "a rule is in mm and the recipe names no calibration",
                "Add one (`andon calibrations add`) and name it: --calibration STATION/VIEW.",
            )
        return None
    station, _, view = request.calibration.partition("/")
    return stored_calibrations.latest(tx, station, view)


def find_recipe(workspace: Workspace, name: str) -> Recipe:
    """The recipe ``NAME`` (latest version) or ``NAME@VERSION``.

    Raises:
        NotFound: there is none.
    """
    base, _, version = name.partition("@")
    with workspace.database.read() as tx:
        if not version:
            return stored_recipes.latest(tx, base)
        if not (version.isascii() and version.isdecimal() and len(version) <= MAX_VERSION_DIGITS):
            raise NotFound(f"recipe version {version!r} is not a number")
        return stored_recipes.get(tx, base, int(version))


def show_recipe(workspace: Workspace, name: str) -> dict[str, object]:
    """A recipe version as JSON values."""
    return as_facts(find_recipe(workspace, name))


def list_recipes(workspace: Workspace, limit: int) -> list[dict[str, object]]:
    """Recipe versions, newest first."""
    return [as_facts(recipe) for recipe in page_of_recipes(workspace, None, limit).rows]


def page_of_recipes(workspace: Workspace, after: int | None, limit: int) -> Page[Recipe]:
    """Recipe versions, newest first."""
    with workspace.database.read() as tx:
        return stored_recipes.page(tx, after, limit)


def versions_of(workspace: Workspace, name: str) -> tuple[Recipe, ...]:
    """All versions of a recipe, newest first.

    Raises:
        NotFound: there is no such recipe.
    """
    with workspace.database.read() as tx:
        latest = stored_recipes.latest(tx, name)
        return tuple(stored_recipes.get(tx, name, number) for number in range(latest.version, 0, -1))


def as_facts(recipe: Recipe) -> dict[str, object]:
    """The recipe as JSON values."""
    facts = to_json(recipe)
    assert isinstance(facts, dict)
    return facts


def ask_rescoring(workspace: Workspace, name: str) -> Job:
    """Ask a worker to judge history anew by the recipe ``NAME`` or ``NAME@VERSION``.

    Raises:
        NotFound: there is none.
    """
    recipe = find_recipe(workspace, name)
    asked = RescoreJob(f"{recipe.name}@{recipe.version}")
    return enqueue(workspace, JobKind.RESCORE, to_json(asked), asked.recipe)


def rescore_recipe(workspace: Workspace, name: str, report: Report = _silent) -> dict[str, object]:
    """Judge every stored inspection of the recipe's package anew; stored rows stay, new ones are added.

    NO-DECISION stays NO-DECISION: there were no findings to judge. Doing it again adds nothing.
    """
    recipe = find_recipe(workspace, name)
    with workspace.database.read() as tx:
        total = stored_inspections.total_of(tx, recipe.package)
    changes: Counter[tuple[Verdict, Verdict]] = Counter()
    after: int | None = None
    looked_at = 0
    while True:
        # A transaction a page: stations deliver meanwhile.
        with workspace.database.write() as tx:
            page = _page_of_history(tx, recipe.package, after)
            changes.update(_rescored(tx, recipe, found, workspace.who) for found in _judgeable(page))
        looked_at += len(page.rows)
        report(looked_at, max(total, looked_at), "")
        if page.next is None:
            break
        after = page.next
    flips = {f"{then} -> {now}": count for (then, now), count in changes.items() if then is not now}
    return {
        "recipe": recipe.name,
        "version": recipe.version,
        "judged": changes.total(),
        "changed": sum(flips.values()),
        "changes": flips,
    }


def _rescored(tx: Connection, recipe: Recipe, inspection: Inspection, who: str) -> tuple[Verdict, Verdict]:
    decision = judge_again(recipe, inspection)
    stored_inspections.add_rescoring(tx, inspection.id, recipe, decision, (who, now()))
    return inspection.decision.verdict, decision.verdict


def judge_again(recipe: Recipe, inspection: Inspection) -> Decision:
    """What ``recipe`` decides on the findings of a stored inspection.

    Regions move with the part as far as it was found to have moved then, where the recipe locates parts.

    Raises:
        InvalidInput, NotPossible: as :func:`andon.domain.recipes.judge`.
    """
    capture = inspection.capture
    if capture is None or recipe.locate is None:
        return judge(recipe, inspection.findings)
    moved = (capture.health.get("moved_x", 0.0), capture.health.get("moved_y", 0.0))
    return judge(recipe, inspection.findings, moved)


def history(tx: Connection, package: Digest) -> Iterator[Inspection]:
    """Stored inspections that a model saw, newest first; without those that came to no findings."""
    after = None
    while True:
        page = _page_of_history(tx, package, after)
        yield from _judgeable(page)
        if page.next is None:
            return
        after = page.next


def _page_of_history(tx: Connection, package: Digest, after: int | None) -> Page[Inspection]:
    return stored_inspections.page(tx, stored_inspections.Query(package=package), after, PAGE)


def _judgeable(page: Page[Inspection]) -> Iterator[Inspection]:
    """Without those that were not decided: a model that ran gives a score of every concept."""
    return (i for i in page.rows if i.scores and i.decision.verdict is not Verdict.NO_DECISION)

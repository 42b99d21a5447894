"""Pages of recipes and calibrations: the list, the versions, one version, history judged anew."""

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from andon.analysis.bounds import interval
from andon.analysis.cuts import Rates
from andon.domain.calibrations import Calibration
from andon.domain.models import Interval, Package
from andon.domain.recipes import Recipe
from andon.hub.requests import LARGEST, After, Limit, workspace_of
from andon.hub.web.draft_forms import line_of
from andon.hub.web.pages import page
from andon.services.approvals import is_approved
from andon.services.calibrations import add_calibration
from andon.services.models import find_package
from andon.services.recipes import ask_rescoring, find_recipe, page_of_recipes, versions_of
from andon.services.scores import latest_evaluation
from andon.services.workspaces import Workspace
from andon.store import calibrations as stored_calibrations

router = APIRouter(include_in_schema=False)

Version = Annotated[int, Path(ge=1, le=LARGEST)]


@dataclass(frozen=True, slots=True)
class RecipeList:
    """A page of versions; ``next`` asks for the following one."""

    recipes: tuple[Recipe, ...]
    next: int | None


@dataclass(frozen=True, slots=True)
class VersionView:
    """One version beside its neighbours; ``before`` is what it followed, ``approved`` says its model is.

    Where a promise is kept, ``price`` is what the cuts alone make of the model's test group, and ``caveat``
    what is not known of a model that was trained elsewhere.
    """

    recipe: Recipe
    versions: tuple[Recipe, ...]
    before: Recipe | None
    approved: bool
    price: Rates | None = None
    caveat: str = ""

    @property
    def zones(self) -> tuple[str, ...]:
        """Zones of the rules, as text, in their order."""
        return tuple(line_of(rule.within) for rule in self.recipe.rules)

    @property
    def check(self) -> Interval | None:
        """Defective parts of the test group that pass where the promise holds; None without a promise."""
        kept = self.recipe.promise
        return None if kept is None else interval(kept.test_misses, kept.test_parts)

    @property
    def is_doubtful(self) -> bool:
        """Whether the test group alone says that the promise is broken."""
        kept = self.recipe.promise
        return kept is not None and self.check is not None and self.check.low > kept.asked.rate

    @property
    def is_latest(self) -> bool:
        """Whether no later version exists."""
        return self.versions[0].version == self.recipe.version


@dataclass(frozen=True, slots=True)
class CalibrationList:
    """The calibrations in force."""

    calibrations: tuple[Calibration, ...]


@router.get("/recipes")
def index(request: Request, after: After = None, limit: Limit = 50) -> HTMLResponse:
    """Recipe versions, newest first."""
    found = page_of_recipes(workspace_of(request), after, limit)
    return page(request, "recipes/list", RecipeList(found.rows, found.next), "Recipes", "recipes")


@router.get("/recipes/{name}")
def show_latest(request: Request, name: str) -> HTMLResponse:
    """The version in force, and the ones before it."""
    return _version(request, find_recipe(workspace_of(request), name))


@router.get("/recipes/{name}/versions/{version}", name="show_recipe_version")
def show(request: Request, name: str, version: Version) -> HTMLResponse:
    """One version."""
    return _version(request, find_recipe(workspace_of(request), f"{name}@{version}"))


@router.post("/recipes/{name}/versions/{version}/rescorings")
def rescore(request: Request, name: str, version: Version) -> Response:
    """Ask that all stored inspections of the version's model are judged anew."""
    job = ask_rescoring(workspace_of(request), f"{name}@{version}")
    return RedirectResponse(f"/jobs/{job.id}", status_code=303)


@router.get("/calibrations")
def calibrations(request: Request) -> HTMLResponse:
    """The calibration in force of every view."""
    with workspace_of(request).database.read() as tx:
        view = CalibrationList(stored_calibrations.in_force(tx))
    return page(request, "recipes/calibrations", view, "Calibrations", "recipes")


@router.post("/calibrations")
def calibrate(
    request: Request,
    station: Annotated[str, Form()],
    view: Annotated[str, Form()],
    pixels: Annotated[float, Form()],
    millimetres: Annotated[float, Form()],
) -> Response:
    """Add a calibration version from a known length."""
    add_calibration(workspace_of(request), (station.strip(), view.strip()), pixels, millimetres)
    return RedirectResponse("/calibrations", status_code=303)


def _price(workspace: Workspace, recipe: Recipe, package: Package) -> Rates | None:
    evaluation = latest_evaluation(workspace, package)
    if evaluation is None or evaluation.scores is None or not evaluation.scores.test:
        return None
    return evaluation.test_rates(recipe.cuts)


def _version(request: Request, recipe: Recipe) -> HTMLResponse:
    workspace = workspace_of(request)
    versions = versions_of(workspace, recipe.name)
    before = next((other for other in versions if other.version == recipe.version - 1), None)
    view = VersionView(recipe, versions, before, is_approved(workspace, recipe.package))
    if recipe.promise is not None:
        package = find_package(workspace, recipe.package)
        origin = package.manifest.origin
        caveat = "" if origin is None else origin.caveat
        view = replace(view, price=_price(workspace, recipe, package), caveat=caveat)
    return page(request, "recipes/show", view, f"{recipe.name} version {recipe.version}", "recipes")

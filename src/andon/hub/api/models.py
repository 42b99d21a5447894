"""Models: what was measured on them; evaluations, benchmarks, reports as jobs; approvals, comparisons."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from andon.domain.approvals import Approval
from andon.domain.jobs import Job, JobKind
from andon.domain.models import Costs, Cuts, Package
from andon.domain.requests import BenchmarkJob, EvaluateJob, ReportJob
from andon.domain.serial import to_json
from andon.errors import InvalidInput
from andon.hub.requests import Limit, workspace_of
from andon.services.approvals import approvals_of, approve, withdraw
from andon.services.comparisons import compare_models
from andon.services.evaluations import cheapest_cuts
from andon.services.jobs import enqueue
from andon.services.models import find_package, list_models, parse_variant, show_model
from andon.services.recipes import find_recipe
from andon.services.scores import latest_evaluation
from andon.services.workspaces import Workspace

router = APIRouter(prefix="/api/models", tags=["models"])

USUAL_COSTS = Costs(escape=100.0, overkill=5.0, review=1.0, defect_rate=0.01)
MOST_IMAGES = 10_000
MOST_THREADS = 256


@dataclass(frozen=True, slots=True)
class EvaluationWish:
    """What outcomes cost in one currency, and the variant to judge (``engine/precision``)."""

    costs: Costs = field(default_factory=lambda: USUAL_COSTS)
    variant: str = "onnxruntime/f32"


@dataclass(frozen=True, slots=True)
class BenchmarkWish:
    """On how many images each variant is timed, and with how many CPU threads."""

    images: int = 50
    threads: int = 2

    def __post_init__(self) -> None:
        if not (3 <= self.images <= MOST_IMAGES and 1 <= self.threads <= MOST_THREADS):
            raise InvalidInput(
                f"a benchmark of {self.images} images on {self.threads} threads is not possible",
                f"Give 3 to {MOST_IMAGES} images and 1 to {MOST_THREADS} threads.",
            )


@dataclass(frozen=True, slots=True)
class ReportWish:
    """By whose cuts a report judges (``NAME`` or ``NAME@VERSION``), and how many pictures of each kind."""

    recipe: str | None = None
    images: int = 50


@dataclass(frozen=True, slots=True)
class Why:
    """The reason of a decision."""

    reason: str


@router.get("")
def index(request: Request, limit: Limit = 50) -> list[dict[str, Any]]:
    """Models, newest first."""
    return list_models(workspace_of(request), limit)


@router.get("/{model}")
def show(request: Request, model: str) -> dict[str, Any]:
    """A model: manifest, parity of every variant, and what was measured on it. ``latest`` is the newest."""
    return show_model(workspace_of(request), model)


@router.post("/{model}/evaluations", status_code=202)
def evaluate(request: Request, model: str, wish: EvaluationWish) -> dict[str, Any]:
    """Ask for an evaluation; the answer is the job that makes it."""
    return _told(ask_evaluation(workspace_of(request), model, wish))


@router.post("/{model}/benchmarks", status_code=202)
def benchmark(request: Request, model: str, wish: BenchmarkWish) -> dict[str, Any]:
    """Ask for a benchmark; the answer is the job that makes it."""
    return _told(ask_benchmark(workspace_of(request), model, wish))


@router.post("/{model}/reports", status_code=202)
def report(request: Request, model: str, wish: ReportWish) -> dict[str, Any]:
    """Ask for a report, which then lies on the model's page; the answer is the job that makes it."""
    return _told(ask_report(workspace_of(request), model, wish))


@router.get("/{model}/approvals")
def decisions(request: Request, model: str) -> list[Approval]:
    """Approvals and withdrawals of a model, first to last; the last one counts."""
    workspace = workspace_of(request)
    return list(approvals_of(workspace, find_package(workspace, model).digest))


@router.post("/{model}/approvals", status_code=201)
def add_approval(request: Request, model: str, why: Why) -> Approval:
    """Let a model go to stations; it needs a variant that passed parity, and an evaluation."""
    workspace = workspace_of(request)
    return approve(workspace, find_package(workspace, model).digest, why.reason)


@router.post("/{model}/withdrawals", status_code=201)
def add_withdrawal(request: Request, model: str, why: Why) -> Approval:
    """Take the approval of a model back."""
    workspace = workspace_of(request)
    return withdraw(workspace, find_package(workspace, model).digest, why.reason)


@router.post("/{model}/rates")
def rates(request: Request, model: str, cuts: dict[str, Cuts]) -> dict[str, Any]:
    """What cuts do to the test group, with bounds; honest for cuts that were not chosen by them."""
    workspace = workspace_of(request)
    evaluation = latest_evaluation(workspace, find_package(workspace, model))
    found = None if evaluation is None else evaluation.test_rates(cuts)
    return {"rates": None if found is None else to_json(found)}


@router.post("/{model}/suggestions")
def suggest(request: Request, model: str, costs: Costs) -> dict[str, Cuts]:
    """Cuts of least expected cost for other costs, chosen on the calibration group; nothing is stored."""
    workspace = workspace_of(request)
    return dict(cheapest_cuts(workspace, find_package(workspace, model), costs))


@router.get("/{model}/comparisons")
def compare(
    request: Request, model: str, other: Annotated[str, Query(description="The other model's digest.")]
) -> dict[str, Any]:
    """Two models on the test parts they share, each judged with its suggested cuts; flips first."""
    workspace = workspace_of(request)
    pair = (find_package(workspace, model), find_package(workspace, other))
    return compare_models(workspace, *pair).as_json()


def ask_evaluation(workspace: Workspace, model: str, wish: EvaluationWish) -> Job:
    """Enqueue an evaluation.

    Raises:
        NotFound, Conflict: no model, or several, are called so. InvalidInput: the variant is not usable
            here, or a cost is not possible.
    """
    package = find_package(workspace, model)
    parse_variant(package, wish.variant)
    costs = wish.costs
    if not (min(costs.escape, costs.overkill, costs.review) >= 0 and 0 < costs.defect_rate < 1):
        raise InvalidInput(
            "a cost is negative, or the defect rate is not between 0 and 1",
            "The defect rate is the share of defective parts on the line, e.g. 0.01.",
        )
    asked = to_json(EvaluateJob(package.digest, costs, wish.variant))
    return enqueue(workspace, JobKind.EVALUATE, asked, subject_of(package))


def ask_benchmark(workspace: Workspace, model: str, wish: BenchmarkWish) -> Job:
    """Enqueue a benchmark.

    Raises:
        NotFound, Conflict: no model, or several, are called so.
    """
    package = find_package(workspace, model)
    asked = to_json(BenchmarkJob(package.digest, wish.images, wish.threads))
    return enqueue(workspace, JobKind.BENCHMARK, asked, subject_of(package))


def ask_report(workspace: Workspace, model: str, wish: ReportWish) -> Job:
    """Enqueue a report.

    Raises:
        NotFound, Conflict: no model, or several, are called so; or there is no such recipe.
        InvalidInput: the number of pictures is not possible.
    """
    package = find_package(workspace, model)
    if wish.recipe is not None:
        find_recipe(workspace, wish.recipe)
    asked = to_json(ReportJob(package.digest, wish.recipe, wish.images))
    return enqueue(workspace, JobKind.REPORT, asked, subject_of(package))


def subject_of(package: Package) -> str:
    """What a job about a model says it works on."""
    return f"model {package.digest[:12]}"


def _told(job: Job) -> dict[str, Any]:
    told = to_json(job)
    assert isinstance(told, dict)
    return told

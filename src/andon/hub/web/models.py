"""Pages of models: the list, one model with everything measured on it, two side by side."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from andon.domain.models import Costs
from andon.errors import NotFound
from andon.hub.api.models import (
    BenchmarkWish,
    EvaluationWish,
    ReportWish,
    ask_benchmark,
    ask_evaluation,
    ask_report,
)
from andon.hub.requests import After, Limit, workspace_of
from andon.hub.web.model_views import list_view, model_view, picture_of_case
from andon.hub.web.pages import page
from andon.runtime.package import CARD
from andon.services.approvals import approve, withdraw
from andon.services.comparisons import compare_models
from andon.services.model_reports import HTML, PDF
from andon.services.models import find_package
from andon.services.workspaces import Workspace
from andon.units import Digest

router = APIRouter(include_in_schema=False)

CARD_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
"""Cards and reports are one file each that carries its own style and pictures, and runs nothing."""

Number = Annotated[float, Form()]


@router.get("/models")
def index(request: Request, after: After = None, limit: Limit = 50) -> HTMLResponse:
    """Models, newest first."""
    view = list_view(workspace_of(request), after, limit)
    return page(request, "models/list", view, title="Models", section="models")


@router.get("/models/{model}")
def show(request: Request, model: str) -> HTMLResponse:
    """One model: how good, how fast, where it fails, whether it may go to stations."""
    view = model_view(workspace_of(request), model)
    return page(request, "models/show", view, title=f"Model {view.title}", section="models")


@router.get("/models/{model}/card")
def card(request: Request, model: str) -> Response:
    """The model card as it lies beside the package."""
    workspace = workspace_of(request)
    package = find_package(workspace, model)
    path = workspace.packages / package.digest / CARD
    if not path.is_file():
        raise NotFound(f"model {package.digest[:12]} has no card yet", "Evaluate it; that writes the card.")
    return FileResponse(path, media_type="text/html", headers={"content-security-policy": CARD_POLICY})


@router.get("/models/{model}/report")
def report(request: Request, model: str) -> Response:
    """The latest report as it lies beside the package."""
    path = _reported(workspace_of(request), model, HTML)
    return FileResponse(path, media_type="text/html", headers={"content-security-policy": CARD_POLICY})


@router.get("/models/{model}/report.pdf")
def report_on_paper(request: Request, model: str) -> Response:
    """The same for paper, to be saved."""
    path = _reported(workspace_of(request), model, PDF)
    name = f"report-{path.parent.name[:12]}.pdf"
    return FileResponse(path, media_type="application/pdf", filename=name)


def _reported(workspace: Workspace, model: str, name: str) -> Path:
    package = find_package(workspace, model)
    path = workspace.packages / package.digest / name
    if not path.is_file():
        raise NotFound(f"model {package.digest[:12]} has no {name} yet", "Ask for a report on its page.")
    return path


@router.get("/models/{model}/pictures/{picture}")
def picture(request: Request, model: str, picture: str) -> Response:
    """A picture of the worst cases of the model's latest evaluation."""
    workspace = workspace_of(request)
    content = picture_of_case(workspace, find_package(workspace, model), Digest(picture))
    return Response(content, media_type="image/png", headers={"cache-control": "max-age=31536000"})


@router.get("/models/{model}/comparisons")
def compare(request: Request, model: str, other: Annotated[str, Query()]) -> HTMLResponse:
    """Two models on the test parts they share; flips first."""
    workspace = workspace_of(request)
    pair = (find_package(workspace, model), find_package(workspace, other))
    view = compare_models(workspace, *pair)
    return page(request, "models/compare", view, title="Two models side by side", section="models")


def wish_of(
    cost_escape: Number,
    cost_overkill: Number,
    cost_review: Number,
    defect_percent: Number,
    variant: Annotated[str, Form()],
) -> EvaluationWish:
    """What the form for an evaluation asks for."""
    return EvaluationWish(Costs(cost_escape, cost_overkill, cost_review, defect_percent / 100), variant)


@router.post("/models/{model}/evaluations")
def evaluate(request: Request, model: str, wish: Annotated[EvaluationWish, Depends(wish_of)]) -> Response:
    """Ask for an evaluation; it appears on the model's page when it is done."""
    workspace = workspace_of(request)
    ask_evaluation(workspace, model, wish)
    return _back(workspace, model, "work")


@router.post("/models/{model}/benchmarks")
def benchmark(
    request: Request, model: str, images: Annotated[int, Form()], threads: Annotated[int, Form()]
) -> Response:
    """Ask for a benchmark; it appears on the model's page when it is done."""
    workspace = workspace_of(request)
    ask_benchmark(workspace, model, BenchmarkWish(images, threads))
    return _back(workspace, model, "work")


@router.post("/models/{model}/reports")
def add_report(
    request: Request, model: str, images: Annotated[int, Form()], recipe: Annotated[str, Form()] = ""
) -> Response:
    """Ask for a report; it can be opened on the model's page when it is done."""
    workspace = workspace_of(request)
    ask_report(workspace, model, ReportWish(recipe.strip() or None, images))
    return _back(workspace, model, "work")


@router.post("/models/{model}/approvals")
def add_approval(request: Request, model: str, reason: Annotated[str, Form()] = "") -> Response:
    """Let the model go to stations."""
    workspace = workspace_of(request)
    approve(workspace, find_package(workspace, model).digest, reason)
    return _back(workspace, model, "approval")


@router.post("/models/{model}/withdrawals")
def add_withdrawal(request: Request, model: str, reason: Annotated[str, Form()] = "") -> Response:
    """Take the approval back."""
    workspace = workspace_of(request)
    withdraw(workspace, find_package(workspace, model).digest, reason)
    return _back(workspace, model, "approval")


def _back(workspace: Workspace, model: str, place: str) -> Response:
    return RedirectResponse(f"/models/{find_package(workspace, model).digest}#{place}", status_code=303)

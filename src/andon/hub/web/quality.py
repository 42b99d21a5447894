"""Pages of quality: estimates by cohort, and the parts behind them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from andon.domain.quality import Cohort, Found
from andon.hub.api.quality import Span
from andon.hub.requests import Limit, workspace_of
from andon.hub.web.pages import page
from andon.hub.web.quality_views import FOUND, parts_view, quality_view
from andon.services.quality import found_parts, report

router = APIRouter(include_in_schema=False)


@router.get("/quality")
def show(request: Request, span: Annotated[Span, Depends()], by: Cohort = Cohort.RELEASE) -> HTMLResponse:
    """What is known of escapes, overkill and cost."""
    view = quality_view(report(workspace_of(request), *span.moments()), by, span)
    return page(request, "quality/show", view, title="Quality", section="quality")


@router.get("/quality/parts/{what}")
def parts(
    request: Request, what: Found, span: Annotated[Span, Depends()], limit: Limit = 100
) -> HTMLResponse:
    """The parts of one list."""
    found = found_parts(workspace_of(request), what, *span.moments(), limit=limit)
    view = parts_view(found, span)
    return page(request, "quality/parts", view, title=FOUND[what].title, section="quality")

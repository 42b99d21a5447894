"""The first page."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from andon.hub.web.pages import page

router = APIRouter(include_in_schema=False)


@router.get("/")
def show(request: Request) -> HTMLResponse:
    """Every line, and what needs a person now."""
    return page(request, "overview/show", None, title="Overview", section="overview")

"""The Feedback page: pictures that came back from stations, each with why it was chosen."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from andon.hub.api.feedback import Filters
from andon.hub.requests import After, Limit, workspace_of
from andon.hub.web.feedback_views import feedback_view
from andon.hub.web.pages import page
from andon.services.feedback import feedback_page, stations_feedback

router = APIRouter(include_in_schema=False)


@router.get("/feedback")
def list_all(
    request: Request, filters: Annotated[Filters, Depends()], after: After = None, limit: Limit = 48
) -> HTMLResponse:
    """Chosen parts, the latest first; what each station sends; counts by day and reason."""
    workspace = workspace_of(request)
    found = feedback_page(workspace, filters.query(), after, limit)
    view = feedback_view(found, filters, stations_feedback(workspace), after)
    return page(request, "feedback/list", view, title="Feedback", section="feedback")

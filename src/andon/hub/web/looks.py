"""The style sheet that all pages share."""

from fastapi import APIRouter
from fastapi.responses import Response

from andon.look.sheets import pages_stylesheet

router = APIRouter(include_in_schema=False)


@router.get("/static/look.css")
def style() -> Response:
    """Tokens and components, joined."""
    return Response(pages_stylesheet(), media_type="text/css", headers={"cache-control": "no-cache"})

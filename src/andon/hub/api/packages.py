"""`/api/packages`: the files of models, for the stations that run them."""

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse

from andon.hub.requests import workspace_of
from andon.services.packages import package_file

router = APIRouter(prefix="/api/packages", tags=["packages"])


@router.get("/{digest}/files/{path:path}", response_class=FileResponse)
def get_file(request: Request, digest: str, path: str) -> FileResponse:
    """A file of a package: `manifest.json`, or one that it lists. `Range` gives a part of it."""
    found = package_file(workspace_of(request), digest, path)
    return FileResponse(found, media_type="application/octet-stream")

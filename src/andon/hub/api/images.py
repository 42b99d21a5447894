"""Images: lists, one whole, and their pixels."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import FileResponse, Response

from andon.errors import NotFound
from andon.hub.image_queries import ImageQuery
from andon.hub.requests import After, Limit, workspace_of
from andon.services.gallery import (
    Gallery,
    ImageDetail,
    draw_image_labels,
    gallery,
    image_detail,
    image_filters,
    label_mark,
)
from andon.services.thumbnails import picture_of, thumbnail_of
from andon.store.image_facets import Facet
from andon.units import Digest, is_digest

router = APIRouter(prefix="/api/images", tags=["images"])

FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}
"""Of what an image's digest names: it never changes."""

ASK_FIRST = "private, no-cache"
"""Of what may change: a browser keeps it, and asks whether it still holds."""

Filters = Annotated[ImageQuery, Depends()]
Image = Annotated[str, Path(description="Digest of the image.", min_length=1, max_length=64)]


@router.get("")
def index(request: Request, filters: Filters, after: After = None, limit: Limit = 60) -> Gallery:
    """Images with their labels, the latest first (with a time filter: the latest taken)."""
    return gallery(workspace_of(request), filters.filter(), after, limit)


@router.get("/filters")
def filters(request: Request) -> tuple[Facet, ...]:
    """What images can be filtered by; counts stop at a thousand."""
    return image_filters(workspace_of(request))


@router.get("/{image}")
def show(request: Request, image: Image) -> ImageDetail:
    """One image: metadata, where it came from, what is said about it."""
    return image_detail(workspace_of(request), image)


@router.get("/{image}/thumbnail", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
def thumbnail(request: Request, image: Image) -> Response:
    """A JPEG, its longest side at most 384 pixels."""
    content = thumbnail_of(workspace_of(request), _digest(image))
    return Response(content, media_type="image/jpeg", headers=FOR_EVER)


@router.get("/{image}/picture", response_class=Response, responses={200: {"content": {"image/png": {}}}})
def picture(request: Request, image: Image) -> Response:
    """The whole image in a form that browsers show; 16-bit images with 8 bits."""
    content, kind = picture_of(workspace_of(request), _digest(image))
    return Response(content, media_type=kind, headers=FOR_EVER)


@router.get("/{image}/labels", response_class=Response, responses={200: {"content": {"image/svg+xml": {}}}})
def labels(request: Request, image: Image) -> Response:
    """The accepted labels as contours, to be laid over the image."""
    workspace, digest = workspace_of(request), _digest(image)
    headers = {"cache-control": ASK_FIRST, "etag": f'"{label_mark(workspace, digest)}"'}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(draw_image_labels(workspace, digest), media_type="image/svg+xml", headers=headers)


@router.get("/{image}/file", response_class=FileResponse)
def file(request: Request, image: Image) -> Response:
    """The file as it was imported, to be saved."""
    workspace = workspace_of(request)
    found = image_detail(workspace, _digest(image)).image
    if not workspace.blobs.has(found.blob):
        raise NotFound(f"the file of image {found.digest[:12]} is gone", "Restore it from a backup.")
    name = found.name.rpartition("/")[2]
    return FileResponse(workspace.blobs.path(found.blob), filename=name, headers=FOR_EVER)


def _digest(text: str) -> Digest:
    if not is_digest(text):
        raise NotFound(f"{text[:64]!r} is no image", "An image is named by its whole digest.")
    return Digest(text)

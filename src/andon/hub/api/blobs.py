"""`/api/blobs`, `/api/uploads`: content-addressed bytes, sent in pieces that can be resumed."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import FileResponse

from andon.blobs.uploads import Piece
from andon.errors import InvalidInput, LimitExceeded
from andon.hub.requests import workspace_of
from andon.services import blobs
from andon.wire.deliveries import Upload

MAX_PIECE = 32 * 2**20
"""Bytes of one piece."""

MAX_DIGITS = 15

router = APIRouter(prefix="/api", tags=["blobs"])

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)", re.ASCII)
_BYTES: dict[str, Any] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


async def piece(request: Request, content_range: Annotated[str | None, Header()] = None) -> Piece:
    """The piece that a request carries; without ``Content-Range`` it is the whole blob."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MAX_PIECE:
            raise LimitExceeded(f"a piece has more than {MAX_PIECE} bytes", "Send smaller pieces.")
    if content_range is None:
        return Piece(0, len(content), bytes(content))
    found = _RANGE.fullmatch(content_range)
    if found is None or max(map(len, found.groups())) > MAX_DIGITS:
        raise InvalidInput(
            f"Content-Range {content_range[:80]!r} is none", "Write it as `bytes FIRST-LAST/TOTAL`."
        )
    first, last, total = map(int, found.groups())
    if last - first + 1 != len(content):
        raise InvalidInput(f"bytes {first} to {last} are announced, and {len(content)} bytes came")
    return Piece(first, total, bytes(content))


@router.put("/blobs/{digest}", openapi_extra={"requestBody": {"content": _BYTES, "required": True}})
def put_blob(request: Request, digest: str, sent: Annotated[Piece, Depends(piece)]) -> Upload:
    """Take a piece of a blob, or all of it; the answer says how much is here. Sending again is harmless."""
    return blobs.put_piece(workspace_of(request), digest, sent)


@router.get("/uploads/{digest}")
def show_upload(request: Request, digest: str) -> Upload:
    """How much of a blob is here, from its start on; what is missing can follow."""
    return blobs.upload_of(workspace_of(request), digest)


@router.get("/blobs/{digest}", response_class=FileResponse)
def get_blob(request: Request, digest: str) -> FileResponse:
    """The bytes of a blob; `Range` gives a part of them."""
    path = blobs.blob_path(workspace_of(request), digest)
    headers = {"cache-control": "private, max-age=31536000, immutable"}
    return FileResponse(path, media_type="application/octet-stream", headers=headers)

"""Imports: send a folder or an archive, see what it holds, have a worker import it."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from andon.domain.jobs import Job
from andon.hub.requests import workspace_of
from andon.services.imports import (
    ImportChoices,
    ImportPreview,
    ImportProgress,
    import_progress,
    preview_import,
    request_import,
)
from andon.services.uploads import (
    Incoming,
    Upload,
    begin_upload,
    discard_upload,
    find_upload,
    receiving,
    receiving_archive,
)

router = APIRouter(prefix="/api/imports", tags=["imports"])


@dataclass(frozen=True, slots=True)
class UploadWish:
    """What will come: ``name`` for people; ``path`` where it lies on the hub's machine already."""

    name: str
    path: str | None = None


@router.post("", status_code=201)
def begin(request: Request, wish: UploadWish) -> Upload:
    """Begin an import: send files to it next, unless they lie on the hub's machine."""
    return begin_upload(workspace_of(request), wish.name, wish.path)


@router.get("/{upload}")
def show(request: Request, upload: str) -> Upload:
    """What has come so far."""
    return find_upload(workspace_of(request), upload)


@router.delete("/{upload}", status_code=204)
def discard(request: Request, upload: str) -> None:
    """Remove what was sent; what was imported stays."""
    discard_upload(workspace_of(request), upload)


@router.put("/{upload}/files/{name:path}", status_code=201)
async def receive(request: Request, upload: str, name: str) -> Upload:
    """One file, its bytes as the body; sending it again replaces it."""
    workspace = workspace_of(request)
    found = await run_in_threadpool(find_upload, workspace, upload)
    await _receive(receiving(workspace, found, name), request.stream())
    return await run_in_threadpool(find_upload, workspace, upload)


@router.put("/{upload}/archive", status_code=201)
async def receive_archive(request: Request, upload: str) -> Upload:
    """A zip archive, its bytes as the body; it is unpacked, and what is not safe in it left out."""
    workspace = workspace_of(request)
    found = await run_in_threadpool(find_upload, workspace, upload)
    await _receive(receiving_archive(workspace, found), request.stream())
    return await run_in_threadpool(find_upload, workspace, upload)


@router.post("/{upload}/previews")
def preview(request: Request, upload: str, choices: ImportChoices) -> ImportPreview:
    """What an import would do; nothing is written."""
    return preview_import(workspace_of(request), upload, choices)


@router.post("/{upload}/job", status_code=201)
def start(request: Request, upload: str, choices: ImportChoices) -> Job:
    """Have a worker import it."""
    return request_import(workspace_of(request), upload, choices)


@router.get("/{upload}/job")
def progress(request: Request, upload: str) -> ImportProgress | None:
    """How far the import is, and which files were left out; null before it was asked for."""
    workspace = workspace_of(request)
    return import_progress(workspace, find_upload(workspace, upload))


async def _receive(opening: AbstractContextManager[Incoming], chunks: AsyncIterator[bytes]) -> None:
    """Write the chunks in a thread each, so that a slow disk stops nobody else.

    The block is entered and left in threads, too: leaving it unpacks an archive.
    """
    incoming = await run_in_threadpool(opening.__enter__)
    try:
        async for chunk in chunks:
            await run_in_threadpool(incoming.write, chunk)
    except BaseException as failure:
        await run_in_threadpool(opening.__exit__, type(failure), failure, failure.__traceback__)
        raise
    await run_in_threadpool(opening.__exit__, None, None, None)

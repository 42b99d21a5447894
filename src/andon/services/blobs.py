"""Blobs that stations send, and the pictures that kept images become when theirs is complete."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from andon.blobs.uploads import Piece, Uploads
from andon.domain.images import Image, Shape
from andon.domain.inspections import Capture
from andon.errors import InvalidInput, NotFound, UserError
from andon.formats.pixels import decode, image_digest
from andon.services.workspaces import Workspace, now
from andon.store import awaited_images
from andon.store import images as stored_images
from andon.store import inspections as stored_inspections
from andon.units import Digest, is_digest
from andon.wire.deliveries import Upload

LOG = logging.getLogger("andon.blobs")


def checked_digest(text: str) -> Digest:
    """``text`` as a digest.

    Raises:
        InvalidInput: it does not have the form of one.
    """
    if not is_digest(text):
        raise InvalidInput(f"{text[:80]!r} is no digest", "A digest has 64 digits 0-9 and a-f.")
    return Digest(text)


def upload_of(workspace: Workspace, digest: str) -> Upload:
    """How much of a blob is here; one that is complete has become the pictures that waited for it.

    Raises:
        InvalidInput: ``digest`` is none.
    """
    blob = checked_digest(digest)
    if not workspace.blobs.has(blob):
        return Upload(Uploads(workspace.blobs).received(blob), False)
    take_pictures(workspace, [blob])
    return Upload(workspace.blobs.path(blob).stat().st_size, True)


def put_piece(workspace: Workspace, digest: str, piece: Piece) -> Upload:
    """Take a piece of a blob; sending one again changes nothing.

    Raises:
        InvalidInput: ``digest`` is none.
        Conflict: bytes before this piece are missing.
        Refused: the blob is complete and has another digest; it has to be sent again from its start.
        DiskFull, OperatorError: it cannot be written.
    """
    blob = checked_digest(digest)
    if not workspace.blobs.has(blob) and not Uploads(workspace.blobs).put(blob, piece):
        return Upload(piece.end, False)
    return upload_of(workspace, blob)


def blob_path(workspace: Workspace, digest: str) -> Path:
    """Where a blob is; who reads it checks its digest.

    Raises:
        InvalidInput: ``digest`` is none.
        NotFound: there is no such blob.
    """
    blob = checked_digest(digest)
    if not workspace.blobs.has(blob):
        raise NotFound(f"there is no blob {blob}")
    return workspace.blobs.path(blob)


def take_pictures(workspace: Workspace, blobs: Sequence[Digest]) -> int:
    """Make image rows of ``blobs``, which are stored, for the inspections that wait for them; how many.

    Killed in between, the next question about the blob does the same; doing it again changes nothing.
    """
    if not blobs:
        return 0
    with workspace.database.read() as tx:
        waiting = awaited_images.waiting_for(tx, blobs)
    for blob, inspections in waiting.items():
        _take_picture(workspace, blob, inspections)
    return len(waiting)


def _take_picture(workspace: Workspace, blob: Digest, waiting: Sequence[str]) -> None:
    content = workspace.blobs.get(blob)
    picture = _picture(blob, content)
    with workspace.database.write() as tx:
        for inspection in stored_inspections.by_ids(tx, waiting):
            if picture is not None and inspection.capture is not None:
                image = _image(picture, inspection.name, inspection.capture)
                source = f"station/{inspection.capture.station}"
                stored_images.add(tx, [image], source, source, now())
        awaited_images.remove(tx, blob, waiting)


def _picture(blob: Digest, content: bytes) -> Image | None:
    """What the file shows; None (said in the log) where it is no picture: the blob itself is kept."""
    try:
        pixels = decode(content)
    except UserError as problem:
        LOG.warning("the kept image %s becomes no picture: %s", blob, problem.message)
        return None
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    shape = Shape(height, width, channels, 8 * pixels.dtype.itemsize)
    return Image(image_digest(pixels), blob, "", len(content), shape)


def _image(picture: Image, name: str, capture: Capture) -> Image:
    return replace(picture, name=name, origin=replace(capture.origin, station=capture.station))

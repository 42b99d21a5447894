"""Small pictures for pages: drawn once from an image's file, then read from the disk."""

from andon.blobs.files import disk_errors, partial_name
from andon.formats.headers import read_header
from andon.formats.pixels import decode, encode_jpeg, encode_png
from andon.services.pictures import shrunk
from andon.services.workspaces import Workspace
from andon.store import images as stored_images
from andon.units import Digest

SIDE = 384
"""Longest side, pixels."""

_SHOWN_AS_THEY_ARE = {"PNG": "image/png", "JPEG": "image/jpeg", "WebP": "image/webp"}
"""Forms that browsers show, where they hold 8 bits a channel."""


def thumbnail_of(workspace: Workspace, digest: Digest) -> bytes:
    """A JPEG of the image, its longest side at most ``SIDE``.

    Raises:
        NotFound: there is no such image, or its file is gone. Refused: the file was altered.
        DiskFull, OperatorError: the cache cannot be written.
    """
    path = workspace.thumbnails / digest[:2] / f"{digest}.jpg"
    if path.is_file():
        return path.read_bytes()
    content = _drawn(workspace, digest)
    partial = path.with_name(partial_name(digest))
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    return content


def picture_of(workspace: Workspace, digest: Digest) -> tuple[bytes, str]:
    """The whole image in a form that browsers show, and its media type.

    Raises:
        NotFound: there is no such image, or its file is gone. Refused: the file was altered.
    """
    with workspace.database.read() as tx:
        image = stored_images.by_digest(tx, digest)
    content = workspace.blobs.get(image.blob)
    kind = _SHOWN_AS_THEY_ARE.get(read_header(content).kind)
    if kind is not None and image.shape.bit_depth == 8:
        return content, kind
    return encode_png(shrunk(decode(content), max(image.shape.height, image.shape.width))), "image/png"


def _drawn(workspace: Workspace, digest: Digest) -> bytes:
    with workspace.database.read() as tx:
        image = stored_images.by_digest(tx, digest)
    return encode_jpeg(shrunk(decode(workspace.blobs.get(image.blob)), SIDE))

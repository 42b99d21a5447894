"""What the hub takes from whom: requests of this machine alone, files only where files are expected."""

from starlette.types import ASGIApp

from andon.wire import guard

MAX_BODY = 32 * 2**20
"""Bytes of a request that carries no files."""

MAX_UPLOAD = 16 * 2**30
"""Bytes of a request that carries files; its handler writes them to the disk as they come."""

UPLOADS = ("/api/blobs", "/api/uploads", "/api/imports")
"""Paths that take files."""

HEADERS = guard.HEADERS
"""Sent with every answer, unless the answer states its own."""


class Guard(guard.Guard):
    """The outermost layer of the hub's application."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app, "hub", _limit)


def _limit(path: str) -> int:
    return MAX_UPLOAD if path.startswith(UPLOADS) else MAX_BODY

"""Blobs that arrive in pieces: what came stays when the connection or the program ends."""

import os
import time
from dataclasses import dataclass

from andon.blobs.files import disk_errors
from andon.blobs.folder import FolderBlobs
from andon.errors import Conflict, InvalidInput, LimitExceeded, Refused
from andon.units import Digest, digest_of

MAX_BLOB_BYTES = 256 * 2**20
"""Of one blob that is uploaded; the pieces are put together in memory."""

STALE_SECONDS = 14 * 86400.0
"""Pieces of a blob that nobody continued for so long are removed when the next blob begins."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes from ``start`` on of a blob that has ``total`` bytes.

    Raises:
        InvalidInput: it is empty, or reaches beyond the blob.
        LimitExceeded: the blob is too large.
    """

    start: int
    total: int
    content: bytes

    def __post_init__(self) -> None:
        if self.total > MAX_BLOB_BYTES:
            raise LimitExceeded(f"the blob has {self.total} bytes, at most {MAX_BLOB_BYTES} are taken")
        if not (self.content and self.start >= 0 and self.end <= self.total):
            raise InvalidInput(
                f"bytes {self.start} to {self.end - 1} of {self.total} are no piece of a blob",
                "Send `Content-Range: bytes FIRST-LAST/TOTAL` and exactly those bytes.",
            )

    @property
    def end(self) -> int:
        """The byte behind the last one."""
        return self.start + len(self.content)


class Uploads:
    """Unfinished blobs beside the finished ones, for many threads at once.

    A piece is not brought to the disk before the blob is complete: after a power cut bytes may be wrong,
    which the digest shows, and the blob is asked for anew.
    """

    def __init__(self, blobs: FolderBlobs) -> None:
        self._blobs = blobs
        self._folder = blobs.root / "uploads"

    def received(self, digest: Digest) -> int:
        """How many bytes of an unfinished blob are here, from its start on.

        Raises:
            OperatorError: the folder cannot be read.
        """
        with disk_errors(self._folder):
            path = self._folder / digest
            return path.stat().st_size if path.is_file() else 0

    def put(self, digest: Digest, piece: Piece) -> bool:
        """Take a piece; True when it made the blob complete, which then is on the disk under its name.

        Raises:
            Conflict: bytes before this piece are missing.
            Refused: the blob is complete and has another digest; all of it was thrown away.
            DiskFull: no space is left.
            OperatorError: the folder cannot be written.
        """
        if piece.start == 0 and piece.end == piece.total:
            content = piece.content
        else:
            self._append(digest, piece)
            if piece.end < piece.total:
                return False
            content = self._whole(digest)
        if len(content) != piece.total or digest_of(content) != digest:
            self._forget(digest)
            raise Refused(f"what arrived is not blob {digest}", "Send it again from its first byte.")
        self._blobs.put(content)
        self._forget(digest)
        return True

    def _append(self, digest: Digest, piece: Piece) -> None:
        held = self.received(digest)
        if piece.start > held:
            raise Conflict(
                f"of blob {digest} {held} bytes are here, and the piece begins at {piece.start}",
                "Ask how much is here, and go on from there.",
            )
        with disk_errors(self._folder):
            if held == 0:
                self._sweep()
            descriptor = os.open(self._folder / digest, os.O_CREAT | os.O_WRONLY, 0o644)
            with os.fdopen(descriptor, "wb", closefd=True) as file:
                file.seek(piece.start)
                file.write(piece.content)

    def _whole(self, digest: Digest) -> bytes:
        with disk_errors(self._folder):
            return (self._folder / digest).read_bytes()

    def _forget(self, digest: Digest) -> None:
        with disk_errors(self._folder):
            (self._folder / digest).unlink(missing_ok=True)

    def _sweep(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in self._folder.iterdir():
            if time.time() - path.stat().st_mtime > STALE_SECONDS:
                path.unlink(missing_ok=True)

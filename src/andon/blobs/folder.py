"""Blobs in a folder: ``<root>/<first two digits>/<digest>``, written beside and renamed."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from andon.blobs.files import disk_errors, partial_name, sweep_partials, sync_folder, write_partial
from andon.errors import BugError, NotFound, OperatorError, Refused
from andon.units import Digest, digest_of, is_digest

T = TypeVar("T")

FAN_OUT = 2
"""Digits of the digest that name the sub-folder: 256 folders, as git has. A second level made a batch 1.6
times as slow here (twice the folders to bring to the disk); 10 million blobs are 39 000 names a folder."""

WRITERS = 8
"""Threads of a batch: the disk brings several files down in one go when they are asked for together."""


class FolderBlobs:
    """Content-addressed files under one folder, for many threads and processes at once.

    Opening it sweeps what killed writers left behind.

    Args:
        root: the folder; made with the first blob when missing.

    Raises:
        OperatorError: the folder cannot be read.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = root / "incoming"
        if self._incoming.is_dir():
            with disk_errors(self._incoming):
                sweep_partials(self._incoming)

    def put(self, content: bytes) -> Digest:
        """Store ``content``; it is on the disk when this returns.

        Raises:
            DiskFull: no space is left.
            OperatorError: the folder cannot be written.
        """
        return self.put_many([content])[0]

    def put_many(self, contents: Sequence[bytes]) -> tuple[Digest, ...]:
        """Store several blobs (tens at once are best); all are on the disk when this returns.

        Much quicker than one by one, because files and folders are brought to the disk together.

        Raises:
            DiskFull: no space is left; blobs that were stored are kept.
            OperatorError: the folder cannot be written.
        """
        digests = tuple(digest_of(content) for content in contents)
        wanted = dict(zip(digests, contents, strict=True))
        folders = sorted({self.path(digest).parent for digest in wanted})
        with disk_errors(self.root):
            self._make_folders(folders)
            _together(lambda item: self._write(*item), wanted.items())
            # Also for blobs that were there: who put them may not have come to this line yet.
            _together(sync_folder, [*folders, self.root])
        return digests

    def get(self, digest: Digest) -> bytes:
        """The bytes known by ``digest``.

        Raises:
            NotFound: there is no such blob.
            Refused: the file was altered; its digest does not match.
            OperatorError: the file cannot be read.
        """
        path = self.path(digest)
        try:
            content = path.read_bytes()
        except FileNotFoundError as cause:
            raise NotFound(f"blob {digest} is not in {self.root}", "Restore it from a backup.") from cause
        except OSError as cause:
            raise OperatorError(f"cannot read {path}: {cause.strerror}") from cause
        if digest_of(content) != digest:
            raise Refused(
                f"{path} was altered: its digest does not match",
                "Delete it, then import or restore it again.",
            )
        return content

    def path(self, digest: Digest) -> Path:
        """Where the blob is, or would be.

        Raises:
            BugError: ``digest`` does not have the form of a digest.
        """
        if not is_digest(digest):
            raise BugError(f"{digest!r} is no digest")
        return self.root / digest[:FAN_OUT] / digest

    def has(self, digest: Digest) -> bool:
        """Whether the blob is there (its bytes are not read)."""
        return self.path(digest).is_file()

    def _make_folders(self, folders: Iterable[Path]) -> None:
        if not self._incoming.is_dir():
            self._incoming.mkdir(parents=True, exist_ok=True)
            sync_folder(self.root.parent)
        for folder in folders:
            folder.mkdir(exist_ok=True)

    def _write(self, digest: Digest, content: bytes) -> None:
        path = self.path(digest)
        if path.exists() and path.stat().st_size == len(content):
            return
        partial = self._incoming / partial_name("blob")
        write_partial(partial, content)
        partial.replace(path)


def _together(act: Callable[[T], None], items: Iterable[T]) -> None:
    """Do ``act`` for all items; the first failure is raised after the others have ended."""
    waiting = list(items)
    if len(waiting) == 1:
        act(waiting[0])
        return
    with ThreadPoolExecutor(min(WRITERS, max(1, len(waiting)))) as writers:
        for done in [writers.submit(act, item) for item in waiting]:
            done.result()

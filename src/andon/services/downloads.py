"""Snapshots as zip archives, sent while they are packed."""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from andon.blobs.files import disk_errors
from andon.formats.export import export_items
from andon.services.datasets import load_snapshot
from andon.services.uploads import EXPORTS
from andon.services.workspaces import Workspace

CHUNK = 1 << 20
FIRST_TIME = (1980, 1, 1, 0, 0, 0)
"""Of every file in an archive, so that the same snapshot gives the same archive."""


def snapshot_archive(workspace: Workspace, name: str, layout: str) -> Iterator[bytes]:
    """A snapshot in another layout, as the bytes of a zip archive; the folder it is made of goes after.

    Raises (before the first byte):
        NotFound: there is no such snapshot. InvalidInput: the layout is unknown.
        Conflict: the layout cannot hold these labels.
        DiskFull, OperatorError: the folder cannot be written.
    """
    snapshot = load_snapshot(workspace, name)
    with disk_errors(workspace.uploads):
        workspace.uploads.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=EXPORTS, dir=workspace.uploads))
    try:
        export_items(snapshot, workspace.blobs, layout, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return _packed(folder)


def _packed(folder: Path) -> Iterator[bytes]:
    try:
        out = _Out()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:  # pictures are packed already
            for path in sorted(item for item in folder.rglob("*") if item.is_file()):
                yield from _packed_file(archive, path, path.relative_to(folder).as_posix(), out)
        yield out.taken()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _packed_file(archive: zipfile.ZipFile, path: Path, name: str, out: "_Out") -> Iterator[bytes]:
    entry = zipfile.ZipInfo(name, FIRST_TIME)
    entry.external_attr = 0o644 << 16
    with path.open("rb") as file, archive.open(entry, "w", force_zip64=True) as packed:
        while chunk := file.read(CHUNK):
            packed.write(chunk)
            yield out.taken()


class _Out:
    """What the archive was written to since it was last taken; it cannot go back."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def write(self, chunk: bytes, /) -> int:
        """Take note of the next bytes."""
        self._chunks.append(bytes(chunk))
        return len(chunk)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is held open."""

    def taken(self) -> bytes:
        """The bytes that were not taken yet."""
        content = b"".join(self._chunks)
        self._chunks.clear()
        return content

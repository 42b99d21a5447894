"""Files that come through pages: kept below ``uploads/<id>/files`` until they are imported, with limits.

``received`` beside them counts what came; its last line holds the totals, so that a hub that starts anew
goes on counting.
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from andon.blobs.files import PARTIAL, disk_errors, write_durably
from andon.domain.serial import from_json, to_json
from andon.errors import Conflict, InvalidInput, LimitExceeded, NotFound
from andon.formats.archives import ArchiveLimits, path_below, unpack
from andon.formats.files import escaped, is_writable
from andon.services.workspaces import Workspace, new_id, now
from andon.units import Timestamp

MAX_FILES = 200_000
MAX_BYTES = 64 * 2**30
KEPT_SECONDS = 7 * 86_400
"""An upload that nobody imported is removed after a week, when the next one begins."""

EXPORTS = "export-"
"""How folders of downloads begin that lie beside the uploads while they are sent."""

LIMITS = ArchiveLimits(files=MAX_FILES, bytes=MAX_BYTES)
_LINE = 40
"""Bytes of a line of ``received``."""


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """A file of an archive that was not unpacked, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Upload:
    """What came, or where it lies.

    Attributes:
        name: of the folder or archive, for people.
        path: a folder or file on the hub's machine that is imported where it is; None: files were sent.
        unpacked: the files came as an archive.
        job: the job that imports it, once asked for.
        left_behind: what an archive held that was not unpacked.
    """

    id: str
    name: str
    at: Timestamp
    author: str
    path: str | None = None
    unpacked: bool = False
    job: str | None = None
    left_behind: tuple[LeftBehind, ...] = ()
    files: int = 0
    bytes: int = 0


def begin_upload(workspace: Workspace, name: str, path: str | None = None) -> Upload:
    """Make room for files that will be sent, or note where they lie.

    Raises:
        InvalidInput: the name cannot be written. NotFound: nothing lies at ``path``.
        DiskFull, OperatorError: the workspace cannot be written.
    """
    if path is not None:
        _refuse_missing(path)
    if not name.strip() or not name.isprintable():
        raise InvalidInput("the upload has no name that can be written", "Give it one.")
    _sweep(workspace)
    upload = Upload(new_id(), name.strip()[:200], now(), workspace.who, path)
    with disk_errors(workspace.uploads):
        files_of(workspace, upload.id).mkdir(parents=True)
    _write(workspace, upload)
    return upload


def find_upload(workspace: Workspace, upload_id: str) -> Upload:
    """The upload, with what has come so far.

    Raises:
        NotFound: there is none, or it was removed.
    """
    note = _folder(workspace, upload_id) / "upload.json"
    if not note.is_file():
        raise NotFound(f"there is no upload {upload_id!r}", "Send the files again.")
    upload = from_json(Upload, json.loads(note.read_bytes()))
    files, size = _totals(_folder(workspace, upload_id) / "received")
    return replace(upload, files=files, bytes=size)


def root_of(workspace: Workspace, upload: Upload) -> Path:
    """The folder, or manifest, that is imported: the one folder that everything came in does not count."""
    if upload.path is not None:
        return Path(upload.path)
    folder = files_of(workspace, upload.id)
    with disk_errors(folder):
        inside = list(folder.iterdir())
        if len(inside) != 1 or not inside[0].is_dir():
            return folder
        nested = any(item.is_dir() for item in inside[0].iterdir())
    return inside[0] if nested or not upload.unpacked else folder


def files_of(workspace: Workspace, upload_id: str) -> Path:
    """The folder of the files that came."""
    return _folder(workspace, upload_id) / "files"


class Incoming:
    """A file that is being received; ``write`` refuses what is beyond the limits."""

    def __init__(self, file: Path, room: int) -> None:
        self.path = file
        self._room = room
        self.size = 0
        with disk_errors(file):
            self._file = file.open("xb")

    def write(self, chunk: bytes) -> None:
        """Keep the next bytes.

        Raises:
            LimitExceeded: the upload would hold too many. DiskFull, OperatorError: they cannot be kept.
        """
        self.size += len(chunk)
        if self.size > self._room:
            raise LimitExceeded(f"an upload holds at most {MAX_BYTES} bytes", "Import in parts.")
        with disk_errors(self.path):
            self._file.write(chunk)

    def close(self) -> None:
        """No more will come."""
        with disk_errors(self.path):
            self._file.close()


@contextmanager
def receiving(workspace: Workspace, upload: Upload, name: str) -> Iterator[Incoming]:
    """A file called ``name``, written in the block; it appears when the block ends without an error.

    Raises:
        InvalidInput: the name leads out of the upload, is hidden, too long, or a folder's already.
        LimitExceeded: too many files or bytes. Conflict: the upload is being imported already.
        DiskFull, OperatorError: it cannot be written.
    """
    _refuse_closed(upload)
    path = path_below(files_of(workspace, upload.id), name)
    with _arriving(workspace, upload) as incoming:
        yield incoming
        incoming.close()
        _count(_folder(workspace, upload.id) / "received", incoming.size)
        _place(incoming, path)


@contextmanager
def receiving_archive(workspace: Workspace, upload: Upload) -> Iterator[Incoming]:
    """A zip archive, written in the block, and unpacked when the block ends without an error.

    Raises:
        InvalidInput: no zip archive. LimitExceeded: it holds too much; nothing of it is kept.
        Conflict: the upload has files already. DiskFull, OperatorError: it cannot be written.
    """
    _refuse_closed(upload)
    if upload.files:
        raise Conflict(f"upload {upload.name!r} has files already", "Begin another one for the archive.")
    with _arriving(workspace, upload) as incoming:
        yield incoming
        incoming.close()
        _unpack(workspace, upload, incoming)


def note_job(workspace: Workspace, upload: Upload, job: str) -> None:
    """Note the job that imports the upload."""
    _write(workspace, replace(upload, job=job))


def discard_upload(workspace: Workspace, upload_id: str) -> None:
    """Remove an upload and its files; what was imported from it stays.

    Raises:
        NotFound: there is none. OperatorError: it cannot be removed.
    """
    find_upload(workspace, upload_id)
    with disk_errors(workspace.uploads):
        shutil.rmtree(_folder(workspace, upload_id))


def discard_files(workspace: Workspace, imported: Path) -> None:
    """Remove uploaded files after their import: the blob store has them. Other paths are left alone."""
    below = workspace.uploads.resolve()
    path = imported.resolve()
    if not path.is_relative_to(below) or path == below:
        return
    with disk_errors(path):
        shutil.rmtree(below / path.relative_to(below).parts[0] / "files", ignore_errors=False)


def _folder(workspace: Workspace, upload_id: str) -> Path:
    if not upload_id or not all(c in "0123456789abcdef-" for c in upload_id):
        raise NotFound(f"there is no upload {upload_id[:60]!r}", "Send the files again.")
    return workspace.uploads / upload_id


def _refuse_missing(path: str) -> None:
    try:
        there = is_writable(path) and Path(path).is_absolute() and Path(path).exists()
    except OSError:
        there = False
    if not there:
        shown = escaped(path)[:200]
        raise NotFound(f"there is no folder {shown}", "Give its whole path on the hub's machine.")


def _write(workspace: Workspace, upload: Upload) -> None:
    note = json.dumps(to_json(upload)).encode()
    write_durably(_folder(workspace, upload.id) / "upload.json", note)


def _refuse_closed(upload: Upload) -> None:
    if upload.job is not None or upload.path is not None:
        raise Conflict(f"upload {upload.name!r} takes no more files", "Begin another one.")


@contextmanager
def _arriving(workspace: Workspace, upload: Upload) -> Iterator[Incoming]:
    partial = _folder(workspace, upload.id) / f"{os.urandom(8).hex()}{PARTIAL}"
    incoming = Incoming(partial, MAX_BYTES - upload.bytes)
    try:
        yield incoming
    finally:
        incoming.close()
        partial.unlink(missing_ok=True)


def _place(incoming: Incoming, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        incoming.path.replace(path)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as cause:
        raise InvalidInput(f"{path.name[:80]!r} is a file and a folder at once") from cause
    except OSError as cause:
        with disk_errors(path):
            raise cause


def _unpack(workspace: Workspace, upload: Upload, incoming: Incoming) -> None:
    folder = files_of(workspace, upload.id)
    try:
        made = unpack(incoming.path, folder, LIMITS)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(exist_ok=True)
        raise
    received = _folder(workspace, upload.id) / "received"
    with disk_errors(received):
        received.write_text(_line(made.files, made.bytes))
    behind = tuple(LeftBehind(item.name, item.reason) for item in made.left_out)
    _write(workspace, replace(upload, unpacked=True, left_behind=behind))


def _count(received: Path, size: int) -> None:
    """Add one file to the totals, one writer at a time."""
    with disk_errors(received), received.open("ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        files, total = _totals(received)
        if files + 1 > MAX_FILES or total + size > MAX_BYTES:
            raise LimitExceeded(
                f"an upload holds at most {MAX_FILES} files and {MAX_BYTES} bytes", "Import in parts."
            )
        file.write(_line(files + 1, total + size).encode())


def _line(files: int, size: int) -> str:
    return f"{files} {size}".ljust(_LINE - 1) + "\n"


def _totals(received: Path) -> tuple[int, int]:
    if not received.is_file():
        return 0, 0
    with received.open("rb") as file:
        end = file.seek(0, 2)
        if end < _LINE:
            return 0, 0
        file.seek(end - end % _LINE - _LINE)
        files, size = file.read(_LINE).split()
    return int(files), int(size)


def _sweep(workspace: Workspace) -> None:
    if not workspace.uploads.is_dir():
        return
    with disk_errors(workspace.uploads):
        for folder in workspace.uploads.iterdir():
            if time.time() - folder.stat().st_mtime > KEPT_SECONDS and _is_left(folder):
                shutil.rmtree(folder)


def _is_left(folder: Path) -> bool:
    """Whether nobody needs the folder: nobody asked for its import, or a download broke off."""
    note = folder / "upload.json"
    if note.is_file():
        return json.loads(note.read_bytes()).get("job") is None
    return folder.name.startswith(EXPORTS)

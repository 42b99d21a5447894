"""Zip archives as untrusted input: unpacked below a folder, counted while they grow, never followed out.

Names that climb, links, encrypted files and names that cannot be written down are left out with the reason;
an archive that grows beyond a limit is refused whole, whatever sizes it states.
"""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from andon.blobs.files import disk_errors
from andon.errors import InvalidInput, LimitExceeded
from andon.formats.entries import LeftOut
from andon.formats.files import escaped, inside, is_writable

CHUNK = 1 << 20
MAX_NAME_BYTES = 255
MAX_PATH_BYTES = 1000
MAX_DIRECTORY_BYTES = 64 * 2**20
"""Of the table of contents; it is held in memory."""

_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may become.

    Attributes:
        files: number of files in it. bytes: of all of them, unpacked. ratio: unpacked by packed bytes of a
            file that is larger than a megabyte; pictures do not reach 200.
    """

    files: int = 200_000
    bytes: int = 64 * 2**30
    ratio: int = 200


DEFAULT_ARCHIVE_LIMITS = ArchiveLimits()


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was written, and what was left out and why."""

    files: int
    bytes: int
    left_out: tuple[LeftOut, ...]


def unpack(archive: Path, folder: Path, limits: ArchiveLimits = DEFAULT_ARCHIVE_LIMITS) -> Unpacked:
    """Write the files of ``archive`` below ``folder``, which exists; hidden files are passed over.

    Raises:
        InvalidInput: it is no zip archive, or damaged. LimitExceeded: it holds too much; files that were
            written before that was seen remain, for the caller to remove.
        DiskFull, OperatorError: the folder cannot be written.
    """
    _refuse_large_directory(archive)
    try:
        with zipfile.ZipFile(archive) as opened:
            return _unpack(opened, folder, limits)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, struct.error) as cause:
        raise InvalidInput(f"the archive cannot be unpacked: {cause}", "Pack it again as .zip.") from cause


def path_below(folder: Path, name: str) -> Path:
    """Where a file called ``name`` goes below ``folder``.

    Raises:
        InvalidInput: the name leads out of the folder, is hidden, too long, or cannot be written down.
    """
    if not is_writable(name):
        raise InvalidInput(f"{escaped(name)[:80]!r} holds characters that cannot be written")
    path = inside(folder, name)
    parts = name.split("/")
    if len(name.encode()) > MAX_PATH_BYTES or any(len(part.encode()) > MAX_NAME_BYTES for part in parts):
        raise InvalidInput(f"{name[:80]!r}... is too long for a file name")
    if any(part.startswith(".") or not part for part in parts):
        raise InvalidInput(f"{name[:80]!r} is hidden; hidden files are not imported")
    return path


def _refuse_large_directory(archive: Path) -> None:
    """Before a library reads the whole table of contents into memory."""
    with archive.open("rb") as file:
        size = _directory_bytes(file)
    if size > MAX_DIRECTORY_BYTES:
        raise LimitExceeded(
            f"the archive's table of contents has {size} bytes, at most {MAX_DIRECTORY_BYTES} are read",
            "Split the archive.",
        )


def _directory_bytes(file: BinaryIO) -> int:
    """Size of the central directory as the archive's end states it (APPNOTE 6.3.10, 4.3.14 to 4.3.16)."""
    end = file.seek(0, 2)
    start = max(0, end - 0xFFFF - _END.size - _LOCATOR_64.size)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise InvalidInput("the file is no zip archive, or its end is missing", "Pack it again as .zip.")
    size: int = _END.unpack_from(tail, at)[5]
    locator = at - _LOCATOR_64.size
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        file.seek(_LOCATOR_64.unpack_from(tail, locator)[2])
        record = file.read(_END_64.size)
        if len(record) == _END_64.size and record.startswith(b"PK\x06\x06"):
            size = max(size if size != 0xFFFFFFFF else 0, _END_64.unpack(record)[8])
    return size


def _unpack(opened: zipfile.ZipFile, folder: Path, limits: ArchiveLimits) -> Unpacked:
    left_out: list[LeftOut] = []
    files = size = 0
    for entry in _wanted(opened, limits):
        reason = _refusal(entry, folder)
        if reason:
            left_out.append(LeftOut(escaped(entry.filename)[:MAX_PATH_BYTES], reason))
            continue
        size += _write(opened, entry, folder, replace(limits, bytes=limits.bytes - size))
        files += 1
    return Unpacked(files, size, tuple(left_out))


def _wanted(opened: zipfile.ZipFile, limits: ArchiveLimits) -> Iterator[zipfile.ZipInfo]:
    """Entries that are files and not hidden."""
    entries = opened.infolist()
    if len(entries) > limits.files:
        raise LimitExceeded(
            f"the archive holds {len(entries)} files, at most {limits.files} are unpacked", "Split it."
        )
    for entry in entries:
        hidden = any(part.startswith(".") and part != ".." for part in entry.filename.split("/"))
        if not (entry.is_dir() or hidden or entry.filename.startswith("__MACOSX/")):
            yield entry


def _refusal(entry: zipfile.ZipInfo, folder: Path) -> str:
    """Why an entry is left out; empty where it is not."""
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "a link or a device, no file with bytes in it"
    if entry.flag_bits & 0x1:
        return "it is encrypted"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "it is packed in a way that is not read (only stored and deflated)"
    try:
        path = path_below(folder, entry.filename)
    except InvalidInput as problem:
        return problem.message
    taken = path.exists() or any(above.is_file() for above in path.parents)
    return "the archive holds a file of that name already" if taken else ""


def _write(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, limits: ArchiveLimits) -> int:
    """Write one file; the bytes that came out, whatever the archive said."""
    path = folder / entry.filename
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            return sum(file.write(chunk) for chunk in _counted(_chunks(opened, entry), entry, limits))


def _counted(chunks: Iterator[bytes], entry: zipfile.ZipInfo, limits: ArchiveLimits) -> Iterator[bytes]:
    """The chunks, until they are more than the limits allow."""
    allowed = max(CHUNK, limits.ratio * entry.compress_size)
    seen = 0
    for chunk in chunks:
        seen += len(chunk)
        if seen > limits.bytes:
            raise LimitExceeded("the archive unpacks to more bytes than are allowed", "Split it.")
        if seen > allowed:
            raise LimitExceeded(
                f"{entry.filename[:80]!r} unpacks to more than {limits.ratio} times its size",
                "No picture does that; look at where the archive comes from.",
            )
        yield chunk


def _chunks(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with opened.open(entry) as packed:
            while chunk := packed.read(CHUNK):
                yield chunk
    except OSError as cause:  # a place in the archive that cannot be
        raise InvalidInput(f"{entry.filename[:80]!r} cannot be unpacked", "Pack it again.") from cause

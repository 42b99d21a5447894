"""The files below a folder, as untrusted input: counted, and never followed out of it."""

import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from andon.errors import InvalidInput, LimitExceeded, NotFound, OperatorError
from andon.formats.entries import LeftOut

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
MAX_FILES = 2_000_000
"""More files in one folder than this are refused: give the import a part of it."""

_NOT_TEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Control characters, bytes that are not UTF-8, line and paragraph separators."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Names below ``root`` with forward slashes, sorted. Hidden files and folders are not looked at.

    Attributes:
        images: files with the suffix of an image.
        others: all other files.
        refused: links that lead out of the root, and names that cannot be written down.
    """

    root: Path
    images: tuple[str, ...]
    others: tuple[str, ...]
    refused: tuple[LeftOut, ...] = ()

    def path(self, name: str) -> Path:
        """Where the file is."""
        return self.root / name


def scan(root: Path) -> Listing:
    """List a folder.

    Raises:
        NotFound: there is no such folder. LimitExceeded: it holds more than ``MAX_FILES`` files.
        OperatorError: it, or a folder in it, cannot be read.
    """
    if not root.is_dir():
        raise NotFound(f"there is no folder {root}", "Check the path.")
    images: list[str] = []
    others: list[str] = []
    refused: list[LeftOut] = []
    real = root.resolve()
    for count, (name, item) in enumerate(_walk(root), start=1):
        if count > MAX_FILES:
            raise LimitExceeded(
                f"{root} holds more than {MAX_FILES} files", "Import its folders one by one."
            )
        if not is_writable(name):
            refused.append(LeftOut(escaped(name), "its name holds characters that cannot be written"))
        elif item.is_symlink() and not Path(item.path).resolve().is_relative_to(real):
            refused.append(LeftOut(name, "the link leads out of the folder"))
        elif not item.is_file():
            refused.append(LeftOut(name, "no file with bytes in it (a link to a folder, a pipe, a device)"))
        else:
            (images if suffix_of(name) in IMAGE_SUFFIXES else others).append(name)
    return Listing(
        root, tuple(sorted(images)), tuple(sorted(others)), tuple(sorted(refused, key=lambda f: f.name))
    )


def inside(root: Path, name: str) -> Path:
    """The file that a manifest calls ``name``, which must lie below ``root``.

    Raises:
        InvalidInput: the name is absolute, climbs with ``..``, is no file name, or a link leads out.
    """
    pure = PurePosixPath(name)
    if not name or pure.is_absolute() or ".." in pure.parts or "\\" in name or not name.isprintable():
        raise InvalidInput(f"{name[:80]!r} is no path below the data set's folder")
    path = root / pure
    if not path.resolve().is_relative_to(root.resolve()):
        raise InvalidInput(f"{name[:80]!r} leads out of the data set's folder")
    return path


@contextmanager
def folder_errors() -> Iterator[None]:
    """What the system says of a folder that cannot be read, as the one who can help reads it.

    Raises:
        OperatorError: instead of OSError.
    """
    try:
        yield
    except OSError as cause:
        name = f"{cause.filename}"[-100:]
        raise OperatorError(
            f"cannot read the folder {name}: {cause.strerror}", "Nothing was done."
        ) from cause


def is_writable(name: str) -> bool:
    """Whether a file's name is text: UTF-8 without control characters and line ends."""
    return not any(unicodedata.category(character) in _NOT_TEXT for character in name)


def escaped(name: str) -> str:
    """The name with everything that cannot be written shown as an escape; text stays as it is."""
    return "".join(c if is_writable(c) else c.encode("unicode_escape").decode() for c in name)


def suffix_of(name: str) -> str:
    """The suffix in lower case, with its dot."""
    return PurePosixPath(name).suffix.lower()


def stem_of(name: str) -> str:
    """The file name without folder and suffix."""
    return PurePosixPath(name).stem


def folders_of(name: str) -> tuple[str, ...]:
    """The folders above the file, outermost first."""
    return tuple(name.split("/")[:-1])


def _walk(root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything visible that is no folder, by its name below root; linked folders are not entered."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with folder_errors(), os.scandir(root / folder) as found:
            visible = [item for item in found if not item.name.startswith(".")]
        waiting += [f"{folder}{item.name}/" for item in visible if item.is_dir(follow_symlinks=False)]
        yield from (
            (f"{folder}{item.name}", item) for item in visible if not item.is_dir(follow_symlinks=False)
        )


def read_bounded(path: Path, limit: int) -> bytes:
    """The bytes of a file of at most ``limit`` bytes.

    Raises:
        NotFound: there is no such file. LimitExceeded: it is larger. OperatorError: it cannot be read.
    """
    if not path.is_file():
        raise NotFound(f"there is no file {path}", "Check the path.")
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as cause:
        raise OperatorError(f"{path} cannot be read: {cause.strerror}") from cause
    if len(content) > limit:
        raise LimitExceeded(f"{path.name} has more than {limit:,} bytes")
    return content

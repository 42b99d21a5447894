"""A workspace: the folder that holds records, images, runs and packages of one installation."""

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from andon.blobs.folder import FolderBlobs
from andon.errors import NotFound, OperatorError
from andon.store.database import Database, create_or_upgrade, open_database
from andon.units import Timestamp, uuid7

RECORDS = "andon.db"


@dataclass(frozen=True, slots=True)
class Workspace:
    """An open workspace. ``who`` is written into every row made through it."""

    folder: Path
    database: Database
    blobs: FolderBlobs
    who: str

    @property
    def runs(self) -> Path:
        """Folder of run folders (checkpoints), by run id."""
        return self.folder / "runs"

    @property
    def packages(self) -> Path:
        """Folder of package folders, by package digest."""
        return self.folder / "packages"

    @property
    def locks(self) -> Path:
        """Folder of lock files, by the id of the run or job that holds them."""
        return self.folder / "locks"

    @property
    def inspections(self) -> Path:
        """Folder of what `andon inspect` writes for people, by job id."""
        return self.folder / "inspections"

    @property
    def thumbnails(self) -> Path:
        """Folder of small pictures for pages; may be deleted at any time, they are drawn anew."""
        return self.folder / "thumbnails"

    @property
    def features(self) -> Path:
        """Folder of what models make of images, by package digest; may be deleted, it is made anew."""
        return self.folder / "features"

    @property
    def uploads(self) -> Path:
        """Folder of files that came through pages and wait to be imported, by upload id."""
        return self.folder / "uploads"


def now() -> Timestamp:
    """The time, UTC."""
    return Timestamp(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def new_id() -> str:
    """A fresh UUIDv7."""
    return uuid7(time.time_ns() // 1_000_000, os.urandom(10))


def create_workspace(folder: Path, who: str) -> tuple[Workspace, bool]:
    """Make a workspace in ``folder`` (made when missing); the flag tells whether it is new.

    Raises:
        OperatorError: the folder cannot be written.
    """
    folder = folder.resolve()
    is_new = not (folder / RECORDS).exists()
    try:
        (folder / "blobs").mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise OperatorError(f"cannot make a workspace in {folder}: {cause.strerror}") from cause
    create_or_upgrade(_url(folder))
    return open_workspace(folder, who), is_new


def open_workspace(folder: Path, who: str) -> Workspace:
    """Open an existing workspace.

    Raises:
        NotFound: there is no workspace in ``folder``.
        UnsupportedVersion: it was written by a newer Andon.
    """
    folder = folder.resolve()
    if not (folder / RECORDS).is_file():
        raise NotFound(f"{folder} is not a workspace", "Make one there with `andon init`.")
    return Workspace(folder, open_database(_url(folder)), FolderBlobs(folder / "blobs"), who)


def find_workspace(start: Path) -> Path:
    """The nearest folder from ``start`` upwards that is a workspace.

    Raises:
        NotFound: there is none.
    """
    for folder in (start, *start.parents):
        if (folder / RECORDS).is_file():
            return folder
    raise NotFound(
        f"there is no workspace in {start} or above", "Make one with `andon init`, or name it: -w FOLDER."
    )


def _url(folder: Path) -> str:
    return f"sqlite:///{folder / RECORDS}"

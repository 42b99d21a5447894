"""Writing a snapshot in a layout that other programs read."""

from collections.abc import Callable, Mapping
from pathlib import Path

from andon.blobs.files import disk_errors
from andon.blobs.folder import FolderBlobs
from andon.domain.datasets import Snapshot
from andon.errors import Conflict, InvalidInput
from andon.formats import export_coco, export_mvtec

WRITERS: Mapping[str, Callable[[Snapshot, FolderBlobs, Path], None]] = {
    "coco": export_coco.write,
    "mvtec": export_mvtec.write,
}


def export_items(snapshot: Snapshot, blobs: FolderBlobs, layout: str, folder: Path) -> int:
    """Write images (their original bytes) and labels to ``folder``; gives the number of images.

    Reading ``folder`` again gives the same images, concepts and geometry, in COCO also names and splits.

    Raises:
        InvalidInput: the layout is unknown.
        Conflict: the folder is not empty, or the layout cannot hold these labels; nothing was written.
        DiskFull, OperatorError: the folder cannot be written; what is there already is not complete.
    """
    if layout not in WRITERS:
        raise InvalidInput(f"there is no layout {layout!r} to write", f"Layouts: {', '.join(WRITERS)}.")
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Conflict(f"{folder} is not empty", "Name a new folder.")
        WRITERS[layout](snapshot, blobs, folder)
    return len(snapshot.items)

"""MVTec AD out: ``train/good``, ``test/good``, ``test/CONCEPT`` and ``ground_truth/CONCEPT/STEM_mask.png``.

Clean images that are not for testing go to ``train/good``; all others to ``test``, as the layout wants it.
It holds one mask or one whole-image label per image; anything else is refused rather than lost.
"""

import re
from pathlib import Path

from andon.blobs.folder import FolderBlobs
from andon.domain.annotations import Box, Mask, Polygon
from andon.domain.datasets import Snapshot, SnapshotItem, Split
from andon.errors import Conflict
from andon.formats.files import stem_of
from andon.formats.headers import read_header
from andon.formats.layouts.mvtec import CLEAN_FOLDER

_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "BMP": ".bmp", "TIFF": ".tif", "WebP": ".webp"}
_TODO = "Export as coco instead."


def write(snapshot: Snapshot, blobs: FolderBlobs, folder: Path) -> None:
    """Write the snapshot; files are numbered, because the layout has no sub-folders.

    Raises:
        Conflict: the layout cannot hold these labels; nothing was written.
    """
    for item in snapshot.items:
        _check(item)
    for number, item in enumerate(snapshot.items):
        content = blobs.get(item.blob)
        stem = f"{number:06d}-{re.sub(r'[^A-Za-z0-9.-]+', '_', stem_of(item.name))[:80]}"
        _write(folder / _folder(item) / f"{stem}{_SUFFIXES[read_header(content).kind]}", content)
        for label in item.labels:
            if isinstance(label.geometry, Mask):
                mask = folder / "ground_truth" / label.concept / f"{stem}_mask.png"
                _write(mask, blobs.get(label.geometry.blob))


def _check(item: SnapshotItem) -> None:
    if len(item.labels) > 1:
        raise Conflict(f"{item.name} has {len(item.labels)} labels, the MVTec layout holds one", _TODO)
    for label in item.labels:
        if isinstance(label.geometry, Box | Polygon):
            shape = type(label.geometry).__name__.lower()
            raise Conflict(f"{item.name} is labelled with a {shape}, the MVTec layout holds masks", _TODO)
        if not _is_folder_name(label.concept):
            raise Conflict(f"concept {label.concept!r} cannot be a folder of the MVTec layout", _TODO)


def _is_folder_name(concept: str) -> bool:
    usable = "/" not in concept and not concept.startswith(".") and len(concept.encode()) <= 255
    return usable and concept != CLEAN_FOLDER


def _folder(item: SnapshotItem) -> str:
    if item.labels:
        return f"test/{item.labels[0].concept}"
    return f"{'test' if item.split is Split.TEST else 'train'}/{CLEAN_FOLDER}"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)

"""Good/bad folders: ``good/``, ``bad/`` (or OK, NG, normal, anomaly, ...), masks beside or in a folder.

Also below ``train/`` and ``test/``.  Folders inside ``bad/`` name the concept (``bad/scratch/7.png``).
"""

from collections.abc import Iterator

from andon.formats.entries import Entry, LeftOut, Options
from andon.formats.files import Listing, folders_of
from andon.formats.mask_files import MaskFiles
from andon.formats.naming import Said, entries_by_name
from andon.formats.words import is_bad, is_clean, says_nothing, split_among

NAME = "good-bad"


def recognises(listing: Listing) -> bool:
    """Every image that is no mask lies below a folder that means good or bad."""
    images = MaskFiles(listing, Options()).images
    return bool(images) and all(_said(name, Options()) for name in images)


def read(listing: Listing, options: Options) -> Iterator[Entry | LeftOut]:
    """Clean images, and bad ones with ``options.defect`` or the concept their folder names."""
    return entries_by_name(
        listing, options, lambda name: _said(name, options), "no folder above it means good or bad"
    )


def _said(name: str, options: Options) -> Said | None:
    folders = folders_of(name)
    for depth, folder in enumerate(folders):
        if is_clean(folder, options):
            return Said(None, split_among(folders))
        if is_bad(folder):
            below = [inner for inner in folders[depth + 1 :] if not says_nothing(inner)]
            return Said(below[-1] if below else options.defect, split_among(folders))
    return None

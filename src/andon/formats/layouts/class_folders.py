"""Class folders: the folder of an image is its concept, or means clean; masks as in good/bad folders."""

from collections.abc import Iterator

from andon.formats.entries import Entry, LeftOut, Options
from andon.formats.files import Listing, folders_of
from andon.formats.mask_files import MaskFiles
from andon.formats.naming import Said, entries_by_name
from andon.formats.words import class_folder, concept_of, split_among

NAME = "classes"


def recognises(listing: Listing) -> bool:
    """Every image lies in a folder that names a class, and there are at least two classes."""
    classes = {class_folder(folders_of(name)) for name in MaskFiles(listing, Options()).images}
    return None not in classes and len(classes) > 1


def read(listing: Listing, options: Options) -> Iterator[Entry | LeftOut]:
    """One concept per image: the nearest folder that is not called images, train, test or the like."""
    return entries_by_name(
        listing, options, lambda name: _said(name, options), "no folder above it names a class"
    )


def _said(name: str, options: Options) -> Said | None:
    folders = folders_of(name)
    folder = class_folder(folders)
    return Said(concept_of(folder, options), split_among(folders)) if folder else None

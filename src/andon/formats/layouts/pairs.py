"""Image and mask side by side: ``MT_Crack/Imgs/x.jpg`` with the mask ``x.png`` (Magnetic Tile).

The folder names the concept; a beginning that all class folders share (``MT_``) is dropped.
"""

from collections.abc import Iterator

from andon.formats.entries import Entry, EntryLabel, LeftOut, MaskFile, Options
from andon.formats.files import Listing, folders_of, suffix_of
from andon.formats.naming import not_images
from andon.formats.words import class_folder, concept_of, split_among

NAME = "pairs"


def recognises(listing: Listing) -> bool:
    """At least half of the images are followed by a ``.png`` of the same stem, in class folders."""
    images, masks = _sorted(listing)
    paired = sum(1 for name in images if _mask_name(name) in masks)
    return (
        paired > 0 and 2 * paired >= len(images) and all(class_folder(folders_of(name)) for name in images)
    )


def read(listing: Listing, options: Options) -> Iterator[Entry | LeftOut]:
    """Masks of clean folders are not looked at. An empty mask elsewhere leaves the label of the image."""
    images, masks = _sorted(listing)
    shared = _shared_beginning({class_folder(folders_of(name)) or "" for name in images})
    for name in images:
        folder = class_folder(folders_of(name))
        if folder is None:
            yield LeftOut(name, "no folder above it names a class")
            continue
        path, split = listing.path(name), split_among(folders_of(name))
        concept = concept_of(folder.removeprefix(shared), options)
        if concept is None:
            yield Entry(path, name, clean=True, split=split)
            continue
        label = EntryLabel(concept)
        if _mask_name(name) in masks:
            label = EntryLabel(concept, MaskFile(listing.path(_mask_name(name)), options.mask_cut))
        yield Entry(path, name, (label,), split=split)
    paired = {_mask_name(name) for name in images}
    yield from (LeftOut(name, "a mask without an image") for name in sorted(masks - paired))
    yield from not_images(listing)


def _sorted(listing: Listing) -> tuple[list[str], frozenset[str]]:
    """Images, and the ``.png`` files, which are masks here."""
    masks = frozenset(name for name in listing.images if suffix_of(name) == ".png")
    return [name for name in listing.images if name not in masks], masks


def _mask_name(image: str) -> str:
    return image[: len(image) - len(suffix_of(image))] + ".png"


def _shared_beginning(folders: set[str]) -> str:
    """``MT_`` of MT_Crack and MT_Free; nothing where there is one folder only."""
    beginnings = {folder.split("_")[0] + "_" if "_" in folder else "" for folder in folders}
    return beginnings.pop() if len(folders) > 1 and len(beginnings) == 1 else ""

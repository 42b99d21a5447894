"""Kolektor: every image has a mask beside it, ``STEM_GT.png`` (SDD2) or ``STEM_label.bmp`` (SDD).

An empty mask means clean.  Folders ``train`` and ``test`` are the split; in KolektorSDD the folder
(``kos01``) is the physical part and becomes its serial number.
"""

from collections.abc import Iterator

from andon.formats.entries import Entry, EntryLabel, LeftOut, MaskFile, Options
from andon.formats.files import Listing, folders_of, stem_of
from andon.formats.naming import not_images
from andon.formats.words import says_nothing, split_among

NAME = "kolektor"

_ENDINGS = ("_GT", "_label")


def recognises(listing: Listing) -> bool:
    """At least nine of ten images have such a mask beside them, none is called after a class."""
    masks, images = _sorted(listing)
    return bool(masks) and sum(1 for name in images if _stem(name) in masks) >= 0.9 * len(images)


def read(listing: Listing, options: Options) -> Iterator[Entry | LeftOut]:
    """Every image with ``options.defect`` where its mask is; images without a mask file are left out."""
    masks, images = _sorted(listing)
    for name in images:
        mask = masks.pop(_stem(name), None)
        if mask is None:
            yield LeftOut(name, "it has no mask beside it, so nobody knows whether it is clean")
            continue
        folders = folders_of(name)
        place = MaskFile(listing.path(mask), options.mask_cut, empty_is_clean=True)
        part = [folder for folder in folders if not says_nothing(folder)]
        yield Entry(
            listing.path(name),
            name,
            (EntryLabel(options.defect, place),),
            split=split_among(folders),
            metadata={"serial": part[-1]} if part else {},
        )
    yield from (LeftOut(mask, "a mask without an image") for mask in sorted(masks.values()))
    yield from not_images(listing)


def _sorted(listing: Listing) -> tuple[dict[str, str], list[str]]:
    """Masks by folder and stem of their image, and the images."""
    masks: dict[str, str] = {}
    images: list[str] = []
    for name in listing.images:
        ending = next((ending for ending in _ENDINGS if stem_of(name).endswith(ending)), None)
        if ending:
            masks[_stem(name).removesuffix(ending)] = name
        else:
            images.append(name)
    return masks, images


def _stem(name: str) -> str:
    """Folder and stem."""
    return "/".join((*folders_of(name), stem_of(name)))

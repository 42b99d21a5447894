"""MVTec AD: ``train/good``, ``test/good``, ``test/CONCEPT``, ``ground_truth/CONCEPT/STEM_mask.png``.

The root is one category (``bottle/``) or a folder of categories; then the category is the part type.
"""

from collections.abc import Iterator
from dataclasses import replace

from andon.domain.annotations import WholeImage
from andon.formats.entries import Entry, EntryLabel, LeftOut, MaskFile, Options
from andon.formats.files import Listing, folders_of, stem_of
from andon.formats.naming import not_images
from andon.formats.words import split_of

NAME = "mvtec"
CLEAN_FOLDER = "good"

_SPLITS = ("train", "test")
_TRUTH = "ground_truth"


def recognises(listing: Listing) -> bool:
    """Nothing but folders in train, test and ground_truth, and there is ``train/good`` or ground_truth."""
    parts = {_parts(name) for name in listing.images}
    found = {part[1:] for part in parts if part}
    typical = ("train", CLEAN_FOLDER) in found or any(split == _TRUTH for split, _ in found)
    return None not in parts and typical


def read(listing: Listing, options: Options) -> Iterator[Entry | LeftOut]:
    """A defective image without a mask keeps its label for the whole image."""
    masks = {name for name in listing.images if (parts := _parts(name)) and parts[1] == _TRUTH}
    used: set[str] = set()
    for name in listing.images:
        parts = _parts(name)
        if parts is None:
            yield LeftOut(name, "not in train/FOLDER, test/FOLDER or ground_truth/FOLDER")
            continue
        if name in masks:
            continue
        mask = _mask_of(name, parts)
        used.add(mask)
        place = MaskFile(listing.path(mask), options.mask_cut) if mask in masks else WholeImage()
        yield _entry(listing, name, parts, place)
    yield from (LeftOut(name, "a mask without an image") for name in sorted(masks - used))
    yield from not_images(listing)


def _entry(listing: Listing, name: str, parts: tuple[str, str, str], place: MaskFile | WholeImage) -> Entry:
    category, split, folder = parts
    entry = Entry(
        listing.path(name),
        name,
        split=split_of(split),
        metadata={"part_type": category} if category else {},
    )
    if folder == CLEAN_FOLDER:
        return replace(entry, clean=True)
    return replace(entry, labels=(EntryLabel(folder, place),))


def _parts(name: str) -> tuple[str, str, str] | None:
    """(category or "", train / test / ground_truth, folder)."""
    folders = folders_of(name)
    if len(folders) not in {2, 3} or folders[-2] not in {*_SPLITS, _TRUTH}:
        return None
    return (folders[0] if len(folders) == 3 else "", folders[-2], folders[-1])


def _mask_of(name: str, parts: tuple[str, str, str]) -> str:
    category, _, folder = parts
    below = f"{category}/" if category else ""
    return f"{below}{_TRUTH}/{folder}/{stem_of(name)}_mask.png"

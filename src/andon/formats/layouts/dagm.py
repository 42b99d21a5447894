"""DAGM 2007: ``Class1/Train/0576.PNG`` with the mask ``Class1/Train/Label/0576_label.PNG``; ``Test`` alike.

The class is a texture and becomes the part type; what is wrong with it is ``options.defect``.
``Labels.txt`` says which images are defective; where it is missing, those that have a mask are.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from andon.errors import InvalidInput
from andon.formats.entries import Entry, EntryLabel, LeftOut, MaskFile, Options
from andon.formats.files import Listing, folders_of, stem_of
from andon.formats.naming import not_images
from andon.formats.words import split_of

NAME = "dagm"

_FOLDER = re.compile(r"(?:(?P<part>Class\d+)/)?(?P<split>Train|Test)", re.IGNORECASE)
_MAX_LABELS_BYTES = 16 * 1024**2


def recognises(listing: Listing) -> bool:
    """All images lie in (ClassN/)Train or Test, masks in a folder ``Label`` inside."""
    folders = {"/".join(folders_of(name)) for name in listing.images}
    labels = {folder for folder in folders if folder.endswith("/Label")}
    return bool(labels) and all(_FOLDER.fullmatch(folder.removesuffix("/Label")) for folder in folders)


def read(listing: Listing, options: Options) -> Iterator[Entry | LeftOut]:
    """A defective image without a mask keeps its label for the whole image."""
    masks = {name for name in listing.images if folders_of(name)[-1:] == ("Label",)}
    images = [name for name in listing.images if name not in masks]
    defective = _defective(listing, masks)
    for name in images:
        found = _FOLDER.fullmatch("/".join(folders_of(name)))
        if found is None:
            yield LeftOut(name, "not in Train or Test of a class")
            continue
        metadata = {"part_type": found["part"]} if found["part"] else {}
        entry = Entry(listing.path(name), name, split=split_of(found["split"]), metadata=metadata)
        if _key(name) not in defective:
            yield replace(entry, clean=True)
            continue
        mask = _mask_of(name, masks)
        place = (MaskFile(listing.path(mask), options.mask_cut),) if mask else ()
        yield replace(entry, labels=(EntryLabel(options.defect, *place),))
    used = {_mask_of(name, masks) for name in images}
    yield from (LeftOut(name, "a mask without an image") for name in sorted(masks - used))
    yield from (left for left in not_images(listing) if not left.name.endswith("Label/Labels.txt"))


def _defective(listing: Listing, masks: set[str]) -> set[str]:
    """Folder and stem of the defective images."""
    found: set[str] = set()
    told: set[str] = set()
    for name in listing.others:
        if name.endswith("Label/Labels.txt"):
            folder = name.removesuffix("Label/Labels.txt")
            told.add(folder)
            found |= {folder + stem for stem in _listed(listing, name)}
    for mask in masks:
        folder = "/".join(folders_of(mask)[:-1]) + "/"
        if folder not in told:
            found.add(folder + stem_of(mask).removesuffix("_label"))
    return found


def _listed(listing: Listing, name: str) -> Iterator[str]:
    """Stems that ``Labels.txt`` calls defective: columns number, 1 or 0, image, 1 or 0, mask."""
    path = listing.path(name)
    if path.stat().st_size > _MAX_LABELS_BYTES:
        raise InvalidInput(f"{name} has more than {_MAX_LABELS_BYTES} bytes")
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1):
        columns = line.split()
        if len(columns) < 3:
            continue
        if columns[1] not in {"0", "1"}:
            raise InvalidInput(f"{name}, line {number}: {columns[1][:20]!r} is neither 0 nor 1")
        if columns[1] == "1":
            yield stem_of(columns[2])


def _key(name: str) -> str:
    return "/".join((*folders_of(name), stem_of(name)))


def _mask_of(name: str, masks: set[str]) -> str | None:
    folder, stem = "/".join(folders_of(name)), stem_of(name)
    return next(
        (mask for ending in ("PNG", "png") if (mask := f"{folder}/Label/{stem}_label.{ending}") in masks),
        None,
    )

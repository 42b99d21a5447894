"""COCO: boxes, polygons and run lengths (compressed or not) in one JSON file per split; category = concept.

An object of several polygons becomes several labels.  An image without annotations is clean: COCO files
list the images that were looked at.  ``file_name`` is looked for beside the JSON file, one folder up, and
in the usual folders of images there.  What COCO has no word for is in keys that start with ``andon_``.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from andon.domain.datasets import Split
from andon.errors import InvalidInput
from andon.formats.coco_json import CocoFile, CocoImage, looks_like_coco, read_coco
from andon.formats.entries import Entry, EntryLabel, LeftOut, Options
from andon.formats.files import Listing, inside, suffix_of
from andon.formats.naming import not_images
from andon.formats.words import split_of

NAME = "coco"


def recognises(listing: Listing) -> bool:
    """There is a COCO file in the root or in ``annotations/``."""
    return any(looks_like_coco(listing.path(name)) for name in _candidates(listing))


def read(listing: Listing, options: Options) -> Iterator[Entry | LeftOut]:
    """The images of all COCO files, or of ``options.manifest`` alone; other files are left out.

    Raises:
        InvalidInput, LimitExceeded, Conflict: a file is not usable; names file and entry.
    """
    used: set[str] = set()
    for manifest in _manifests(listing, options):
        used.add(manifest)
        for entry in _entries(listing, manifest, read_coco(listing.path(manifest))):
            used.add(entry.path.relative_to(listing.root).as_posix() if isinstance(entry, Entry) else "")
            yield entry
    yield from (LeftOut(name, "no COCO file names it") for name in listing.images if name not in used)
    yield from (left for left in not_images(listing) if left.name not in used)


def _manifests(listing: Listing, options: Options) -> list[str]:
    if options.manifest:
        return [options.manifest]
    found = [name for name in _candidates(listing) if looks_like_coco(listing.path(name))]
    if not found:
        raise InvalidInput(
            f"{listing.root} holds no COCO file", "Name it: give the JSON file instead of the folder."
        )
    return found


def _candidates(listing: Listing) -> list[str]:
    """JSON files in the root or in ``annotations``."""
    jsons = [name for name in listing.others if suffix_of(name) == ".json"]
    return [name for name in jsons if "/" not in name.removeprefix("annotations/")]


def _entries(listing: Listing, manifest: str, file: CocoFile) -> Iterator[Entry | LeftOut]:
    concepts = {category.id: category.name for category in file.categories}
    labels: dict[int, list[EntryLabel]] = defaultdict(list)
    for item in file.objects:
        labels[item.image_id] += [EntryLabel(concepts[item.category_id], part) for part in item.parts]
    for image in file.images:
        path = _find(listing, manifest, image)
        if path is None:
            yield LeftOut(image.file_name, f"{manifest} names it, but there is no such file")
            continue
        found = tuple(labels[image.id])
        yield Entry(
            path=path,
            name=image.file_name,
            labels=found,
            clean=not found,
            split=_split(manifest, image),
            size=(image.height, image.width),
            metadata=image.andon_metadata,
        )


def _find(listing: Listing, manifest: str, image: CocoImage) -> Path | None:
    tail = PurePosixPath(manifest).stem.split("_")[-1]
    beside = PurePosixPath(manifest).parent
    for folder in (beside, beside.parent):
        for images in ("", "images", tail, f"images/{tail}", "data"):
            path = inside(listing.root, (folder / images / image.file_name).as_posix())
            if path.is_file():
                return path
    return None


def _split(manifest: str, image: CocoImage) -> Split | None:
    if image.andon_split is not None:
        return split_of(image.andon_split)
    words = PurePosixPath(manifest).stem.split("_")
    return next((split for word in words if (split := split_of(word.rstrip("0123456789")))), None)

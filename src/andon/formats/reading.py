"""Opening a data set in whatever layout it has."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from andon.errors import InvalidInput, NotFound
from andon.formats.entries import Entry, LeftOut, Options
from andon.formats.files import Listing, scan, suffix_of
from andon.formats.layouts import (
    class_folders,
    coco,
    csv_manifest,
    dagm,
    file_names,
    good_bad,
    kolektor,
    mvtec,
    pairs,
)


class Layout(Protocol):
    """What a file in ``layouts/`` offers."""

    NAME: str

    def recognises(self, listing: Listing) -> bool:
        """Whether the folder has this layout."""
        ...

    def read(self, listing: Listing, options: Options) -> Iterator[Entry | LeftOut]:
        """An entry per image, and every other file with the reason why it is left out."""
        ...


LAYOUTS: tuple[Layout, ...] = (
    coco,
    csv_manifest,
    mvtec,
    dagm,
    kolektor,
    pairs,
    good_bad,
    class_folders,
    file_names,
)
"""In the order in which they are asked whether a folder is theirs: the most particular first."""

DEFAULT_OPTIONS = Options()
_MANIFESTS = {".csv": csv_manifest.NAME, ".json": coco.NAME}
LAYOUT_NAMES = tuple(layout.NAME for layout in LAYOUTS)


def read_dataset(
    source: Path, layout: str | None = None, options: Options = DEFAULT_OPTIONS
) -> tuple[str, Iterator[Entry | LeftOut]]:
    """The layout's name, and what it says about every file below ``source``.

    Args:
        source: a folder, or a CSV manifest or COCO file in the data set's folder.
        layout: one of ``LAYOUT_NAMES``; None recognises it.
        options: how to read it.

    Raises:
        NotFound: there is nothing at ``source``. LimitExceeded: there are too many files.
        InvalidInput: the layout is unknown, or none recognises the folder. While reading: as the layout.
    """
    if source.is_file():
        layout = layout or _MANIFESTS.get(suffix_of(source.name))
        if layout not in _MANIFESTS.values():
            raise InvalidInput(
                f"{source} is no data set", "Give a folder, a CSV manifest or a COCO file (.json)."
            )
        options = replace(options, manifest=source.name)
        source = source.parent
    if not source.is_dir():
        raise NotFound(f"there is no folder {source}", "Check the path.")
    listing = scan(source)
    if not listing.images:
        raise NotFound(f"{source} holds no image", "Images are PNG, JPEG, BMP, TIFF or WebP files.")
    chosen = _called(layout) if layout else _recognised(listing)
    return chosen.NAME, _read(chosen, listing, options)


def _read(layout: Layout, listing: Listing, options: Options) -> Iterator[Entry | LeftOut]:
    yield from layout.read(listing, options)
    yield from listing.refused


def _called(name: str) -> Layout:
    for layout in LAYOUTS:
        if name == layout.NAME:
            return layout
    raise InvalidInput(f"there is no layout {name!r}", f"Layouts: {', '.join(LAYOUT_NAMES)}.")


def _recognised(listing: Listing) -> Layout:
    for layout in LAYOUTS:
        if layout.recognises(listing):
            return layout
    raise InvalidInput(
        f"{listing.root} has none of the known layouts",
        f"Name one ({', '.join(LAYOUT_NAMES)}), or write a manifest.csv with the columns path and label.",
    )

"""Reading layouts where a file's place or name says what it shows, and masks are files of that name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from andon.domain.datasets import Split
from andon.errors import InvalidInput
from andon.formats.entries import Entry, LeftOut, Options
from andon.formats.files import Listing
from andon.formats.mask_files import MaskFiles


@dataclass(frozen=True, slots=True)
class Said:
    """What a name says: a concept, or None for clean; and the split, where it says one."""

    concept: str | None
    split: Split | None


def entries_by_name(
    listing: Listing, options: Options, say: Callable[[str], Said | None], unsaid: str
) -> Iterator[Entry | LeftOut]:
    """An entry per image of which ``say`` knows something; others are left out, reason ``unsaid``."""
    masks = MaskFiles(listing, options)
    for name in masks.images:
        said = say(name)
        try:
            yield _entry(listing, masks, name, said) if said else LeftOut(name, unsaid)
        except InvalidInput as problem:
            yield LeftOut(name, problem.message)
    yield from masks.unused()
    yield from not_images(listing)


def not_images(listing: Listing) -> Iterator[LeftOut]:
    """The files that have no image's suffix."""
    return (LeftOut(name, "not an image") for name in listing.others)


def _entry(listing: Listing, masks: MaskFiles, name: str, said: Said) -> Entry:
    path = listing.path(name)
    if said.concept is None:
        return Entry(path, name, clean=True, split=said.split)
    return Entry(path, name, (masks.label(name, said.concept),), split=said.split)

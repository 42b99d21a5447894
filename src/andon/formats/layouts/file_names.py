"""The file name says what it is: ``scratch_12.png``, ``normal-3.jpg``, ``test-anomaly-1.jpg``.

Masks have the same stem and lie in a folder of masks.
"""

import re
from collections.abc import Iterator

from andon.formats.entries import Entry, LeftOut, Options
from andon.formats.files import Listing, folders_of, stem_of
from andon.formats.mask_files import MaskFiles
from andon.formats.naming import Said, entries_by_name
from andon.formats.words import concept_of, split_among, split_of

NAME = "names"

_NUMBERED = re.compile(r"(?P<words>[^\W\d_](?:.*[^\W\d_])?)[-_ ]?\(?\d+\)?")


def recognises(listing: Listing) -> bool:
    """Nearly all images are called by a word and a number, and there are two to fifty different words."""
    images = MaskFiles(listing, Options()).images
    words = [word for name in images if (word := _word(name))]
    return len(words) >= 0.9 * len(images) > 0 and 1 < len(set(words)) <= 50


def read(listing: Listing, options: Options) -> Iterator[Entry | LeftOut]:
    """Words before the number are the concept, or mean clean; a leading ``train`` is a split."""
    return entries_by_name(
        listing, options, lambda name: _said(name, options), "its name has no class before a number"
    )


def _said(name: str, options: Options) -> Said | None:
    word = _word(name)
    split = split_of(stem_of(name)) or split_among(folders_of(name))
    return Said(concept_of(word, options), split) if word else None


def _word(name: str) -> str | None:
    """``anomaly`` of ``test-anomaly-1``; None where the name is not words and a number."""
    found = _NUMBERED.fullmatch(stem_of(name))
    if found is None:
        return None
    words = found["words"]
    first, *rest = re.split(r"[-_ ]", words, maxsplit=1)
    return rest[0] if rest and split_of(first) else words

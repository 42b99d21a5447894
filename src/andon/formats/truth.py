"""Truth files: what is really on the images of a folder, kept where the inspector cannot see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from andon.domain.parts import serial_key
from andon.errors import InvalidInput
from andon.formats.entries import CLEAN_WORDS
from andon.formats.tables import file_column, read_table


@dataclass(frozen=True, slots=True)
class Truth:
    """What an image really shows.

    Attributes:
        part: key of the physical part.
        defects: concepts on the image; empty means clean.
    """

    part: str
    defects: frozenset[str]


def read_truth(path: Path) -> Mapping[str, Truth]:
    """Read a CSV with the columns ``path`` and ``label`` and, where parts have several images, ``serial``.

    One row for each image and label; an empty label, or one that means clean, is clean.

    Returns:
        Image path relative to the inspected folder -> truth.

    Raises:
        NotFound: there is no such file. LimitExceeded: it is too large.
        InvalidInput: columns are missing, or it is no CSV; names the row.
    """
    found: dict[str, Truth] = {}
    for row in read_table(path):
        name = row.values[file_column(path, row)]
        if not name or "label" not in row.values:
            raise InvalidInput(
                f"{path.name}, row {row.number} has no path or no label",
                "A truth file starts with: path,label",
            )
        label, serial = row.values["label"], row.values.get("serial")
        shown = frozenset() if label.casefold() in CLEAN_WORDS or not label else frozenset({label})
        before = found.get(name, Truth(serial_key(serial) if serial else f"image={name}", frozenset()))
        found[name] = Truth(before.part, before.defects | shown)
    if not found:
        raise InvalidInput(f"{path.name} holds no row", "A truth file starts with: path,label")
    return found

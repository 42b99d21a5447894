"""Truth files: what is really on the images of a folder, kept where the inspector cannot see it."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from andon.errors import InvalidInput, NotFound

MAX_ROWS = 5_000_000


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

    One row for each image and label; an empty label means clean.

    Returns:
        Image path relative to the inspected folder -> truth.

    Raises:
        NotFound: there is no such file. InvalidInput: columns are missing, or it is no CSV; names the row.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return _read_rows(path, csv.DictReader(file))
    except FileNotFoundError as cause:
        raise NotFound(f"there is no truth file {path}") from cause
    except (OSError, UnicodeDecodeError, csv.Error) as cause:
        raise InvalidInput(f"{path} cannot be read as CSV: {cause}") from cause


def _read_rows(path: Path, rows: "csv.DictReader[str]") -> Mapping[str, Truth]:
    missing = {"path", "label"} - set(rows.fieldnames or ())
    if missing:
        raise InvalidInput(
            f"{path} has no column {', '.join(sorted(missing))}", "A truth file starts with: path,label"
        )
    found: dict[str, Truth] = {}
    for number, row in enumerate(rows, start=2):
        name, label = row["path"], row["label"]
        if not name or label is None or number > MAX_ROWS:
            raise InvalidInput(f"row {number} of {path} is incomplete")
        serial = row.get("serial")
        before = found.get(name, Truth(f"serial={serial}" if serial else f"image={name}", frozenset()))
        found[name] = Truth(before.part, before.defects | ({label} if label else set()))
    if not found:
        raise InvalidInput(f"{path} holds no row")
    return found

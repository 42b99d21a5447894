"""CSV manifest: columns ``path``, ``label``, ``mask``, ``split``; every other column is metadata.

Paths are relative to the manifest's folder.  Several rows with one path are several labels on one image.  A
label that means clean (good, ok, ...) is clean; no label and no mask is an unlabelled image.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from andon.domain.datasets import Split
from andon.errors import Conflict, InvalidInput, NotFound
from andon.formats.entries import Entry, EntryLabel, LeftOut, MaskFile, Options
from andon.formats.files import Listing, inside
from andon.formats.naming import not_images
from andon.formats.tables import Row, file_column, read_table
from andon.formats.words import concept_of, is_clean, split_of

NAME = "csv"

DEFAULT_MANIFEST = "manifest.csv"
_LABEL, _MASK, _SPLIT = "label", "mask", "split"


def recognises(listing: Listing) -> bool:
    """There is a file ``manifest.csv``."""
    return DEFAULT_MANIFEST in listing.others


def read(listing: Listing, options: Options) -> Iterator[Entry | LeftOut]:
    """One entry per path, in the order of the manifest; files it lacks or does not name are left out.

    Raises:
        NotFound: there is no manifest.
        InvalidInput: a row is not usable; names file and row.
        Conflict: rows of one path contradict each other.
    """
    manifest = options.manifest or DEFAULT_MANIFEST
    path = listing.path(manifest)
    used: set[str] = {manifest}
    for name, rows in _by_path(path).items():
        used.add(name)
        used |= {row.values[_MASK] for row in rows if row.values.get(_MASK)}
        try:
            yield _entry(path, name, rows, options)
        except NotFound as problem:
            yield LeftOut(name, problem.message)
    yield from (
        LeftOut(name, f"{manifest} does not name it") for name in listing.images if name not in used
    )
    yield from (left for left in not_images(listing) if left.name not in used)


def _by_path(path: Path) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    column = ""
    for row in read_table(path):
        column = column or file_column(path, row)
        found.setdefault(row.values[column], []).append(row)
    return found


def _entry(path: Path, name: str, rows: list[Row], options: Options) -> Entry:
    image = _file(path, rows[0], name)
    labels = tuple(label for row in rows if (label := _label(path, row, options)))
    clean = any(is_clean(row.values.get(_LABEL, ""), options) for row in rows)
    if clean and labels:
        raise Conflict(
            f"{path.name}, row {rows[-1].number}: {name!r} is called clean and {labels[0].concept!r}"
        )
    metadata = _metadata(path, rows)
    return Entry(image, name, labels, clean, _split(path, rows[0]), metadata=metadata)


def _label(path: Path, row: Row, options: Options) -> EntryLabel | None:
    text, mask = row.values.get(_LABEL, ""), row.values.get(_MASK, "")
    if not text and not mask:
        return None
    concept = concept_of(text, options) if text else options.defect
    if concept is None:
        return None
    return (
        EntryLabel(concept, MaskFile(_file(path, row, mask), options.mask_cut))
        if mask
        else EntryLabel(concept)
    )


def _file(path: Path, row: Row, name: str) -> Path:
    try:
        found = inside(path.parent, name)
    except InvalidInput as problem:
        raise InvalidInput(f"{path.name}, row {row.number}: {problem.message}") from problem
    if not found.is_file():
        raise NotFound(f"{path.name}, row {row.number}: there is no file {name!r}")
    return found


def _split(path: Path, row: Row) -> Split | None:
    text = row.values.get(_SPLIT, "")
    split = split_of(text)
    if text and split is None:
        raise InvalidInput(
            f"{path.name}, row {row.number}: {text!r} is no split", f"Use {', '.join(Split)}."
        )
    return split


def _metadata(path: Path, rows: list[Row]) -> Mapping[str, str]:
    own = {file_column(path, rows[0]), _LABEL, _MASK, _SPLIT}
    merged: dict[str, str] = {}
    for row in rows:
        for key, value in row.values.items():
            if key in own or not value:
                continue
            if merged.setdefault(key, value) != value:
                raise Conflict(
                    f"{path.name}, row {row.number}: {key} is {value!r} here and {merged[key]!r} above"
                )
    return merged

"""CSV tables as untrusted input, and metadata joined to images from one."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from andon.errors import Conflict, InvalidInput, LimitExceeded, NotFound
from andon.formats.entries import Entry, LeftOut

MAX_TABLE_BYTES = 512 * 1024**2
MAX_ROWS = 5_000_000
MAX_COLUMNS = 200
FILE_COLUMNS = ("file", "path", "name", "image", "filename", "file_name")
"""Names of the column that says which file a row is about."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number in the file (the heading is 1) and its values by heading, trimmed."""

    number: int
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MetadataTable:
    """A CSV whose rows describe image files.

    Attributes:
        rename: heading -> metadata key, e.g. ``{"group": "tile"}``.
    """

    path: Path
    rename: Mapping[str, str] = field(default_factory=dict)


def read_table(path: Path) -> Iterator[Row]:
    """The rows of a UTF-8 CSV file with a heading; empty rows are skipped.

    Raises:
        NotFound: there is no such file. LimitExceeded: too many bytes, rows or columns.
        InvalidInput: not UTF-8, not CSV, a heading twice, or a row of another length; names file and row.
    """
    if not path.is_file():
        raise NotFound(f"there is no file {path}", "Check the path.")
    if path.stat().st_size > MAX_TABLE_BYTES:
        raise LimitExceeded(f"{path.name} has more than {MAX_TABLE_BYTES} bytes")
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            yield from _rows(path, reader)
        except (csv.Error, UnicodeDecodeError) as cause:
            raise InvalidInput(
                f"{path.name}, row {reader.line_num}: {cause}", "Save it as UTF-8 CSV."
            ) from cause


def _rows(path: Path, reader: Iterable[list[str]]) -> Iterator[Row]:
    heading: list[str] | None = None
    for number, row in enumerate(reader, start=1):
        if not any(row):
            continue
        if heading is None:
            heading = _heading(path, row)
            continue
        if len(row) != len(heading):
            raise InvalidInput(
                f"{path.name}, row {number}: {len(row)} values, the heading has {len(heading)}"
            )
        if number > MAX_ROWS:
            raise LimitExceeded(f"{path.name} has more than {MAX_ROWS} rows")
        yield Row(number, {key: value.strip() for key, value in zip(heading, row, strict=True)})


def _heading(path: Path, row: list[str]) -> list[str]:
    heading = [name.strip() for name in row]
    if len(heading) > MAX_COLUMNS:
        raise LimitExceeded(f"{path.name} has more than {MAX_COLUMNS} columns")
    twice = [name for name, count in Counter(heading).items() if count > 1]
    if twice:
        raise InvalidInput(f"{path.name}: two columns are called {twice[0]!r}")
    return heading


def file_column(path: Path, row: Row) -> str:
    """The heading of the column that names files.

    Raises:
        InvalidInput: there is none.
    """
    for heading in row.values:
        if heading.casefold() in FILE_COLUMNS:
            return heading
    if len(row.values) == 1 and any(mark in heading for heading in row.values for mark in ";\t"):
        raise InvalidInput(f"{path.name} has one column only", "Separate its columns with commas.")
    raise InvalidInput(f"{path.name} has no column that names files", f"Call it {FILE_COLUMNS[0]!r}.")


def with_metadata(
    entries: Iterable[Entry | LeftOut], table: MetadataTable | None, fixed: Mapping[str, str]
) -> Iterator[Entry | LeftOut]:
    """The entries with the metadata of their row, found by name below the root or by file name alone.

    ``fixed`` is the metadata of every entry; an entry's own and its row's values stand above it.

    Raises:
        Conflict: a file has two rows, or the table names files of which none is among the entries.
        NotFound, LimitExceeded, InvalidInput: as :func:`read_table`.
    """
    rows = _by_file(table) if table else {}
    found = False
    for entry in entries:
        if isinstance(entry, LeftOut):
            yield entry
            continue
        short = PurePosixPath(entry.name).name
        row = rows.get(entry.name) or rows.get(short, {})
        found |= bool(row)
        yield replace(entry, metadata={**fixed, **entry.metadata, **row})
    if table and not found:
        raise Conflict(
            f"{table.path.name} names none of the images", "Its paths must start at the folder given."
        )


def _by_file(table: MetadataTable) -> dict[str, dict[str, str]]:
    rows: dict[str, dict[str, str]] = {}
    for row in read_table(table.path):
        column = file_column(table.path, row)
        name = row.values[column]
        if name in rows:
            raise Conflict(f"{table.path.name}, row {row.number}: {name!r} has a row already")
        rows[name] = {
            table.rename.get(key, key): value
            for key, value in row.values.items()
            if key != column and value
        }
    _refuse_unknown(table, rows)
    return rows


def _refuse_unknown(table: MetadataTable, rows: Mapping[str, Mapping[str, str]]) -> None:
    headings = set(next(read_table(table.path)).values) if rows else set()
    for heading in table.rename:
        if heading not in headings:
            known = ", ".join(sorted(headings))
            raise InvalidInput(f"{table.path.name} has no column {heading!r} (it has: {known})")

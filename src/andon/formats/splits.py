"""Split files: which image is for what, as published data sets state it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from andon.domain.datasets import Split
from andon.errors import Conflict, InvalidInput, LimitExceeded, NotFound
from andon.formats.tables import MAX_TABLE_BYTES, file_column, read_table
from andon.formats.words import split_of


def read_split_file(path: Path) -> Mapping[str, Split]:
    """Image name -> split.

    JSON: an object with a list of names per split (``train``, ``val`` or ``stop``, ``calibration``,
    ``test``); other keys that hold no list are ignored.  CSV: a column ``file`` (or ``path``, ``name``) and
    a column ``split``; rows without a split are skipped.

    Raises:
        NotFound: there is no such file. LimitExceeded: it is too large.
        InvalidInput: it has another form, or a split is unknown. Conflict: a name stands in two splits.
    """
    if not path.is_file():
        raise NotFound(f"there is no split file {path}", "Check the path.")
    if path.stat().st_size > MAX_TABLE_BYTES:
        raise LimitExceeded(f"{path.name} has more than {MAX_TABLE_BYTES} bytes")
    pairs = _from_csv(path) if path.suffix.lower() == ".csv" else _from_json(path)
    splits = _collected(path, pairs)
    if not splits:
        raise InvalidInput(f"{path.name} names no image")
    return splits


def _collected(path: Path, pairs: Iterable[tuple[str, Split]]) -> dict[str, Split]:
    splits: dict[str, Split] = {}
    for name, split in pairs:
        before = splits.setdefault(name, split)
        if before is not split:
            raise Conflict(f"{path.name} puts {name!r} into {before} and {split}")
    return splits


def _from_csv(path: Path) -> Iterator[tuple[str, Split]]:
    for row in read_table(path):
        column = file_column(path, row)
        if "split" not in row.values:
            raise InvalidInput(f"{path.name} has no column 'split'")
        if row.values["split"]:
            yield row.values[column], _split(path, row.values["split"])


def _from_json(path: Path) -> Iterator[tuple[str, Split]]:
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as cause:
        raise InvalidInput(f"{path.name} is not readable as JSON") from cause
    if not isinstance(content, dict):
        raise InvalidInput(f"{path.name} is no object with a list of names per split")
    for key, names in content.items():
        if not isinstance(names, list):
            continue
        if not all(isinstance(name, str) for name in names):
            raise InvalidInput(f"{path.name}: {key!r} holds something that is no name")
        split = _split(path, key)
        yield from ((name, split) for name in names)


def _split(path: Path, name: str) -> Split:
    split = split_of(name)
    if split is None:
        raise InvalidInput(f"{path.name}: {name!r} is no split", f"Use {', '.join(Split)}.")
    return split

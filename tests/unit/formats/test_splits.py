"""Split files and metadata tables, as published data sets ship them."""

from pathlib import Path

import pytest

from andon.domain.datasets import Split
from andon.errors import Conflict, InvalidInput, NotFound, UserError
from andon.formats.entries import Entry
from andon.formats.splits import read_split_file
from andon.formats.tables import MetadataTable, with_metadata


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_json_lists_and_csv_rows_say_the_same(tmp_path: Path) -> None:
    json = written(
        tmp_path, "s.json", '{"note": "by tile", "train": ["a.jpg"], "val": ["b.jpg"], "test": ["c.jpg"]}'
    )
    csv = written(tmp_path, "s.csv", "file,split\na.jpg,train\nb.jpg,stop\nc.jpg,test\nd.jpg,\n")
    expected = {"a.jpg": Split.TRAIN, "b.jpg": Split.STOP, "c.jpg": Split.TEST}
    assert read_split_file(json) == read_split_file(csv) == expected


@pytest.mark.parametrize(
    ("name", "text", "error", "words"),
    [
        ("s.json", "{", InvalidInput, "not readable as JSON"),
        ("s.json", "[1]", InvalidInput, "no object"),
        ("s.json", '{"train": [1]}', InvalidInput, "no name"),
        ("s.json", '{"holdout": ["a"]}', InvalidInput, "'holdout' is no split"),
        ("s.json", '{"train": ["a"], "test": ["a"]}', Conflict, "'a' into train and test"),
        ("s.json", '{"note": "x"}', InvalidInput, "names no image"),
        ("s.csv", "file\na.jpg\n", InvalidInput, "no column 'split'"),
        ("s.csv", "picture,split\na.jpg,test\n", InvalidInput, "no column that names files"),
    ],
)
def test_wrong_split_files_are_refused(
    name: str, text: str, error: type[UserError], words: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=words):
        read_split_file(written(tmp_path, name, text))


def test_a_missing_split_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no split file"):
        read_split_file(tmp_path / "s.json")


def test_metadata_joins_by_path_or_file_name_and_columns_can_be_renamed(tmp_path: Path) -> None:
    table = written(tmp_path, "groups.csv", "file,class,group\nMT/a.jpg,Crack,7\nb.jpg,Free,9\n")
    entries = [Entry(tmp_path, "MT/a.jpg"), Entry(tmp_path, "MT/b.jpg"), Entry(tmp_path, "MT/c.jpg")]
    joined = list(with_metadata(entries, MetadataTable(table, {"group": "tile"}), {"line": "2"}))
    assert [item.metadata for item in joined if isinstance(item, Entry)] == [
        {"line": "2", "class": "Crack", "tile": "7"},
        {"line": "2", "class": "Free", "tile": "9"},
        {"line": "2"},
    ]


@pytest.mark.parametrize(
    ("text", "rename", "words"),
    [
        ("file,g\nz.jpg,1\n", {}, "names none of the images"),
        ("file,g\na.jpg,1\na.jpg,2\n", {}, "row 3"),
        ("file,g\na.jpg,1\n", {"group": "tile"}, "no column 'group'"),
        ("file,g,g\na.jpg,1,2\n", {}, "two columns"),
    ],
)
def test_tables_that_cannot_be_joined_are_refused(
    text: str, rename: dict[str, str], words: str, tmp_path: Path
) -> None:
    table = MetadataTable(written(tmp_path, "t.csv", text), rename)
    with pytest.raises(UserError, match=words):
        list(with_metadata([Entry(tmp_path, "a.jpg")], table, {}))

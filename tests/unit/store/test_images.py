"""Lists stay quick when there are many images: every one is read through an index."""

from collections.abc import Iterator
from pathlib import Path

import pysqlite3.dbapi2 as sqlite
import pytest
from sqlalchemy import Connection, event, text

from andon.domain.images import ImageFilter
from andon.store import images
from andon.store.database import create_or_upgrade, open_database
from andon.units import Timestamp

MANY = 200_000

FILL = f"""
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY})
INSERT INTO images (digest, blob, name, size, height, width, channels, bit_depth, part_type, line, station,
                    lot, serial, captured_at, extra, author, at)
SELECT printf('%064x', i), printf('%064x', i), 'n' || i, 1, 1, 1, 1, 8, 'type' || (i % 50),
       'line' || (i % 40), 'station' || (i % 100), 'lot' || (i % 500), 'serial' || i,
       strftime('%Y-%m-%dT%H:%M:%S.000000Z', 1700000000 + i, 'unixepoch'), '{{}}', 'test', 'now'
FROM n
"""


@pytest.fixture(scope="module")
def tx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    path: Path = tmp_path_factory.mktemp("many") / "andon.db"
    create_or_upgrade(f"sqlite:///{path}")
    with sqlite.connect(str(path)) as connection:
        connection.execute(FILL)
        connection.execute("INSERT INTO image_labels SELECT id, 'dent' FROM images WHERE id % 100 = 0")
        source = "SELECT 'folder', id, name, blob, 'test', 'now' FROM images WHERE id % 100 = 0"
        connection.execute(f"INSERT INTO image_sources (source, image_id, name, blob, author, at) {source}")
    connection.close()
    database = open_database(f"sqlite:///{path}")
    with database.read() as opened:
        yield opened
    database.close()


def plan(tx: Connection, query: ImageFilter) -> str:
    """How SQLite reads a page in the middle of the list."""
    sent: list[tuple[str, object]] = []

    def listen(*call: object) -> None:
        sent.append((str(call[2]), call[3]))

    event.listen(tx, "before_cursor_execute", listen)
    rows = images.page(tx, query, MANY // 2, 10).rows
    event.remove(tx, "before_cursor_execute", listen)
    assert len(rows) == 10
    statement, values = sent[0]
    return "\n".join(
        str(row.detail) for row in tx.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, values)
    )  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (ImageFilter(), "SEARCH images USING INTEGER PRIMARY KEY"),
        (ImageFilter(part_type="type7"), "SEARCH images USING INDEX ix_images_part_type_id"),
        (ImageFilter(line="line7"), "SEARCH images USING INDEX ix_images_line_id"),
        (ImageFilter(station="station7"), "SEARCH images USING INDEX ix_images_station_id"),
        (ImageFilter(lot="lot7"), "SEARCH images USING INDEX ix_images_lot_id"),
        (ImageFilter(concept="dent"), "ix_image_labels_concept_image_id"),
        (ImageFilter(source="folder"), "sqlite_autoindex_image_sources_1"),
        (ImageFilter(clean=False), "sqlite_autoindex_image_labels_1"),
    ],
)
def test_pages_are_read_through_an_index(tx: Connection, query: ImageFilter, index: str) -> None:
    found = plan(tx, query)
    assert index in found
    assert "SCAN images" not in found
    assert "TEMP B-TREE" not in found


def test_a_time_range_is_read_through_its_index(tx: Connection) -> None:
    statement = "SELECT count(*) FROM images WHERE captured_at >= 'a' AND captured_at < 'b'"
    found = "".join(row.detail for row in tx.execute(text("EXPLAIN QUERY PLAN " + statement)))
    assert "INDEX ix_images_captured_at_id (captured_at>? AND captured_at<?)" in found
    last = ImageFilter(captured_from=Timestamp("2023-11-17T05:46:31.000000Z"))
    assert images.count(tx, last) == len(images.page(tx, last, None, MANY).rows) == 10

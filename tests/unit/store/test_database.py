import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pysqlite3.dbapi2 as sqlite
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from andon.domain.people import Person
from andon.errors import DiskFull, InvalidInput, NotFound, OperatorError, UnsupportedVersion
from andon.store import migrations, people
from andon.store.database import (
    OLDEST_SQLITE,
    Database,
    create_or_upgrade,
    open_database,
    refuse_old_sqlite,
)
from andon.store.tables import metadata
from andon.units import Timestamp

ROOT = Path(__file__).parents[3]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT / "src")}
T0 = Timestamp("2026-01-02T03:04:05.000006Z")

WRITER = """
import itertools, sys
from andon.domain.people import Person
from andon.store import people
from andon.store.database import open_database
database = open_database(sys.argv[1])
for n in itertools.islice(itertools.count(), int(sys.argv[3])):
    name = f"{sys.argv[2]}-{n}"
    with database.write() as tx:
        people.add(tx, Person(name), "test", "now")
        people.add(tx, Person(name + "'"), "test", "now")
    print(name, flush=True)
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path / 'andon.db'}"
    create_or_upgrade(made)
    return made


@pytest.fixture
def database(url: str) -> Database:
    return open_database(url)


def writer(url: str, name: str, rounds: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, url, name, str(rounds)]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)


def names(database: Database) -> set[str]:
    with database.read() as tx:
        return {person.name for person in people.everyone(tx)}


def test_every_connection_keeps_what_it_acknowledged(database: Database) -> None:
    with database.read() as tx, database.write() as other:
        for connection in (tx, other):
            pragmas = {
                name: connection.execute(text(f"PRAGMA {name}")).scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            }
            assert pragmas == {
                "journal_mode": "wal",
                "synchronous": 2,
                "foreign_keys": 1,
                "busy_timeout": 60_000,
            }


def test_a_writer_is_alone_from_its_start(database: Database, tmp_path: Path) -> None:
    other = sqlite.connect(str(tmp_path / "andon.db"), timeout=0)
    with database.write(), pytest.raises(sqlite.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    with database.read():
        other.execute("BEGIN IMMEDIATE")
    other.close()


def test_migrations_and_tables_say_the_same_to_the_letter(database: Database) -> None:
    """Beyond what Alembic compares: names of constraints, their columns, the order of columns."""
    declared = create_engine("sqlite://", module=sqlite)
    statement = text(
        "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND sql IS NOT NULL"
    )

    def spelled(rows: object) -> dict[str, str]:
        return {name: " ".join(sorted(sql.replace(",", " ").split())) for name, sql in rows}  # type: ignore[attr-defined]

    with declared.begin() as tx, database.read() as migrated:
        metadata.create_all(tx)
        assert spelled(migrated.execute(statement)) == spelled(tx.execute(statement))


def test_the_revisions_named_are_those_that_exist() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    steps = ScriptDirectory.from_config(config).walk_revisions()
    assert tuple(step.revision for step in steps)[::-1] == migrations.REVISIONS


def test_an_sqlite_that_loses_records_is_refused() -> None:
    refuse_old_sqlite(OLDEST_SQLITE)
    with pytest.raises(UnsupportedVersion, match=r"SQLite 3\.51\.2 may lose records; 3\.53\.0 is needed"):
        refuse_old_sqlite((3, 51, 2))


def test_databases_that_cannot_be_opened_say_why(url: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no database"):
        open_database(f"sqlite:///{tmp_path / 'none.db'}")
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(InvalidInput, match="mysql databases are not supported"):
        open_database("mysql://host/name")
    with pytest.raises(InvalidInput):
        open_database("what is this")
    with pytest.raises(OperatorError, match="cannot open"):
        create_or_upgrade(f"sqlite:///{tmp_path / 'missing' / 'andon.db'}")
    (tmp_path / "text.db").write_text("this is no database, but a long enough text " * 200)
    for act in (open_database, create_or_upgrade):
        with pytest.raises(OperatorError, match="not a database of Andon"):
            act(f"sqlite:///{tmp_path / 'text.db'}")
    sqlite.connect(str(tmp_path / "empty.db")).close()
    (tmp_path / "empty.db").touch()
    with pytest.raises(UnsupportedVersion, match="older Andon"):
        open_database(f"sqlite:///{tmp_path / 'empty.db'}")


def test_a_damaged_database_is_one_clear_line(database: Database, tmp_path: Path) -> None:
    with database.write() as tx:
        for number in range(2000):
            people.add(tx, Person(f"{number:0200}"), "test", T0)
    database.close()
    content = bytearray((tmp_path / "andon.db").read_bytes())
    content[8192:] = os.urandom(len(content) - 8192)
    (tmp_path / "andon.db").write_bytes(content)
    with pytest.raises(OperatorError, match="the database is damaged"):
        names(open_database(f"sqlite:///{tmp_path / 'andon.db'}"))


def test_a_full_database_keeps_what_was_complete(database: Database) -> None:
    with database.write() as tx:
        people.add(tx, Person("first"), "test", T0)
        pages = tx.execute(text("PRAGMA page_count")).scalar()
    with pytest.raises(DiskFull, match="no space is left"), database.write() as tx:
        tx.execute(text(f"PRAGMA max_page_count={pages}"))
        for number in range(5000):
            people.add(tx, Person(f"{number:0200}"), "test", T0)
    database.close()
    assert names(database) == {"first"}


def test_kill_9_loses_nothing_acknowledged_and_leaves_nothing_half(url: str, database: Database) -> None:
    acknowledged: set[str] = set()
    for life in range(5):
        process = writer(url, f"life{life}", 1_000_000)
        assert process.stdout is not None
        acknowledged |= {process.stdout.readline().strip() for _ in range(7 + life)}
        process.send_signal(signal.SIGKILL)
        acknowledged |= {line.strip() for line in process.stdout if line.endswith("\n")}
        process.wait()
    found = names(database)
    assert len(acknowledged) >= 45
    assert acknowledged <= found
    assert {name for name in found if not name.endswith("'")} == {
        name[:-1] for name in found if name.endswith("'")
    }
    with database.read() as tx:
        assert tx.execute(text("PRAGMA integrity_check")).scalar() == "ok"


def test_two_processes_write_at_the_same_time(url: str, database: Database) -> None:
    processes = [writer(url, name, 40) for name in ("left", "right")]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0]
    assert len(names(database)) == 160


def test_two_processes_make_the_same_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    program = (
        "import sys; from andon.store.database import create_or_upgrade; create_or_upgrade(sys.argv[1])"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program, url], env=ENVIRONMENT) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert names(open_database(url)) == set()


def test_a_database_from_a_path_with_odd_characters(tmp_path: Path) -> None:
    folder = tmp_path / "50% of Müller's parts"
    folder.mkdir()
    url = f"sqlite:///{folder / 'andon.db'}"
    create_or_upgrade(url)
    assert names(open_database(url)) == set()
    shutil.rmtree(folder)

"""What every database must do, SQLite and PostgreSQL: migrate, keep blocks whole, bear many at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from simulators.stored_rows import ME, T0, image
from sqlalchemy import text

from andon.domain.people import LOCAL_USER
from andon.domain.runs import Run, RunState, TrainSettings
from andon.errors import Conflict, UnsupportedVersion
from andon.store import images, people, runs
from andon.store.database import Database, create_or_upgrade, open_database
from andon.store.tables import metadata
from andon.units import digest_of


def test_the_migrations_build_the_declared_tables(database: Database) -> None:
    with database.read() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_making_again_keeps_everything_and_a_newer_one_is_refused(url: str) -> None:
    create_or_upgrade(url)
    opened = open_database(url)
    with opened.write() as tx:
        people.add(tx, LOCAL_USER, ME, T0)
    create_or_upgrade(url)
    with opened.write() as tx:
        assert people.everyone(tx) == (LOCAL_USER,)
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    opened.close()
    for refused in (create_or_upgrade, open_database):
        with pytest.raises(UnsupportedVersion, match="written by a newer Andon"):
            refused(url)


def test_a_block_that_raises_changes_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as tx:
        people.add(tx, LOCAL_USER, ME, T0)
        raise ZeroDivisionError
    with database.read() as tx:
        assert people.everyone(tx) == ()


def test_a_reader_sees_one_state_while_others_write(database: Database) -> None:
    with database.read() as reader:
        assert people.everyone(reader) == ()
        with database.write() as tx:
            people.add(tx, LOCAL_USER, ME, T0)
        assert people.everyone(reader) == ()
    with database.read() as reader:
        assert people.everyone(reader) == (LOCAL_USER,)


def test_threads_that_add_the_same_images_all_succeed(database: Database) -> None:
    made = [image(n) for n in range(200)]

    def work(source: str) -> int:
        with database.write() as tx:
            return images.add(tx, made, source, ME, T0).new

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(work, "abcd")) == 200
    with database.read() as tx:
        assert images.sources(tx) == dict.fromkeys("abcd", 200)


def test_two_writers_of_one_id_end_in_a_conflict(database: Database) -> None:
    run = Run("r", digest_of(b"s"), TrainSettings(), RunState.RUNNING, ME, T0)
    with database.write() as tx:
        runs.start(tx, run)
    with pytest.raises(Conflict, match="at the same time"), database.write() as tx:
        runs.start(tx, run)

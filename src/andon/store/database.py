"""Opening a database, and its transactions: SQLite for one machine, PostgreSQL for a plant, one code."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite
from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError

from andon.errors import InvalidInput, MissingProgram, NotFound, OperatorError, UnsupportedVersion
from andon.store.failures import database_errors
from andon.store.migrations import REVISIONS, upgrade

OLDEST_SQLITE = (3, 53, 0)
"""Before 3.51.3 a committed transaction may be lost when the write-ahead log starts anew; before 3.53 a
column cannot be made optional in place."""

PATIENCE_MS = 60_000
"""How long a transaction waits for another writer before it gives up."""

_BEGIN = "andon_begin"


class Database:
    """A database and its transactions; safe to use from many threads.

    Every block is one transaction: it is on the disk when the block ends, and undone when it raises.

    Raises (all of them, from ``read`` and ``write`` and inside their blocks):
        DiskFull: no space is left; the transaction did not happen.
        OperatorError: locked for too long, damaged, not a database, not readable.
        Conflict: another writer added the same at the same time.
        NetworkError: the PostgreSQL server does not answer.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name = engine.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database and changes nothing."""
        with self._transaction("BEGIN") as tx:
            yield tx

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may change rows; on SQLite it alone, from its start on."""
        with self._transaction("BEGIN IMMEDIATE") as tx:
            yield tx

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        with database_errors(self.name), self._engine.connect() as connection:
            options = {_BEGIN: begin} | self._isolation(begin)
            with connection.execution_options(**options) as configured, configured.begin():
                yield configured

    def _isolation(self, begin: str) -> dict[str, Any]:
        if self._engine.dialect.name == "sqlite" or begin != "BEGIN":
            return {}
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def create_or_upgrade(url: str) -> None:
    """Bring the database at ``url`` to the newest form, making it when there is none.

    Raises:
        UnsupportedVersion: it was written by a newer Andon, or SQLite is too old.
        OperatorError: it cannot be made there.
    """
    database = Database(_engine(_parsed(url)))
    try:
        with database.write() as tx:
            if tx.dialect.name == "postgresql":
                tx.execute(text("SELECT pg_advisory_xact_lock(hashtext('andon migrations'))"))
            _refuse_newer(database.name, _revision(tx))
            upgrade(tx)
    finally:
        database.close()


def open_database(url: str) -> Database:
    """Open a database that :func:`create_or_upgrade` made.

    Args:
        url: ``sqlite:////folder/andon.db`` or ``postgresql://user@host/name``.

    Raises:
        NotFound: there is no database.
        UnsupportedVersion: it was written by another version of Andon, or SQLite is too old.
        InvalidInput: the URL is none, or names another kind of database.
        OperatorError: it cannot be read, or is damaged.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        raise NotFound(f"there is no database {parsed.database}", "Make one with `andon init`.")
    database = Database(_engine(parsed))
    try:
        with database.read() as tx:
            revision = _revision(tx)
        _refuse_newer(database.name, revision)
        if revision != REVISIONS[-1]:
            raise UnsupportedVersion(
                f"{database.name} was written by an older Andon", "Back it up, then run `andon init` there."
            )
    except BaseException:
        database.close()
        raise
    return database


def _revision(tx: Connection) -> str | None:
    if not inspect(tx).has_table("alembic_version"):
        return None
    found: str | None = tx.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _refuse_newer(name: str, revision: str | None) -> None:
    if revision is not None and revision not in REVISIONS:
        raise UnsupportedVersion(
            f"the workspace was written by a newer Andon ({name} has version {revision})", "Update Andon."
        )


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as cause:
        raise InvalidInput(
            "the database URL is none", "Use sqlite:////FILE or postgresql://HOST/NAME."
        ) from cause
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise InvalidInput(
            f"{parsed.get_backend_name()} databases are not supported", "Use SQLite or PostgreSQL."
        )
    return parsed


def _engine(url: URL) -> Engine:
    return _sqlite_engine(url) if url.get_backend_name() == "sqlite" else _postgresql_engine(url)


def _sqlite_engine(url: URL) -> Engine:
    refuse_old_sqlite(sqlite.sqlite_version_info)
    engine = create_engine(url, module=sqlite)

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, see below
        connection.execute(f"PRAGMA busy_timeout={PATIENCE_MS}")
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode != "wal":
            raise OperatorError(
                f"{url.database} cannot keep a write-ahead log ({mode})", "Put it on a local disk."
            )
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))

    return engine


def refuse_old_sqlite(version: tuple[int, ...]) -> None:
    """Refuse an SQLite that may lose what it acknowledged.

    Raises:
        UnsupportedVersion: it is older than ``OLDEST_SQLITE``.
    """
    if version < OLDEST_SQLITE:
        have, need = (".".join(map(str, v)) for v in (version, OLDEST_SQLITE))
        raise UnsupportedVersion(
            f"SQLite {have} may lose records; {need} is needed", "Install a current `pysqlite3`."
        )


def _postgresql_engine(url: URL) -> Engine:
    try:
        import psycopg as _psycopg  # noqa: F401
    except ImportError as cause:
        raise MissingProgram(
            "PostgreSQL needs psycopg", "Install it: pip install 'andon[plant]'."
        ) from cause
    return create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True)

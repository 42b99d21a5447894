"""Databases to run the same stories on, SQLite and a PostgreSQL of our own; a broker and its listener."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from simulators.broker import Broker, broker
from simulators.plc import Plc, plc
from simulators.postgresql import Cluster, cluster, programs
from simulators.programs import until
from sqlalchemy import Connection

from andon.store.database import Database, create_or_upgrade, open_database


@pytest.fixture(scope="session")
def server() -> Iterator[Cluster]:
    binaries = programs()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    pytest.importorskip("psycopg", reason="psycopg is not installed (pip install 'andon[plant]')")
    with cluster(binaries) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'andon.db'}"
    running: Cluster = request.getfixturevalue("server")
    return running.new_database()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    create_or_upgrade(url)
    opened = open_database(url)
    yield opened
    opened.close()


@pytest.fixture
def tx(database: Database) -> Iterator[Connection]:
    with database.write() as connection:
        yield connection


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    with broker(tmp_path) as made:
        yield made


@pytest.fixture
def listener(mosquitto: Broker) -> Iterator[Plc]:
    with plc(mosquitto.port) as made:
        until("the listener is connected", lambda: made.connections)
        yield made

"""A PostgreSQL server of our own in a temporary folder, reached through a Unix socket only."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path


@dataclass
class Cluster:
    """A running server; each database it makes is empty."""

    folder: Path
    numbers: Iterator[int] = field(default_factory=count)

    def new_database(self) -> str:
        """The URL of a fresh database."""
        import psycopg

        name = f"andon{next(self.numbers)}"
        with psycopg.connect(
            host=str(self.folder), user="andon", dbname="postgres", autocommit=True
        ) as server:
            server.execute(f"CREATE DATABASE {name}")
        return f"postgresql://andon@/{name}?host={self.folder}"


def programs() -> Path | None:
    """Folder of the newest installed server programs."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found := shutil.which("initdb"):
        folders.append(Path(found).parent)
    return max(folders, default=None)


@contextmanager
def cluster(binaries: Path) -> Iterator[Cluster]:
    # Not below pytest's folder: that is closed to the user the server must run as, and its path may be too
    # long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="andon-pg-"))
    user = _user()
    if user is not None:
        os.chown(folder, user, -1)

    def run(program: str, *arguments: str) -> None:
        command = [binaries / program, "-D", folder / "data", *arguments]
        with (folder / "talk").open("ab") as talk:
            subprocess.run(command, check=True, user=user, stdout=talk, stderr=talk, cwd=folder)

    try:
        run("initdb", "--username=andon", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
        run("pg_ctl", "--wait", "start", "-o", f"-k {folder} -c listen_addresses='' -c fsync=off")
        try:
            yield Cluster(folder)
        finally:
            run("pg_ctl", "--wait", "--mode=immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _user() -> int | None:
    """PostgreSQL refuses to run as root; who else there is."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    return names.get("postgres", names.get("nobody"))

"""The spool's file: of an older or newer program, damaged, under kill -9, on a disk that fails."""

import os
import random
import subprocess
import sys
from pathlib import Path

import apsw
import pytest
from simulators.spooled_parts import blob, part_with, told
from simulators.station_parts import record

from andon.domain.feedback import Queue, SendReason
from andon.errors import AndonError, DiskFull, OperatorError, UnsupportedVersion
from andon.station.spool.database import STEPS, Database
from andon.station.spool.records import Spool

ROOT = Path(__file__).parents[3]
KILLS = 8


def test_a_file_from_before_knows_of_whom_to_tell_without_looking_at_all_others(tmp_path: Path) -> None:
    old = Database(tmp_path / "spool.db", steps=STEPS[:2])
    parts = [f"part {number:04}" for number in range(2000)]
    with old.change():
        old.run("INSERT INTO given_up VALUES ('on the hub')")
        for number, part in enumerate(parts):
            old.run("INSERT INTO records VALUES (?, ?, 2, '{}')", (number, part))
            old.run("INSERT INTO given_up VALUES (?)", (part,))
    old.close()
    spool = Spool(tmp_path / "spool.db")
    looks: list[None] = []
    spool._database._connection.set_progress_handler(lambda: bool(looks.append(None)), 100)
    assert [name for name, _ in spool.waiting(10).given_up] == ["on the hub"]
    assert len(looks) < 20, "hundreds of steps, not tens of thousands"
    spool.receipted(parts[:1], {}, ())
    assert [name for name, _ in spool.waiting(10).given_up] == ["on the hub", parts[0]]
    spool.close()


def test_a_spool_of_the_first_format_goes_on(tmp_path: Path) -> None:
    old = Database(tmp_path / "spool.db", steps=STEPS[:1])
    old.close()
    spool = Spool(tmp_path / "spool.db")
    part, _ = part_with(spool, b"image", SendReason.RULE)
    assert [one.inspection for one in told(spool)] == [part.id]
    spool.close()


def test_the_floor_of_assignments_never_sinks(spool: Spool) -> None:
    assert (spool.facts.floor(), spool.facts.assignment(), spool.facts.hub_key()) == (0, None, None)
    spool.facts.keep_assignment("seven", 7, 1.5)
    spool.facts.keep_assignment("five", 5, 2.5)
    spool.facts.keep_hub_key("key")
    assert (spool.facts.floor(), spool.facts.assignment(), spool.facts.hub_key()) == (7, "five", "key")


def test_a_spool_of_a_newer_program_and_a_damaged_one_are_refused(tmp_path: Path) -> None:
    Spool(tmp_path / "newer.db").close()
    newer = apsw.Connection(str(tmp_path / "newer.db"))
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(UnsupportedVersion):
        Spool(tmp_path / "newer.db")
    (tmp_path / "damaged.db").write_bytes(os.urandom(8192))
    with pytest.raises(OperatorError):
        Spool(tmp_path / "damaged.db")


def test_every_record_that_was_said_to_be_written_outlives_kill_9(tmp_path: Path) -> None:
    path, chance, said = tmp_path / "spool.db", random.Random(0), 0
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}"}
    writer = [sys.executable, str(ROOT / "tests/simulators/killed_spool.py"), str(path)]
    for _ in range(KILLS):
        process = subprocess.Popen(writer, stdout=subprocess.PIPE, env=environment, text=True)
        assert process.stdout is not None
        wanted = chance.randrange(1, 40)
        heard = [process.stdout.readline() for _ in range(wanted)]
        process.kill()
        heard += process.stdout.readlines()
        process.wait()
        process.stdout.close()
        numbers = [int(line) for line in heard if line.endswith("\n")]
        assert numbers[0] in {said + 1, said + 2}, "a number was given twice, or one is missing"
        said = numbers[-1]
    spool = Spool(path)
    spool.reap()
    assert spool.counts()[0] - said in {0, 1}
    found = [row[0] for row in spool._rows("SELECT sequence FROM records ORDER BY sequence")]
    assert found == list(range(1, len(found) + 1))
    settled = [row[0] for row in spool._rows("SELECT id FROM records WHERE body LIKE '%kept\":\"kept%'")]
    assert sorted(settled) == sorted(row[0] for row in spool._rows("SELECT inspection FROM chosen"))
    assert len(settled) >= said // 2 - KILLS
    assert spool._rows("PRAGMA integrity_check") == [("ok",)]
    spool.close()


class FailingDisk(apsw.VFS):
    """A disk on which the call with a given number fails, once."""

    def __init__(self, at: int, failure: type[Exception]) -> None:
        self.left, self.failure = at, failure
        self.name = f"failing-{id(self)}"
        super().__init__(self.name, "")

    def xOpen(self, name: object, flags: list[int]) -> "FailingFile":
        return FailingFile(self, name, flags)

    def call(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise self.failure()


class FailingFile(apsw.VFSFile):
    def __init__(self, disk: FailingDisk, name: object, flags: list[int]) -> None:
        self.disk = disk
        super().__init__("", name, flags)  # type: ignore[arg-type]

    def xWrite(self, data: bytes, offset: int) -> None:
        self.disk.call()
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self.disk.call()
        super().xSync(flags)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("failure", [apsw.FullError, apsw.IOError])
def test_whichever_write_fails_no_record_that_was_written_is_lost(
    tmp_path: Path, failure: type[Exception]
) -> None:
    for at in range(1, 400):
        path = tmp_path / f"spool-{at}.db"
        disk = FailingDisk(at, failure)
        said, failed = flow(path, disk, failure)
        check = Spool(path)
        found = [row[0] for row in check._rows("SELECT id FROM records ORDER BY sequence")]
        assert set(said) <= set(found), f"call {at}: a written record is gone"
        assert check._rows("PRAGMA integrity_check") == [("ok",)]
        check.close()
        if not failed and disk.left > 0:
            return
    raise AssertionError("the flow has more writes than were tried")


def flow(path: Path, disk: FailingDisk, failure: type[Exception]) -> tuple[list[str], bool]:
    """Write five records, each tried until it is written; their ids, and whether the disk ever failed."""
    said: list[str] = []
    failed = False
    spool: Spool | None = None
    while spool is None:
        try:
            spool = Spool(path, vfs=disk.name)
        except AndonError:
            failed = True
    for number in range(5):
        one = record(f"p{number}")
        while one.id not in said:
            try:
                written = spool.record(one)
                said.append(written.id)
                spool.settle(written, (blob(f"{number}".encode(), 1, kept_in_file=False),), Queue.REVIEW)
            except DiskFull:
                failed = True
                assert failure is apsw.FullError
            except OperatorError:
                failed = True
                assert failure is apsw.IOError
    try:
        spool.close()
    except AndonError:
        failed = True
    return said, failed

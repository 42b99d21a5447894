import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from simulators.station_parts import AT, HandClock, record

from andon.blobs.folder import FolderBlobs
from andon.domain.inspections import Inspection, Kept
from andon.domain.stations import AlarmCode
from andon.station.running.loops import Thread
from andon.station.spool.keeping import PASS_WORTH, REJECT_WORTH, UNCHOSEN
from andon.station.spool.pictures import StoredBlob
from andon.station.spool.records import Spool
from andon.station.spool.shelves import Shelves, Space
from andon.station.spool.thread import SpoolThread
from andon.station.state.line import LineState
from andon.units import Digest


@dataclass(frozen=True)
class SmallDisk(Space):
    """A disk of ``size`` bytes that only image files take up."""

    size: int = 1000
    others: list[int] = field(default_factory=lambda: [0])

    def free(self) -> int:
        taken = sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())
        return self.size - taken - self.others[0]


class Room:
    def __init__(self, folder: Path) -> None:
        self.spool = Spool(folder / "spool.db")
        self.thread = Thread("spool")
        self.blobs = FolderBlobs(folder / "images")
        (folder / "images").mkdir()
        self.disk = SmallDisk(folder / "images", 100)
        self.shelves = Shelves(SpoolThread(self.spool, self.thread), self.blobs, self.disk)
        self.state = LineState("st-1", "line-1", "test", AT)

    def keep(self, content: bytes, worth: int) -> tuple[Inspection, Digest]:
        digest = self.blobs.put(content)
        written = self.spool.record(record())
        assert written.capture is not None
        capture = replace(written.capture, kept=Kept.KEPT, blob=digest, size=len(content))
        settled = replace(written, capture=capture)
        self.spool.settle(settled, (StoredBlob(digest, len(content), None, worth),))
        return settled, digest

    def tidy(self) -> None:
        asyncio.run(self.shelves.tidy(self.state, HandClock().clock))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.thread.close()
    made.spool.close()


def test_what_the_hub_has_goes_and_nothing_else(room: Room) -> None:
    (sent, gone), (_, stays) = room.keep(b"a" * 100, PASS_WORTH), room.keep(b"b" * 100, PASS_WORTH)
    room.spool.receipted([sent.id], {}, ())
    room.tidy()
    assert (room.blobs.has(gone), room.blobs.has(stays)) == (False, True)
    assert (room.state.shed["images"], room.state.spool, room.state.disk_free) == (0, 1, 900)
    assert AlarmCode.DISK_LOW not in room.state.alarms


def test_when_the_disk_runs_out_passes_go_first_then_rejects_and_records_never(room: Room) -> None:
    _, reject = room.keep(b"r" * 300, REJECT_WORTH)
    passes = [room.keep(bytes([n]) * 100, PASS_WORTH)[1] for n in range(3)]
    room.disk.others[0] = 450
    room.tidy()
    assert [room.blobs.has(digest) for digest in passes] == [False, False, True]
    room.disk.others[0] = 550
    room.tidy()
    assert (room.blobs.has(passes[2]), room.blobs.has(reject)) == (False, True)
    room.disk.others[0] = 850
    room.tidy()
    assert not room.blobs.has(reject)
    assert room.state.shed["images"] == 4
    assert AlarmCode.DISK_LOW in room.state.alarms
    assert room.spool.counts()[0] == 4
    room.disk.others[0] = 0
    room.tidy()
    assert AlarmCode.DISK_LOW not in room.state.alarms


def test_under_a_policy_what_it_did_not_choose_goes_first_and_is_no_alarm(room: Room) -> None:
    _, chosen = room.keep(b"p" * 300, PASS_WORTH)
    unchosen = [room.keep(bytes([n]) * 200, REJECT_WORTH - UNCHOSEN)[1] for n in range(2)]
    room.disk.others[0] = 250
    room.tidy()
    assert [room.blobs.has(digest) for digest in unchosen] == [False, True]
    room.disk.others[0] = 450
    room.tidy()
    assert (room.blobs.has(unchosen[1]), room.blobs.has(chosen)) == (False, True)
    assert (room.state.shed["images"], room.state.shed["unchosen"]) == (0, 2)
    assert AlarmCode.DISK_LOW not in room.state.alarms
    assert room.spool.waiting(9).given_up == (), "their records are here, and say so themselves"
    room.disk.others[0] = 750
    room.tidy()
    assert not room.blobs.has(chosen)
    assert room.state.shed["images"] == 1
    assert AlarmCode.DISK_LOW in room.state.alarms


def test_without_a_policy_what_one_did_not_choose_is_sent_too(room: Room) -> None:
    part, reject = room.keep(b"r" * 100, REJECT_WORTH - UNCHOSEN)
    room.spool.receipted([part.id], {}, [reject])
    assert [blob.digest for blob in room.spool.pictures.wanted(9)] == [reject]


def test_an_empty_shelf_on_a_full_disk_is_an_alarm_and_no_endless_search(room: Room) -> None:
    room.disk.others[0] = 1000
    room.tidy()
    assert AlarmCode.DISK_LOW in room.state.alarms


def test_what_was_refused_by_the_hub_is_alarmed(room: Room) -> None:
    kept, _ = room.keep(b"a", PASS_WORTH)
    room.spool.receipted([], {kept.id: "never"}, ())
    room.tidy()
    assert AlarmCode.RECORDS_REFUSED in room.state.alarms

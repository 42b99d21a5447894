import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from andon.domain.images import Origin
from andon.domain.inspections import Decision, Reason, ReasonCode, Verdict
from andon.errors import InvalidInput, OperatorError
from andon.station.cameras.folder import FolderCamera, FolderSettings
from andon.station.cameras.frames import Frame
from andon.station.running.clock import Clock

PASS = Decision(Verdict.PASS)
UNREADABLE = Decision(Verdict.NO_DECISION, (Reason(ReasonCode.BAD_IMAGE, None, "truncated"),))
MOST_LOOKS = 200


class Looks:
    """Ends the watch after a number of looks; between two looks it may change the folder."""

    def __init__(self, changes: dict[int, Callable[[], object]] | None = None, most: int = 6) -> None:
        self.count = 0
        self.most = most
        self.changes = changes or {}

    async def sleep(self, seconds: float) -> None:
        self.count += 1
        self.changes.get(self.count, lambda: None)()
        if self.count >= self.most:
            raise StopWatchingError

    def clock(self) -> Clock:
        return Clock(lambda: 1_700_000_000.0, lambda: float(self.count), self.sleep, lambda: 0.5)


class StopWatchingError(Exception):
    pass


def watched(folder: Path, looks: Looks, decision: Decision | None = PASS, keep: bool = True) -> list[Frame]:
    camera = FolderCamera(FolderSettings(folder, origin=Origin(line="line-2"), keep=keep), looks.clock())

    async def watch() -> list[Frame]:
        frames: list[Frame] = []
        try:
            async with aclosing(camera.frames()) as stream:
                async for frame in stream:
                    frames.append(frame)
                    if decision is not None:
                        camera.answered(frame, decision)
        except StopWatchingError:
            return frames
        raise AssertionError("a folder never ends")

    return asyncio.run(watch())


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_files_are_taken_once_and_leave_when_judged(tmp_path: Path) -> None:
    for serial in ("A-1", "A-2", "A-3"):
        (tmp_path / f"{serial}.png").write_bytes(serial.encode())
    frames = watched(tmp_path, Looks())
    assert [(frame.origin.serial, frame.content) for frame in frames] == [
        ("A-1", b"A-1"),
        ("A-2", b"A-2"),
        ("A-3", b"A-3"),
    ]
    assert [frame.number for frame in frames] == [1, 2, 3]
    assert frames[0].origin.line == "line-2"
    assert frames[0].shape is None
    assert names(tmp_path) == {"done/A-1.png", "done/A-2.png", "done/A-3.png"}


def test_a_file_that_still_grows_waits(tmp_path: Path) -> None:
    file = tmp_path / "A-1.png"
    file.write_bytes(b"beg")
    looks = Looks({count: lambda c=count: file.write_bytes(b"b" * (c + 3)) for count in (1, 2, 3)}, most=8)
    frames = watched(tmp_path, looks)
    assert [frame.content for frame in frames] == [b"bbbbbb"]


def test_unfinished_hidden_foreign_and_linked_files_are_left_alone(tmp_path: Path) -> None:
    secret = tmp_path.parent / f"{tmp_path.name}-secret.png"
    secret.write_bytes(b"not for you")
    (tmp_path / "link.png").symlink_to(secret)
    for name in (".hidden.png", "copy.png.partial", "copy.png.tmp"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    assert watched(tmp_path, Looks()) == []
    assert secret.read_bytes() == b"not for you"


def test_what_cannot_be_judged_goes_aside(tmp_path: Path) -> None:
    (tmp_path / "A-1.png").write_bytes(b"no image")
    watched(tmp_path, Looks(), UNREADABLE)
    assert names(tmp_path) == {"failed/A-1.png"}


def test_an_unanswered_file_stays_for_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "A-1.png").write_bytes(b"one")
    assert len(watched(tmp_path, Looks(), None)) == 1
    assert names(tmp_path) == {"A-1.png"}
    assert len(watched(tmp_path, Looks())) == 1
    assert watched(tmp_path, Looks()) == []
    assert names(tmp_path) == {"done/A-1.png"}


def test_a_name_that_comes_back_is_another_part_and_overwrites_nothing(tmp_path: Path) -> None:
    file = tmp_path / "A-1.png"
    file.write_bytes(b"first")
    looks = Looks({4: lambda: file.write_bytes(b"the second"), 8: lambda: None}, most=10)
    assert [frame.content for frame in watched(tmp_path, looks)] == [b"first", b"the second"]
    assert (tmp_path / "done" / "A-1.png").read_bytes() == b"first"
    assert (tmp_path / "done" / "A-1.2.png").read_bytes() == b"the second"


def test_a_file_written_anew_while_it_was_judged_is_judged_again(tmp_path: Path) -> None:
    file = tmp_path / "A-1.png"
    file.write_bytes(b"first")
    looks = Looks({2: lambda: file.write_bytes(b"written anew")}, most=8)
    assert [frame.content for frame in watched(tmp_path, looks)] == [b"first", b"written anew"]
    assert (tmp_path / "done" / "A-1.png").read_bytes() == b"written anew"


def test_an_empty_file_is_given_time_and_then_judged_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "A-1.png").touch()
    assert watched(tmp_path, Looks()) == []
    frames = watched(tmp_path, Looks(most=MOST_LOOKS), UNREADABLE)
    assert [frame.content for frame in frames] == [b""]
    assert names(tmp_path) == {"failed/A-1.png"}


def test_judged_files_may_be_deleted(tmp_path: Path) -> None:
    (tmp_path / "A-1.png").write_bytes(b"one")
    assert len(watched(tmp_path, Looks(), keep=False)) == 1
    assert names(tmp_path) == set()


def test_files_wait_for_the_answer_to_those_before_them(tmp_path: Path) -> None:
    for serial in ("A-1", "A-2", "A-3", "A-4"):
        (tmp_path / f"{serial}.png").write_bytes(serial.encode())
    assert len(watched(tmp_path, Looks(most=30), None)) == 2
    assert len(watched(tmp_path, Looks(most=30))) == 4


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be read"):
        watched(tmp_path / "nowhere", Looks())
    with pytest.raises(InvalidInput, match="not possible"):
        FolderSettings(tmp_path, interval=0)

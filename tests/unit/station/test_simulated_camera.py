import asyncio
import csv
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from andon.domain.images import Origin
from andon.errors import InvalidInput, OperatorError
from andon.simulate.line import Line
from andon.simulate.settings import LineSettings
from andon.station.cameras.frames import Frame
from andon.station.cameras.simulated import SimulatedCamera, SimulatedSettings
from andon.station.drivers import camera_of
from andon.station.running.clock import Clock, system_clock

LINE = LineSettings(height=96, width=112, channels=1, defect_rate=0.5, parts_per_second=1000, seed=3)
SETTINGS = SimulatedSettings(LINE, pool=4, origin=Origin(line="line-2", station="st-04"))


async def taken(camera: SimulatedCamera, count: int) -> list[Frame]:
    frames: list[Frame] = []
    async with aclosing(camera.frames()) as stream:
        async for frame in stream:
            frames.append(frame)
            if len(frames) == count:
                break
    return frames


def rows(path: Path) -> list[list[str]]:
    return list(csv.reader(path.open()))


def test_parts_repeat_their_pictures_under_serials_of_their_own(tmp_path: Path) -> None:
    camera = SimulatedCamera(replace(SETTINGS, truth=tmp_path / "truth.csv"), system_clock())
    frames = asyncio.run(taken(camera, 10))
    assert [frame.number for frame in frames] == list(range(1, 11))
    assert len({frame.origin.serial for frame in frames}) == 10
    line = Line(LINE)
    for frame in frames:
        expected = line.part((frame.number - 1) % 4)
        assert frame.content == expected.pixels.tobytes()
        assert frame.shape is not None
        assert (frame.shape.height, frame.shape.width, frame.shape.channels) == (96, 112, 1)
        assert (frame.origin.line, frame.origin.station) == ("line-2", "st-04")
        row = rows(tmp_path / "truth.csv")[frame.number]
        assert row == [
            str(frame.number),
            frame.origin.serial,
            "|".join(name for name, _ in expected.defects),
        ]
    assert any(row[2] for row in rows(tmp_path / "truth.csv")[1:])


def test_numbers_go_on_after_a_kill_and_the_line_ends_with_its_last_part(tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    settings = replace(SETTINGS, truth=truth, parts=9)
    asyncio.run(taken(SimulatedCamera(settings, system_clock()), 5))
    with truth.open("a") as file:
        file.write("6,BRU")
    frames = asyncio.run(taken(SimulatedCamera(settings, system_clock()), 99))
    assert [frame.number for frame in frames] == [6, 7, 8, 9]
    assert [row[0] for row in rows(truth)[1:]] == [str(number) for number in range(1, 10)]


class Hands:
    """A clock that jumps to whatever is slept for."""

    def __init__(self) -> None:
        self.time = 100.0
        self.slept: list[float] = []
        self.on_sleep: Callable[[], None] = lambda: None

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.slept.append(seconds)
        self.on_sleep()

    def clock(self) -> Clock:
        return Clock(lambda: 1_700_000_000 + self.time, lambda: self.time, self.sleep, lambda: 0.5)


def test_the_pace_is_kept_and_late_frames_carry_the_time_their_part_passed() -> None:
    async def watch() -> list[float]:
        hands = Hands()
        line = replace(LINE, parts_per_second=20)
        camera = SimulatedCamera(replace(SETTINGS, line=line, pool=1), hands.clock())
        times = []
        async with aclosing(camera.frames()) as stream:
            async for frame in stream:
                times.append(frame.monotonic - 100.0)
                if frame.number == 3:
                    hands.time += 0.12
                if frame.number == 7:
                    return times
        return times

    assert asyncio.run(watch()) == pytest.approx([0.0, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30])


def test_faults_hold_as_long_as_the_file_names_them(tmp_path: Path) -> None:
    faults = tmp_path / "faults"

    async def watch() -> tuple[list[Frame], list[float]]:
        hands = Hands()
        camera = SimulatedCamera(replace(SETTINGS, faults=faults, pool=8), hands.clock())
        frames: list[Frame] = []
        words = {1: "dark", 2: "stuck", 3: "stuck", 4: "stall"}

        def mend() -> None:
            if "stall" in faults.read_text():
                hands.slept.append(-1.0)
                faults.unlink()

        async with aclosing(camera.frames()) as stream:
            async for frame in stream:
                frames.append(frame)
                faults.write_text(words.get(frame.number, ""))
                hands.on_sleep = mend if frame.number == 4 else lambda: None
                if frame.number == 5:
                    break
        return frames, hands.slept

    frames, slept = asyncio.run(watch())
    first, dark, stuck, stuck_again, after = frames
    assert sum(dark.content) < 0.1 * sum(first.content)
    assert stuck.content == stuck_again.content == first.content
    assert stuck.origin.serial != stuck_again.origin.serial
    assert -1.0 in slept
    assert after.content not in {first.content, dark.content}


def test_what_cannot_be_drawn_is_said() -> None:
    line = replace(LINE, materials=("unobtainium",))
    with pytest.raises(OperatorError, match="draws the simulated parts"):
        asyncio.run(taken(SimulatedCamera(replace(SETTINGS, line=line), system_clock()), 1))
    with pytest.raises(InvalidInput, match="positive"):
        SimulatedSettings(LINE, pool=0)


def test_what_changes_on_the_line_is_told_in_the_settings_and_shown_in_order(tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    options = {
        "driver": "simulated",
        "height": 96,
        "width": 96,
        "defect_rate": 1.0,
        "parts_per_second": 1000.0,
        "pool": 12,
        "parts": 12,
        "truth": str(truth),
        "disturbances": [{"kind": "light", "amount": -0.4, "start": 0.006}],
        "emerging": [{"concept": "crack", "start": 0.008, "share": 1.0}],
    }
    frames = asyncio.run(taken(camera_of(options, system_clock()), 12))
    brightness = [sum(frame.content) / len(frame.content) for frame in frames]
    assert max(brightness[6:]) < 0.75 * min(brightness[:6])
    named = [row[2].split("|") for row in rows(truth)[1:]]
    assert ["crack" in concepts for concepts in named] == [False] * 8 + [True] * 4
    with pytest.raises(InvalidInput, match="start"):
        camera_of({**options, "emerging": [{"concept": "crack"}]}, system_clock())

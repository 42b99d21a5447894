"""The station's side of an inspector: when it counts as stuck, and what is heard of one that is gone."""

import asyncio
import json
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from andon.domain.images import Origin
from andon.domain.inspections import ReasonCode
from andon.station.cameras.frames import Frame
from andon.station.inspecting.process import InspectorFailed, InspectorProcess
from andon.station.inspecting.ring import Ring, memory_file
from andon.station.running.clock import system_clock
from andon.units import Timestamp

SLOT = 2**20
FRAME = Frame(1, Timestamp("2026-01-05T06:00:00.000000Z"), 0.0, b"picture", Origin())


@dataclass
class Time:
    seconds: float = 100.0


@pytest.fixture
def ended() -> Iterator["subprocess.Popen[bytes]"]:
    """A process of which nothing is wanted: the test speaks in its place."""
    with subprocess.Popen(["true"]) as child:
        yield child


def made(child: "subprocess.Popen[bytes]", time: Time) -> tuple[InspectorProcess, socket.socket]:
    clock = replace(system_clock(), monotonic=lambda: time.seconds)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return InspectorProcess(child, ours, Ring(memory_file(SLOT), SLOT), clock), theirs


def test_a_slow_start_is_no_silence(ended: "subprocess.Popen[bytes]") -> None:
    async def act() -> None:
        time = Time()
        process, theirs = made(ended, time)
        time.seconds += 90
        theirs.send(json.dumps({"variant": "engine/f32", "machine": "avx2"}).encode())
        await process.until_ready()
        time.seconds += 30
        process.check()
        assert process.busy and process.silent == 0, "it was asked just now, after it had nothing to do"
        time.seconds += 25
        assert process.silent == 25
        await process.close()
        theirs.close()

    asyncio.run(act())


def test_one_that_is_gone_fails_the_part_and_not_the_line(ended: "subprocess.Popen[bytes]") -> None:
    async def act() -> None:
        process, theirs = made(ended, Time())
        theirs.close()
        await process.ended.wait()
        with pytest.raises(InspectorFailed) as failure:
            await process.judge(FRAME)
        assert failure.value.code is ReasonCode.MODEL_FAILED
        await process.close()

    asyncio.run(act())

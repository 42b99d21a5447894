"""A station with nothing but a model beside, which it stops for good; it is killed.

Run as ``python paused_shadow.py SETUP``; says the process's id, its state while it was stopped a moment,
and that it judged after that.  It runs at normal priority: on a busy machine there may be no time to spare.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import psutil

from andon.domain.images import Origin, Shape
from andon.domain.serial import from_json
from andon.station.cameras.frames import Frame
from andon.station.inspecting.judgements import Setup
from andon.station.inspecting.process import start
from andon.station.running.clock import system_clock
from andon.units import Timestamp

SIDE = 64
FRAME = Frame(
    1, Timestamp("2026-01-05T06:00:00.000000Z"), 0.0, bytes(SIDE * SIDE), Origin(), Shape(SIDE, SIDE, 1, 8)
)


async def main(setup: Setup) -> None:
    process = await start(setup, 2**20, system_clock())
    process.pause()
    judging = asyncio.ensure_future(process.judge(FRAME))
    await asyncio.sleep(0.2)
    stood = psutil.Process(process.pid).status()
    assert not judging.done()
    process.resume()
    await judging
    process.pause()
    sys.stdout.write(f"{process.pid} {stood} judged\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    os.sched_setscheduler = lambda *_: None
    asyncio.run(main(from_json(Setup, json.loads(Path(sys.argv[1]).read_text()))))

"""Who may start an inspector when: with real processes, one of which never gets ready."""

import asyncio
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from simulators import graphs, paused_shadow
from simulators.programs import until
from simulators.station_parts import AT
from simulators.station_scene import packaged

from andon.domain.serial import canonical
from andon.domain.stations import Assignment, KeepPolicy
from andon.errors import OperatorError
from andon.runtime.execution import REFERENCE
from andon.runtime.package import LoadedPackage
from andon.station.inspecting import process as processes
from andon.station.inspecting.inspectors import Inspectors, Interrupted, Prepared
from andon.station.inspecting.judgements import Setup
from andon.station.inspecting.ring import memory_file
from andon.station.running.clock import system_clock
from andon.station.state.line import LineState

SLOT = 2**20
PATIENCE = 60.0
"""Seconds; half of what an inspector has to get ready, and many times what it takes."""


def prepared(package: LoadedPackage, version: int) -> Prepared:
    recipe = graphs.recipe_for(package, version=version)
    setup = Setup(str(package.folder), package.digest, recipe, (REFERENCE,), 1)
    return Prepared(Assignment("st-1", version, recipe, (REFERENCE,), KeepPolicy(), 200.0, "me", AT), setup)


async def kept() -> None:
    return


async def child() -> psutil.Process:
    """The process that is being started, once there is one."""
    async with asyncio.timeout(PATIENCE):
        while not (found := psutil.Process().children()):
            await asyncio.sleep(0.005)
    return found[0]


def test_the_way_back_waits_for_no_other_start(tmp_path: Path) -> None:
    package = packaged(tmp_path, "one")

    async def act() -> None:
        clock = system_clock()
        inspectors = Inspectors(SLOT, LineState("st-1", "line-1", "test", AT), clock)
        hanging = asyncio.ensure_future(inspectors.swap(prepared(package, 2), kept))
        stopped = await child()
        stopped.suspend()
        queued = asyncio.ensure_future(inspectors.swap(prepared(package, 3), kept))
        await asyncio.sleep(0)
        await asyncio.wait_for(inspectors.swap(prepared(package, 1), kept, quiet=False), PATIENCE)
        assert inspectors.running is not None
        assert inspectors.running.assignment.recipe.version == 1
        for other in (hanging, queued):
            with pytest.raises(Interrupted):
                await other
        assert not stopped.is_running(), "nothing is left of what was interrupted"
        await asyncio.wait_for(inspectors.swap(prepared(package, 4), kept), PATIENCE)
        assert inspectors.running.assignment.recipe.version == 4, "afterwards everything starts again"
        await inspectors.close()

    asyncio.run(act())


def test_a_program_that_ends_during_a_start_leaves_no_process(tmp_path: Path) -> None:
    package = packaged(tmp_path, "one")

    async def act() -> None:
        inspectors = Inspectors(SLOT, LineState("st-1", "line-1", "test", AT), system_clock())
        starting = asyncio.ensure_future(inspectors.swap(prepared(package, 2), kept))
        begun = await child()
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert not begun.is_running()

    asyncio.run(act())


def test_what_judges_beside_yields_before_it_imports_anything() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    memory = memory_file(SLOT)
    with ours, theirs:
        spawned = processes._spawn((theirs.fileno(), memory), SLOT, beside=True)
        try:
            assert os.sched_getscheduler(spawned.pid) == os.SCHED_IDLE
        finally:
            spawned.kill()
            spawned.wait()
            os.close(memory)


def test_what_judges_beside_can_be_stopped_and_ends_with_its_station_even_then(tmp_path: Path) -> None:
    package = packaged(tmp_path, "one")
    told = tmp_path / "setup.json"
    told.write_bytes(canonical(replace(prepared(package, 1).setup, beside=True)))
    script = Path(paused_shadow.__file__)
    with subprocess.Popen([sys.executable, script, told], stdout=subprocess.PIPE, text=True) as station:
        try:
            assert station.stdout is not None
            pid, stood, went_on = station.stdout.readline().split()
            assert (stood, went_on) == (psutil.STATUS_STOPPED, "judged")
            shadow = psutil.Process(int(pid))
            until("it stands still", lambda: shadow.status() == psutil.STATUS_STOPPED)
        finally:
            station.kill()
    gone, _ = psutil.wait_procs([shadow], PATIENCE)
    assert gone


def test_a_machine_that_starts_no_process_is_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = packaged(tmp_path, "one")

    def none_left(*_: object) -> None:
        raise OSError(24, "Too many open files")

    async def act() -> None:
        monkeypatch.setattr(socket, "socketpair", none_left)
        with pytest.raises(OperatorError, match="Too many open files"):
            await processes.start(prepared(package, 1).setup, SLOT, system_clock())

    asyncio.run(act())

"""The inspector process: one package, one recipe, one thread of work; frames come through shared memory.

Started by ``station.inspecting.process`` with two descriptors: a socket for orders and judgements, and the
memory of the ring.  It ends when the socket closes, which it does when the station is killed.
"""

import ctypes
import gc
import json
import os
import resource
import signal
import socket
import sys
from base64 import b64decode
from pathlib import Path

import cv2
import numpy as np

from andon.domain.images import Shape
from andon.domain.inspections import Decision, Reason, ReasonCode, Verdict
from andon.domain.serial import from_json
from andon.errors import AndonError
from andon.runtime.choosing import fastest
from andon.runtime.findings import Region
from andon.runtime.health import Repeats
from andon.runtime.inspector import Inspector, Outcome
from andon.runtime.package import LoadedPackage, load_package
from andon.runtime.pixels import Pixels
from andon.station.inspecting.judgements import (
    MAX_MESSAGE,
    WAKE,
    Judgement,
    Order,
    Setup,
    judgement_text,
    order_from,
)
from andon.station.inspecting.ring import Ring

WARM_UP = 3
OUTLINES = 12
OUTLINE_POINTS = 40
ROUGHNESS = 0.02
"""Of an outline: how far its points may be from it, as a share of the finding's length."""
QUIET = 10
"""Niceness while another inspector works."""
ON_PARENTS_DEATH = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


def main(arguments: list[str]) -> None:
    """Serve until the station closes the socket. Arguments: socket, memory, bytes of a slot."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    station = socket.socket(fileno=int(arguments[0]))
    ring = Ring(int(arguments[1]), int(arguments[2]))
    setup = _setup(station, ring)
    if setup.beside:
        _end_with_station()
    if setup.quiet and not setup.beside:
        _keep_quiet()
    try:
        loaded = load_package(Path(setup.folder), setup.package)
        inspector = _set_up(loaded, setup)
    except AndonError as failure:
        _say(station, {"failed": failure.message, "todo": failure.todo})
        return
    _say(station, {"variant": str(inspector.variant), "machine": _instruction_set()})
    gc.collect()
    gc.freeze()
    Server(station, ring, inspector, (loaded, setup)).serve()


class Server:
    """Answers orders one after the other."""

    def __init__(
        self, station: socket.socket, ring: Ring, inspector: Inspector, work: tuple[LoadedPackage, Setup]
    ) -> None:
        self._station = station
        self._ring = ring
        self._inspector = inspector
        self._golden = next(iter(work[0].golden.values()))
        self._stuck = work[1].recipe.health.stuck
        self._repeats = Repeats()

    def serve(self) -> None:
        """Until the other side is gone."""
        while message := self._station.recv(MAX_MESSAGE):
            if message == WAKE:
                _wake()
                continue
            order = order_from(message)
            judgement = judgement_text(self._judge(order))
            slot = max(order.slot, 0)
            if order.slot >= 0:
                self._ring.write(slot, judgement)
            _say(self._station, [order.ticket, len(judgement)])

    def _judge(self, order: Order) -> Judgement:
        if order.slot < 0:
            return _judgement(self._inspector.inspect(self._golden))
        view = self._ring.read(order.slot, order.length)
        outcome = self._inspector.inspect(
            bytes(view) if order.shape is None else _pixels(view, order.shape)
        )
        return _judgement(outcome, self._seen(outcome))

    def _seen(self, outcome: Outcome) -> Decision:
        """A camera that gives the same picture again and again shows no part."""
        if outcome.pixels is None:
            return outcome.decision
        times = self._repeats.seen(outcome.pixels)
        if times < self._stuck:
            return outcome.decision
        detail = f"the same picture came {times} times in a row; look at the camera and its trigger"
        return Decision(Verdict.NO_DECISION, (Reason(ReasonCode.STUCK_IMAGE, None, detail),))


def _setup(station: socket.socket, ring: Ring) -> Setup:
    """The set-up lies in slot 0; its length is the first message."""
    length = int(station.recv(MAX_MESSAGE))
    return from_json(Setup, json.loads(bytes(ring.read(0, length))))


def _set_up(loaded: LoadedPackage, setup: Setup) -> Inspector:
    template = None if setup.template is None else b64decode(setup.template)
    inspector = fastest(loaded, setup.recipe, setup.variants, setup.threads, template)
    for content in list(loaded.golden.values()) * WARM_UP:
        inspector.inspect(content)
    return inspector


def _judgement(outcome: Outcome, decision: Decision | None = None) -> Judgement:
    return Judgement(
        decision or outcome.decision,
        outcome.scores,
        outcome.findings,
        outcome.milliseconds,
        outcome.stages,
        outcome.health,
        tuple(_outline(region) for region in outcome.regions[:OUTLINES]),
    )


def _outline(region: Region) -> tuple[int, ...]:
    """Few points, for eyes."""
    if region.outline is None:
        return ()
    rough = cv2.approxPolyDP(region.outline, ROUGHNESS * max(region.finding.length, 1.0), True)
    return tuple(np.round(rough[:OUTLINE_POINTS]).astype(int).ravel().tolist())


def _pixels(view: memoryview, shape: Shape) -> Pixels:
    sides = (shape.height, shape.width) if shape.channels == 1 else (shape.height, shape.width, 3)
    kind = np.uint8 if shape.bit_depth == 8 else np.dtype("<u2")
    return np.frombuffer(view, kind).reshape(sides)


def _say(station: socket.socket, what: object) -> None:
    try:
        station.send(json.dumps(what).encode())
    except (BrokenPipeError, ConnectionResetError):
        sys.exit()  # the station is gone, and nobody is left to tell


def _end_with_station() -> None:
    """One that is stopped does not see that the socket closed: the kernel ends it."""
    ctypes.CDLL(None).prctl(ON_PARENTS_DEATH, signal.SIGKILL)


def _keep_quiet() -> None:
    """Yield to the inspector that works, in the strongest way that :func:`_wake` may undo."""
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    if os.geteuid() == 0 or resource.getrlimit(resource.RLIMIT_NICE)[0] >= 20:
        os.setpriority(os.PRIO_PROCESS, 0, QUIET)


def _wake() -> None:
    for thread in (int(entry.name) for entry in Path("/proc/self/task").iterdir()):
        os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
        if os.getpriority(os.PRIO_PROCESS, thread):
            os.setpriority(os.PRIO_PROCESS, thread, 0)


def _instruction_set() -> str:
    """The widest vector instructions this processor offers, as Linux names them."""
    flags = set(Path("/proc/cpuinfo").read_text().split())
    order = ("amx_int8", "avx512_bf16", "avx512_vnni", "avx512f", "avx2", "asimd", "sse4_2")
    return next((name for name in order if name in flags), os.uname().machine)


if __name__ == "__main__":
    main(sys.argv[1:])

"""The station's side of its inspector process: orders go out, judgements come back, nothing blocks."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from andon.domain.images import Shape
from andon.domain.inspections import ReasonCode
from andon.domain.serial import canonical
from andon.errors import AndonError, LimitExceeded, OperatorError, Refused
from andon.station.cameras.frames import Frame
from andon.station.inspecting.judgements import (
    MAX_MESSAGE,
    WAKE,
    Judgement,
    Order,
    Ready,
    Setup,
    judgement_from,
    order_text,
)
from andon.station.inspecting.ring import SLOTS, Ring, memory_file
from andon.station.running.clock import Clock, in_time

LARGE = 2**20
"""Bytes from which a frame is copied by a thread: a copy of one more takes the loop a tenth of a
millisecond."""

STARTUP = 120.0
"""Seconds an inspector has to load its package and to show that it works."""

CHILD = "andon.station.inspecting.child"


class InspectorFailed(OperatorError):
    """The inspector cannot judge this part; ``code`` is what the part's record says."""

    def __init__(self, code: ReasonCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class PackageRefused(Refused):
    """The inspector looked at its package and will not run it."""


class InspectorProcess:
    """One running inspector; made by :func:`start`. Used on the loop only.

    Attributes:
        ready: what runs.
        ended: set when the process is gone, for whatever reason.
        last: monotonic seconds of its last judgement (of a part, or of a golden image), the first ones of
            which show that it is ready.
    """

    def __init__(
        self, child: "subprocess.Popen[bytes]", ours: socket.socket, ring: Ring, clock: Clock
    ) -> None:
        self._child = child
        self._socket = ours
        self._ring = ring
        self._clock = clock
        self._free = list(range(SLOTS))
        self._ticket = 0
        self._waiting: dict[int, tuple[int, asyncio.Future[Judgement]]] = {}
        self._first: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
        self.ready = Ready("", "")
        self.ended = asyncio.Event()
        self.last = self._asked = clock.monotonic()
        ours.setblocking(False)
        asyncio.get_running_loop().add_reader(ours, self._read)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._child.pid

    @property
    def busy(self) -> bool:
        """Whether it owes a judgement, or a frame is on its way to it."""
        return bool(self._waiting) or len(self._free) < SLOTS

    @property
    def silent(self) -> float:
        """Seconds since it last judged, or since it was asked to after it had nothing to do."""
        return self._clock.monotonic() - max(self.last, self._asked if self.busy else 0.0)

    async def until_ready(self, patience: float = STARTUP) -> None:
        """Wait for its first words, at most ``patience`` seconds.

        Raises:
            PackageRefused: what it says is that it will not run this package.
            InspectorFailed: it died, or took too long.
        """
        try:
            self.ready = await in_time(self._clock, patience, self._first)
        except TimeoutError as cause:
            raise InspectorFailed(
                ReasonCode.MODEL_FAILED, f"the inspector was not ready after {patience:g} s"
            ) from cause

    async def judge(self, frame: Frame) -> Judgement:
        """Judge one frame. A caller that stops waiting leaves the judgement to be discarded.

        Raises:
            InspectorFailed: the inspector died, is behind with late parts, or the frame is too large.
        """
        if self.ended.is_set():
            raise InspectorFailed(ReasonCode.MODEL_FAILED, "the inspector died")
        if not self._free:
            raise InspectorFailed(ReasonCode.LATE, "the inspector is still at earlier parts")
        slot = self._free.pop()
        try:
            await self._write(slot, frame)
        except LimitExceeded as cause:
            self._free.append(slot)
            raise InspectorFailed(ReasonCode.WRONG_SIZE, cause.message) from cause
        except ValueError as cause:  # the ring was let go while a thread wrote to it
            raise InspectorFailed(ReasonCode.MODEL_FAILED, "the inspector died") from cause
        return await self._order(slot, len(frame.content), frame.shape)

    def check(self) -> None:
        """Let it judge a golden image, where no part shows that it works; sets ``last`` when it did."""
        self._order(-1, 0, None)

    def wake(self) -> None:
        """From now on it is the one that works, at normal priority."""
        self._send(WAKE)

    def pause(self) -> None:
        """Take the processor from it, wherever it is in its work."""
        self._child.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on where it was paused."""
        self._child.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, also where it is paused; those who wait hear that it failed."""
        self._child.kill()

    async def close(self) -> None:
        """Let it go and wait for its end."""
        self._end("the inspector was stopped")
        self._child.kill()
        await asyncio.to_thread(self._child.wait)

    async def _write(self, slot: int, frame: Frame) -> None:
        if len(frame.content) < LARGE:
            self._ring.write(slot, frame.content)
        else:
            await asyncio.to_thread(self._ring.write, slot, frame.content)

    def _order(self, slot: int, length: int, shape: Shape | None) -> "asyncio.Future[Judgement]":
        judgement: asyncio.Future[Judgement] = asyncio.get_running_loop().create_future()
        judgement.add_done_callback(_look_at)
        if self.ended.is_set():
            judgement.set_exception(InspectorFailed(ReasonCode.MODEL_FAILED, "the inspector died"))
            return judgement
        if not self._waiting:
            self._asked = self._clock.monotonic()
        self._ticket += 1
        self._waiting[self._ticket] = (slot, judgement)
        self._send(order_text(Order(self._ticket, slot, length, shape)))
        return judgement

    def _send(self, message: bytes) -> None:
        try:
            self._socket.send(message)
        except OSError as cause:
            self._end(f"the inspector does not take orders: {cause}")

    def _read(self) -> None:
        try:
            message = self._socket.recv(MAX_MESSAGE)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        if not message:
            self._end(f"the inspector died (process {self._child.pid})")
            return
        told = json.loads(message)
        if isinstance(told, dict):
            self._hear_first(told)
        else:
            self._hear(*told)

    def _hear_first(self, told: dict[str, str]) -> None:
        if self._first.done():
            return
        if "failed" in told:
            self._first.set_exception(PackageRefused(told["failed"], told["todo"]))
        else:
            self.last = self._clock.monotonic()
            self._first.set_result(Ready(told["variant"], told["machine"]))

    def _hear(self, ticket: int, length: int) -> None:
        slot, waiting = self._waiting.pop(ticket)
        self.last = self._clock.monotonic()
        if slot < 0:
            waiting.cancel()
            return
        text = bytes(self._ring.read(slot, length))
        self._free.append(slot)
        if not waiting.done():
            waiting.set_result(judgement_from(text))

    def _end(self, why: str) -> None:
        if self.ended.is_set():
            return
        self.ended.set()
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        failure = InspectorFailed(ReasonCode.MODEL_FAILED, why)
        waiting: list[asyncio.Future[Any]] = [waiting for _, waiting in self._waiting.values()]
        for future in [self._first, *waiting]:
            if not future.done():
                future.set_exception(failure)
        _look_at(self._first)
        self._waiting.clear()
        self._ring.close()
        # A dead child is collected here, a living one by `close`.
        self._child.poll()


async def start(setup: Setup, slot_bytes: int, clock: Clock, patience: float = STARTUP) -> InspectorProcess:
    """Start an inspector and wait until it has shown that it works, at most ``patience`` seconds.

    Raises:
        PackageRefused: it will not run the package.
        InspectorFailed: it died, or took too long.
        OperatorError: there is not enough memory, or no process can be started.
    """
    text = canonical(setup)
    try:
        child, ours, ring = await _born(text, slot_bytes, setup.beside)
    except OSError as cause:
        raise OperatorError(f"the inspector cannot be started: {cause.strerror}") from cause
    process = InspectorProcess(child, ours, ring, clock)
    process._send(str(len(text)).encode())
    try:
        await process.until_ready(patience)
    except (AndonError, asyncio.CancelledError):
        await asyncio.shield(process.close())
        raise
    return process


async def _born(
    text: bytes, slot_bytes: int, beside: bool
) -> tuple["subprocess.Popen[bytes]", socket.socket, Ring]:
    """A process with its socket and its memory, in which ``text`` lies; or nothing of these."""
    with ExitStack() as undone:
        ring = Ring(memory_file(slot_bytes), slot_bytes)
        undone.callback(ring.close)
        ring.write(0, text)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        undone.callback(ours.close)
        with theirs:
            descriptors = (theirs.fileno(), ring.descriptor)
            spawning = asyncio.ensure_future(asyncio.to_thread(_spawn, descriptors, slot_bytes, beside))
            try:
                child = await asyncio.shield(spawning)
            except asyncio.CancelledError:
                # Its descriptors must stay until it has them; then the closed socket ends it.
                child = await spawning
                child.kill()
                await asyncio.to_thread(child.wait)
                raise
        undone.pop_all()
    return child, ours, ring


def _spawn(descriptors: Sequence[int], slot_bytes: int, beside: bool) -> "subprocess.Popen[bytes]":
    """One that judges beside yields from its first moment: what it imports takes seconds of a processor."""
    arguments = [sys.executable, "-m", CHILD, *map(str, descriptors), str(slot_bytes)]
    child = subprocess.Popen(
        arguments, pass_fds=tuple(descriptors), stdin=subprocess.DEVNULL, env=dict(os.environ)
    )
    if beside:
        try:
            os.sched_setscheduler(child.pid, os.SCHED_IDLE, os.sched_param(0))
        except OSError:
            child.kill()
            child.wait()
            raise
    return child


def _look_at(future: "asyncio.Future[Any]") -> None:
    """A failure that nobody waits for any more is no news: the process's end told it."""
    if future.done() and not future.cancelled():
        future.exception()

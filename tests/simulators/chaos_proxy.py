"""A bad network between two programs: a TCP proxy whose weather is changed while connections live."""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

CHUNK = 16 * 1024
GONE = (ConnectionError, asyncio.IncompleteReadError, TimeoutError, OSError)


@dataclass(frozen=True)
class Weather:
    """What happens to every byte from now on; connections that live feel it too.

    Attributes:
        latency: seconds that each piece waits.
        rate: bytes a second of each direction; 0 asks nothing (small values trickle).
        cut_after: bytes a connection passes in either direction before it is cut; 0 never cuts.
        reset: connections end by RST instead of by FIN.
        refuse: new connections are ended at once.
        half_open: connections are taken and held, and nothing passes.
        flip_every: one bit of every so many-th byte towards the client is turned; 0 turns none.
    """

    latency: float = 0.0
    rate: int = 0
    cut_after: int = 0
    reset: bool = False
    refuse: bool = False
    half_open: bool = False
    flip_every: int = 0


FINE = Weather()
RESETS = Weather(cut_after=20_000, reset=True)
TRICKLE = Weather(latency=0.02, rate=64_000)
HALF_OPEN = Weather(half_open=True)
AWAY = Weather(refuse=True, reset=True)


@dataclass
class ChaosProxy:
    """Listens on ``port`` of the loopback and passes to ``target``; counts what it did to whom."""

    target: int
    port: int = 0
    weather: Weather = FINE
    connections: int = 0
    cuts: int = 0
    flipped: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    def change(self, weather: Weather) -> None:
        """From now on; where new connections are refused, those that live end too."""
        self.weather = weather
        if weather.refuse and self._loop is not None:
            asyncio.run_coroutine_threadsafe(self._end_all(), self._loop).result(5)

    def stop(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)

    async def serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stop.wait()
        server.close()
        await self._end_all()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            await self._connect(reader, writer)
        except GONE:
            self.cuts += 1
        finally:
            self._end(writer)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.weather.refuse:
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        self._writers.add(far_writer)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass(reader, far_writer, towards_client=False))
                both.create_task(self._pass(far_reader, writer, towards_client=True))
        except* GONE:
            self.cuts += 1
        finally:
            self._end(far_writer)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, towards_client: bool
    ) -> None:
        passed = 0
        while piece := await reader.read(CHUNK):
            while self.weather.half_open:
                await asyncio.sleep(0.02)
            weather = self.weather
            await asyncio.sleep(weather.latency + (len(piece) / weather.rate if weather.rate else 0))
            if weather.cut_after and passed + len(piece) > weather.cut_after:
                writer.write(piece[: max(0, weather.cut_after - passed)])
                await writer.drain()
                raise ConnectionAbortedError
            if weather.flip_every and towards_client:
                piece = self._flipped(piece, passed, weather.flip_every)
            writer.write(piece)
            await writer.drain()
            passed += len(piece)
        with suppress(*GONE):
            writer.write_eof()

    def _flipped(self, piece: bytes, passed: int, every: int) -> bytes:
        changed = bytearray(piece)
        for place in range(every - passed % every - 1, len(piece), every):
            changed[place] ^= 1
            self.flipped += 1
        return bytes(changed)

    def _end(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        if self.weather.reset:
            taken = writer.get_extra_info("socket")
            with suppress(OSError):
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort() if self.weather.reset else writer.close()

    async def _end_all(self) -> None:
        for writer in list(self._writers):
            self._end(writer)


@contextmanager
def chaos_proxy(target: int, port: int = 0) -> Iterator[ChaosProxy]:
    """A proxy in front of the loopback port ``target``, in a thread of its own."""
    proxy = ChaosProxy(target, port)
    ready = threading.Event()

    thread = threading.Thread(target=lambda: asyncio.run(proxy.serve(ready)), daemon=True)
    thread.start()
    if not ready.wait(10):
        raise TimeoutError("the proxy did not start")
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join(10)

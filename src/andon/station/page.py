"""The station's page in a thread and loop of its own: drawing it never delays a part."""

import asyncio
import socket
import threading
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI

from andon.errors import BugError, OperatorError, Refused
from andon.station.state import LineState
from andon.station.web.live import Live
from andon.wire.guard import is_loopback

STOP_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Address:
    """Where the page is; port 0 takes any free one.

    Raises:
        Refused: the host is not an address of this machine alone.
    """

    host: str
    port: int

    def __post_init__(self) -> None:
        if not is_loopback(self.host):
            raise Refused(
                f"the station's page is not shown on {self.host}: it does not know people yet",
                "Use 127.0.0.1, and reach it from elsewhere through a tunnel, e.g. `ssh -L`.",
            )


class Page:
    """One web server over one application.

    Raises:
        OperatorError: the port is taken.
    """

    def __init__(self, app: FastAPI, live: Live, address: Address, state: LineState) -> None:
        self._live = live
        self._listener = _listening(address)
        host, port = self._listener.getsockname()[:2]
        state.page = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=STOP_SECONDS
        )
        self._server = uvicorn.Server(config)

    async def run(self) -> None:
        """Serve until cancelled."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def work() -> None:
            try:
                asyncio.run(self._server.serve(sockets=[self._listener]))
            finally:
                loop.call_soon_threadsafe(ended.set)

        thread = threading.Thread(target=work, name="page", daemon=True)
        thread.start()
        try:
            await ended.wait()
        except asyncio.CancelledError:
            self._live.stop()
            self._server.should_exit = True
            await asyncio.to_thread(thread.join, 2 * STOP_SECONDS)
            raise
        raise BugError("the server of the station's page ended")


def _listening(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family)
    except OSError as cause:
        raise OperatorError(
            f"the page cannot be shown on port {address.port}: {cause.strerror}",
            "Give another one with --page-port; 0 takes any free one.",
        ) from cause

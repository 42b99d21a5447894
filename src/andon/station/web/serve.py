"""Serves the page on the station's own event loop."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from fastapi import FastAPI

from andon.errors import OperatorError, Refused
from andon.station.web.live import Live
from andon.wire.guard import is_loopback

GRACE_SECONDS = 1


class PageServer:
    """Listens from the moment it is made, answers while :meth:`run` runs.

    Args:
        port: 0 takes any free one.

    Raises:
        Refused: ``host`` is not an address of this machine alone.
        OperatorError: the port is taken.
    """

    def __init__(self, app: FastAPI, live: Live, host: str, port: int) -> None:
        if not is_loopback(host):
            raise Refused(
                f"the station's page does not listen on {host}: whoever reached it could answer"
                " for operators",
                "Use 127.0.0.1, and reach it from elsewhere through a tunnel, e.g. `ssh -L`.",
            )
        self._live = live
        self._listener = _listening(host, port)
        name = f"[{host.strip('[]')}]" if ":" in host else host
        self.address = f"http://{name}:{self._listener.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            lifespan="off",
        )
        self._server = _Server(config)

    async def run(self) -> None:
        """Answer until cancelled; then end the streams and let go of the port."""
        serving = asyncio.ensure_future(self._server.serve(sockets=[self._listener]))
        try:
            await asyncio.shield(serving)
        finally:
            self._live.stop()
            self._server.should_exit = True
            with suppress(asyncio.CancelledError):
                await serving


class _Server(uvicorn.Server):
    """Signals are the station's business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listening(host: str, port: int) -> socket.socket:
    plain = host.strip("[]")
    family = socket.AF_INET6 if ":" in plain else socket.AF_INET
    try:
        listener = socket.create_server((plain, port), family=family, backlog=64)
    except OSError as cause:
        raise OperatorError(
            f"the station's page cannot listen on {host}:{port}: {cause.strerror}",
            "Stop the program that has the port, or choose another one.",
        ) from cause
    # Connections inherit it; without, an answer in two pieces waits 40 ms for a delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener

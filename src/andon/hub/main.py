"""The hub: pages and JSON for people and stations, over one workspace. Long work is the worker's."""

import argparse
import logging
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles

from andon import __version__
from andon.errors import AndonError, OperatorError
from andon.hub.api import blobs as blobs_api
from andon.hub.api import calibrations as calibrations_api
from andon.hub.api import concepts as concepts_api
from andon.hub.api import datasets as datasets_api
from andon.hub.api import events as events_api
from andon.hub.api import feedback as feedback_api
from andon.hub.api import gates as gates_api
from andon.hub.api import images as images_api
from andon.hub.api import imports as imports_api
from andon.hub.api import inspections as inspections_api
from andon.hub.api import jobs as jobs_api
from andon.hub.api import labels as labels_api
from andon.hub.api import models as models_api
from andon.hub.api import packages as packages_api
from andon.hub.api import quality as quality_api
from andon.hub.api import recipes as recipes_api
from andon.hub.api import releases as releases_api
from andon.hub.api import runs as runs_api
from andon.hub.api import selections as selections_api
from andon.hub.api import signals as signals_api
from andon.hub.api import stations as stations_api
from andon.hub.events import Changes
from andon.hub.failures import Failure, answer_failures
from andon.hub.guard import Guard
from andon.hub.settings import HOST, PORT, Settings
from andon.hub.web import (
    datasets,
    drafts,
    feedback,
    gates,
    images,
    imports,
    inspection_jobs,
    inspections,
    jobs,
    label,
    looks,
    models,
    overview,
    quality,
    recipes,
    releases,
    runs,
    selections,
    signals,
    stations,
)
from andon.runtime.telemetry import forbid
from andon.services.overview import VerdictStrips
from andon.services.workspaces import open_workspace

ROUTERS: tuple[APIRouter, ...] = (
    events_api.router,
    stations_api.router,
    inspections_api.router,
    packages_api.router,
    blobs_api.router,
    datasets_api.router,
    images_api.router,
    imports_api.router,
    models_api.router,
    jobs_api.router,
    runs_api.router,
    quality_api.router,
    recipes_api.router,
    gates_api.router,
    releases_api.router,
    calibrations_api.router,
    concepts_api.router,
    labels_api.router,
    feedback_api.router,
    selections_api.router,
    signals_api.router,
    looks.router,
    overview.router,
    stations.router,
    inspections.router,
    datasets.router,
    images.router,
    imports.router,
    label.router,
    feedback.router,
    selections.router,
    signals.router,
    models.router,
    quality.router,
    recipes.router,
    gates.router,
    releases.router,
    drafts.router,
    inspection_jobs.router,
    jobs.router,
    runs.router,
)
"""Every noun's routes; a new noun adds its line."""

GRACE_SECONDS = 5
"""How long a request may go on after the hub was told to stop."""


def create_app(settings: Settings) -> FastAPI:
    """The application over the workspace of ``settings``; the workspace is open from here on.

    Raises:
        NotFound: there is no workspace in that folder.
        UnsupportedVersion: it was written by another version of Andon.
    """
    workspace = open_workspace(settings.workspace, settings.who)
    changes = Changes(workspace.database)

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        async with changes.watched():
            yield
        workspace.database.close()

    app = FastAPI(
        title="Andon hub",
        version=__version__,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=running,
        responses={"4XX": {"model": Failure, "description": "What is wrong, and what to do."}},
    )
    app.state.workspace = workspace
    app.state.changes = changes
    app.state.strips = VerdictStrips()
    app.add_middleware(Guard)
    answer_failures(app)
    for router in ROUTERS:
        app.include_router(router)
    app.state.paths = frozenset(getattr(route, "path", "") for router in ROUTERS for route in router.routes)
    app.mount("/static/look", StaticFiles(directory=str(files("andon.look") / "js")))
    app.mount("/static", StaticFiles(directory=str(files("andon.hub.web") / "static"), check_dir=False))
    return app


def serve(settings: Settings) -> None:
    """Serve until told to stop (Ctrl-C, SIGTERM); says the address on stderr first.

    Raises:
        OperatorError: the port is taken.
        NotFound, UnsupportedVersion: as :func:`create_app`.
    """
    app = create_app(settings)
    with _listening(settings) as listener:
        host, port = listener.getsockname()[:2]
        name = f"[{host}]" if ":" in host else host
        sys.stderr.write(f"Andon hub: http://{name}:{port}  (workspace {settings.workspace})\n")
        sys.stderr.flush()
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE_SECONDS
        )
        with suppress(KeyboardInterrupt):  # uvicorn has stopped in order before it raises this again
            _Server(config, app.state.changes).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Ends the streams of events when told to stop; they would go on for ever."""

    def __init__(self, config: uvicorn.Config, changes: Changes) -> None:
        super().__init__(config)
        self._changes = changes

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal to stop came."""
        self._changes.stop()
        super().handle_exit(sig, frame)


def _listening(settings: Settings) -> socket.socket:
    host = settings.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, settings.port), family=family, backlog=512)
    except OSError as cause:
        raise OperatorError(
            f"cannot listen on {settings.host}:{settings.port}: {cause.strerror}",
            "Stop the program that has the port, or choose another with --port.",
        ) from cause
    # Connections inherit it; without, an answer in two pieces waits 40 ms for a delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def run(arguments: Sequence[str] | None = None) -> int:
    """`python -m andon.hub`: the hub alone, for those who supervise programs themselves."""
    forbid()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    parser = argparse.ArgumentParser("andon.hub", description="Serve the pages and the JSON interface.")
    parser.add_argument("--workspace", type=Path, default=Path(), help="folder that `andon init` made")
    parser.add_argument("--host", default=HOST, help="address of this machine alone")
    parser.add_argument("--port", type=int, default=PORT, help="0 takes any free one")
    parser.add_argument("--who", default="local", help="name written into every row that pages make")
    given = parser.parse_args(arguments)
    try:
        serve(Settings(given.workspace, given.host, given.port, given.who))
    except AndonError as error:
        sys.stderr.write(f"andon.hub: {error.message}\n  {error.todo}\n")
        return error.exit_code
    return 0

"""Whatever is sent to the hub, it never breaks: every JSON operation, every page, every form."""

import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import schemathesis
import uvicorn
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from simulators.programs import free_port, until
from simulators.records import package, recipe, record, report, review

from andon.domain.inspections import Verdict
from andon.domain.jobs import JobKind
from andon.hub.main import ROUTERS, create_app
from andon.hub.settings import Settings
from andon.services.jobs import enqueue
from andon.services.workspaces import create_workspace, now
from andon.store import inspections, models, recipes, reviews, stations

EXAMPLES = int(os.environ.get("ANDON_HAMMER", "12"))
"""Requests an operation."""

BOUNDED = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
ENDLESS = "/api/events"
ODD = (
    "0",
    "-1",
    str(2**70),
    "x" * 300,
    "..",
    "%",
    "a\0b",
    "\ud7ff💥",
    "<b>",
    "NaN",
    "' OR 1=1 --",
    "brackets",
)


def _fill(folder: Path) -> None:
    workspace, _ = create_workspace(folder, "mara")
    made = [record("ST-1", n, Verdict.REJECT if n % 3 else Verdict.PASS, at=now()) for n in range(9)]
    with workspace.database.write() as tx:
        models.add(tx, package(), "mara", now())
        recipes.add_version(tx, recipe(package()))
        stations.report(tx, report("ST-1"), "station/ST-1", now())
        inspections.add(tx, made, "station/ST-1")
        reviews.add(tx, [review(made[1].id)])
    enqueue(workspace, JobKind.BENCHMARK, {"model": "latest"}, "brackets")
    workspace.database.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A hub over a small workspace, served for real."""
    folder = tmp_path_factory.mktemp("hammered") / "ws"
    _fill(folder)
    port = free_port()
    config = uvicorn.Config(create_app(Settings(folder)), port=port, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until("the hub serves", lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(30)


@pytest.fixture(scope="module")
def interface(address: str) -> BaseSchema:
    found = schemathesis.openapi.from_dict(httpx.get(f"{address}/api/openapi.json", timeout=60).json())
    found.config.update(base_url=address)
    return found


def _operations() -> list[tuple[str, str]]:
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    asked = [route for route in routes if route.include_in_schema and route.path != ENDLESS]
    return sorted({(method, route.path) for route in asked for method in route.methods})


def _spelt(interface: BaseSchema, path: str) -> str:
    """``path`` as the interface spells it, without converters such as ``{path:path}``."""
    return next(known for known in interface if known == re.sub(r":\w+}", "}", path))


@pytest.mark.parametrize(("method", "path"), _operations())
def test_no_operation_breaks(interface: BaseSchema, method: str, path: str) -> None:
    operation = interface[_spelt(interface, path)][method]
    right = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    wrong = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @given(case=right | wrong)
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    def hammer(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=[not_a_server_error], timeout=60)

    hammer()


def _pages(method: str) -> list[str]:
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    return sorted(
        {route.path for route in routes if method in route.methods and not route.include_in_schema}
    )


def _filled(path: str, odd: str) -> str:
    """``path`` with ``odd`` in the place of every parameter."""
    parts = (quote(odd, safe="") if part.startswith("{") else part for part in path.split("/"))
    return "/".join(parts)


def test_there_are_pages() -> None:
    assert "/" in _pages("GET")


@pytest.mark.parametrize("path", _pages("GET"))
def test_no_page_breaks(address: str, path: str) -> None:
    with httpx.Client(base_url=address, timeout=60) as client:
        for odd in ODD:
            query = dict.fromkeys(("after", "limit", "verdict", "station", "q", "tab", "name", "sort"), odd)
            for asked in ({}, query):
                answer = client.get(_filled(path, odd), params=asked)
                assert answer.status_code < 500, (answer.url, answer.text[:2000])


@pytest.mark.parametrize("path", _pages("POST"))
def test_no_form_breaks(address: str, path: str) -> None:
    with httpx.Client(base_url=address, timeout=60) as client:
        for odd in ODD:
            filled = _filled(path, odd)
            for form in (
                {},
                dict.fromkeys(("name", "reason", "recipe", "note", "minutes", "model"), odd),
            ):
                answer = client.post(filled, data=form)
                assert answer.status_code < 500, (answer.url, answer.text[:2000])
            answer = client.post(
                filled, content=b"\xff\x00", headers={"content-type": "multipart/form-data"}
            )
            assert answer.status_code < 500, (answer.url, answer.text[:2000])

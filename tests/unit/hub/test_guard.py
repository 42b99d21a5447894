"""What the hub answers, and whom."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.testclient import TestClient

from andon.errors import AndonError, BugError, DamagedPackage, DiskFull, NotFound, NotPossible, Refused
from andon.hub.failures import answer_failures, status_of
from andon.hub.guard import MAX_BODY, Guard
from andon.hub.main import create_app
from andon.hub.settings import Settings
from andon.services.workspaces import create_workspace

HUB = "http://127.0.0.1:8400"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[TestClient]:
    create_workspace(tmp_path / "ws", "tester")[0].database.close()
    with TestClient(create_app(Settings(tmp_path / "ws")), base_url=HUB) as client:
        yield client


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "plant.example", ""])
def test_it_listens_to_this_machine_only(tmp_path: Path, host: str) -> None:
    with pytest.raises(Refused, match="does not listen"):
        Settings(tmp_path, host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "localhost", "::1", "[::1]"])
def test_addresses_of_this_machine_are_taken(tmp_path: Path, host: str) -> None:
    assert Settings(tmp_path, host=host).host == host


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8400", "127.0.0.1.evil.example", "", "[::2]:1"]
)
def test_a_foreign_name_is_refused(hub: TestClient, host: str) -> None:
    answer = hub.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "Use http://127.0.0.1" in answer.json()["todo"]


@pytest.mark.parametrize("host", ["localhost:8400", "127.0.0.1:9", "[::1]:8400", "localhost"])
def test_every_name_of_this_machine_is_answered(hub: TestClient, host: str) -> None:
    assert hub.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://127.0.0.1:3000",
        "http://localhost:8400",
        "null",
        "file://",
        "http://[::1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_a_foreign_page_is_refused(hub: TestClient, origin: str, method: str) -> None:
    assert hub.request(method, "/", headers={"origin": origin}).status_code == 403


def test_a_call_from_elsewhere_without_an_origin_is_refused(hub: TestClient) -> None:
    foreign = {"sec-fetch-site": "cross-site"}
    assert hub.get("/", headers=foreign | {"sec-fetch-mode": "no-cors"}).status_code == 403
    assert hub.get("/", headers=foreign | {"sec-fetch-mode": "navigate"}).status_code == 200


def test_the_own_page_is_answered(hub: TestClient) -> None:
    assert hub.get("/", headers={"origin": HUB, "sec-fetch-site": "same-origin"}).status_code == 200


def test_no_script_but_the_own_files_may_run(hub: TestClient) -> None:
    for path in ("/", "/nothing", "/static/look/live.js", "/api/openapi.json"):
        policy = hub.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy


def test_pages_ask_nobody_else(hub: TestClient) -> None:
    page = hub.get("/").text
    assert 'src="/' in page
    assert "http" not in page.replace('xmlns="http://www.w3.org/2000/svg"', "")


class Echo:
    """An application behind the guard that reads what it is sent."""

    def __init__(self) -> None:
        router = APIRouter()

        @router.post("/api/echo")
        async def echo(request: Request) -> int:
            return len(await request.body())

        self.app = FastAPI()
        self.app.state.paths = frozenset()
        self.app.add_middleware(Guard)
        answer_failures(self.app)
        self.app.include_router(router)


def test_large_requests_are_refused_before_they_are_read() -> None:
    with TestClient(Echo().app, base_url=HUB) as client:
        assert client.post("/api/echo", content=b"x" * 1000).json() == 1000
        stated = client.post("/api/echo", content=b"", headers={"content-length": str(MAX_BODY + 1)})
        assert stated.status_code == 413
        assert client.post("/api/echo", content=b"", headers={"content-length": "-1"}).status_code == 413


def test_large_requests_without_a_length_are_refused_while_they_come() -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(MAX_BODY // 2**20 + 1):
            yield b"x" * 2**20

    with TestClient(Echo().app, base_url=HUB) as client:
        answer = client.post("/api/echo", content=pieces())
    assert answer.status_code == 413
    assert "smaller pieces" in answer.json()["todo"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("x"), 404),
        (NotPossible("x"), 422),
        (DamagedPackage("x"), 403),
        (DiskFull("x"), 507),
        (BugError("x"), 500),
    ],
)
def test_every_error_has_a_status(error: AndonError, status: int) -> None:
    assert status_of(error) == status


def test_failures_are_words_in_json_and_on_pages(hub: TestClient) -> None:
    assert hub.get("/api/nothing").json() == {"message": "there is nothing at /api/nothing", "todo": ""}
    page = hub.get("/<b>nothing")
    assert page.status_code == 404
    assert "there is nothing at /&lt;b&gt;nothing" in page.text
    assert hub.post("/").status_code == 405


def test_a_bug_is_said_to_be_one_and_keeps_the_policy() -> None:
    echo = Echo()

    @echo.app.get("/api/bug")
    def bug() -> None:
        raise RuntimeError("secret")

    with TestClient(echo.app, base_url=HUB, raise_server_exceptions=False) as client:
        answer = client.get("/api/bug")
    assert answer.status_code == 500
    assert "bug in Andon" in answer.json()["message"]
    assert "secret" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_it_starts_without_torch() -> None:
    code = "import sys, andon.hub.main; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

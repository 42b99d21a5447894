"""A real Chromium and a real hub over a workspace of its own. Nothing outside this machine is asked."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from simulators.programs import Program, python, until

from andon.services.workspaces import Workspace, create_workspace

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 30_000
"""How long a busy machine may take until a page shows what it must."""

SIZES = {"desk": (1280, 800), "phone": (390, 844)}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One for each file of tests: while it runs, its loop is the thread's, and no other can be."""
    if not CHROMIUM.is_file():
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """A fresh page of a size and colour scheme; a script error or a blocked resource fails the test."""
    opened: list[Page] = []
    wrong: list[str] = []

    def new(size: str = "desk", scheme: str = "light") -> Page:
        width, height = SIZES[size]
        page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        opened.append(page)
        return page

    yield new
    for page in opened:
        page.close()
    assert not wrong


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made, _ = create_workspace(tmp_path / "ws", "mara")
    yield made
    made.database.close()


@pytest.fixture
def hub(tmp_path: Path, workspace: Workspace) -> Iterator[Program]:
    command = python("andon.hub", "--workspace", str(workspace.folder), "--port", "0")
    program = Program("hub", command, tmp_path / "hub.log").start()
    try:
        until("the hub says where it is", lambda: _says_where(program))
        yield program
    finally:
        program.kill()


def _says_where(program: Program) -> bool:
    assert program.alive(), program.tail()
    return "http://" in program.log.read_text()


@pytest.fixture
def address(hub: Program) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+", hub.log.read_text())
    assert found is not None, hub.tail()
    return found.group()

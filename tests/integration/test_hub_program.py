"""The hub as a program: it says where it is, tells who listens what changed, and stops when asked."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from simulators.programs import Program, free_port, listens, python, until
from simulators.records import report

from andon.domain.jobs import JobKind
from andon.services.workspaces import Workspace, create_workspace, now
from andon.store import jobs, stations


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


def address(hub: Program) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+", hub.log.read_text())
    assert found is not None, hub.tail()
    return found.group()


def told(lines: Iterator[str]) -> tuple[str, ...]:
    """The nouns of the next event."""
    line = next(line for line in lines if line.startswith("data: "))
    return tuple(json.loads(line.removeprefix("data: "))["nouns"])


def changed(lines: Iterator[str]) -> tuple[str, ...]:
    """The nouns of the next event that names any; the others only keep the stream alive."""
    return next(nouns for nouns in iter(lambda: told(lines), None) if nouns)


def test_whoever_listens_hears_what_changed_and_the_stream_ends_with_the_hub(
    hub: Program, workspace: Workspace
) -> None:
    with (
        httpx.Client(base_url=address(hub), timeout=60) as client,
        client.stream("GET", "/api/events") as heard,
    ):
        assert heard.headers["content-type"].startswith("text/event-stream")
        lines = heard.iter_lines()
        assert told(lines) == ()
        with workspace.database.write() as tx:
            jobs.start(tx, "job-1", JobKind.TRAIN, "brackets", ("mara", now()))
        assert changed(lines) == ("jobs",)
        with workspace.database.write() as tx:
            jobs.progress(tx, "job-1", 3, 9)
        assert changed(lines) == ("jobs",)
        with workspace.database.write() as tx:
            stations.report(tx, report("ST-1"), "station/ST-1", now())
        assert changed(lines) == ("stations",)
        assert hub.process is not None
        hub.process.terminate()
        assert not [line for line in lines if line.startswith("data: ")]
    until("the hub ends", lambda: not hub.alive())


def test_a_port_that_is_taken_is_said_in_a_sentence(
    hub: Program, workspace: Workspace, tmp_path: Path
) -> None:
    port = address(hub).rpartition(":")[2]
    command = python("andon.hub", "--workspace", str(workspace.folder), "--port", port)
    second = Program("second", command, tmp_path / "second.log").start()
    until("the second ends", lambda: not second.alive())
    assert second.process is not None
    assert second.process.returncode == 4
    assert "cannot listen on 127.0.0.1" in second.tail()
    assert "Traceback" not in second.tail()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--host", "0.0.0.0"), 5, "does not listen on 0.0.0.0"),
        (("--workspace", "/nowhere"), 3, "is not a workspace"),
    ],
)
def test_what_cannot_be_is_refused_before_it_listens(
    workspace: Workspace, tmp_path: Path, arguments: tuple[str, str], code: int, words: str
) -> None:
    port = free_port()
    command = python("andon.hub", "--workspace", str(workspace.folder), "--port", str(port), *arguments)
    refused = Program("refused", command, tmp_path / "refused.log").start()
    until("it ends", lambda: not refused.alive())
    assert refused.process is not None
    assert refused.process.returncode == code
    assert words in refused.tail()
    assert not listens(port)

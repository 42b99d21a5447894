"""Pages, interface and command of quality, over parts that stations delivered."""

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from simulators.records import capture, identity, record, review
from typer.testing import CliRunner

from andon.cli.main import app
from andon.domain.feedback import Answer, Queue
from andon.domain.inspections import Verdict
from andon.domain.serial import to_json
from andon.services.workspaces import Workspace
from andon.wire.deliveries import Delivery


def words(hub: TestClient, path: str, status: int = 200) -> str:
    """What a page says, spaces single."""
    answer = hub.get(path)
    assert answer.status_code == status, answer.text
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


@pytest.fixture
def run_line(stocked_hub: TestClient) -> TestClient:
    """200 passes of which 40 were audited and two missed, and ten rejects with one false alarm."""
    sent, said = [], []
    for n in range(1, 211):
        verdict = Verdict.REJECT if n > 200 else Verdict.PASS
        is_audited = n <= 40
        taken = capture("ST-1", n, audit=0.2 if is_audited else 0.0)
        sent.append(record("ST-1", n, verdict, capture=taken))
        answer = {39: Answer.MISSED, 40: Answer.MISSED, 210: Answer.FALSE_ALARM}.get(n, Answer.CONFIRMED)
        if is_audited or n > 200:
            queue = Queue.AUDIT if is_audited else Queue.REJECT
            word = replace(review(sent[-1].id, answer), id=identity("said", n), queue=queue)
            said.append(replace(word, concept="dent" if answer is Answer.MISSED else None))
    for chunk in (slice(0, 100), slice(100, None)):
        own = {one.id for one in sent[chunk]}
        these = tuple(word for word in said if word.inspection in own)
        given = to_json(Delivery(tuple(sent[chunk]), these))
        answer = stocked_hub.post("/api/stations/ST-1/deliveries", json=given)
        assert answer.json()["refused"] == []
    return stocked_hub


def test_an_empty_page_teaches(stocked_hub: TestClient) -> None:
    said = words(stocked_hub, "/quality")
    assert "Nothing is known yet" in said
    assert "a sample of the passes that is drawn by chance" in said
    assert "No part waits for a second look" in words(stocked_hub, "/quality/parts/due")


def test_every_number_comes_with_its_doubt(run_line: TestClient) -> None:
    said = words(run_line, "/quality")
    assert "All 210 parts" in said
    assert re.search(
        r"Escapes 4\.76 % [\d.]+ % to [\d.]+ % at 95 %, n = 40 as people say, not checked", said
    )
    assert re.search(r"Overkill 0\.48 % 0\.48 % to 0\.48 % at 95 %, n = 10 as people say", said)
    assert "Cost per 1,000 parts unknown" in said
    assert "n < 30: too few to rely on" in said
    assert "Only one release has run" in said
    assert "Found by people, missed by the model : 2" in said
    assert "too few second looks" in said


@pytest.mark.parametrize(
    ("by", "name"),
    [
        ("release", "brackets@1"),
        ("station", "ST-1"),
        ("day", "2026-01-02"),
        ("concept", "dent"),
        ("part-type", "bracket"),
    ],
)
def test_cohorts_are_addresses(run_line: TestClient, by: str, name: str) -> None:
    said = words(run_line, f"/quality?by={by}&since=2026-01-01")
    assert re.search(rf"people found parts {re.escape(name)} 4\.76 %", said)
    assert (
        f'href="/quality?since=2026-01-01&amp;by={by}" aria-current'
        in run_line.get(f"/quality?by={by}&since=2026-01-01").text
    )


def test_times_are_bounds_and_nothing_else(run_line: TestClient) -> None:
    assert "No station inspected a part in this time" in words(run_line, "/quality?since=2026-02-01")
    assert "is no time" in words(run_line, "/quality?since=yesterday", 422)
    assert run_line.get("/api/quality?before=2026-01-01").json()["rows"] == {}


def test_the_interface_says_the_same(run_line: TestClient) -> None:
    (row,) = run_line.get("/api/quality").json()["rows"]["all"]
    assert row["escapes"]["value"] == pytest.approx(10 / 210)
    assert (row["escapes"]["looked_at"], row["escapes"]["of"], row["people_found"]) == (40, 210, 2)
    found = run_line.get("/api/quality/parts/people").json()
    assert (found["total"], [part["judged"]["part"] for part in found["rows"]]) == (
        2,
        ["serial=S40", "serial=S39"],
    )
    assert run_line.get("/api/quality/parts/what").status_code == 422


def test_parts_behind_the_numbers_are_links(run_line: TestClient) -> None:
    shown = run_line.get("/quality/parts/people").text
    assert len(re.findall(r'href="/inspections/[0-9a-f-]{36}"', shown)) == 2
    assert "No part waits for a second look" in words(run_line, "/quality/parts/due")
    assert "parts drawn for a second look have no picture here" in words(run_line, "/quality")


def test_the_command_prints_what_the_page_shows(run_line: TestClient, stocked: Workspace) -> None:
    assert run_line.get("/quality").status_code == 200

    def command(*asked: str) -> str:
        done = CliRunner().invoke(app, ["--workspace", str(Path(stocked.folder)), "quality", *asked])
        assert done.exit_code == 0, done.output
        return done.stdout

    assert re.search(r"ST-1.*210.*4\.762 % \([\d.]+ to [\d.]+\) \*", command("--by", "station"))
    (row,) = json.loads(command("--json"))["rows"]["all"]
    assert row["parts"] == 210
    assert "serial=S40" in command("--parts", "people")
    assert json.loads(command("--parts", "people", "--json"))["total"] == 2

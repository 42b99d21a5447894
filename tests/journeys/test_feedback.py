"""Feedback of a line of real programs: what was chosen comes back, through kills, and nothing else does."""

from pathlib import Path
from typing import Any

import pytest
from journeys.conftest import Plant as Learned
from simulators import broker
from simulators.line_books import contradictions
from simulators.line_hub import CLIENT, DEADLINE, STATION
from simulators.line_plant import Plant, running
from simulators.line_station import Line
from simulators.programs import until

from andon.domain.quality import SECOND_LOOK_SHARE

pytestmark = pytest.mark.skipif(broker.PROGRAM is None, reason="mosquitto is not installed")

SHARE = 0.4
PARTS = 15


def test_what_a_killed_station_chose_comes_back_once(plant: Learned, tmp_path: Path) -> None:
    with running(plant.folder, tmp_path, Line()) as line:
        send = {"near": None, "random": SHARE, "rules": [], "wrong": True}
        keep = {"passes": 0.5, "audit": 0.2}
        wanted = {"recipe": "brackets", "deadline": DEADLINE, "keep": keep, "send": send}
        told = line.hub.post(f"/api/stations/{STATION}/assignments", wanted)
        line.until_running(int(told["counter"]))
        for _ in range(2):
            line.until_heard(PARTS)
            line.kill_station()
        line.until_heard(PARTS)
        line.stop_parts()
        until("every chosen picture is here", lambda: all_here(line))
        books = line.books()
        assert contradictions(books, DEADLINE) == []
        rows = feedback(line)
        told_why = [(row["inspection"]["id"], why["reason"]) for row in rows for why in row["chosen"]]
        assert len(told_why) == len(set(told_why))
        reasons = {reason for _, reason in told_why}
        assert reasons == {"audit", "random"}
        shares = {SHARE, keep["audit"], SECOND_LOOK_SHARE}
        assert {why["probability"] for row in rows for why in row["chosen"]} <= shares
        chosen = {row["inspection"]["id"] for row in rows}
        by_policy = [record for record in books.stored if record.at >= rows[-1]["inspection"]["at"]]
        assert chosen <= {record.id for record in by_policy}
        others = [one for one in by_policy if one.id not in chosen and one.capture and one.capture.blob]
        assert others, "some pictures were kept without being chosen"
        arrived = {one.capture.blob for one in books.stored if one.id in chosen and one.capture}
        before = {one.capture.blob for one in books.stored if one not in by_policy and one.capture}
        for one in others:
            assert one.capture is not None
            if one.capture.blob not in arrived | before:
                assert not CLIENT.get(f"{line.hub.address}/api/blobs/{one.capture.blob}").is_success
        assert line.hub.report()["sending"]["waiting"] == 0


def feedback(line: Plant) -> list[dict[str, Any]]:
    found = line.hub.get("/api/feedback?limit=500")
    assert found["next"] is None
    rows: list[dict[str, Any]] = found["rows"]
    return rows


def all_here(line: Plant) -> bool:
    rows = feedback(line)
    waiting = (line.hub.report().get("sending") or {}).get("waiting")
    return bool(rows) and waiting == 0 and all(row["where"] == "here" for row in rows)

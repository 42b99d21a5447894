"""What stations hand over to a hub: once for ever, in pieces or whole, refused by name where it must be."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from simulators.records import (
    T0,
    capture,
    identity,
    package,
    recipe,
    record,
    report,
    review,
    stalled,
    without_model,
)

from andon.domain.feedback import Answer
from andon.domain.images import ImageFilter
from andon.domain.inspections import Inspection, Kept, Verdict
from andon.domain.serial import canonical, from_json, to_json
from andon.domain.stations import Station
from andon.errors import Refused
from andon.formats.pixels import encode_png, image_digest
from andon.hub.main import create_app
from andon.hub.settings import Settings
from andon.services.approvals import approve, withdraw
from andon.services.evaluations import EVALUATION
from andon.services.workspaces import Workspace, create_workspace
from andon.station.hub.client import Hub, HubRefused
from andon.store import images, inspections, models, recipes, reviews
from andon.trust.assignments import SignedAssignment, verify
from andon.trust.keys import PublicKey
from andon.units import Digest, digest_of
from andon.wire.deliveries import Delivery, Receipt, Upload

HUB = "http://127.0.0.1:8400"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made = create_workspace(tmp_path / "ws", "mara")[0]
    with made.database.write() as tx:
        models.add(tx, package(), "mara", T0)
        models.add_attestation(tx, package().digest, EVALUATION, {}, ("mara", T0))
        recipes.add_version(tx, recipe(package()))
    yield made
    made.database.close()


@pytest.fixture
def hub(workspace: Workspace) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(workspace.folder)), base_url=HUB) as client:
        yield client


def deliver(hub: TestClient, station: str, *sent: Inspection, reviews: tuple[Any, ...] = ()) -> Receipt:
    answer = hub.post(f"/api/stations/{station}/deliveries", json=to_json(Delivery(sent, reviews)))
    assert answer.status_code == 200, answer.text
    return from_json(Receipt, answer.json())


def stored(workspace: Workspace) -> list[Inspection]:
    with workspace.database.read() as tx:
        return list(inspections.page(tx, inspections.Query(), None, 99).rows)[::-1]


def test_what_is_handed_over_again_changes_nothing(hub: TestClient, workspace: Workspace) -> None:
    sent = [record("ST-1", 1), record("ST-1", 2, Verdict.REJECT), without_model("ST-1", 3)]
    said = review(sent[1].id)
    first = deliver(hub, "ST-1", *sent, reviews=(said,))
    assert first == Receipt(accepted=(*(i.id for i in sent), said.id))
    assert deliver(hub, "ST-1", *sent, reviews=(said,)) == first
    assert deliver(hub, "ST-1", sent[2], record("ST-1", 4)).accepted == (sent[2].id, identity("ST-1", 4))
    assert stored(workspace) == [*sent, record("ST-1", 4)]
    with workspace.database.read() as tx:
        assert reviews.of(tx, sent[1].id) == (said,)


FLAWED = {
    "other station": record("ST-2", 2),
    "no capture": record("ST-1", 2, capture=None),
    "a job": record("ST-1", 2, job="job"),
    "no such recipe": record("ST-1", 2, recipe_version=9),
    "no such model": record("ST-1", 2, package=digest_of(b"?")),
    "half of the versions": record("ST-1", 2, package=Digest("")),
    "no sequence": record("ST-1", 2, capture=capture("ST-1", 0)),
    "a sequence beyond all databases": record("ST-1", 2, capture=capture("ST-1", 2**63)),
    "negative time": record("ST-1", 2, milliseconds=-1.0),
    "no time": record("ST-1", 2, at="yesterday"),
    "no digest": record("ST-1", 2, capture=capture("ST-1", 2, blob="../../etc/passwd")),
    "a long name": record("ST-1", 2, name="n" * 501),
    "NUL": record("ST-1", 2, part="a\0b"),
    "a taken place": record("ST-1", 2, capture=capture("ST-1", 1)),
    "a taken id": record("ST-1", 2, id=identity("ST-1", 1)),
}


@pytest.mark.parametrize("flaw", FLAWED)
def test_a_record_that_cannot_be_is_refused_and_the_others_are_taken(
    hub: TestClient, workspace: Workspace, flaw: str
) -> None:
    first, last, bad = record("ST-1", 1), record("ST-1", 3), FLAWED[flaw]
    deliver(hub, "ST-1", first)
    receipt = deliver(hub, "ST-1", bad, last, reviews=(review(bad.id),) if bad.id != first.id else ())
    assert receipt.accepted == (last.id,)
    assert receipt.refused[0].id == bad.id
    assert receipt.refused[0].reason
    assert all(refusal.id in {bad.id, review(bad.id).id} for refusal in receipt.refused)
    assert stored(workspace) == [first, last]


def test_numbers_and_texts_that_json_alone_knows_are_refused(hub: TestClient) -> None:
    good, bad = to_json(record("ST-1", 1)), to_json(record("ST-1", 2))
    for change in ({"part": "half \ud800"}, {"milliseconds": float("nan")}, {"scores": {"dent": 1e400}}):
        body = json.dumps({"records": [good, {**bad, **change}]})
        headers = {"content-type": "application/json"}
        answer = hub.post("/api/stations/ST-1/deliveries", content=body, headers=headers)
        if answer.status_code == 422:
            assert answer.json()["message"]
        else:
            assert [refusal["id"] for refusal in answer.json()["refused"]] == [bad["id"]]


def test_a_delivery_that_is_none_changes_nothing(hub: TestClient, workspace: Workspace) -> None:
    twice = {"records": [to_json(record("ST-1", 1))] * 2}
    many = {"records": [to_json(record("ST-1", n)) for n in range(1, 502)]}
    for body, status in ((twice, 422), (many, 413), ({"records": [{}]}, 422), ({"records": 3}, 422)):
        answer = hub.post("/api/stations/ST-1/deliveries", json=body)
        assert answer.status_code == status
        assert answer.json()["message"]
    assert hub.post("/api/stations/%0a/deliveries", json={}).status_code == 422
    assert stored(workspace) == []


def test_reviews_wait_for_their_record(hub: TestClient, workspace: Workspace) -> None:
    late = record("ST-1", 7, Verdict.REJECT)
    said = review(late.id, Answer.FALSE_ALARM)
    assert deliver(hub, "ST-1", reviews=(said,)) == Receipt()
    assert deliver(hub, "ST-1", late, reviews=(said,)).accepted == (late.id, said.id)
    other = replace(said, inspection=record("ST-1", 8).id)
    refused = deliver(hub, "ST-1", record("ST-1", 8), reviews=(other,)).refused
    assert [refusal.id for refusal in refused] == [said.id]


PICTURE = np.arange(24 * 32, dtype=np.uint8).reshape(24, 32)
FILE = encode_png(PICTURE)


def kept(sequence: int, blob: Digest) -> Inspection:
    taken = capture("ST-1", sequence, kept=Kept.KEPT, blob=blob, size=len(FILE))
    return record("ST-1", sequence, Verdict.REJECT, capture=taken)


def pictures(workspace: Workspace) -> list[Any]:
    with workspace.database.read() as tx:
        return list(images.page(tx, ImageFilter(), None, 99).rows)


def test_a_kept_image_becomes_a_picture_when_its_last_piece_came(
    hub: TestClient, workspace: Workspace
) -> None:
    blob, thumbnail = digest_of(FILE), digest_of(b"thumbnail")
    first = kept(1, blob)
    first = replace(first, capture=replace(first.capture, thumbnail=thumbnail))  # type: ignore[type-var]
    assert deliver(hub, "ST-1", first).wanted == (thumbnail, blob)
    cut, total = len(FILE) // 3, len(FILE)
    assert hub.get(f"/api/uploads/{blob}").json() == {"received": 0, "complete": False}
    for start, end in ((0, cut), (0, cut), (cut // 2, 2 * cut), (2 * cut, total)):
        headers = {"content-range": f"bytes {start}-{end - 1}/{total}"}
        answer = hub.put(f"/api/blobs/{blob}", content=FILE[start:end], headers=headers)
        assert from_json(Upload, answer.json()) == Upload(end, end == total)
        assert hub.get(f"/api/uploads/{blob}").json() == answer.json()
    (picture,) = pictures(workspace)
    assert (picture.digest, picture.blob, picture.name) == (image_digest(PICTURE), blob, "1.png")
    assert (picture.origin.station, picture.origin.serial) == ("ST-1", "S1")
    with workspace.database.read() as tx:
        assert images.sources(tx) == {"station/ST-1": 1}
    assert hub.get(f"/api/blobs/{blob}").content == FILE
    part = hub.get(f"/api/blobs/{blob}", headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, FILE[10:20])
    assert deliver(hub, "ST-1", first).wanted == (thumbnail,)


def test_a_picture_that_is_here_already_is_not_sent_again(hub: TestClient, workspace: Workspace) -> None:
    blob = workspace.blobs.put(FILE)
    assert deliver(hub, "ST-1", kept(1, blob), kept(2, blob)).wanted == ()
    (picture,) = pictures(workspace)
    with workspace.database.read() as tx:
        assert images.names(tx, [picture.digest]) == {picture.digest: ("1.png", "2.png")}


def test_a_hub_that_died_between_blob_and_picture_makes_up_for_it(
    hub: TestClient, workspace: Workspace
) -> None:
    blob = digest_of(FILE)
    deliver(hub, "ST-1", kept(1, blob))
    workspace.blobs.put(FILE)  # the blob was complete, and then the power went
    assert pictures(workspace) == []
    assert hub.get(f"/api/uploads/{blob}").json() == {"received": len(FILE), "complete": True}
    assert [picture.blob for picture in pictures(workspace)] == [blob]


def test_a_kept_file_that_shows_nothing_is_a_blob_only(hub: TestClient, workspace: Workspace) -> None:
    blob = digest_of(b"no picture")
    deliver(hub, "ST-1", kept(1, blob))
    answer = hub.put(f"/api/blobs/{blob}", content=b"no picture")
    assert answer.json() == {"received": 10, "complete": True}
    assert pictures(workspace) == []


def test_bytes_that_are_not_the_blob_are_thrown_away(hub: TestClient) -> None:
    blob = digest_of(FILE)
    headers = {"content-range": f"bytes 0-9/{len(FILE)}"}
    hub.put(f"/api/blobs/{blob}", content=b"0123456789", headers=headers)
    headers = {"content-range": f"bytes 10-{len(FILE) - 1}/{len(FILE)}"}
    answer = hub.put(f"/api/blobs/{blob}", content=FILE[10:], headers=headers)
    assert answer.status_code == 403
    assert "first byte" in answer.json()["todo"]
    assert hub.get(f"/api/uploads/{blob}").json() == {"received": 0, "complete": False}
    assert hub.put(f"/api/blobs/{blob}", content=FILE).json()["complete"]


@pytest.mark.parametrize(
    ("content_range", "status"),
    [
        ("bytes 5-14/100", 409),
        ("bytes 0-8/100", 422),
        ("bytes 0-9/9", 422),
        ("bytes 0-9/999999999999", 413),
        ("bytes 0-9/*", 422),
        ("bytes 9-0/100", 422),
        ("items 0-9/100", 422),
        (f"bytes 0-9/{'9' * 40}", 422),
    ],
)
def test_pieces_that_do_not_fit_are_refused(hub: TestClient, content_range: str, status: int) -> None:
    headers = {"content-range": content_range}
    answer = hub.put(f"/api/blobs/{digest_of(b'x')}", content=b"0123456789", headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["message"]


@pytest.mark.parametrize(
    "path", ["/api/blobs/nope", f"/api/blobs/{'A' * 64}", "/api/uploads/..%2f..%2fandon.db"]
)
def test_what_is_no_digest_is_refused(hub: TestClient, path: str) -> None:
    assert hub.get(path).status_code in {404, 422}


def test_a_station_makes_itself_known_and_hears_what_to_run(hub: TestClient, workspace: Workspace) -> None:
    said = report("ST-1", alarms=(stalled(),))
    answer = hub.put("/api/stations/ST-1/reports", json=to_json(said))
    assert answer.json() == {"counter": 0}
    (known,) = hub.get("/api/stations").json()
    assert from_json(Station, known).report == said
    assert hub.get("/api/stations/ST-1/assignment").status_code == 404
    wanted = {"recipe": "brackets", "keep": {"passes": 0.5}, "deadline": 40}
    refused = hub.post("/api/stations/ST-1/assignments", json=wanted)
    assert (refused.status_code, "is not approved" in refused.json()["message"]) == (403, True)
    approve(workspace, package().digest, "agreed")
    for counter in (1, 2):
        answer = hub.post("/api/stations/ST-1/assignments", json=wanted)
        assert (answer.status_code, answer.json()["counter"]) == (201, counter)
        assert hub.put("/api/stations/ST-1/reports", json=to_json(said)).json() == {"counter": counter}
    key = PublicKey(hub.get("/api/key").json()["key"])
    signed = from_json(SignedAssignment, hub.get("/api/stations/ST-1/assignment").json())
    given = verify(signed, key, "ST-1", floor=2)
    assert (given.recipe.name, given.recipe.version, given.keep.passes) == ("brackets", 1, 0.5)
    assert given.variants == tuple(p.variant for p in package().parity if p.passed)
    assert given.author == "local"
    altered = replace(signed, payload=signed.payload.replace("40", "90"))
    with pytest.raises(Refused):
        verify(altered, key, "ST-1", floor=0)
    withdraw(workspace, package().digest, "escapes")
    assert hub.post("/api/stations/ST-1/assignments", json=wanted).status_code == 403


@pytest.mark.parametrize(
    ("station", "wanted", "status"),
    [
        ("ST-9", {"recipe": "brackets"}, 404),
        ("ST-1", {"recipe": "cogs"}, 404),
        ("ST-1", {"recipe": "brackets@7"}, 404),
        ("ST-1", {"recipe": "brackets@" + "9" * 30}, 404),
        ("ST-1", {"recipe": "brackets@²"}, 404),
        ("ST-1", {"recipe": "brackets", "deadline": 0}, 422),
        ("ST-1", {"recipe": "brackets", "keep": {"passes": 2}}, 422),
        ("ST-1", {}, 422),
    ],
)
def test_assignments_that_cannot_be_are_refused(
    hub: TestClient, workspace: Workspace, station: str, wanted: dict[str, Any], status: int
) -> None:
    hub.put("/api/stations/ST-1/reports", json=to_json(report("ST-1")))
    approve(workspace, package().digest, "agreed")
    answer = hub.post(f"/api/stations/{station}/assignments", json=wanted)
    assert answer.status_code == status, answer.text
    assert answer.json()["message"]


@pytest.mark.parametrize(
    "change",
    [
        {"per_second": 1e308},
        {"p99": -1.0},
        {"disk_free": 10**400},
        {"parts": {"PASS": -5}},
        {"at": "now"},
        {"alarms": [to_json(stalled())] * 51},
        {"line": "a\nb"},
    ],
)
def test_reports_of_the_impossible_are_refused(hub: TestClient, change: dict[str, Any]) -> None:
    answer = hub.put("/api/stations/ST-1/reports", json={**to_json(report("ST-1")), **change})
    assert answer.status_code == 422, answer.text
    assert hub.get("/api/stations").json() == []


def test_reports_in_another_name_are_refused(hub: TestClient) -> None:
    assert hub.put("/api/stations/ST-2/reports", json=to_json(report("ST-1"))).status_code == 422
    assert hub.get("/api/stations").json() == []


def test_stations_fetch_the_files_of_a_package(hub: TestClient, workspace: Workspace) -> None:
    folder = workspace.packages / package().digest
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    (folder / "card.html").write_text("not covered by the digest")
    path = f"/api/packages/{package().digest}/files"
    assert hub.get(f"{path}/manifest.json").content == b"{}"
    for missing in (f"{path}/card.html", f"{path}/..%2f..%2fandon.db", f"/api/packages/{'0' * 64}/files/x"):
        assert hub.get(missing).status_code == 404


def test_deliveries_that_overlap_in_time_are_recorded_once(hub: TestClient, workspace: Workspace) -> None:
    sent = [record("ST-1", n) for n in range(1, 61)]
    windows = [sent[start : start + 30] for start in (0, 10, 20, 30, 0, 10, 20, 30)]
    with ThreadPoolExecutor(8) as senders:
        receipts = list(senders.map(lambda window: deliver(hub, "ST-1", *window), windows))
    for window, receipt in zip(windows, receipts, strict=True):
        assert receipt.accepted == tuple(inspection.id for inspection in window)
    found = stored(workspace)
    assert sorted(inspection.id for inspection in found) == sorted(inspection.id for inspection in sent)


def test_the_station_program_and_this_hub_understand_each_other(
    hub: TestClient, workspace: Workspace
) -> None:
    approve(workspace, package().digest, "agreed")
    station = Hub(hub, "ST-1")
    assert station.report(report("ST-1")).counter == 0
    assert hub.post("/api/stations/ST-1/assignments", json={"recipe": "brackets"}).status_code == 201
    assert station.report(report("ST-1")).counter == 1
    given = verify(station.assignment(), station.key(), "ST-1", floor=0)
    assert given.recipe.package == package().digest
    blob, cut = digest_of(FILE), len(FILE) // 2
    sent = [record("ST-1", 1), kept(2, blob)]
    texts = [canonical(one).decode() for one in sent]
    said = canonical(review(sent[1].id)).decode()
    receipt = station.deliver({"records": texts, "reviews": [said]})
    assert (receipt.accepted, receipt.wanted) == ((*(i.id for i in sent), review(sent[1].id).id), (blob,))
    assert station.send(blob, FILE[:cut], 0, len(FILE)) == station.received(blob) == Upload(cut, False)
    assert station.send(blob, FILE[cut:], cut, len(FILE)) == Upload(len(FILE), True)
    assert station.blob(blob) == FILE
    with pytest.raises(HubRefused, match="digest"):
        station.send(Digest("nope"), b"x", 0, 1)

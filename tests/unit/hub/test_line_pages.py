"""Pages of stations and inspections, as HTML alone."""

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from simulators.records import T0, capture, package, record, report, review, stalled, without_model

from andon.domain.feedback import Answer
from andon.domain.inspections import Decision, Inspection, Kept, Verdict
from andon.domain.serial import to_json
from andon.formats.pixels import encode_png
from andon.formats.truth import read_truth
from andon.jobs.import_images import ImportRequest, import_images
from andon.services.approvals import approve
from andon.services.workspaces import Workspace
from andon.store import inspections, recipes, reviews
from andon.units import Timestamp, digest_of
from andon.wire.deliveries import Delivery


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []

    def handle_data(self, data: str) -> None:
        self.text += data.split()


def words(hub: TestClient, path: str, status: int = 200) -> str:
    """What a page says, spaces single."""
    answer = hub.get(path)
    assert answer.status_code == status, answer.text
    parser = _Text()
    parser.feed(answer.text)
    return unescape(" ".join(parser.text))


def deliver(hub: TestClient, *sent: Inspection, reviews: tuple[Any, ...] = ()) -> None:
    answer = hub.post("/api/stations/ST-1/deliveries", json=to_json(Delivery(sent, reviews)))
    assert answer.json()["refused"] == []


def tell(hub: TestClient, **changes: Any) -> None:
    assert hub.put("/api/stations/ST-1/reports", json=to_json(report("ST-1", **changes))).status_code == 200


def test_empty_pages_teach(stocked_hub: TestClient) -> None:
    assert "No station has reported yet" in words(stocked_hub, "/stations")
    assert "No part has been inspected yet" in words(stocked_hub, "/inspections")
    assert "no station 'ST-1'" in words(stocked_hub, "/stations/ST-1", 404)
    assert "no inspection 'nope'" in words(stocked_hub, "/inspections/nope", 404)


def test_a_station_shows_its_state_and_what_to_do(stocked_hub: TestClient) -> None:
    tell(stocked_hub, alarms=(stalled(),))
    for path in ("/stations", "/stations/ST-1"):
        said = words(stocked_hub, path)
        assert "stopped" in said
        assert "no image for 5 s Look at the cable." in said
        assert "Nothing is assigned yet" in said
        assert "19.8" in said
    tell(stocked_hub)
    assert "running" in words(stocked_hub, "/stations")


def test_assigning_says_first_what_will_happen(stocked_hub: TestClient, stocked: Workspace) -> None:
    tell(stocked_hub, recipe="", recipe_version=0, package=None, counter=0)
    assert "No recipe can be assigned yet" in words(stocked_hub, "/stations/ST-1/assignments/new")
    approve(stocked, package().digest, "agreed")
    page = "/stations/ST-1/assignments/new"
    assert "What will happen" not in words(stocked_hub, page)
    said = words(stocked_hub, f"{page}?recipe=brackets@1&deadline=5&passes=2.5")
    assert "ST-1 begins to judge, with recipe brackets v1" in said
    assert "after 5 ms is NO-DECISION" in said
    assert "2.5 % of passed parts" in said
    assert "more than 9.4 ms" in said
    assert stocked_hub.get("/api/stations/ST-1/assignments").json() == []
    form = {"recipe": "brackets@1", "deadline": "5", "passes": "2.5", "audit": "1", "gibibytes": "20"}
    answer = stocked_hub.post("/stations/ST-1/assignments", data=form, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/stations/ST-1")
    (told,) = stocked_hub.get("/api/stations/ST-1/assignments").json()
    assert (told["counter"], told["deadline"], told["keep"]["passes"]) == (1, 5, 0.025)
    assert "has not taken it up yet" in words(stocked_hub, "/stations/ST-1")
    tell(stocked_hub, counter=1)
    assert "Runs what was assigned: brackets v1." in words(stocked_hub, "/stations/ST-1")


@pytest.mark.parametrize(
    "query",
    ["recipe=brackets@1&gibibytes=0", "recipe=brackets@1&passes=200", "recipe=cogs", "deadline=soon"],
)
def test_assignments_that_cannot_be_are_refused_in_words(
    stocked_hub: TestClient, stocked: Workspace, query: str
) -> None:
    tell(stocked_hub)
    approve(stocked, package().digest, "agreed")
    answer = stocked_hub.get(f"/stations/ST-1/assignments/new?{query}")
    assert answer.status_code in {404, 422}
    assert "This did not work" in answer.text


def test_the_list_is_its_address(stocked_hub: TestClient) -> None:
    sent = [record("ST-1", n, Verdict.REJECT if n % 3 == 0 else Verdict.PASS) for n in range(1, 8)]
    deliver(stocked_hub, *sent, without_model("ST-1", 8), reviews=(review(sent[2].id, Answer.FALSE_ALARM),))
    said = words(stocked_hub, "/inspections")
    assert "n = 8" in said
    assert "false alarm" in said
    assert "S8" in said
    rejects = words(stocked_hub, "/inspections?verdict=REJECT&station=ST-1&recipe=brackets&part=&since=")
    assert "S3" in rejects
    assert "S4" not in rejects
    assert "n = 2" in rejects
    assert "S5" in words(stocked_hub, "/inspections?part=S5")
    assert "No inspection fits" in words(stocked_hub, "/inspections?since=2026-02-01")
    assert "S1" in words(stocked_hub, "/inspections?since=2026-01-02&before=2026-01-02T03:05")
    first = stocked_hub.get("/inspections?limit=3&verdict=PASS").text
    assert "Older inspections" in first
    for flawed in ("verdict=GOOD", "since=yesterday", "after=-1"):
        assert stocked_hub.get(f"/inspections?{flawed}").status_code == 422


def test_a_part_is_one_on_a_line_in_a_folder_and_among_images(
    stocked_hub: TestClient, stocked: Workspace, tmp_path: Path
) -> None:
    deliver(stocked_hub, record("ST-1", 5), record("ST-1", 6))
    (tmp_path / "truth.csv").write_text("path,label,serial\n5.png,good,S5\n")
    in_folder = read_truth(tmp_path / "truth.csv")["5.png"].part
    taken = encode_png(np.full((4, 4), 9, np.uint8))
    (tmp_path / "parts" / "good").mkdir(parents=True)
    (tmp_path / "parts" / "good" / "5.png").write_bytes(taken)
    asked = ImportRequest(tmp_path / "parts", "parts", "mara", T0, "classes", metadata={"serial": "S5"})
    import_images(stocked.database, stocked.blobs, asked, lambda *_: None)
    inspected = replace(
        record("ST-1", 9),
        part=in_folder,
        capture=None,
        name="5.png",
        at=Timestamp("2026-01-01T00:00:00.000000Z"),
    )
    with stocked.database.write() as tx:
        inspections.add(tx, [inspected], "mara")

    image = stocked_hub.get("/api/images").json()["images"][0]["digest"]
    link = re.search(r'href="(/inspections\?part=[^"]*)"', stocked_hub.get(f"/images/{image}").text)
    assert link is not None
    both = words(stocked_hub, link.group(1))
    assert "n = 2" in both and "S6" not in both and "serial=" not in both
    assert words(stocked_hub, "/inspections?part=S5").count("S5") == both.count("S5")
    assert "Part S5" in words(stocked_hub, f"/inspections/{inspected.id}")


def older(page: str) -> str:
    start = page.index('href="/inspections?verdict=PASS&amp;after=')
    return unescape(page[start + 6 : page.index('"', start + 6)])


def test_pages_of_the_list_follow_each_other(stocked_hub: TestClient) -> None:
    deliver(stocked_hub, *(record("ST-1", n) for n in range(1, 8)))
    page = stocked_hub.get("/inspections?verdict=PASS&limit=50").text
    assert "Older inspections" not in page
    following = stocked_hub.get(older(stocked_hub.get("/inspections?verdict=PASS&limit=4").text)).text
    assert "S3" in following
    assert "S4<" not in following


PICTURE = np.full((32, 32), 1000, np.uint16)


def test_one_part_tells_its_whole_story(stocked_hub: TestClient, stocked: Workspace) -> None:
    file = encode_png(PICTURE)
    taken = capture("ST-1", 2, kept=Kept.KEPT, blob=digest_of(file), size=len(file), audit=0.01)
    middle = record("ST-1", 2, Verdict.REJECT, capture=taken)
    deliver(stocked_hub, record("ST-1", 1), middle, record("ST-1", 3))
    path = f"/inspections/{middle.id}"
    assert "sends it when it can" in words(stocked_hub, path)
    assert stocked_hub.get(f"{path}/picture").status_code == 404
    stocked_hub.put(f"/api/blobs/{digest_of(file)}", content=file)
    with stocked.database.write() as tx:
        second = recipes.add_version(tx, replace(recipes.latest(tx, "brackets"), note="stricter"))
        inspections.add_rescoring(tx, middle.id, second, Decision(Verdict.PASS), ("mara", T0))
        reviews.add(tx, [review(middle.id)])
    said = words(stocked_hub, path)
    for expected in (
        "Why REJECT", "a defect beyond the reject cut", "beyond the reject cut", "brackets v1",
        "brightness 0.4", "confirmed", "openvino/f32", "station/ST-1/anna", "brackets v2", "avx2",
        "drawn by chance", "False alarm", package().digest[:12], "Part before", "Part after",
    ):  # fmt: skip
        assert expected in said
    shown = stocked_hub.get(f"{path}/picture")
    assert shown.headers["content-type"] == "image/png"
    decoded = cv2.imdecode(np.frombuffer(shown.content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert (decoded.dtype, decoded.shape) == (np.uint8, (32, 32))
    html = stocked_hub.get(path).text
    assert '<rect class="outline" x="-1' in html
    assert 'viewBox="0 0 32 32"' in html
    assert "style=" not in html


def test_a_part_without_model_says_so(stocked_hub: TestClient) -> None:
    deliver(stocked_hub, without_model("ST-1", 1))
    said = words(stocked_hub, f"/inspections/{without_model('ST-1', 1).id}")
    assert "the station had no model to judge with" in said
    assert "NO-DECISION, which the line's outputs treat as REJECT." in said


def test_people_say_what_they_think(stocked_hub: TestClient) -> None:
    one = record("ST-1", 1, Verdict.REJECT)
    deliver(stocked_hub, one, record("ST-1", 2))
    path = f"/inspections/{one.id}"
    form = {"answer": "false-alarm", "note": " a reflection ", "concept": ""}
    answer = stocked_hub.post(f"{path}/reviews", data=form, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}#people")
    said = words(stocked_hub, path)
    assert "false alarm local," in said
    assert "a reflection" in said
    assert stocked_hub.post(f"{path}/reviews", data={"answer": "missed"}).status_code == 422
    passed = f"/inspections/{record('ST-1', 2).id}/reviews"
    assert stocked_hub.post(passed, data={"answer": "missed", "concept": "dent"}).status_code == 200
    story = stocked_hub.get(f"/api/inspections/{record('ST-1', 2).id}").json()
    assert [(said["answer"], said["concept"]) for said in story["reviews"]] == [("missed", "dent")]
    listed = stocked_hub.get("/api/inspections?station=ST-1&limit=1").json()
    assert listed["counts"] == {"PASS": 1, "REJECT": 1}
    assert listed["rows"][0]["id"] == record("ST-1", 2).id

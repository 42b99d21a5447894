"""The Images page and its parts: filters in the address, thumbnails drawn once, contours that follow."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from andon.formats.pixels import encode_mask, encode_png
from andon.hub.main import create_app
from andon.hub.settings import Settings
from andon.jobs.import_images import ImportRequest, import_images
from andon.services.workspaces import Workspace, create_workspace, now
from andon.store import annotations, images
from andon.units import digest_of

HUB = "http://127.0.0.1:8400"
MANY = 150


def draw(root: Path) -> None:
    """Clean and scratched parts, the scratched ones with masks; one with 16 bits."""
    noise = np.random.default_rng(1)
    for number in range(MANY):
        folder = "scratch" if number % 5 == 0 else "good"
        path = root / folder / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = np.uint16 if number == 5 else np.uint8
        path.write_bytes(encode_png(noise.integers(0, 255, (40, 60)).astype(kind)))
        if folder == "scratch":
            mask = np.zeros((40, 60), bool)
            mask[10:20, 5:30] = True
            (root / "masks" / "scratch").mkdir(parents=True, exist_ok=True)
            (root / "masks" / "scratch" / path.name).write_bytes(encode_mask(mask))


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made, _ = create_workspace(tmp_path / "ws", "mara")
    draw(tmp_path / "parts")
    request = ImportRequest(
        tmp_path / "parts", "parts", "mara", now(), metadata={"part_type": "tile & <b>"}
    )
    import_images(made.database, made.blobs, request, lambda *_: None)
    yield made
    made.database.close()


@pytest.fixture
def hub(workspace: Workspace) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(workspace.folder)), base_url=HUB) as client:
        yield client


def digests(page: str) -> list[str]:
    return re.findall(r'data-shot="(\w+)"', page)


def link(page: str, words: str) -> str:
    """The address of the link with these words in it."""
    found = [a for a in re.findall(r"<a [^>]*>.*?</a>", page, re.S) if words in a]
    assert found, words
    address = re.search(r'href="([^"]*)"', found[0])
    assert address is not None
    return address.group(1).replace("&amp;", "&")


def test_every_image_is_met_once_by_following_next(hub: TestClient) -> None:
    seen: list[str] = []
    address: str | None = "/images"
    while address:
        page = hub.get(address).text
        seen += digests(page)
        address = link(page, "Next page") if "Next page" in page else None
    assert len(seen) == len(set(seen)) == MANY


def test_filters_are_in_the_address_and_stay_over_pages(hub: TestClient) -> None:
    page = hub.get("/images").text
    chosen = link(page, "tile &amp; &lt;b&gt;")
    page = hub.get(chosen).text
    clean = link(page, ">clean<")
    page = hub.get(clean).text
    following = link(page, "Next page")
    assert "part_type=tile" in following and "labels=clean" in following and "after=" in following
    assert len(digests(page)) == 60 and len(digests(hub.get(following).text)) == 60
    assert "Labels: clean" in page
    without = link(page, "Labels: clean")
    assert "labels=" not in without and "part_type=" in without


def test_the_address_can_show_one_image_over_the_grid(hub: TestClient) -> None:
    first = digests(hub.get("/images?labels=defective").text)[0]
    page = hub.get(f"/images?labels=defective&image={first}").text
    assert f"/api/images/{first}/picture" in page and len(digests(page)) == 30
    assert "scratch" in hub.get(f"/images/{first}/panel").text
    assert "250 px" in hub.get(f"/images/{first}").text


def test_counts_and_what_to_do_when_nothing_passes(hub: TestClient) -> None:
    assert "<strong>150</strong> images" in hub.get("/images").text
    assert "<strong>30</strong> images" in hub.get("/images?labels=defective").text
    assert "No image passes these filters" in hub.get("/images?lot=none").text
    assert hub.get("/images?taken_from=yesterday").status_code == 422


def test_an_empty_workspace_teaches(tmp_path: Path) -> None:
    create_workspace(tmp_path / "empty", "mara")[0].database.close()
    with TestClient(create_app(Settings(tmp_path / "empty")), base_url=HUB) as hub:
        page = hub.get("/images").text
        assert "Import a folder or a zip archive" in page and "andon images import" in page


def test_names_from_files_are_text_and_nothing_else(hub: TestClient, workspace: Workspace) -> None:
    page = hub.get("/images").text
    assert "<b>" not in page and "tile &amp; &lt;b&gt;" in page


def test_thumbnails_are_drawn_once_and_kept_for_ever(hub: TestClient, workspace: Workspace) -> None:
    digest = digests(hub.get("/images").text)[0]
    answer = hub.get(f"/api/images/{digest}/thumbnail")
    assert answer.headers["content-type"] == "image/jpeg" and "immutable" in answer.headers["cache-control"]
    kept = workspace.thumbnails / digest[:2] / f"{digest}.jpg"
    written = kept.stat().st_mtime_ns
    workspace.blobs.path(hub.get(f"/api/images/{digest}").json()["image"]["blob"]).unlink()
    assert hub.get(f"/api/images/{digest}/thumbnail").content == answer.content == kept.read_bytes()
    assert kept.stat().st_mtime_ns == written
    kept.unlink()
    assert hub.get(f"/api/images/{digest}/thumbnail").status_code == 404


def test_sixteen_bits_are_shown_with_eight(hub: TestClient) -> None:
    found = [
        hub.get(f"/api/images/{one}").json() for one in digests(hub.get("/images?labels=defective").text)
    ]
    (deep,) = [one["image"] for one in found if one["image"]["shape"]["bit_depth"] == 16]
    answer = hub.get(f"/api/images/{deep['digest']}/picture")
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture.dtype == np.uint8 and picture.shape == (40, 60)
    assert answer.headers["content-type"] == "image/png"
    file = hub.get(f"/api/images/{deep['digest']}/file")
    assert "attachment" in file.headers["content-disposition"] and file.content != answer.content


def test_contours_follow_the_labels(hub: TestClient, workspace: Workspace) -> None:
    digest = digests(hub.get("/images?labels=defective").text)[0]
    answer = hub.get(f"/api/images/{digest}/labels")
    assert "<title>scratch</title>" in answer.text and 'viewBox="0 0 60 40"' in answer.text
    assert "M5 10" in answer.text
    again = {"if-none-match": answer.headers["etag"]}
    assert hub.get(f"/api/images/{digest}/labels", headers=again).status_code == 304
    with workspace.database.write() as tx:
        (said,) = annotations.current(tx, [digest])[digest]
        annotations.add(tx, [replace(said, revision=2, state=type(said.state).REJECTED)])
    fresh = hub.get(f"/api/images/{digest}/labels", headers=again)
    assert fresh.status_code == 200 and "scratch" not in fresh.text
    assert "rejected" in hub.get(f"/images/{digest}").text


def test_many_images_are_labelled_at_once_and_that_is_taken_back(
    hub: TestClient, workspace: Workspace
) -> None:
    with workspace.database.write() as tx:
        known = images.by_digest(tx, digests(hub.get("/images").text)[0])
        new = [replace(known, digest=digest_of(b"%d" % n), name=f"new {n}") for n in range(3)]
        images.add(tx, new, "station/ST-1", "mara", now())
    bare = digests(hub.get("/images?labels=unlabelled").text)
    assert len(bare) == 3
    marked = digests(hub.get("/images?labels=defective").text)[0]
    before = hub.get(f"/api/images/{marked}").json()["labels"]
    form = {"image": [*bare, marked], "concept": "scratch", "back": "labels=defective&after=77"}
    done = hub.post("/images/labels", data=form)
    assert "3 images labelled scratch." in done.text and "1 had a label already" in done.text
    assert done.url.params["labels"] == "defective" and done.url.params["after"] == "77"
    for digest in bare:
        (label,) = hub.get(f"/api/images/{digest}").json()["labels"]
        assert (label["concept"], label["shape"], label["state"]) == ("scratch", "image", "accepted")
    assert hub.get(f"/api/images/{marked}").json()["labels"] == before

    said = {"said": done.url.params["said"], "back": "labels=unlabelled"}
    back = hub.post("/images/labels/removal", data=said)
    assert set(bare) <= set(digests(back.text)) and "labelled" not in back.text.partition("<main")[0]
    assert hub.post("/images/labels/removal", data=said).status_code == 404
    assert "3 images labelled" not in hub.get(f"/images?said={said['said']}").text
    hub.post("/images/labels", data={"image": bare[:1]})
    assert bare[0] in digests(hub.get("/images?labels=clean").text)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 422),
        ({"image": ["0" * 64]}, 404),
        ({"image": ["0" * 64] * 501}, 413),
        ({"image": ["a"], "concept": "gouge"}, 404),
    ],
)
def test_labels_that_cannot_be_given_are_refused(
    hub: TestClient, form: dict[str, object], status: int
) -> None:
    assert hub.post("/images/labels", data=form).status_code == status


@pytest.mark.parametrize("odd", ["0", "%2e%2e", "x" * 64, "a" * 63, "%2e%2e%2fandon.db", "A" * 64])
def test_what_is_no_digest_names_no_file(hub: TestClient, odd: str) -> None:
    for what in ("thumbnail", "picture", "labels", "file"):
        assert hub.get(f"/api/images/{odd}/{what}").status_code == 404


def test_facets_say_what_came_since(hub: TestClient, workspace: Workspace) -> None:
    before = {one["name"] for one in hub.get("/api/images/filters").json()}
    assert "line" not in before
    with workspace.database.write() as tx:
        known = images.by_digest(tx, digests(hub.get("/images").text)[0])
        other = replace(known, digest="f" * 64, origin=replace(known.origin, line="line 9"))
        images.add(tx, [other], "station/ST-1", "mara", now())
    found = {one["name"]: one["values"] for one in hub.get("/api/images/filters").json()}
    assert [one["value"] for one in found["line"]] == ["line 9"]
    assert {one["value"] for one in found["source"]} == {"parts", "station/ST-1"}

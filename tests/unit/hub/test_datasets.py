"""Data sets from pages: the split is seen before it is frozen; what was frozen can be taken out again."""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from andon.domain.annotations import Annotation, AnnotationState, WholeImage
from andon.domain.ontologies import Concept, Ontology
from andon.formats.pixels import encode_mask, encode_png
from andon.formats.reading import read_dataset
from andon.hub.main import create_app
from andon.hub.settings import Settings
from andon.jobs.import_images import ImportRequest, import_images
from andon.services.datasets import load_snapshot
from andon.services.jobs import list_jobs
from andon.services.workspaces import Workspace, create_workspace, now
from andon.store import annotations, images, ontologies
from andon.worker.kinds import do

HUB = "http://127.0.0.1:8400"
PARTS = 40


def draw(root: Path) -> None:
    """Two photos a part; one part in four has a dent."""
    rows = ["path,label,mask,serial,half"]
    for number in range(PARTS):
        for view in range(2):
            name = f"{number:02d}-{view}.png"
            pixels = np.random.default_rng(2 * number + view).integers(0, 255, (12, 16), dtype=np.uint8)
            (root / name).write_bytes(encode_png(pixels))
            dent = number % 4 == 0
            rows.append(
                f"{name},{'dent' if dent else 'good'},{'m.png' if dent else ''},s{number},"
                f"{'train' if number < 20 else 'test'}"
            )
    mask = np.zeros((12, 16), bool)
    mask[2:5, 3:9] = True
    (root / "m.png").write_bytes(encode_mask(mask))
    (root / "manifest.csv").write_text("\n".join(rows))


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made, _ = create_workspace(tmp_path / "ws", "mara")
    (tmp_path / "parts").mkdir()
    draw(tmp_path / "parts")
    request = ImportRequest(tmp_path / "parts", "parts", "mara", now(), metadata={"line": "2"})
    import_images(made.database, made.blobs, request, lambda *_: None)
    yield made
    made.database.close()


@pytest.fixture
def hub(workspace: Workspace) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(workspace.folder)), base_url=HUB) as client:
        yield client


def numbers(page: str, group: str) -> list[int]:
    """The row of a group in the split table."""
    row = re.search(rf'<th scope="row">{group}<br>.*?</tr>', page, re.S)
    assert row is not None, page
    return [int(cell.replace(",", "")) for cell in re.findall(r'<td class="number">([\d,]+)', row.group())]


def test_the_split_that_is_shown_is_the_one_that_is_frozen(hub: TestClient) -> None:
    page = hub.get("/datasets/new?name=brackets&source=parts&seed=3").text
    assert hub.get("/api/datasets").json()["snapshots"] == []
    assert "Freeze “brackets”, 80 images" in page
    shown = {group: numbers(page, group) for group in ("train", "stop", "calibration", "test")}
    assert sum(row[1] for row in shown.values()) == PARTS
    assert all(row[0] == 2 * row[1] == 2 * (row[2] + row[3]) for row in shown.values())
    answer = hub.post("/datasets?name=brackets&source=parts&seed=3")
    assert answer.status_code == 200 and answer.url.path.startswith("/datasets/")
    assert {group: numbers(answer.text, group) for group in shown} == shown
    assert "source parts" in answer.text and "train 55, stop 10, calibration 15, test 20" in answer.text
    assert "brackets" in hub.get("/datasets").text


def test_json_and_page_say_the_same(hub: TestClient) -> None:
    wish = {"name": "brackets", "images": {"line": "2"}, "seed": 3}
    preview = hub.post("/api/datasets/previews", json=wish).json()
    frozen = hub.post("/api/datasets", json=wish).json()
    assert preview == frozen and frozen["images"] == 80
    assert hub.get("/api/datasets/brackets").json()["groups"] == frozen["groups"]
    assert hub.post("/api/datasets", json=wish).json()["snapshot"] == frozen["snapshot"]
    assert len(hub.get("/api/datasets").json()["snapshots"]) == 1


def test_filters_stay_when_the_rule_changes_and_the_other_way_round(hub: TestClient) -> None:
    page = hub.get("/datasets/new?labels=clean&name=q&group_by=serial").text
    assert '<input type="hidden" name="labels" value="clean">' in page
    other = re.search(r'href="(/datasets/new\?[^"]*concept=dent[^"]*)"', page)
    assert other is not None and "group_by=serial" in other.group(1) and "labels=clean" in other.group(1)
    assert "no defective part" in page


def test_images_that_say_their_split(hub: TestClient) -> None:
    page = hub.get("/datasets/new?name=q&split=key&split_key=half").text
    assert numbers(page, "test")[1] == 20
    page = hub.get("/datasets/new?name=q&split=key&split_key=colour").text
    assert "no image states a split under &#39;colour&#39;" in page and "Freeze “" not in page


def test_a_split_file_is_sent_and_used(hub: TestClient) -> None:
    names = [f"{number:02d}-{view}.png" for number in range(10) for view in range(2)]
    text = "file,split\n" + "\n".join(f"{name},{'test' if name < '05' else 'train'}" for name in names)
    answer = hub.post("/datasets/split-files?name=q&line=2", files={"file": ("s.csv", text)})
    assert numbers(answer.text, "test")[1] == 5 and "line=2" in str(answer.url)
    assert "60 images are not named in the split file" in answer.text
    torn = "file,split\n00-0.png,train\n00-1.png,test\n"
    answer = hub.post("/datasets/split-files?name=q", files={"file": ("s.csv", torn)})
    assert "into train and test" in answer.text and "Freeze “" not in answer.text
    answer = hub.post("/datasets/split-files?name=q", files={"file": ("s.csv", "file\n")})
    assert answer.status_code == 200 and "Freeze “" not in answer.text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("train=90", "sum to 1.35"),
        ("train=x", "is no number"),
        ("train=nan", "sum to nan"),
        ("seed=-1", "no whole number"),
        ("group_by=colour", "what its &#39;colour&#39; is"),
        ("lot=none", "no labelled image"),
        ("split=file", "no split file"),
        ("split=file&split_file=../../..", "no upload"),
    ],
)
def test_a_wrong_rule_is_said_where_it_is_made(hub: TestClient, wrong: str, said: str) -> None:
    answer = hub.get(f"/datasets/new?name=q&{wrong}")
    assert answer.status_code == 200 and said in answer.text and "Freeze “" not in answer.text
    assert 400 <= hub.post(f"/datasets?name=q&{wrong}").status_code < 500
    assert hub.get("/api/datasets").json()["snapshots"] == []


def test_many_images_are_split_when_asked(hub: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("andon.hub.web.datasets.AT_ONCE", 10)
    assert "Press “Show the split”" in hub.get("/datasets/new?name=q").text
    assert numbers(hub.get("/datasets/new?name=q&show=1").text, "train")[1] > 0


def test_more_images_than_one_waits_for_are_frozen_by_a_worker(
    hub: TestClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{number:02d}-{view}.png" for number in range(10) for view in range(2)]
    text = "file,split\n" + "\n".join(f"{name},{'test' if name < '05' else 'train'}" for name in names)
    shown = hub.post("/datasets/split-files?name=q&line=2", files={"file": ("s.csv", text)})
    monkeypatch.setattr("andon.hub.web.datasets.AT_ONCE", 10)
    asked = hub.post(f"/datasets?{shown.url.query.decode()}")
    assert asked.status_code == 200 and asked.url.path.startswith("/jobs/")
    assert hub.get("/api/datasets").json()["snapshots"] == []
    job = list_jobs(workspace, 1).rows[0]
    told = do(workspace, job, lambda *_: None)
    page = hub.get("/datasets/q").text
    assert numbers(page, "test")[1] == 5 and "20 images" in told and "by a split file" in page


def test_a_split_that_cannot_be_counted_is_not_dealt_while_one_waits(
    hub: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("andon.store.image_pages.WINDOW", 10)
    monkeypatch.setattr("andon.hub.web.datasets.AT_ONCE", 10)
    page = hub.get("/datasets/new?name=q&show=1").text
    assert "A worker freezes them" in page and "Freeze “q” unseen" in page


def test_leaks_and_duplicates_are_shown_before_freezing(hub: TestClient, workspace: Workspace) -> None:
    with workspace.database.write() as tx:
        known = next(
            iter(images.by_digests(tx, [hub.get("/api/images").json()["images"][0]["digest"]]).values())
        )
        images.add(tx, [replace(known, name="again.png")], "parts", "mara", now())
    text = f"file,split\n{known.name},train\nagain.png,test\n00-0.png,test\n00-1.png,test\n"
    answer = hub.post("/datasets/split-files?name=q", files={"file": ("s.csv", text)})
    assert "1 pictures with several names" in answer.text and "lay on both sides" in answer.text
    assert f'href="/images/{known.digest}"' in answer.text


@pytest.mark.parametrize("layout", ["coco", "mvtec"])
def test_a_download_reads_back_the_same(
    hub: TestClient, workspace: Workspace, tmp_path: Path, layout: str
) -> None:
    digest = hub.post("/api/datasets", json={"name": "brackets"}).json()["snapshot"]
    answer = hub.get(f"/api/datasets/{digest}/archives/{layout}")
    assert answer.headers["content-type"] == "application/zip"
    assert f"{digest[:12]}-{layout}.zip" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert packed.testzip() is None
        packed.extractall(tmp_path / "out")
    found = list(read_dataset(tmp_path / "out")[1])
    snapshot = load_snapshot(workspace, "brackets")
    labels = sorted(len(getattr(entry, "labels", ())) for entry in found if hasattr(entry, "clean"))
    assert labels == sorted(len(item.labels) for item in snapshot.items)
    assert not list(workspace.uploads.glob("export-*"))
    assert hub.get(f"/api/datasets/{digest}/archives/{layout}").content == answer.content


def label_twice(hub: TestClient, workspace: Workspace) -> None:
    """Give an image labels that MVTec cannot hold, and freeze it with the others."""
    with workspace.database.write() as tx:
        ontologies.add_version(tx, Ontology(2, (Concept("dent"), Concept("scratch"))), "mara", now())
        digest = next(iter(hub.get("/api/images?concept=dent").json()["images"]))["digest"]
        second = Annotation(
            "b", 1, digest, "scratch", WholeImage(), AnnotationState.ACCEPTED, "mara", now()
        )
        annotations.add(tx, [second])
    hub.post("/api/datasets", json={"name": "brackets"})


def test_a_refused_download_is_a_page_for_who_follows_the_link(
    hub: TestClient, workspace: Workspace
) -> None:
    label_twice(hub, workspace)
    browser = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    refused = hub.get("/api/datasets/brackets/archives/mvtec", headers=browser)
    assert refused.status_code == 409 and refused.headers["content-type"].startswith("text/html")
    assert "This did not work" in refused.text and 'aria-label="Pages"' in refused.text
    program = hub.get("/api/datasets/brackets/archives/mvtec")
    assert program.status_code == 409 and program.json()["message"] in refused.text.replace("&#39;", "'")
    links = re.findall(r"<a [^>]*archives/[^>]*>", hub.get("/datasets/brackets").text)
    assert len(links) == 2 and not any(" download" in link for link in links)


def test_a_layout_that_cannot_hold_the_labels_is_refused(hub: TestClient, workspace: Workspace) -> None:
    label_twice(hub, workspace)
    assert hub.get("/api/datasets/brackets/archives/mvtec").status_code == 409
    assert hub.get("/api/datasets/brackets/archives/coco").status_code == 200
    assert hub.get("/api/datasets/brackets/archives/yaml").status_code == 422
    assert hub.get("/api/datasets/none/archives/coco").status_code == 404
    assert not list(workspace.uploads.glob("export-*"))


def test_no_data_set_yet_teaches(tmp_path: Path) -> None:
    create_workspace(tmp_path / "empty", "mara")[0].database.close()
    with TestClient(create_app(Settings(tmp_path / "empty")), base_url=HUB) as hub:
        assert "andon datasets freeze NAME" in hub.get("/datasets").text
        assert "no labelled image" in hub.get("/datasets/new").text

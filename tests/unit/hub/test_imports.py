"""Sending a folder or an archive, seeing what is in it, having it imported, and what was left out."""

import io
import stat
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from fastapi.testclient import TestClient

from andon.domain.jobs import JobState
from andon.errors import LimitExceeded
from andon.formats.pixels import encode_png
from andon.hub.main import create_app
from andon.hub.settings import Settings
from andon.services import uploads
from andon.services.jobs import claim_job, settle, write_log
from andon.services.workspaces import Workspace, create_workspace
from andon.worker.kinds import do

HUB = "http://127.0.0.1:8400"


def picture(number: int) -> bytes:
    return encode_png(np.random.default_rng(number).integers(0, 255, (12, 16), dtype=np.uint8))


PARTS: Mapping[str, bytes] = {
    **{f"parts/good/{n}.png": picture(n) for n in range(4)},
    **{f"parts/scratch/{n}.png": picture(10 + n) for n in range(2)},
    "parts/good/broken.png": b"no picture",
    "parts/notes.txt": b"hello",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made, _ = create_workspace(tmp_path / "ws", "mara")
    yield made
    made.database.close()


@pytest.fixture
def hub(workspace: Workspace) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(workspace.folder)), base_url=HUB) as client:
        yield client


def begun(hub: TestClient, name: str = "parts") -> str:
    answer = hub.post("/api/imports", json={"name": name})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def sent(hub: TestClient, files: Mapping[str, bytes] = PARTS) -> str:
    upload = begun(hub)
    for name, content in files.items():
        answer = hub.put(f"/api/imports/{upload}/files/{quote(name)}", content=content)
        assert answer.status_code == 201, answer.text
    return upload


def archive(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return made.getvalue()


def work(workspace: Workspace) -> str:
    """Do what waits, as a worker does; what came of it."""
    claimed = claim_job(workspace, "w1")
    assert claimed is not None
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.print", lambda *words: lines.append(" ".join(map(str, words))))
        outcome = do(workspace, claimed.job, lambda *_: None)
    write_log(workspace, claimed.claim, lines)
    settle(workspace, claimed.claim, JobState.FINISHED, outcome)
    return outcome


def below(workspace: Workspace) -> set[str]:
    return {
        str(path.relative_to(workspace.uploads))
        for path in workspace.uploads.rglob("*")
        if path.is_file() and path.name not in ("upload.json", "received")
    }


def test_a_folder_is_previewed_imported_and_what_was_left_out_named(
    hub: TestClient, workspace: Workspace
) -> None:
    upload = sent(hub)
    preview = hub.post(f"/api/imports/{upload}/previews", json={}).json()
    assert (preview["layout"], preview["images"], preview["clean"]) == ("classes", 7, 5)
    assert preview["labels"] == [{"name": "scratch", "images": 2, "known": False}]
    assert preview["not_taken"] == [{"name": "notes.txt", "reason": "not an image"}]
    page = hub.get(f"/imports/{upload}?source=March").text
    assert "Import 7 images" in page and "notes.txt" in page
    assert hub.get("/api/images").json()["images"] == []

    hub.post(f"/imports/{upload}/job?source=March&part_type=tile&says=line%3D2%0Astation%3DST-1")
    assert "6 images imported" in work(workspace)
    page = hub.get(f"/imports/{upload}").text
    assert "broken.png" in page and "notes.txt" in page and "Left out: 2 files" in page
    found = hub.get("/api/images?source=March&line=2&station=ST-1&part_type=tile").json()["images"]
    assert len(found) == 6
    assert below(workspace) == set()


def test_an_archive_is_the_same(hub: TestClient, workspace: Workspace) -> None:
    upload = begun(hub, "parts.zip")
    hostile = {"../evil.png": picture(1), "parts/a\\b.png": picture(2), "__MACOSX/parts/good/._0.png": b"x"}
    answer = hub.put(f"/api/imports/{upload}/archive", content=archive({**PARTS, **hostile}))
    assert answer.status_code == 201 and answer.json()["files"] == len(PARTS)
    preview = hub.post(f"/api/imports/{upload}/previews", json={}).json()
    assert (preview["layout"], preview["images"]) == ("classes", 7)
    assert {one["name"] for one in preview["not_taken"]} == {"notes.txt", "../evil.png", "parts/a\\b.png"}
    assert below(workspace) == {f"{upload}/files/{name}" for name in PARTS}
    assert not list(workspace.folder.rglob("evil.png"))


def test_the_form_without_script_sends_an_archive(hub: TestClient) -> None:
    answer = hub.post("/imports", files={"archive": ("parts.zip", archive(PARTS))})
    assert answer.status_code == 200 and "Import 7 images" in answer.text
    answer = hub.post("/imports", files={"archive": ("parts.zip", b"no archive")})
    assert answer.status_code == 422 and "no zip archive" in answer.text
    assert hub.post("/imports", data={}).status_code == 422


def test_a_folder_on_the_hubs_machine(hub: TestClient, workspace: Workspace, tmp_path: Path) -> None:
    for name, content in PARTS.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    answer = hub.post("/imports", data={"path": str(tmp_path / "parts")})
    upload = answer.url.path.rpartition("/")[2]
    assert "Import 7 images" in answer.text
    hub.post(f"/api/imports/{upload}/job", json={})
    work(workspace)
    assert (tmp_path / "parts/good/0.png").read_bytes() == picture(0)
    assert hub.get(f"/api/images?source={quote(str(tmp_path / 'parts'))}").json()["count"]["number"] == 6
    for wrong in ("/no/such/folder", "relative", "a\0b", "/" + "x" * 5000):
        assert hub.post("/api/imports", json={"name": "n", "path": wrong}).status_code == 404


@pytest.mark.parametrize(
    "name",
    [
        "../evil.png",
        "..%2f..%2fevil.png",
        "%2fetc%2fevil.png",
        "a%2f..%2f..%2fevil.png",
        "a%5c..%5cevil.png",
        "a%00.png",
        "a%0a.png",
        ".hidden.png",
        "a/.git/config",
        "a//b.png",
        "x" * 300 + ".png",
        "parts",
        "parts/good/0.png/inside.png",
    ],
)
def test_hostile_names_are_refused(hub: TestClient, workspace: Workspace, name: str) -> None:
    upload = sent(hub, {"parts/good/0.png": picture(0)})
    answer = hub.put(f"/api/imports/{upload}/files/{name}", content=b"evil")
    assert 400 <= answer.status_code < 500
    assert below(workspace) == {f"{upload}/files/parts/good/0.png"}
    assert not list(workspace.folder.rglob("evil*"))


@pytest.mark.parametrize("upload", ["..", "0", "%2e%2e", "andon.db", "0" * 300, "a-b"])
def test_an_upload_is_named_by_its_id_alone(hub: TestClient, upload: str) -> None:
    for method, path in (("GET", ""), ("DELETE", ""), ("PUT", "/files/a.png"), ("PUT", "/archive")):
        assert hub.request(method, f"/api/imports/{upload}{path}", content=b"x").status_code in (404, 405)


def test_limits_hold_over_files_and_restarts(
    hub: TestClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = sent(hub, {f"{n}.png": bytes(100) for n in range(3)})
    monkeypatch.setattr(uploads, "MAX_FILES", 4)
    monkeypatch.setattr(uploads, "MAX_BYTES", 1000)
    assert hub.put(f"/api/imports/{upload}/files/big.png", content=bytes(701)).status_code == 413
    with TestClient(create_app(Settings(workspace.folder)), base_url=HUB) as again:
        assert again.get(f"/api/imports/{upload}").json()["bytes"] == 300
        assert again.put(f"/api/imports/{upload}/files/3.png", content=b"x").status_code == 201
        assert again.put(f"/api/imports/{upload}/files/4.png", content=b"x").status_code == 413
    assert below(workspace) == {f"{upload}/files/{n}.png" for n in range(4)}


def test_a_bomb_leaves_nothing_behind(
    hub: TestClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begun(hub)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("good/0.png", picture(0))
        packed.writestr("bomb.png", bytes(30 << 20))
    answer = hub.put(f"/api/imports/{upload}/archive", content=made.getvalue())
    assert answer.status_code == 413 and "times its size" in answer.json()["message"]
    assert below(workspace) == set()
    assert hub.get(f"/api/imports/{upload}").json()["files"] == 0


def test_links_in_an_archive_lead_nowhere(hub: TestClient, workspace: Workspace) -> None:
    upload = begun(hub)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        link = zipfile.ZipInfo("good/link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(link, "/etc/passwd")
        packed.writestr("good/0.png", picture(0))
    hub.put(f"/api/imports/{upload}/archive", content=made.getvalue())
    assert below(workspace) == {f"{upload}/files/good/0.png"}


def test_labels_that_are_no_concepts_need_a_word(hub: TestClient, workspace: Workspace) -> None:
    hub.post(f"/api/imports/{sent(hub)}/job", json={"source": "first"})
    work(workspace)
    upload = sent(hub, {"p/gouge/1.png": picture(50), "p/good/2.png": picture(51)})
    page = hub.get(f"/imports/{upload}").text
    assert "gouge: not in the ontology" in page and "Import 2 images" not in page
    assert "Import 2 images" in hub.get(f"/imports/{upload}?add_concepts=yes").text


def test_an_import_is_asked_for_once_and_takes_no_more_files(hub: TestClient) -> None:
    upload = sent(hub)
    assert hub.post(f"/api/imports/{upload}/job", json={}).status_code == 201
    assert hub.post(f"/api/imports/{upload}/job", json={}).status_code == 409
    assert hub.put(f"/api/imports/{upload}/files/late.png", content=b"x").status_code == 409
    empty = begun(hub)
    assert hub.post(f"/api/imports/{empty}/job", json={}).status_code == 404
    assert "holds no image" in hub.get(f"/imports/{empty}").text


def test_what_cannot_be_written_never_becomes_a_job(hub: TestClient) -> None:
    upload = sent(hub)
    for wrong in (
        {"source": "a\u0000b"},
        {"metadata": {"line": "a\nb"}},
        {"table": "/etc/passwd"},
        {"threads": 65},
    ):
        assert hub.post(f"/api/imports/{upload}/job", json=wrong).status_code == 422


def test_removing_an_upload(hub: TestClient, workspace: Workspace) -> None:
    upload = sent(hub)
    assert hub.delete(f"/api/imports/{upload}").status_code == 204
    assert hub.get(f"/api/imports/{upload}").status_code == 404
    assert below(workspace) == set()


def test_old_uploads_that_nobody_imported_go(
    hub: TestClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, asked = sent(hub), sent(hub)
    hub.post(f"/api/imports/{asked}/job", json={})
    monkeypatch.setattr(uploads, "KEPT_SECONDS", -1.0)
    begun(hub)
    assert hub.get(f"/api/imports/{left}").status_code == 404
    assert hub.get(f"/api/imports/{asked}").status_code == 200


def test_a_full_upload_says_so(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_BYTES", 10)
    upload = uploads.begin_upload(workspace, "small")
    with (
        pytest.raises(LimitExceeded, match="at most 10 bytes"),
        uploads.receiving(workspace, upload, "a.png") as file,
    ):
        file.write(bytes(11))
    assert below(workspace) == set()

"""Importing a folder: what arrives, what is left out and why, and what a kill or a full disk leaves."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from andon.blobs.files import disk_errors
from andon.blobs.folder import FolderBlobs
from andon.domain.annotations import AnnotationState, Mask
from andon.domain.images import ImageFilter
from andon.domain.jobs import JobKind
from andon.errors import Conflict, DiskFull, NotFound
from andon.formats.entries import Options
from andon.formats.pixels import Limits, encode_mask, encode_png, read_mask
from andon.formats.tables import MetadataTable
from andon.jobs.import_images import ImportOutcome, ImportRequest, import_images
from andon.services.workspaces import Workspace, create_workspace, now, open_workspace
from andon.store import annotations, images, jobs, ontologies
from andon.units import Digest, digest_of

SHARED = Path(os.environ.get("ANDON_SHARED", Path(__file__).parents[3] / "shared")) / "data"


def picture(path: Path, seed: int, shape: tuple[int, ...] = (16, 20)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)))


def stroke(path: Path, shape: tuple[int, int] = (16, 20)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros(shape, bool)
    mask[3:5, 2:9] = True
    path.write_bytes(encode_mask(mask))


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made, _ = create_workspace(tmp_path / "workspace", "ada")
    yield made
    made.database.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four clean parts, three scratched with a mask, one dented."""
    root = tmp_path / "parts"
    for number in range(4):
        picture(root / f"good/{number}.png", number)
    for number in range(3):
        picture(root / f"scratch/{number}.png", 10 + number)
        stroke(root / f"masks/scratch/{number}.png")
    picture(root / "dent/0.png", 20, (16, 20, 3))
    return root


def run(workspace: Workspace, path: Path, **how: object) -> ImportOutcome:
    request = ImportRequest(path, "line 1", workspace.who, now(), **how)
    return import_images(workspace.database, workspace.blobs, request, lambda done, total: None)


def state(workspace: Workspace) -> Mapping[str, object]:
    """Everything an import leaves behind, without times."""
    with workspace.database.read() as tx:
        rows = images.page(tx, ImageFilter(), None, 10_000).rows
        stored = annotations.current(tx, [image.digest for image in rows])
        return {
            "images": {image.digest: image for image in rows},
            "names": images.names(tx, [image.digest for image in rows]),
            "said": {
                digest: sorted(
                    (a.id, a.revision, a.concept or "", repr(a.geometry), a.state) for a in found
                )
                for digest, found in stored.items()
            },
            "concepts": ontologies.current(tx),
            "blobs": sorted(p.name for p in workspace.blobs.root.rglob("*") if p.is_file()),
        }


def test_images_labels_masks_and_concepts_arrive(workspace: Workspace, folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    request = ImportRequest(folder, "line 1", "ada", now(), metadata={"part_type": "tile"})
    outcome = import_images(workspace.database, workspace.blobs, request, lambda *step: seen.append(step))
    assert (outcome.layout, outcome.imported, outcome.known) == ("classes", 8, 0)
    assert outcome.concepts_added == ("dent", "scratch")
    assert seen[0] == (0, 8)
    assert seen[-1] == (8, 8)
    with workspace.database.read() as tx:
        rows = images.page(tx, ImageFilter(), None, 100).rows
        stored = annotations.current(tx, [image.digest for image in rows])
        (job,) = jobs.page(tx, None, 10).rows
    by_name = {image.name: image for image in rows}
    assert {image.origin.part_type for image in rows} == {"tile"}
    assert by_name["dent/0.png"].shape.channels == 3
    (clean,) = stored[by_name["good/0.png"].digest]
    assert (clean.concept, clean.state, clean.author) == (None, AnnotationState.ACCEPTED, "ada")
    (scratch,) = stored[by_name["scratch/1.png"].digest]
    assert isinstance(scratch.geometry, Mask)
    assert scratch.geometry.area == read_mask(workspace.blobs.get(scratch.geometry.blob)).sum() == 14
    assert workspace.blobs.get(by_name["good/3.png"].blob) == (folder / "good/3.png").read_bytes()
    assert (job.kind, job.state, job.done, job.total) == (JobKind.IMPORT_IMAGES, "finished", 8, 8)


def test_importing_again_adds_nothing(workspace: Workspace, folder: Path) -> None:
    run(workspace, folder)
    before = state(workspace)
    again = run(workspace, folder)
    assert (again.imported, again.known, again.concepts_added) == (0, 8, ())
    assert state(workspace) == before


def test_a_corrected_label_is_not_undone_by_importing_again(workspace: Workspace, folder: Path) -> None:
    run(workspace, folder)
    with workspace.database.write() as tx:
        rows = images.page(tx, ImageFilter(concept="dent"), None, 1).rows
        (dent,) = annotations.current(tx, [rows[0].digest])[rows[0].digest]
        rejected = type(dent)(
            dent.id, 2, dent.image, dent.concept, dent.geometry, AnnotationState.REJECTED, "bob", now()
        )
        annotations.add(tx, [rejected])
    before = state(workspace)
    run(workspace, folder)
    assert state(workspace) == before


def test_every_file_left_out_is_named_with_its_reason(workspace: Workspace, folder: Path) -> None:
    (folder / "good/text.png").write_text("hello")
    (folder / "good/short.png").write_bytes((folder / "good/0.png").read_bytes()[:-20])
    picture(folder / "good/huge.png", 30, (64, 64))
    picture(folder / "scratch/unfit.png", 31)
    stroke(folder / "masks/scratch/unfit.png", (8, 8))
    (folder / "notes.txt").write_text("hello")
    (folder / "good/locked.png").symlink_to("/proc/self/mem")
    outcome = run(workspace, folder, limits=Limits(pixels=1000))
    reasons = dict(outcome.left_out)
    assert outcome.imported == 8
    assert set(reasons) == {
        *(
            "good/text.png",
            "good/short.png",
            "good/huge.png",
            "good/locked.png",
            "scratch/unfit.png",
            "notes.txt",
        ),
    }
    assert "no image" in reasons["good/text.png"]
    assert "truncated" in reasons["good/short.png"]
    assert "64 x 64 pixels, at most 1000" in reasons["good/huge.png"]
    assert "8 x 8 pixels, the image 16 x 20" in reasons["scratch/unfit.png"]
    assert "not an image" in reasons["notes.txt"]


def test_an_empty_mask_leaves_the_label_and_is_remarked(workspace: Workspace, folder: Path) -> None:
    (folder / "masks/scratch/0.png").write_bytes(encode_mask(np.zeros((16, 20), bool)))
    outcome = run(workspace, folder)
    assert [name for name, remark in outcome.remarks if "empty" in remark] == ["scratch/0.png"]
    with workspace.database.read() as tx:
        assert images.count(tx, ImageFilter(concept="scratch")) == 3


def test_a_label_that_is_no_concept_is_refused_before_anything_is_written(
    workspace: Workspace, folder: Path
) -> None:
    run(workspace, folder)
    before = state(workspace)
    picture(folder / "stain/0.png", 40)
    with pytest.raises(NotFound, match="'stain' is not in the ontology") as refused:
        run(workspace, folder)
    assert "--add-concepts" in refused.value.todo
    assert state(workspace) == before
    assert run(workspace, folder, add_concepts=True).concepts_added == ("stain",)


def test_two_concepts_of_one_name_are_refused_before_anything_is_written(
    workspace: Workspace, folder: Path
) -> None:
    picture(folder / "Scratch/0.png", 50)
    before = state(workspace)
    with pytest.raises(Conflict, match="two concepts have one name"):
        run(workspace, folder)
    assert state(workspace) == before


def test_one_picture_under_two_labels_keeps_the_first(workspace: Workspace, folder: Path) -> None:
    (folder / "scratch/copy.png").write_bytes((folder / "dent/0.png").read_bytes())
    (folder / "good/same.png").write_bytes((folder / "good/0.png").read_bytes())
    outcome = run(workspace, folder)
    assert (outcome.imported, outcome.known) == (8, 1)
    assert "labelled otherwise already (dent)" in dict(outcome.left_out)["scratch/copy.png"]


def test_a_table_gives_every_image_the_key_of_its_group(
    workspace: Workspace, folder: Path, tmp_path: Path
) -> None:
    table = tmp_path / "groups.csv"
    table.write_text("file,group\n" + "".join(f"good/{n}.png,{n // 2}\n" for n in range(4)))
    run(workspace, folder, table=MetadataTable(table, {"group": "tile"}))
    with workspace.database.read() as tx:
        rows = images.page(tx, ImageFilter(clean=True), None, 10).rows
    assert sorted(image.origin.extra["tile"] for image in rows) == ["0", "0", "1", "1"]


def test_a_missing_folder_is_named(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no folder"):
        run(workspace, tmp_path / "nowhere")


IMPORT = """
import sys
from pathlib import Path
from andon.jobs import import_images as job
from andon.services.workspaces import now, open_workspace
job.BATCH_FILES = 4
workspace = open_workspace(Path(sys.argv[1]), "ada")
request = job.ImportRequest(Path(sys.argv[2]), "line 1", "ada", now())
job.import_images(workspace.database, workspace.blobs, request, lambda done, total: print(done, flush=True))
"""


def many(root: Path, count: int = 60) -> Path:
    for number in range(count):
        picture(root / ("good" if number % 3 else "scratch") / f"{number}.png", number)
        if number % 3 == 0:
            stroke(root / f"masks/scratch/{number}.png")
    return root


def test_killed_anywhere_and_repeated_it_ends_as_if_undisturbed(tmp_path: Path) -> None:
    folder = many(tmp_path / "parts")
    undisturbed, _ = create_workspace(tmp_path / "undisturbed", "ada")
    run(undisturbed, folder)
    expected = state(undisturbed)
    dice = random.Random(5)
    killed, _ = create_workspace(tmp_path / "killed", "ada")
    killed.database.close()
    deaths = 0
    for steps in (0, 1, 3, 6):
        command = [sys.executable, "-c", IMPORT, str(killed.folder), str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(1 + steps):
                process.stdout.readline()
            for _ in range(dice.randrange(200_000)):  # somewhere inside the next batch
                pass
            process.send_signal(signal.SIGKILL)
        deaths += process.returncode == -signal.SIGKILL
    assert deaths >= 3
    reopened = open_workspace(killed.folder, "ada")
    outcome = run(reopened, folder)
    assert outcome.imported + outcome.known == 60
    found = state(reopened)
    left = {name for name in found["blobs"] if name.endswith(".partial")}
    assert {**found, "blobs": sorted(set(found["blobs"]) - left)} == expected
    with reopened.database.read() as tx:
        assert jobs.running_for(tx, JobKind.IMPORT_IMAGES, "line 1") is None
    for workspace in (undisturbed, reopened):
        workspace.database.close()


class FullDisk(FolderBlobs):
    """A blob folder whose disk fills up after some batches: the error is the kernel's own, of /dev/full."""

    def __init__(self, root: Path, batches: int) -> None:
        super().__init__(root)
        self.batches = batches

    def put_many(self, contents: Sequence[bytes]) -> tuple[Digest, ...]:
        if self.batches == 0:
            stored = super().put_many(contents[:1])
            with disk_errors(self.root), Path("/dev/full").open("wb", buffering=0) as device:
                device.write(contents[-1])
            return stored
        self.batches -= 1
        return super().put_many(contents)


def test_a_full_disk_keeps_what_was_complete_and_the_next_import_continues(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("andon.jobs.import_images.BATCH_FILES", 8)
    folder = many(tmp_path / "parts")
    request = ImportRequest(folder, "line 1", "ada", now())
    with pytest.raises(DiskFull, match="no space is left"):
        import_images(workspace.database, FullDisk(workspace.blobs.root, 3), request, lambda *_: None)
    with workspace.database.read() as tx:
        kept = images.page(tx, ImageFilter(), None, 100).rows
        said = annotations.current(tx, [image.digest for image in kept])
    assert len(kept) == 24
    assert len(said) == 24
    assert all(digest_of(workspace.blobs.get(image.blob)) == image.blob for image in kept)
    outcome = run(workspace, folder)
    assert (outcome.imported, outcome.known) == (36, 24)


SMALL_DISK = """
set -e
mount -t tmpfs -o size=1m small "$1"
python="$2"; folder="$3"
"$python" - "$1/workspace" "$folder" <<'END'
import sys
from pathlib import Path
from andon.errors import DiskFull
from andon.jobs import import_images as job
from andon.services.workspaces import create_workspace, now
from andon.store import images
from andon.domain.images import ImageFilter
job.BATCH_FILES = 4
workspace, _ = create_workspace(Path(sys.argv[1]), "ada")
try:
    request = job.ImportRequest(Path(sys.argv[2]), "line 1", "ada", now())
    job.import_images(workspace.database, workspace.blobs, request, lambda *_: None)
except DiskFull as full:
    with workspace.database.read() as tx:
        rows = images.page(tx, ImageFilter(), None, 1000).rows
    assert all(workspace.blobs.get(image.blob) for image in rows)
    print("full:", len(rows))
END
"""


def test_a_disk_that_really_fills_up_is_said_so(tmp_path: Path) -> None:
    mountpoint = tmp_path / "small"
    mountpoint.mkdir()
    folder = tmp_path / "parts"
    for number in range(40):
        picture(folder / f"good/{number}.png", number, (128, 256))
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    try:
        probe = subprocess.run(
            [*unshare, 'mount -t tmpfs -o size=1m small "$0"', str(mountpoint)],
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("the program unshare is missing")
    if probe.returncode != 0:
        pytest.skip("this machine lets no user mount a small disk")
    done = subprocess.run(
        [*unshare, SMALL_DISK, "sh", str(mountpoint), sys.executable, str(folder)],
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("full: ")
    assert 0 <= int(done.stdout.split()[1]) < 40


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data sets are not here (ANDON_SHARED)")
@pytest.mark.parametrize(
    ("name", "how", "pictures", "defective"),
    [
        ("lookout_aliens", {}, 118, 60),
        ("lookout_cookies", {"options": Options(masks="dataset-files/mask-binary")}, 85, 40),
    ],
)
def test_published_sets_arrive_whole(
    workspace: Workspace, name: str, how: dict[str, Options], pictures: int, defective: int
) -> None:
    outcome = run(workspace, SHARED / name, **how)
    with workspace.database.read() as tx:
        assert images.count(tx, ImageFilter()) == outcome.imported == pictures
        assert images.count(tx, ImageFilter(clean=False)) == defective

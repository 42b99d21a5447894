"""Every layout, built as its makers publish it: recognised, read, and what it cannot hold is left out."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from andon.domain.annotations import Box, Polygon, WholeImage
from andon.domain.datasets import Split
from andon.errors import Conflict, InvalidInput, NotFound, UserError
from andon.formats.entries import Entry, LeftOut, MaskFile, Options
from andon.formats.pixels import encode_mask, encode_png
from andon.formats.reading import LAYOUT_NAMES, read_dataset
from andon.formats.run_lengths import RunLengths, compress, run_lengths_of

MASK = np.zeros((6, 8), bool)
MASK[1:3, 2:5] = True


def image(root: Path, name: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(encode_png(np.full((6, 8), len(name), np.uint8)))


def mask(root: Path, name: str, shown: np.ndarray = MASK) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(encode_mask(shown))


def read(root: Path, **options: object) -> tuple[str, dict[str, Entry], dict[str, str]]:
    layout, found = read_dataset(root, None, Options(**options))
    everything = list(found)
    entries = {item.name: item for item in everything if isinstance(item, Entry)}
    return layout, entries, {item.name: item.reason for item in everything if isinstance(item, LeftOut)}


def good_bad(root: Path) -> None:
    image(root, "train/OK/1.png")
    image(root, "train/NG/1.png")
    image(root, "test/NG/scratch/2.png")
    mask(root, "train/masks/1.png")
    mask(root, "test/NG/scratch/2_mask.png")


def classes(root: Path) -> None:
    for name in ("good/1.png", "oil stain/1.png", "dent/images/1.png"):
        image(root, name)
    mask(root, "masks/dent/1.png")


def mvtec(root: Path) -> None:
    for name in ("train/good/000.png", "test/good/000.png", "test/cut/000.png", "test/hole/000.png"):
        image(root, name)
    mask(root, "ground_truth/cut/000_mask.png")


def pairs(root: Path) -> None:
    for kind in ("Free", "Crack"):
        image(root, f"MT_{kind}/Imgs/a.jpg")
        mask(root, f"MT_{kind}/Imgs/a.png", MASK if kind == "Crack" else ~MASK & False)


def kolektor(root: Path) -> None:
    for name in ("kos01/Part0", "kos01/Part1"):
        image(root, f"{name}.jpg")
        mask(root, f"{name}_label.bmp", MASK if name.endswith("1") else MASK & False)


def dagm(root: Path) -> None:
    for name in ("Class1/Train/0576.PNG", "Class1/Train/0577.PNG", "Class1/Test/0001.PNG"):
        image(root, name)
    mask(root, "Class1/Train/Label/0576_label.PNG")
    labels = "1\n1\t1\t0576.PNG\t1\t0576_label.PNG\n2\t0\t0577.PNG\t0\t0\n"
    (root / "Class1/Train/Label/Labels.txt").write_text(labels)


def names(root: Path) -> None:
    for name in ("training-images/normal-1", "training-images/anomaly-1", "test-images/test-anomaly-1"):
        image(root, f"{name}.png")
    mask(root, "mask-binary/anomaly-1.png")


def csv(root: Path) -> None:
    for name in ("a/1.png", "a/2.png", "a/3.png"):
        image(root, name)
    mask(root, "m/1.png")
    rows = ("path,label,mask,split,serial", "a/1.png,dent,m/1.png,train,s1", "a/1.png,stain,,train,s1")
    (root / "manifest.csv").write_text("\n".join((*rows, "a/2.png,ok,,test,", "a/3.png,,,,", "")))


def coco(root: Path) -> None:
    for name in ("images/1.png", "images/2.png"):
        image(root, name)
    (root / "annotations").mkdir()
    runs = run_lengths_of(MASK)
    places = [
        {"bbox": [1, 2, 3, 4], "segmentation": []},
        {"segmentation": [[0, 0, 4, 0, 4, 4], [5, 5, 7, 5, 7, 6]]},
        {"segmentation": {"size": [6, 8], "counts": list(runs.counts)}},
        {"segmentation": {"size": [6, 8], "counts": compress(runs.counts)}},
    ]
    content = {
        "images": [{"id": n, "file_name": f"{n}.png", "height": 6, "width": 8} for n in (1, 2)],
        "categories": [{"id": 7, "name": "dent", "supercategory": "x"}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 7, **place} for n, place in enumerate(places)
        ],
    }
    (root / "annotations/instances_train2017.json").write_text(json.dumps(content))


BUILDERS: dict[str, Callable[[Path], None]] = {
    "good-bad": good_bad,
    "classes": classes,
    "mvtec": mvtec,
    "pairs": pairs,
    "kolektor": kolektor,
    "dagm": dagm,
    "names": names,
    "csv": csv,
    "coco": coco,
}


def test_every_layout_has_an_example() -> None:
    assert set(BUILDERS) == set(LAYOUT_NAMES)


@pytest.mark.parametrize("layout", LAYOUT_NAMES)
def test_a_layout_is_recognised_and_accounts_for_every_file(layout: str, tmp_path: Path) -> None:
    BUILDERS[layout](tmp_path)
    (tmp_path / "notes.md").write_text("hello")
    recognised, entries, left_out = read(tmp_path)
    assert recognised == layout
    assert left_out.pop("notes.md")
    assert not left_out
    masks = {
        label.place.path
        for e in entries.values()
        for label in e.labels
        if isinstance(label.place, MaskFile)
    }
    files = {path for path in tmp_path.rglob("*") if path.is_file()}
    manifests = {p for p in files if p.suffix in {".md", ".csv", ".json", ".txt"}}
    unread = files - masks - manifests - {entry.path for entry in entries.values()}
    assert unread <= {tmp_path / "MT_Free/Imgs/a.png"}


@pytest.mark.parametrize("layout", LAYOUT_NAMES)
def test_reading_twice_gives_the_same_in_the_same_order(layout: str, tmp_path: Path) -> None:
    BUILDERS[layout](tmp_path)
    assert list(read_dataset(tmp_path, layout)[1]) == list(read_dataset(tmp_path)[1])


def test_good_and_bad_with_masks_in_two_places(tmp_path: Path) -> None:
    good_bad(tmp_path)
    _, entries, _ = read(tmp_path)
    assert entries["train/OK/1.png"].clean
    bad, scratch = entries["train/NG/1.png"], entries["test/NG/scratch/2.png"]
    assert (bad.labels[0].concept, bad.split) == ("defect", Split.TRAIN)
    assert bad.labels[0].place == MaskFile(tmp_path / "train/masks/1.png")
    assert (scratch.labels[0].concept, scratch.split) == ("scratch", Split.TEST)
    assert scratch.labels[0].place.load().sum() == MASK.sum()


def test_class_folders_with_a_clean_word_of_ones_own(tmp_path: Path) -> None:
    classes(tmp_path)
    _, entries, _ = read(tmp_path, clean=frozenset({"Oil_Stain"}))
    assert entries["oil stain/1.png"].clean
    assert entries["good/1.png"].labels[0].concept == "good"
    assert isinstance(entries["dent/images/1.png"].labels[0].place, MaskFile)


def test_mvtec_with_categories_names_the_part_type(tmp_path: Path) -> None:
    mvtec(tmp_path / "bottle")
    layout, entries, _ = read(tmp_path)
    assert layout == "mvtec"
    assert entries["bottle/train/good/000.png"].metadata == {"part_type": "bottle"}
    assert entries["bottle/test/cut/000.png"].labels[0].place.load().sum() == MASK.sum()
    assert entries["bottle/test/hole/000.png"].labels[0].place == WholeImage()


def test_pairs_drop_what_all_class_folders_share(tmp_path: Path) -> None:
    pairs(tmp_path)
    _, entries, _ = read(tmp_path)
    assert entries["MT_Free/Imgs/a.jpg"].clean
    assert entries["MT_Crack/Imgs/a.jpg"].labels[0].concept == "Crack"


def test_in_kolektor_an_empty_mask_means_clean(tmp_path: Path) -> None:
    kolektor(tmp_path)
    _, entries, _ = read(tmp_path)
    assert all(entry.labels[0].place.empty_is_clean for entry in entries.values())
    assert entries["kos01/Part0.jpg"].metadata == {"serial": "kos01"}


def test_dagm_believes_its_list(tmp_path: Path) -> None:
    dagm(tmp_path)
    _, entries, _ = read(tmp_path)
    defective = entries["Class1/Train/0576.PNG"]
    assert (defective.metadata, defective.split) == ({"part_type": "Class1"}, Split.TRAIN)
    assert [entry.name for entry in entries.values() if entry.clean] == [
        "Class1/Test/0001.PNG",
        "Class1/Train/0577.PNG",
    ]


def test_names_say_class_and_split(tmp_path: Path) -> None:
    names(tmp_path)
    _, entries, _ = read(tmp_path, defect="cracked")
    assert entries["training-images/normal-1.png"].clean
    trained, tested = entries["training-images/anomaly-1.png"], entries["test-images/test-anomaly-1.png"]
    assert trained.labels[0].concept == tested.labels[0].concept == "cracked"
    assert (trained.split, tested.split) == (Split.TRAIN, Split.TEST)


def test_a_mask_of_another_class_or_split_is_not_taken(tmp_path: Path) -> None:
    for name in ("scratch/1.png", "dent/1.png", "dent/2.png"):
        image(tmp_path, name)
    mask(tmp_path, "masks/scratch/1.png")
    mask(tmp_path, "test/masks/2.png")
    _, entries, left_out = read(tmp_path)
    assert isinstance(entries["scratch/1.png"].labels[0].place, MaskFile)
    assert entries["dent/1.png"].labels[0].place == entries["dent/2.png"].labels[0].place == WholeImage()
    assert set(left_out) == {"test/masks/2.png"}


def test_two_masks_of_one_name_need_a_decision(tmp_path: Path) -> None:
    names(tmp_path)
    mask(tmp_path, "mask-images/anomaly-1.png")
    _, _, left_out = read(tmp_path)
    assert "two masks" in left_out["training-images/anomaly-1.png"]
    _, entries, _ = read(tmp_path, masks="mask-binary")
    assert entries["training-images/anomaly-1.png"].labels[0].place.path.parent.name == "mask-binary"


def test_csv_rows_of_one_path_are_labels_of_one_image(tmp_path: Path) -> None:
    csv(tmp_path)
    _, entries, _ = read(tmp_path)
    first, clean, unlabelled = (entries[f"a/{n}.png"] for n in (1, 2, 3))
    assert [label.concept for label in first.labels] == ["dent", "stain"]
    assert (first.metadata, first.split) == ({"serial": "s1"}, Split.TRAIN)
    assert (clean.clean, clean.split, unlabelled.clean, unlabelled.labels) == (True, Split.TEST, False, ())


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        ("../x.png,dent", InvalidInput, "row 2"),
        ("/etc/passwd,dent", InvalidInput, "row 2"),
        ("a/1.png,dent,extra", InvalidInput, "row 2"),
        ("a/1.png,dent\na/1.png,ok", Conflict, "row 3"),
        ('a/1.png,"dent', InvalidInput, "manifest.csv"),
    ],
)
def test_csv_errors_name_file_and_row(
    rows: str, error: type[UserError], words: str, tmp_path: Path
) -> None:
    image(tmp_path, "a/1.png")
    (tmp_path / "manifest.csv").write_text(f"path,label\n{rows}\n")
    with pytest.raises(error, match=words):
        read(tmp_path)


def test_csv_files_that_are_missing_are_left_out_with_their_row(tmp_path: Path) -> None:
    csv(tmp_path)
    (tmp_path / "a/2.png").unlink()
    assert "row 4" in read(tmp_path)[2]["a/2.png"]


def test_coco_boxes_polygons_and_both_kinds_of_run_lengths(tmp_path: Path) -> None:
    coco(tmp_path)
    _, entries, _ = read(tmp_path)
    places = [label.place for label in entries["1.png"].labels]
    assert places[0] == Box(1, 2, 3, 4)
    assert [type(place) for place in places[1:3]] == [Polygon, Polygon]
    assert all(isinstance(place, RunLengths) and np.array_equal(place.load(), MASK) for place in places[3:])
    assert entries["2.png"].clean
    assert entries["2.png"].split is Split.TRAIN


BAD_COCO = {
    "traversal": (
        {"images": [{"id": 1, "file_name": "../../x.png", "height": 6, "width": 8}]},
        "no path below",
    ),
    "unknown image": (
        {"annotations": [{"image_id": 99, "category_id": 7, "bbox": [0, 0, 1, 1]}]},
        "unknown image",
    ),
    "odd polygon": (
        {"annotations": [{"image_id": 1, "category_id": 7, "segmentation": [[1, 2, 3]]}]},
        "odd",
    ),
    "not numbers": (
        {"annotations": [{"image_id": 1, "category_id": 7, "bbox": ["a", 0, 1, 1]}]},
        "no usable number",
    ),
    "infinite": ({"annotations": [{"image_id": 1, "category_id": 7, "bbox": [1e999, 0, 1, 1]}]}, "usable"),
    "flat box": ({"annotations": [{"image_id": 1, "category_id": 7, "bbox": [0, 0, 0, 1]}]}, "no area"),
    "one id twice": ({"categories": [{"id": 7, "name": "a"}, {"id": 7, "name": "b"}]}, "stands twice"),
}


@pytest.mark.parametrize("case", BAD_COCO)
def test_coco_errors_name_file_and_entry(case: str, tmp_path: Path) -> None:
    coco(tmp_path)
    path = tmp_path / "annotations/instances_train2017.json"
    changes, words = BAD_COCO[case]
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(UserError, match=words) as refused:
        read(tmp_path)
    assert "instances_train2017.json" in refused.value.message or case == "traversal"


def test_deeply_nested_json_is_refused(tmp_path: Path) -> None:
    image(tmp_path, "1.png")
    (tmp_path / "bomb.json").write_text("[" * 200_000)
    with pytest.raises(InvalidInput, match="not readable as JSON"):
        list(read_dataset(tmp_path / "bomb.json")[1])


def test_links_out_of_the_folder_and_pipes_are_left_out(tmp_path: Path) -> None:
    image(tmp_path, "secret.png")
    root = tmp_path / "set"
    image(root, "good/1.png")
    (root / "good/2.png").symlink_to(tmp_path / "secret.png")
    (root / "good/3.png").symlink_to(root / "good/1.png")
    os.mkfifo(root / "good/4.png")
    _, entries, left_out = read(root)
    assert set(entries) == {"good/1.png", "good/3.png"}
    assert "leads out" in left_out["good/2.png"]
    assert "no file" in left_out["good/4.png"]


def test_folders_that_are_missing_empty_or_strange_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no folder"):
        read(tmp_path / "missing")
    with pytest.raises(NotFound, match="holds no image"):
        read(tmp_path)
    image(tmp_path, "IMG.png")
    with pytest.raises(InvalidInput, match="none of the known layouts"):
        read(tmp_path)
    with pytest.raises(InvalidInput, match="no layout 'voc'"):
        read_dataset(tmp_path, "voc")


def test_names_that_are_no_text_are_left_out_and_can_be_shown(tmp_path: Path) -> None:
    names = (
        "good/1.png",
        "good/ü 日本.png",
        "good/=1+1.png",
        "good/two\nlines.png",
        "good/\x1b[31mred.png",
    )
    for name in names:
        image(tmp_path, name)
    (tmp_path / "good" / os.fsdecode(b"latin\xe9.png")).write_bytes((tmp_path / "good/1.png").read_bytes())
    _, entries, left_out = read(tmp_path)
    assert set(entries) == set(names[:3])
    assert set(left_out) == {"good/two\\nlines.png", "good/\\x1b[31mred.png", "good/latin\\udce9.png"}


def test_a_file_that_is_no_manifest_is_refused_instead_of_its_folder_being_read(tmp_path: Path) -> None:
    image(tmp_path, "good/1.png")
    image(tmp_path, "bad/2.png")
    (tmp_path / "notes.txt").write_text("x")
    for name in ("notes.txt", "good/1.png"):
        with pytest.raises(InvalidInput, match="is no data set"):
            read_dataset(tmp_path / name)


def test_a_manifest_with_semicolons_is_told_apart_from_one_without_names(tmp_path: Path) -> None:
    image(tmp_path, "a.png")
    (tmp_path / "manifest.csv").write_text("path;label\na.png;good\n")
    with pytest.raises(InvalidInput, match="one column only"):
        read(tmp_path)

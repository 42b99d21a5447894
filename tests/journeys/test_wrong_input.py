"""Wrong input at every door: one clear line that names the thing and says what to do; nothing is lost."""

import json
import os
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from journeys.conftest import Answer, Plant, andon, must

Run = Callable[..., Answer]


def picture(path: Path, seed: int, size: tuple[int, int] = (96, 96)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), noise)
    return path


def folder_of(root: Path, good: int, bad: int) -> Path:
    for n in range(good):
        picture(root / "good" / f"{n}.png", n)
    for n in range(bad):
        picture(root / "scratch" / f"{n}.png", 1000 + n)
    return root


def refused(answer: Answer, *words: str, code: int = 3) -> None:
    assert answer.error is not None, answer.stdout
    text = f"{answer.error.message} {answer.error.todo}"
    assert all(word in text for word in words), text
    assert "\n" not in answer.error.message
    assert answer.code == code


def test_no_workspace(tmp_path: Path) -> None:
    refused(andon("-w", tmp_path, "images", "list"), "not a workspace", "andon init")


def test_missing_folder(empty_workspace: Run, tmp_path: Path) -> None:
    refused(empty_workspace("images", "import", tmp_path / "nowhere"), "nowhere")
    refused(empty_workspace("inspect", tmp_path / "nowhere"), "recipe")


def test_unreadable_image_is_left_out_with_the_reason(empty_workspace: Run, tmp_path: Path) -> None:
    source = folder_of(tmp_path / "parts", 3, 2)
    (source / "good" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"nonsense" * 20)
    truncated = source / "scratch" / "0.png"
    truncated.write_bytes(truncated.read_bytes()[:-2000])
    outcome = must(empty_workspace("images", "import", source, "--json")).json()
    assert outcome["imported"] == 4
    assert {left["name"] for left in outcome["left_out"]} == {"good/broken.png", "scratch/0.png"}
    assert all(left["reason"] for left in outcome["left_out"])


def test_an_image_bomb_is_refused_before_it_is_decoded(empty_workspace: Run, tmp_path: Path) -> None:
    source = folder_of(tmp_path / "parts", 2, 2)
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    (source / "good" / "bomb.png").write_bytes(content)
    outcome = must(empty_workspace("images", "import", source, "--json")).json()
    assert [left["name"] for left in outcome["left_out"]] == ["good/bomb.png"]
    assert "pixels" in outcome["left_out"][0]["reason"]


def test_a_label_that_is_no_concept(empty_workspace: Run, tmp_path: Path) -> None:
    must(empty_workspace("images", "import", folder_of(tmp_path / "first", 2, 2)))
    picture(tmp_path / "second" / "good" / "9.png", 77)
    picture(tmp_path / "second" / "dent" / "9.png", 78)
    refused(
        empty_workspace("images", "import", tmp_path / "second"),
        "dent",
        "not in the ontology",
        "--add-concepts",
    )
    assert len(must(empty_workspace("images", "list", "--json")).json()["images"]) == 4
    must(empty_workspace("images", "import", tmp_path / "second", "--add-concepts"))


def test_two_concepts_of_one_name(empty_workspace: Run, tmp_path: Path) -> None:
    source = folder_of(tmp_path / "parts", 2, 2)
    picture(source / "Scratch" / "1.png", 5)
    refused(empty_workspace("images", "import", source), "Scratch", "scratch")


def test_a_mask_that_does_not_fit(empty_workspace: Run, tmp_path: Path) -> None:
    source = tmp_path / "parts"
    picture(source / "a.png", 1)
    picture(source / "b.png", 2)
    cv2.imwrite(str(source / "m.bmp"), np.full((50, 60), 255, np.uint8))
    (source / "manifest.csv").write_text("path,label,mask\na.png,crack,m.bmp\nb.png,good,\n")
    outcome = must(empty_workspace("images", "import", source, "--json")).json()
    assert [left["name"] for left in outcome["left_out"] if left["name"] == "a.png"] == ["a.png"]
    assert outcome["imported"] == 1


def test_freezing_without_labels(empty_workspace: Run, tmp_path: Path) -> None:
    refused(empty_workspace("datasets", "freeze", "none"), "no labelled image")


def test_a_data_set_without_defects_is_not_for_families_that_learn_from_them(
    empty_workspace: Run, tmp_path: Path
) -> None:
    must(empty_workspace("images", "import", folder_of(tmp_path / "parts", 12, 0), "--clean", "good"))
    frozen = must(empty_workspace("datasets", "freeze", "clean", "--json")).json()
    assert any("no defective part" in remark for remark in frozen["remarks"])
    refused(
        empty_workspace("train", "clean", "--family", "segment", "--weights", "none"),
        "no defect",
        "--family patches",
    )


def test_a_data_set_with_one_class(empty_workspace: Run, tmp_path: Path) -> None:
    must(empty_workspace("images", "import", folder_of(tmp_path / "parts", 0, 12), "--layout", "classes"))
    must(empty_workspace("datasets", "freeze", "bad"))
    refused(
        empty_workspace("train", "bad", "--family", "classify", "--weights", "none", "--steps", "2"),
        "clean",
    )


def test_no_defects_to_calibrate_with_says_which_bound_is_possible(
    empty_workspace: Run, tmp_path: Path
) -> None:
    must(empty_workspace("images", "import", folder_of(tmp_path / "parts", 24, 2)))
    names = [image["name"] for image in must(empty_workspace("images", "list", "--json")).json()["images"]]
    splits = {"train": [n for n in names if n.startswith("scratch")], "calibration": [], "test": []}
    for number, name in enumerate(n for n in names if n.startswith("good")):
        splits[("train", "calibration", "test")[number % 3]].append(name)
    (tmp_path / "split.json").write_text(json.dumps(splits))
    must(empty_workspace("datasets", "freeze", "few", "--split-file", tmp_path / "split.json"))
    small = ("--encoder", "mobilenetv3_small_050", "--weights", "none", "--size", "32x32", "--steps", "2")
    must(empty_workspace("train", "few", "--family", "classify", *small))
    found = must(empty_workspace("models", "evaluate", "latest", "--json")).json()
    said = " ".join(found["remarks"])
    assert "no defect" in said and "highest scores of clean parts" in said
    assert "59 for 5%" in said
    assert found["rates"]["escapes"]["of"] == 0 and found["rates"]["escapes"]["high"] == 1.0


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--size", "100x100"), ("100x100", "multiples of 32")),
        (("--size", "big"), ("big", "HEIGHTxWIDTH")),
        (("--size", "²x²"), ("²x²", "HEIGHTxWIDTH")),
        (("--off", "sharpen"), ("sharpen", "flip_horizontal")),
        (("--weights", "missing.safetensors"), ("missing.safetensors",)),
        (("--weights", "none", "--encoder", "no_such_net"), ("no_such_net",)),
    ],
)
def test_training_options(plant: Plant, option: tuple[str, ...], words: tuple[str, ...]) -> None:
    refused(plant.andon("train", "brackets", "--steps", "1", *option), *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("datasets", "show", "nothing"), ("nothing",)),
        (("train", "nothing"), ("nothing",)),
        (("models", "show", "ffff"), ("ffff",)),
        (("models", "evaluate", "latest", "--variant", "abacus/f32"), ("abacus/f32", "onnxruntime/f32")),
        (("models", "evaluate", "latest", "--defect-rate", "0"), ("defect rate",)),
        (("recipes", "make", "x", "--cut", "rust=0.1,0.2"), ("rust",)),
        (("recipes", "make", "x", "--cut", "stain=0.9,0.2"), ("review cut",)),
        (("recipes", "make", "x", "--cut", "stain=0.001,0.2"), ("0.001", "not kept")),
        (("recipes", "make", "x", "--rule", "stain:min_length=2,unit=mm"), ("calibration",)),
        (("recipes", "make", "x", "--rule", "stain:shape=round"), ("shape",)),
        (("recipes", "make", "x", "--ignore", "0 0 10"), ("odd number",)),
        (("recipes", "make", "x@2"), ("x@2",)),
        (("recipes", "make", "two\nlines"), ("printable",)),
        (("recipes", "show", "nothing"), ("nothing",)),
        (("inspect", "--recipe", "brackets"), ("--test-of",)),
        (("inspections", "show", "ffff"), ("ffff",)),
        (("inspections", "list", "--verdict", "MAYBE"), ("MAYBE", "NO-DECISION")),
        (("calibrations", "add", "ST-04", "top", "--pixels", "0", "--millimetres", "5"), ("0 px",)),
    ],
)
def test_names_and_values(plant: Plant, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    refused(plant.andon(*arguments), *words)


def test_parts_that_cannot_be_judged_are_no_decision(plant: Plant, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    picture(wrong / "size.png", 1, (50, 70))
    grey = np.zeros((96, 96), np.uint8)
    cv2.imwrite(str(wrong / "grey.png"), grey)
    cv2.imwrite(str(wrong / "deep.png"), np.zeros((96, 96, 3), np.uint16))
    (wrong / "broken.png").write_bytes(b"no image at all")
    shutil.copy(next(plant.fresh.glob("*.png")), wrong / "right.png")
    found = must(plant.andon("inspect", wrong, "--recipe", "brackets", "--json")).json()
    assert (found["parts"], found["verdicts"]["NO-DECISION"]) == (5, 4)
    lines = [json.loads(line) for line in Path(found["jsonl"]).read_text().splitlines()]
    codes = {line["name"]: [reason["code"] for reason in line["decision"]["reasons"]] for line in lines}
    assert codes["size.png"] == ["wrong-size"] and codes["broken.png"] == ["bad-image"]
    assert codes["grey.png"] == codes["deep.png"] == ["wrong-pixels"]


def test_a_truth_file_about_other_images(plant: Plant, tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text("path,label\nelsewhere.png,crack\n")
    arguments = ("inspect", plant.fresh, "--recipe", "brackets", "--truth", tmp_path / "truth.csv")
    refused(plant.andon(*arguments), "elsewhere.png")


@pytest.mark.parametrize("damage", ["truncated", "altered", "missing", "manifest"])
def test_a_damaged_package_is_never_used(plant: Plant, tmp_path: Path, damage: str) -> None:
    shutil.copytree(plant.folder, tmp_path / "ws")
    package = next((tmp_path / "ws" / "packages").iterdir())
    graph, manifest = package / "model.onnx", package / "manifest.json"
    content = graph.read_bytes()
    match damage:
        case "truncated":
            graph.write_bytes(content[:-100])
        case "altered":
            graph.write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
        case "missing":
            graph.unlink()
        case "manifest":
            manifest.write_text(manifest.read_text().replace('"score_floor":0.02', '"score_floor":0.01'))
    answer = andon("-w", tmp_path / "ws", "inspect", plant.fresh, "--recipe", "brackets")
    refused(answer, "package", code=5)


def test_a_workspace_of_a_newer_version(tmp_path: Path) -> None:
    import pysqlite3.dbapi2 as sqlite

    must(andon("init", tmp_path / "ws"))
    with sqlite.connect(tmp_path / "ws" / "andon.db") as records:
        records.execute("UPDATE alembic_version SET version_num = '9999'")
    refused(andon("-w", tmp_path / "ws", "images", "list"), "newer Andon", code=4)


def test_exporting_into_a_full_folder(plant: Plant, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    refused(plant.andon("datasets", "export", "brackets", "--to", tmp_path), "not empty")
    refused(
        plant.andon("datasets", "export", "brackets", "--to", tmp_path / "x", "--layout", "yolo"), "yolo"
    )
    assert (tmp_path / "note.txt").read_text() == "mine"


def test_a_group_key_that_no_image_has(empty_workspace: Run, tmp_path: Path) -> None:
    """Every photo as a part of its own is what --group-by was meant to prevent."""
    source = folder_of(tmp_path / "parts", 6, 6)
    rows = "".join(f"good/{n}.png,{n // 2}\n" for n in range(4))
    (tmp_path / "tiles.csv").write_text(f"file,tile\n{rows}")
    must(empty_workspace("images", "import", source, "--metadata", tmp_path / "tiles.csv"))
    refused(empty_workspace("datasets", "freeze", "x", "--group-by", "til"), "'til'", "tile")
    frozen = must(empty_workspace("datasets", "freeze", "x", "--group-by", "tile", "--json")).json()
    assert frozen["without_group_key"] == 8
    assert any("8 images lack the key" in remark for remark in frozen["remarks"])


def test_metadata_that_comes_too_late_is_not_taken_silently(empty_workspace: Run, tmp_path: Path) -> None:
    source = folder_of(tmp_path / "parts", 2, 1)
    (tmp_path / "late.csv").write_text("file,tile,lot\ngood/0.png,7,L1\n")
    must(empty_workspace("images", "import", source))
    late = must(
        empty_workspace("images", "import", source, "--metadata", tmp_path / "late.csv", "--json")
    ).json()
    assert [remark["name"] for remark in late["remarks"]] == ["good/0.png"]
    assert "not this lot, tile" in late["remarks"][0]["remark"]
    assert must(empty_workspace("images", "import", source, "--json")).json()["remarks"] == []


def test_a_time_that_is_none(empty_workspace: Run, tmp_path: Path) -> None:
    source = folder_of(tmp_path / "parts", 3, 0)
    rows = "good/0.png,good,yesterday\ngood/1.png,good,2026-03-01T07:00:00+01:00\ngood/2.png,good,\n"
    (source / "manifest.csv").write_text(f"path,label,captured_at\n{rows}")
    outcome = must(empty_workspace("images", "import", source, "--json")).json()
    assert [left["name"] for left in outcome["left_out"]] == ["good/0.png"]
    assert "captured_at 'yesterday' is no time" in outcome["left_out"][0]["reason"]
    images = must(empty_workspace("images", "list", "--json")).json()["images"]
    assert [image["captured_at"] for image in images] == ["2026-03-01T06:00:00.000000Z", None]


def test_odd_file_names_are_judged_and_written(plant: Plant, tmp_path: Path) -> None:
    part = next(plant.fresh.glob("*.png"))
    names = ["=cmd|' ü.png", "-dash.png", "two\nlines.png", os.fsdecode(b"latin\xe9.png")]
    (tmp_path / "odd").mkdir()
    for name in names:
        shutil.copy(part, tmp_path / "odd" / name)
    found = must(plant.andon("inspect", tmp_path / "odd", "--recipe", "brackets", "--json")).json()
    assert found["images"] == 4
    lines = [json.loads(line) for line in Path(found["jsonl"]).read_text().splitlines()]
    assert {line["name"] for line in lines} == {*names[:2], "two\\nlines.png", "latin\\udce9.png"}


@pytest.mark.parametrize("option", [("--overlays", "some"), ("--recipe", "nothing")])
def test_inspecting_with_wrong_words(plant: Plant, option: tuple[str, str]) -> None:
    refused(plant.andon("inspect", plant.fresh, *option), option[1])


def test_a_bug_is_called_one() -> None:
    code = "from andon.cli import main, session; session.Session.workspace = None; main.run()"
    program = [sys.executable, "-c", code, "images", "list"]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 70
    assert "Traceback" in done.stderr and "a bug in Andon" in done.stderr and not done.stdout


def test_results_among_the_images_are_refused(plant: Plant, tmp_path: Path) -> None:
    """Overlays would be the parts of the next inspection."""
    shutil.copy(next(plant.fresh.glob("*.png")), tmp_path / "a.png")
    for out in (tmp_path, tmp_path / "results"):
        refused(plant.andon("inspect", tmp_path, "--recipe", "brackets", "--out", out), "among the images")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_region_beside_the_image_does_not_let_parts_pass(plant: Plant) -> None:
    regions = ("--region", "0 0 50 0 50 50", "--region", "500 500 600 500 600 600")
    must(plant.andon("recipes", "make", "elsewhere", *regions))
    found = must(plant.andon("inspect", plant.fresh, "--recipe", "elsewhere", "--json")).json()
    assert found["verdicts"]["NO-DECISION"] == found["parts"] == 20
    line = json.loads(Path(found["jsonl"]).read_text().splitlines()[0])
    assert "region 2" in line["decision"]["reasons"][0]["detail"]


def test_a_part_whose_image_cannot_be_had_is_no_decision(plant: Plant, tmp_path: Path) -> None:
    shutil.copy(next(plant.fresh.glob("*.png")), tmp_path / "a.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    found = must(plant.andon("inspect", tmp_path, "--recipe", "brackets", "--json")).json()
    assert (found["parts"], found["verdicts"]["NO-DECISION"]) == (2, 1)
    gone = json.loads(Path(found["jsonl"]).read_text().splitlines()[1])
    assert "cannot be read: No such file" in gone["decision"]["reasons"][0]["detail"]


def dig(folder: Path, levels: int) -> None:
    """Folders in folders, until no path reaches the last of them."""
    inner = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d" * 250, dir_fd=inner)
        outer, inner = inner, os.open("d" * 250, os.O_RDONLY, dir_fd=inner)
        os.close(outer)
    os.close(inner)


def test_a_folder_that_cannot_be_read_is_never_skipped(plant: Plant, tmp_path: Path) -> None:
    """Parts in it would be neither judged nor missed. Here its path is too long; else it is forbidden."""
    source = folder_of(tmp_path / "parts", 1, 1)
    dig(source / "good", 20)
    refused(plant.andon("images", "import", source), "cannot read the folder", code=4)
    refused(plant.andon("inspect", source, "--recipe", "brackets"), "cannot read the folder", code=4)

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from simulators import graphs

from andon.domain.models import OutputSpec, format_of
from andon.domain.runs import Family
from andon.errors import AndonError, Conflict, DamagedPackage, OperatorError, UnsupportedVersion
from andon.runtime.package import (
    ATTESTATIONS,
    CARD,
    LoadedPackage,
    attach,
    load_package,
    package_digest,
    write_package,
)
from andon.units import Digest, digest_of


@pytest.fixture
def package(tmp_path: Path) -> LoadedPackage:
    return graphs.write_brightness(tmp_path / "package")


def rewritten(package: LoadedPackage, change: Callable[[dict[str, object]], None]) -> None:
    path = package.folder / "manifest.json"
    data = json.loads(path.read_bytes())
    change(data)
    path.write_text(json.dumps(data))


def renamed_golden(data: dict[str, object], name: str) -> None:
    """The manifest names a golden image by ``name``, in both of its lists."""
    files, golden = data["files"], data["golden"]
    files[f"golden/{name}"] = files.pop("golden/clean.png")  # type: ignore[index,attr-defined]
    golden[name] = golden.pop("clean.png")  # type: ignore[index,attr-defined]


def truncated_graph(package: LoadedPackage) -> None:
    path = package.folder / "model.onnx"
    path.write_bytes(path.read_bytes()[:-20])


def flipped_bit(package: LoadedPackage) -> None:
    path = package.folder / "model.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def longer_graph(package: LoadedPackage) -> None:
    with (package.folder / "model.onnx").open("ab") as file:
        file.write(b"\n")


def empty_graph(package: LoadedPackage) -> None:
    (package.folder / "model.onnx").write_bytes(b"")


def missing_graph(package: LoadedPackage) -> None:
    (package.folder / "model.onnx").unlink()


def graph_is_a_folder(package: LoadedPackage) -> None:
    missing_graph(package)
    (package.folder / "model.onnx").mkdir()


def graph_is_a_link(package: LoadedPackage) -> None:
    path = package.folder / "model.onnx"
    path.rename(package.folder.parent / "elsewhere")
    path.symlink_to(package.folder.parent / "elsewhere")


def golden_folder_is_a_link(package: LoadedPackage) -> None:
    (package.folder / "golden").rename(package.folder.parent / "elsewhere")
    (package.folder / "golden").symlink_to(package.folder.parent / "elsewhere")


def graph_is_a_pipe(package: LoadedPackage) -> None:
    missing_graph(package)
    os.mkfifo(package.folder / "model.onnx")


def altered_golden(package: LoadedPackage) -> None:
    (package.folder / "golden" / "clean.png").write_bytes(graphs.png(graphs.grey() + 1))


def missing_golden(package: LoadedPackage) -> None:
    (package.folder / "golden" / "clean.png").unlink()


def huge_golden(package: LoadedPackage) -> None:
    os.truncate(package.folder / "golden" / "clean.png", 2**40)


def missing_manifest(package: LoadedPackage) -> None:
    (package.folder / "manifest.json").unlink()


def truncated_manifest(package: LoadedPackage) -> None:
    path = package.folder / "manifest.json"
    path.write_bytes(path.read_bytes()[:-1])


def manifest_of_another_encoding(package: LoadedPackage) -> None:
    path = package.folder / "manifest.json"
    path.write_bytes(path.read_text().encode("utf-16")[1:])


def manifest_is_a_list(package: LoadedPackage) -> None:
    (package.folder / "manifest.json").write_text("[]")


def manifest_without_end(package: LoadedPackage) -> None:
    (package.folder / "manifest.json").write_text("[" * 100_000)


def huge_manifest(package: LoadedPackage) -> None:
    os.truncate(package.folder / "manifest.json", 2**30)


def unknown_field(package: LoadedPackage) -> None:
    rewritten(package, lambda data: data.update(run_this="rm"))


def missing_field(package: LoadedPackage) -> None:
    rewritten(package, lambda data: data.pop("snapshot"))


def seed_as_text(package: LoadedPackage) -> None:
    rewritten(package, lambda data: data.update(seed="0"))


def graph_not_listed(package: LoadedPackage) -> None:
    rewritten(package, lambda data: data["files"].pop("model.onnx"))  # type: ignore[attr-defined]


def one_more_file(package: LoadedPackage) -> None:
    rewritten(package, lambda data: data["files"].update({"more.bin": "0" * 64}))  # type: ignore[attr-defined]


def path_out_of_the_folder(package: LoadedPackage) -> None:
    rewritten(package, lambda data: renamed_golden(data, "../../../secret.png"))


def absolute_path(package: LoadedPackage) -> None:
    rewritten(package, lambda data: renamed_golden(data, "/etc/passwd.png"))


def hidden_name(package: LoadedPackage) -> None:
    rewritten(package, lambda data: renamed_golden(data, ".clean.png"))


def digest_that_is_none(package: LoadedPackage) -> None:
    rewritten(package, lambda data: data["files"].update({"model.onnx": "abc"}))  # type: ignore[attr-defined]


def no_golden_images(package: LoadedPackage) -> None:
    def change(data: dict[str, object]) -> None:
        data["golden"] = {}
        data["files"] = {"model.onnx": data["files"]["model.onnx"]}  # type: ignore[index]

    rewritten(package, change)


def scores_missing(package: LoadedPackage) -> None:
    rewritten(package, lambda data: data["golden"].update({"clean.png": [0.0]}))  # type: ignore[attr-defined]


def score_that_is_no_number(package: LoadedPackage) -> None:
    rewritten(package, lambda data: data["golden"].update({"clean.png": [float("nan"), 0.0]}))  # type: ignore[attr-defined]


def concept_twice(package: LoadedPackage) -> None:
    rewritten(package, lambda data: data["output"].update(concepts=["bright", "bright"]))  # type: ignore[attr-defined]


def stride_that_does_not_divide(package: LoadedPackage) -> None:
    rewritten(package, lambda data: data["output"].update(map_stride=7))  # type: ignore[attr-defined]


def input_of_another_size(package: LoadedPackage) -> None:
    rewritten(package, lambda data: data["input"].update(height=128))  # type: ignore[attr-defined]


HOSTILE = [
    (truncated_graph, "altered or truncated"),
    (flipped_bit, "altered or truncated"),
    (longer_graph, "altered or truncated"),
    (empty_graph, "altered or truncated"),
    (missing_graph, "missing"),
    (graph_is_a_folder, "missing"),
    (graph_is_a_link, "is a link"),
    (golden_folder_is_a_link, "is a link"),
    (graph_is_a_pipe, "missing"),
    (altered_golden, "altered or truncated"),
    (missing_golden, "missing"),
    (huge_golden, "the limit is"),
    (missing_manifest, "missing"),
    (truncated_manifest, "not JSON"),
    (manifest_of_another_encoding, "not JSON"),
    (manifest_is_a_list, "does not describe"),
    (manifest_without_end, "not JSON"),
    (huge_manifest, "the limit is"),
    (unknown_field, "run_this"),
    (missing_field, "snapshot"),
    (seed_as_text, "seed"),
    (graph_not_listed, "model.onnx"),
    (one_more_file, "more.bin"),
    (path_out_of_the_folder, "plain PNG names"),
    (absolute_path, "plain PNG names"),
    (hidden_name, "plain PNG names"),
    (digest_that_is_none, "digest"),
    (no_golden_images, "0 golden images"),
    (scores_missing, "1 scores"),
    (score_that_is_no_number, "golden"),
    (concept_twice, "twice"),
    (stride_that_does_not_divide, "stride"),
    (input_of_another_size, "its manifest says"),
]


@pytest.mark.parametrize(("spoil", "words"), HOSTILE, ids=[spoil.__name__ for spoil, _ in HOSTILE])
def test_a_hostile_package_is_refused_in_one_line(
    package: LoadedPackage, spoil: Callable[[LoadedPackage], None], words: str
) -> None:
    spoil(package)
    with pytest.raises(DamagedPackage, match=words) as refused:
        load_package(package.folder)
    assert "\n" not in refused.value.message


def test_a_package_comes_back_as_it_was_written(package: LoadedPackage) -> None:
    again = load_package(package.folder, package.digest)
    assert again.manifest == package.manifest
    assert again.digest == package_digest(again.manifest)
    assert again.golden["clean.png"] == graphs.png(graphs.grey())
    assert again.manifest.files["model.onnx"] == digest_of(again.graph.content)


def test_another_package_than_expected_is_refused(package: LoadedPackage) -> None:
    with pytest.raises(DamagedPackage, match="expected 000000000000"):
        load_package(package.folder, Digest("0" * 64))


def test_a_manifest_that_says_something_else_has_another_digest(package: LoadedPackage) -> None:
    rewritten(package, lambda data: data.update(name="other"))
    with pytest.raises(DamagedPackage, match="expected"):
        load_package(package.folder, package.digest)


def test_a_newer_package_asks_for_a_newer_andon(package: LoadedPackage) -> None:
    rewritten(package, lambda data: data.update(format=3, quantum=True))
    with pytest.raises(UnsupportedVersion, match="format 3"):
        load_package(package.folder)


def test_a_family_that_old_readers_do_not_know_has_a_format_that_they_refuse(
    tmp_path: Path, package: LoadedPackage
) -> None:
    assert package.manifest.format == 1
    newer = replace(package.manifest, family=Family.PATCHES, format=format_of(Family.PATCHES))
    write_package(tmp_path / "newer", newer, package.graph.content, package.golden)
    assert json.loads((tmp_path / "newer" / "manifest.json").read_bytes())["format"] == 2
    assert load_package(tmp_path / "newer").manifest.family is Family.PATCHES
    rewritten(package, lambda data: data.update(family="patches"))
    with pytest.raises(DamagedPackage, match="format 1"):
        load_package(package.folder)


def test_the_same_content_has_the_same_digest_anywhere(tmp_path: Path, package: LoadedPackage) -> None:
    assert graphs.write_brightness(tmp_path / "other").digest == package.digest
    larger_floor = OutputSpec(concepts=graphs.CONCEPTS, maps=True, score_floor=0.05)
    assert graphs.write_brightness(tmp_path / "third", given=larger_floor).digest != package.digest


def test_what_lies_beside_changes_no_digest(package: LoadedPackage) -> None:
    attach(package.folder, CARD, b"<html>one</html>")
    attach(package.folder, CARD, b"<html>two</html>")
    attach(package.folder, f"{ATTESTATIONS}/parity.json", b"[]")
    assert (package.folder / CARD).read_bytes() == b"<html>two</html>"
    assert load_package(package.folder, package.digest)
    assert not list(package.folder.rglob("*.partial"))


def written_again(package: LoadedPackage, **changes: object) -> Digest:
    manifest = replace(package.manifest, **changes)  # type: ignore[arg-type]
    return write_package(package.folder, manifest, package.graph.content, package.golden)


def test_writing_it_again_changes_nothing_and_another_is_refused(package: LoadedPackage) -> None:
    before = (package.folder / "manifest.json").stat().st_mtime_ns
    assert written_again(package) == package.digest
    assert (package.folder / "manifest.json").stat().st_mtime_ns == before
    with pytest.raises(Conflict, match="another package"):
        written_again(package, seed=1)


def test_remains_of_a_killed_writing_do_not_disturb(tmp_path: Path) -> None:
    remains = tmp_path / ".package.partial"
    remains.mkdir()
    (remains / "junk").write_bytes(b"half a graph")
    package = graphs.write_brightness(tmp_path / "package")
    assert sorted(path.name for path in package.folder.iterdir()) == [
        "attestations",
        "golden",
        "manifest.json",
        "model.onnx",
    ]
    assert not remains.exists()


@pytest.mark.parametrize("golden", [{}, {"clean.png": b"", "spot.png": b"", "more.png": b""}])
def test_no_package_is_written_that_no_station_would_load(
    package: LoadedPackage, golden: dict[str, bytes]
) -> None:
    other = package.folder.with_name("other")
    with pytest.raises(DamagedPackage):
        write_package(other, package.manifest, package.graph.content, golden)
    with pytest.raises(DamagedPackage):
        write_package(other, package.manifest, b"no graph", package.golden)
    assert not other.exists()


def test_a_place_that_cannot_be_written_is_the_operators_business(package: LoadedPackage) -> None:
    nowhere = package.folder / "missing" / "package"
    with pytest.raises(OperatorError, match="cannot write") as refused:
        write_package(nowhere, package.manifest, package.graph.content, package.golden)
    assert isinstance(refused.value, AndonError)
    with pytest.raises(OperatorError):
        attach(package.folder, "missing/card.html", b"")


def test_the_digest_of_a_package_from_before_features_stays(package: LoadedPackage) -> None:
    written = (package.folder / "manifest.json").read_bytes()
    assert b"features" not in written
    assert digest_of(written) == package.digest


def test_features_are_stated_and_covered(tmp_path: Path) -> None:
    featured = graphs.write_brightness(tmp_path / "p", given=replace(graphs.OUTPUT, features=3))
    assert b'"features":3' in (featured.folder / "manifest.json").read_bytes()
    assert featured.graph.all_output_names == ("scores", "maps", "features")
    rewritten(featured, lambda data: data["output"].update(features=-1))  # type: ignore[attr-defined]
    with pytest.raises(DamagedPackage, match="features"):
        load_package(featured.folder)

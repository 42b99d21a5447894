"""Zip archives from anybody: nothing lands outside the folder, nothing grows without end."""

import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from andon.errors import InvalidInput, LimitExceeded
from andon.formats.archives import MAX_DIRECTORY_BYTES, ArchiveLimits, path_below, unpack

MB = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "inside" / "files"
    made.mkdir(parents=True)
    return made


def packed(path: Path, files: Mapping[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def everything(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_files_land_below_the_folder(tmp_path: Path, folder: Path) -> None:
    made = packed(tmp_path / "a.zip", {"parts/good/1.png": b"one", "parts/ü ä.png": b"two", "dir/": b""})
    done = unpack(made, folder)
    assert (done.files, done.bytes, done.left_out) == (2, 6, ())
    assert (folder / "parts/good/1.png").read_bytes() == b"one"
    assert everything(folder) == {"parts/good/1.png", "parts/ü ä.png"}


HOSTILE = (
    "../evil.png",
    "a/../../evil.png",
    "/etc/evil.png",
    "a\\..\\evil.png",
    "C:\\evil.png",
    "line\nend.png",
    "tab\there.png",
    "bell\x07.png",
    "x" * 256 + ".png",
    "/".join(["deep"] * 300) + "/a.png",
    "a//b.png",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_left_out_and_named(tmp_path: Path, folder: Path, name: str) -> None:
    made = packed(tmp_path / "a.zip", {name: b"evil", "good.png": b"fine"})
    done = unpack(made, folder)
    assert done.files == 1
    assert len(done.left_out) == 1 and done.left_out[0].reason
    assert everything(tmp_path) == {"a.zip", "inside/files/good.png"}


@pytest.mark.parametrize("name", [*HOSTILE, "", ".hidden", "a/.git/config", "..", ".", "nul\0.png"])
def test_the_same_names_are_refused_one_by_one(folder: Path, name: str) -> None:
    with pytest.raises(InvalidInput):
        path_below(folder, name)


def test_links_and_devices_are_left_out(tmp_path: Path, folder: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number, kind in enumerate((0o120777, 0o020666, 0o010666)):
            entry = zipfile.ZipInfo(f"{number}.png")
            entry.external_attr = kind << 16
            archive.writestr(entry, "/etc/passwd")
    done = unpack(tmp_path / "a.zip", folder)
    assert done.files == 0 and len(done.left_out) == 3
    assert not list(folder.iterdir())


def test_a_name_twice_and_a_file_that_is_a_folder(tmp_path: Path, folder: Path) -> None:
    with warnings.catch_warnings(), zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("a/1.png", "first")
        archive.writestr("a/1.png", "second")
        archive.writestr("a/1.png/2.png", "below a file")
        archive.writestr("a", "a folder's name")
    done = unpack(tmp_path / "a.zip", folder)
    assert (folder / "a/1.png").read_text() == "first"
    assert len(done.left_out) == 3


def test_hidden_files_are_passed_over(tmp_path: Path, folder: Path) -> None:
    files = {"__MACOSX/a/._1.png": b"x", "a/.DS_Store": b"x", ".git/config": b"x", "a/1.png": b"x"}
    done = unpack(packed(tmp_path / "a.zip", files), folder)
    assert everything(folder) == {"a/1.png"} and not done.left_out


def test_a_bomb_ends_at_the_limit(tmp_path: Path, folder: Path) -> None:
    made = packed(tmp_path / "a.zip", {"a.png": bytes(40 * MB)})
    with pytest.raises(LimitExceeded, match="times its size"):
        unpack(made, folder)
    assert sum(path.stat().st_size for path in folder.rglob("*.png")) <= 40 * MB


def test_many_files_that_are_too_much_together(tmp_path: Path, folder: Path) -> None:
    made = packed(tmp_path / "a.zip", {f"{n}.png": bytes(1000) for n in range(20)})
    with pytest.raises(LimitExceeded, match="more bytes"):
        unpack(made, folder, ArchiveLimits(bytes=9_999))
    assert sum(path.stat().st_size for path in folder.rglob("*.png")) <= 9_999
    with pytest.raises(LimitExceeded, match="20 files"):
        unpack(made, folder, ArchiveLimits(files=19))


def test_a_size_that_is_a_lie_does_not_help(tmp_path: Path, folder: Path) -> None:
    """The archive states ten bytes for a file of a megabyte: what comes out is what counts."""
    made = packed(tmp_path / "a.zip", {"a.png": bytes(MB)})
    content = bytearray(made.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<L", content, content.index(signature) + offset, 10)
    made.write_bytes(content)
    with pytest.raises((InvalidInput, LimitExceeded)):
        unpack(made, folder, ArchiveLimits(bytes=1000))


def test_a_table_of_contents_that_is_too_large_is_not_read(tmp_path: Path, folder: Path) -> None:
    made = packed(tmp_path / "a.zip", {"a.png": b"x"})
    content = bytearray(made.read_bytes())
    struct.pack_into("<L", content, content.rindex(b"PK\x05\x06") + 12, MAX_DIRECTORY_BYTES + 1)
    made.write_bytes(content)
    with pytest.raises(LimitExceeded, match="table of contents"):
        unpack(made, folder)


def test_encrypted_and_oddly_packed_files_are_left_out(tmp_path: Path, folder: Path) -> None:
    made = packed(tmp_path / "a.zip", {"a.png": b"x" * 100}, zipfile.ZIP_LZMA)
    assert "packed" in unpack(made, folder).left_out[0].reason
    made = packed(tmp_path / "b.zip", {"a.png": b"x" * 100})
    content = bytearray(made.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", content, content.index(signature) + offset, 1)
    made.write_bytes(content)
    assert "encrypted" in unpack(made, folder).left_out[0].reason


@pytest.mark.parametrize("cut", [0, 1, 10, 50, -1, -5, -30])
def test_what_is_no_archive_is_said_to_be_none(tmp_path: Path, folder: Path, cut: int) -> None:
    content = packed(tmp_path / "a.zip", {"a.png": bytes(range(256)) * 8}).read_bytes()
    (tmp_path / "b.zip").write_bytes(content[:cut])
    with pytest.raises(InvalidInput, match=r"zip archive|unpacked"):
        unpack(tmp_path / "b.zip", folder)


def test_turned_bits_are_refused_or_left_out(tmp_path: Path, folder: Path) -> None:
    """No byte of the archive, changed, gets anything out of the folder or breaks the program."""
    content = packed(tmp_path / "a.zip", {"a/1.png": b"one", "a/2.png": bytes(300)}).read_bytes()
    for place in range(len(content)):
        target = folder / str(place)
        target.mkdir()
        (tmp_path / "b.zip").write_bytes(
            content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
        )
        try:
            unpack(tmp_path / "b.zip", target)
        except (InvalidInput, LimitExceeded):
            continue
    outside = {name for name in everything(tmp_path) if not name.startswith("inside/files/")}
    assert outside == {"a.zip", "b.zip"}

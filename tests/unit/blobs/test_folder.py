import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from andon.blobs.files import SWEEP_AGE, disk_errors, partial_name, write_durably
from andon.blobs.folder import FolderBlobs
from andon.errors import BugError, DiskFull, NotFound, OperatorError, Refused
from andon.units import Digest, digest_of

SOURCE = str(Path(__file__).parents[3] / "src")
ENVIRONMENT = os.environ | {"PYTHONPATH": SOURCE}


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(tmp_path / "blobs")


def files_in(blobs: FolderBlobs) -> list[Path]:
    return [path for path in blobs.root.rglob("*") if path.is_file()]


def test_what_is_put_comes_back_under_its_digest(blobs: FolderBlobs) -> None:
    digest = blobs.put(b"pixels")
    assert digest == digest_of(b"pixels")
    assert blobs.get(digest) == b"pixels"
    assert blobs.path(digest).read_bytes() == b"pixels"
    assert blobs.has(digest)


def test_putting_again_changes_nothing(blobs: FolderBlobs) -> None:
    before = blobs.path(blobs.put(b"pixels")).stat()
    blobs.put(b"pixels")
    assert blobs.path(digest_of(b"pixels")).stat() == before
    assert len(files_in(blobs)) == 1


def test_many_are_put_at_once_in_the_order_given(blobs: FolderBlobs) -> None:
    contents = [b"a", b"b", b"a", b"", bytes(100_000)]
    assert blobs.put_many(contents) == tuple(map(digest_of, contents))
    assert [blobs.get(digest_of(content)) for content in contents] == contents
    assert len(files_in(blobs)) == 4
    assert blobs.put_many([]) == ()


def test_a_missing_blob_is_named(blobs: FolderBlobs) -> None:
    digest = digest_of(b"never put")
    assert not blobs.has(digest)
    with pytest.raises(NotFound, match=digest):
        blobs.get(digest)


def test_an_altered_blob_is_refused_and_a_truncated_one_is_healed(blobs: FolderBlobs) -> None:
    digest = blobs.put(b"pixels")
    blobs.path(digest).write_bytes(b"pixelz")
    with pytest.raises(Refused, match="was altered"):
        blobs.get(digest)
    blobs.path(digest).write_bytes(b"pix")
    blobs.put(b"pixels")
    assert blobs.get(digest) == b"pixels"


def test_a_path_cannot_be_smuggled_in_as_a_digest(blobs: FolderBlobs) -> None:
    with pytest.raises(BugError):
        blobs.path(Digest("../../etc/passwd"))


def test_threads_and_processes_put_the_same_at_the_same_time(blobs: FolderBlobs) -> None:
    program = (
        "import sys; from pathlib import Path; from andon.blobs.folder import FolderBlobs\n"
        "blobs = FolderBlobs(Path(sys.argv[1]))\n"
        "for start in range(0, 60, 20): blobs.put_many([b'%d' % n * 999 for n in range(start, start + 20)])"
    )
    command = [sys.executable, "-c", program, str(blobs.root)]
    processes = [subprocess.Popen(command, env=ENVIRONMENT) for _ in range(2)]
    contents = [b"%d" % n * 999 for n in range(60)]
    with ThreadPoolExecutor(4) as threads:
        digests = list(threads.map(blobs.put, contents + contents))
    assert [process.wait() for process in processes] == [0, 0]
    assert [blobs.get(digest) for digest in digests] == contents + contents
    assert len(files_in(blobs)) == 60


def test_a_killed_writer_leaves_whole_blobs_and_what_it_left_is_swept(blobs: FolderBlobs) -> None:
    program = (
        "import sys, itertools; from pathlib import Path; from andon.blobs.folder import FolderBlobs\n"
        "blobs = FolderBlobs(Path(sys.argv[1]))\n"
        "for n in itertools.count():\n"
        "    pair = blobs.put_many([b'%d' % n * 50_000, b'%d-' % n * 50_000])\n"
        "    for digest in pair: print(digest, flush=True)"
    )
    command = [sys.executable, "-c", program, str(blobs.root)]
    writer = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    acknowledged = [writer.stdout.readline().strip() for _ in range(10)]
    writer.send_signal(signal.SIGKILL)
    acknowledged += [line.strip() for line in writer.stdout if len(line) == 65]
    writer.wait()
    assert all(blobs.get(Digest(digest)) for digest in acknowledged)
    left, mine = (blobs.root / "incoming" / partial_name("blob") for _ in range(2))
    left = left.with_name(left.name.replace(f".{os.getpid()}.", f".{writer.pid}."))
    for path in (left, mine):
        path.write_bytes(b"part")
        os.utime(path, (0, left.stat().st_mtime - 2 * SWEEP_AGE))
    FolderBlobs(blobs.root)
    assert not left.exists()
    assert mine.exists(), "its writer lives"


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_durably(path, b"old")
    write_durably(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_and_a_closed_folder_say_who_must_act(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match="no space is left"), disk_errors(tmp_path):
        Path("/dev/full").write_bytes(b"x")
    with pytest.raises(OperatorError, match="cannot write"):
        write_durably(tmp_path / "missing" / "file", b"x")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OperatorError):
        FolderBlobs(tmp_path / "file").put(b"x")


def test_a_full_disk_keeps_what_was_complete(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from andon.blobs.folder import FolderBlobs\n"
        "from andon.errors import DiskFull\n"
        "blobs = FolderBlobs(Path(sys.argv[1]) / 'blobs'); first = blobs.put(b'small')\n"
        "try: blobs.put_many([os.urandom(300_000) for _ in range(8)])\n"
        "except DiskFull: pass\n"
        "else: sys.exit('the disk was not full')\n"
        "assert blobs.get(first) == b'small'\n"
        "assert not list((blobs.root / 'incoming').iterdir())"
    )
    mount = 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$1" -c "$2" "$0"'
    if subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("this machine does not let its users mount a small disk")
    command = ["unshare", "-rm", "sh", "-c", mount, str(tmp_path), sys.executable, program]
    subprocess.run(command, env=ENVIRONMENT, check=True)

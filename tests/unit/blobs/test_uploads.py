import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from andon.blobs.folder import FolderBlobs
from andon.blobs.uploads import MAX_BLOB_BYTES, STALE_SECONDS, Piece, Uploads
from andon.errors import Conflict, InvalidInput, LimitExceeded, Refused
from andon.units import digest_of

CONTENT = bytes(range(256)) * 40
DIGEST = digest_of(CONTENT)
TOTAL = len(CONTENT)


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(tmp_path / "blobs")


def piece(start: int, end: int) -> Piece:
    return Piece(start, TOTAL, CONTENT[start:end])


def test_pieces_make_a_blob_also_over_a_restart(blobs: FolderBlobs) -> None:
    assert not Uploads(blobs).put(DIGEST, piece(0, 4000))
    assert not blobs.has(DIGEST)
    again = Uploads(FolderBlobs(blobs.root))
    assert again.received(DIGEST) == 4000
    assert not again.put(DIGEST, piece(3000, 7000))
    assert again.received(DIGEST) == 7000
    assert again.put(DIGEST, piece(7000, TOTAL))
    assert blobs.get(DIGEST) == CONTENT
    assert again.received(DIGEST) == 0


def test_a_whole_blob_needs_no_pieces(blobs: FolderBlobs) -> None:
    assert Uploads(blobs).put(DIGEST, piece(0, TOTAL))
    assert blobs.get(DIGEST) == CONTENT


def test_a_gap_is_refused_and_nothing_is_lost(blobs: FolderBlobs) -> None:
    uploads = Uploads(blobs)
    with pytest.raises(Conflict, match="0 bytes are here"):
        uploads.put(DIGEST, piece(10, 20))
    uploads.put(DIGEST, piece(0, 10))
    with pytest.raises(Conflict, match="10 bytes are here"):
        uploads.put(DIGEST, piece(20, 30))
    assert uploads.received(DIGEST) == 10


def test_wrong_bytes_are_thrown_away(blobs: FolderBlobs) -> None:
    uploads = Uploads(blobs)
    uploads.put(DIGEST, Piece(0, TOTAL, b"x" * 100))
    with pytest.raises(Refused, match="is not blob"):
        uploads.put(DIGEST, piece(100, TOTAL))
    assert uploads.received(DIGEST) == 0
    assert not blobs.has(DIGEST)
    with pytest.raises(Refused):
        uploads.put(DIGEST, Piece(0, 3, b"abc"))


def test_many_senders_of_one_blob_do_not_spoil_it(blobs: FolderBlobs) -> None:
    def send(_: int) -> None:
        uploads = Uploads(blobs)
        for start in range(0, TOTAL - 1024, 1024):
            if start <= uploads.received(DIGEST):
                uploads.put(DIGEST, piece(start, start + 1024))

    with ThreadPoolExecutor(8) as senders:
        list(senders.map(send, range(8)))
    assert Uploads(blobs).put(DIGEST, piece(TOTAL - 1024, TOTAL))
    assert blobs.get(DIGEST) == CONTENT


def test_what_nobody_continues_is_swept_when_the_next_begins(blobs: FolderBlobs) -> None:
    uploads = Uploads(blobs)
    uploads.put(DIGEST, piece(0, 10))
    other = b"another blob"
    old = (blobs.root / "uploads" / DIGEST).stat().st_mtime - STALE_SECONDS - 1
    os.utime(blobs.root / "uploads" / DIGEST, (old, old))
    uploads.put(digest_of(other), Piece(0, len(other), other[:5]))
    assert uploads.received(DIGEST) == 0
    assert uploads.received(digest_of(other)) == 5


@pytest.mark.parametrize(("start", "total", "content"), [(0, 3, b""), (-1, 3, b"a"), (2, 3, b"ab")])
def test_what_is_no_piece_is_refused(start: int, total: int, content: bytes) -> None:
    with pytest.raises(InvalidInput):
        Piece(start, total, content)


def test_a_blob_has_a_limit() -> None:
    with pytest.raises(LimitExceeded, match=str(MAX_BLOB_BYTES)):
        Piece(0, MAX_BLOB_BYTES + 1, b"a")

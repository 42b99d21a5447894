"""Import: files per second of the real import against a bare loop that only reads, hashes and decodes them.

The peer is one line of hashlib and one of OpenCV, and keeps nothing; ours also checks headers, hashes
pixels, writes every file durably into the blob store, and its rows and labels into the database.  Goal: at
most 1.5 times the loop's time.  Both see warm files; each repeat of ours starts with an empty workspace.
"""

import argparse
import hashlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from andon.formats.files import scan
from andon.jobs.import_images import ImportRequest, import_images
from andon.services.workspaces import Workspace, create_workspace, now
from benchmarks.report import Row, save, summarise, table

NAME = "import_images"
LIMIT = 1.5
FILES = 600
SIDE = 512
REPEATS = 7


def run(folder: Path | None = None, repeats: int = REPEATS) -> list[Row]:
    """Measure on ``folder``, or on noisy images made for it (JPEG and PNG, colour)."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as made:
        if folder is not None:
            return [_row(folder.name, folder, Path(made), repeats)]
        return [
            _row(f"{FILES} {kind} {SIDE}x{SIDE} colour", _draw(Path(made), kind), Path(made), repeats)
            for kind in ("jpg", "png")
        ]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="images in any layout, instead of made ones")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    arguments = parser.parse_args(argv)
    rows = run(arguments.folder, arguments.repeats)
    if arguments.folder is None:
        save(NAME, rows)
    print(table(NAME, rows))
    return 0


def _row(what: str, folder: Path, scratch: Path, repeats: int) -> Row:
    paths = [folder / name for name in scan(folder).images]
    ours: list[float] = []
    peer: list[float] = []
    _bare(paths)
    for number in range(repeats):
        workspace, _ = create_workspace(scratch / f"{folder.name}-{number}", "benchmark")
        sides: list[tuple[list[float], Callable[[], None]]] = [
            (peer, partial(_bare, paths)),
            (ours, partial(_import, workspace, folder)),
        ]
        for samples, act in sides if number % 2 else reversed(sides):
            started = time.perf_counter()
            act()
            samples.append(1e3 * (time.perf_counter() - started) / len(paths))
        workspace.database.close()
        shutil.rmtree(workspace.folder)
    median, high = summarise(ours)
    ratio, ratio_high = summarise([mine / theirs for mine, theirs in zip(ours, peer, strict=True)])
    return {
        "what": what,
        "median_ms": median,
        "p95_ms": high,
        "ratio": ratio,
        "ratio_p95": ratio_high,
        "limit": LIMIT,
        "peer": "hashlib.sha256 + cv2.imdecode, one loop",
        "peer_median_ms": summarise(peer)[0],
        "files_per_second": 1e3 / median,
        "repeats": repeats,
        "note": f"{1e3 / median:.0f} files/s, loop {1e3 / summarise(peer)[0]:.0f} files/s",
    }


def _bare(paths: Sequence[Path]) -> None:
    for path in paths:
        content = path.read_bytes()
        hashlib.sha256(content).hexdigest()
        cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)


def _import(workspace: Workspace, folder: Path) -> None:
    request = ImportRequest(folder, folder.name, workspace.who, now())
    outcome = import_images(workspace.database, workspace.blobs, request, lambda *_: None)
    if not outcome.imported:
        raise RuntimeError("nothing was imported")


def _draw(scratch: Path, kind: str) -> Path:
    """Brushed surfaces with noise, good and bad."""
    folder = scratch / kind
    random = np.random.default_rng(0)
    for number in range(FILES):
        rows = random.normal(128, 20, (SIDE, 1, 1)) + random.normal(0, 12, (SIDE, SIDE, 3))
        path = folder / ("bad" if number % 5 == 0 else "good") / f"{number:04d}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.clip(rows, 0, 255).astype(np.uint8))
    return folder


if __name__ == "__main__":
    sys.exit(main())

"""What models make of stored images, reckoned once for each model and kept beside the records.

``features/<package>/<digest>.npz`` holds a batch each; the folder may be deleted at any time.
"""

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from andon.blobs.files import disk_errors, partial_name
from andon.domain.annotations import Label
from andon.domain.images import Image
from andon.domain.serial import from_json, to_json
from andon.formats.pixels import Pixels, decode
from andon.runtime.features import Seen, look
from andon.runtime.package import LoadedPackage
from andon.services.workspaces import Workspace
from andon.units import Digest, digest_of

BATCH = 256
"""Images whose features are kept in one file; what is killed in between repeats at most these."""

THREADS = 2

Report = Callable[[int, int | None, str], None]


def seen_by(
    workspace: Workspace, package: LoadedPackage, images: Sequence[Image], report: Report
) -> dict[Digest, Seen]:
    """What a model says of those ``images`` that it takes and whose files are here.

    Raises:
        ModelFailed: the engine failed on an image.
        DiskFull, OperatorError: what was found cannot be kept.
    """
    folder = workspace.features / package.digest
    found = _kept(folder, {image.digest for image in images})
    missing = [image for image in images if image.digest not in found and workspace.blobs.has(image.blob)]
    report(len(found), len(images), "features")
    for start in range(0, len(missing), BATCH):
        batch = missing[start : start + BATCH]
        fresh = list(look(package, _pictures(workspace, batch), THREADS))
        _keep(folder, fresh)
        found |= {Digest(seen.name): seen for seen in fresh}
        report(len(images) - len(missing) + start + len(batch), len(images), "features")
    return found


def _pictures(workspace: Workspace, images: Sequence[Image]) -> Iterator[tuple[str, Pixels]]:
    return ((image.digest, decode(workspace.blobs.get(image.blob))) for image in images)


def _keep(folder: Path, seen: Sequence[Seen]) -> None:
    if not seen:
        return
    name = digest_of("\n".join(one.name for one in seen).encode())
    partial = folder / partial_name(name)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            np.savez(
                file,
                names=np.array([one.name for one in seen]),
                scores=np.stack([one.scores for one in seen]),
                features=np.stack([one.features for one in seen]),
                findings=np.array([_text(one) for one in seen]),
            )
        partial.replace(folder / f"{name}.npz")


def _kept(folder: Path, wanted: set[Digest]) -> dict[Digest, Seen]:
    found: dict[Digest, Seen] = {}
    for path in sorted(folder.glob("*.npz")):
        for seen in _read(path):
            if seen.name in wanted:
                found[Digest(seen.name)] = seen
    return found


def _read(path: Path) -> list[Seen]:
    """What one file holds; one that was damaged is taken away, since it can be made anew."""
    try:
        with np.load(path, allow_pickle=False) as held:
            columns: Mapping[str, np.ndarray] = {name: held[name] for name in held.files}
        rows = zip(*(columns[key] for key in ("names", "scores", "features", "findings")), strict=True)
        return [Seen(str(name), scores, features, _findings(text)) for name, scores, features, text in rows]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        path.unlink(missing_ok=True)
        return []


def _text(seen: Seen) -> str:
    return json.dumps([[to_json(label, Label), score] for label, score in seen.findings])


def _findings(text: str) -> tuple[tuple[Label, float], ...]:
    return tuple((from_json(Label, label), float(score)) for label, score in json.loads(text))

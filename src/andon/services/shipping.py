"""From a graph that scores as its original to a package in the workspace."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from andon.domain.datasets import Snapshot, SnapshotItem, Split
from andon.domain.models import Manifest, Package, Parity
from andon.domain.serial import canonical
from andon.formats.pixels import encode_png
from andon.runtime.graph import CheckedGraph
from andon.runtime.package import attach, package_digest, seal, write_package
from andon.runtime.scoring import golden_scores
from andon.services.truths import read_pixels
from andon.services.workspaces import Workspace

PARITY_IMAGES = 64
GOLDEN_IMAGES = 4


@dataclass(frozen=True, slots=True)
class Proven:
    """A graph whose reference variant passed parity.

    Attributes:
        parity: of every variant. images: what it was measured on; the first become golden images.
        threads: of the engine that scores those.
    """

    graph: CheckedGraph
    parity: tuple[Parity, ...]
    images: Sequence[SnapshotItem]
    threads: int


def evidence(snapshot: Snapshot) -> list[SnapshotItem]:
    """Images for parity and golden pictures: calibration first, defects and clean ones in turn."""
    for split in (Split.CALIBRATION, Split.STOP, Split.TRAIN):
        items = snapshot.of(split)
        defects = [item for item in items if item.labels]
        clean = [item for item in items if not item.labels]
        if items:
            break
    turns = list(zip(defects, clean, strict=False))
    mixed = [item for pair in turns for item in pair] + defects[len(turns) :] + clean[len(turns) :]
    return mixed[:PARITY_IMAGES]


def make_package(workspace: Workspace, draft: Manifest, proven: Proven, run: str | None) -> Package:
    """Write the package durably; it is not recorded yet.

    Args:
        workspace: where it is stored.
        draft: what it says of itself, but for files and golden scores.
        proven: the graph, and what was found of it.
        run: that trained it, if any did.

    Raises:
        DamagedPackage: it is such that no station would load it.
        DiskFull, OperatorError: the disk does not take it.
    """
    chosen = proven.images[:GOLDEN_IMAGES]
    golden = {f"{n}.png": read_pixels(workspace.blobs, item) for n, item in enumerate(chosen)}
    stated = golden_scores(proven.graph, list(golden.items()), proven.threads)
    pictures = {name: encode_png(pixels) for name, pixels in golden.items()}
    content = proven.graph.content
    sealed = seal(replace(draft, golden=stated), content, pictures)
    folder = workspace.packages / package_digest(sealed)
    workspace.packages.mkdir(exist_ok=True)
    digest = write_package(folder, sealed, content, pictures)
    attach(folder, "attestations/parity.json", canonical(proven.parity))
    return Package(digest=digest, manifest=sealed, run=run, parity=proven.parity)

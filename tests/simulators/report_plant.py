"""A workspace whose parts, scores and origins are written down, so that a report can be counted by hand.

The model of ``simulators.graphs`` answers: a spot of grey value v scores (v / 255 - 1/2) * 2 as bright, or
the negative of it as dark.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from simulators.graphs import OUTPUT, brightness_model, golden_images, grey, manifest, png

from andon.domain.datasets import DatasetSpec, SplitRule
from andon.domain.images import ImageFilter
from andon.domain.models import Costs, Cuts, Package, Parity
from andon.jobs.import_images import ImportRequest, import_images
from andon.runtime.execution import REFERENCE
from andon.runtime.package import load_package, write_package
from andon.services.datasets import freeze_dataset
from andon.services.evaluations import evaluate_model
from andon.services.recipes import RecipeRequest, make_recipe
from andon.services.workspaces import Workspace, create_workspace, now
from andon.store import models as stored_models

COSTS = Costs(escape=50.0, overkill=5.0, review=1.0, defect_rate=0.05)
COLUMNS = ("path", "label", "mask", "split", "serial", "part_type", "line", "lot", "captured_at")


@dataclass(frozen=True)
class Photo:
    """One picture: how bright its spot is (below 0: dark), what people say of it, where it comes from."""

    name: str
    score: float
    label: str = "good"
    split: str = "test"
    origin: dict[str, str] = field(default_factory=dict)
    masked: bool = False


def build(root: Path, photos: Sequence[Photo], concepts: tuple[str, ...] = ("bright", "dark")) -> Workspace:
    """Draw, import, freeze by the stated splits, record the package and evaluate it."""
    workspace, _ = create_workspace(root / "ws", "mara")
    folder = root / "parts"
    for number, photo in enumerate(photos):
        _draw(folder, photo, number)
    with (folder / "manifest.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(_row(photo) for photo in photos)
    request = ImportRequest(folder, "parts", workspace.who, now(), add_concepts=True)
    outcome = import_images(workspace.database, workspace.blobs, request, lambda done, total: None)
    assert not outcome.left_out, outcome.left_out
    spec = DatasetSpec("tiles", ImageFilter(source="parts"), SplitRule(split_by="split"))
    frozen = freeze_dataset(workspace, spec)
    package = _package(workspace, frozen.snapshot.digest, concepts)
    evaluate_model(workspace, package.digest, str(REFERENCE), COSTS, lambda done, total, text: None)
    return workspace


def cut_at(workspace: Workspace, review: float, reject: float) -> None:
    """A recipe whose cuts are the same for every concept."""
    with workspace.database.read() as tx:
        package = stored_models.latest(tx)
    cuts = dict.fromkeys(package.manifest.output.concepts, Cuts(review, reject))
    make_recipe(workspace, RecipeRequest("tiles", package.digest, cuts=cuts))


def rest_of_the_data() -> list[Photo]:
    """What learns and chooses; a clean, a bright and a dark part in each group."""
    return [
        Photo(f"{split}-{label}.png", score, label, split)
        for split in ("train", "calibration")
        for label, score in (("good", 0.05), ("bright", 0.8), ("dark", -0.8))
    ]


def _package(workspace: Workspace, snapshot: str, concepts: tuple[str, ...]) -> Package:
    workspace.packages.mkdir(exist_ok=True)
    given = replace(OUTPUT, concepts=concepts)
    stated = replace(manifest(), snapshot=snapshot, output=given, name="<b>tiles</b>")
    golden = {name: png(pixels) for name, pixels in golden_images().items()}
    built = workspace.packages / "building"
    digest = write_package(built, stated, brightness_model().SerializeToString(), golden)
    built.rename(workspace.packages / digest)
    loaded = load_package(workspace.packages / digest)
    package = Package(digest, loaded.manifest, None, (Parity(REFERENCE, 20, 1e-6, 0.0, (), 1e-3),))
    with workspace.database.write() as tx:
        stored_models.add(tx, package, workspace.who, now())
    return package


def _row(photo: Photo) -> dict[str, str]:
    mask = f"masks/{photo.name}" if photo.masked else ""
    return {"path": photo.name, "label": photo.label, "mask": mask, "split": photo.split} | photo.origin


def _draw(folder: Path, photo: Photo, number: int) -> None:
    """A spot of the wanted score, and a pixel that makes the picture unlike every other one."""
    pixels = grey()
    pixels[20:30, 20:30] = round((photo.score / 2 + 0.5) * 255)
    pixels[number // 64, number % 64] = 128
    path = folder / photo.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(pixels))
    if photo.masked:
        mask = np.zeros((64, 64), np.uint8)
        cv2.circle(mask, (25, 25), 8, 255, -1)
        masked = folder / "masks" / photo.name
        masked.parent.mkdir(parents=True, exist_ok=True)
        masked.write_bytes(png(mask))

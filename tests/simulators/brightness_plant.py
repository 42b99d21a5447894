"""A workspace with parts, a model whose answers one can compute by hand, its evaluation and a recipe.

Nothing is trained: the model tells how bright and how dark the brightest and darkest pixel is, so a spot of
grey value v scores (v / 255 - 1/2) * 2.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from simulators.graphs import brightness_model, golden_images, grey, manifest, png

from andon.domain.datasets import DatasetSpec
from andon.domain.gates import Purpose
from andon.domain.images import ImageFilter
from andon.domain.models import Costs, Package, Parity
from andon.jobs.import_images import ImportRequest, import_images
from andon.jobs.inspect import InspectRequest, inspect_images
from andon.runtime.execution import REFERENCE
from andon.services.datasets import freeze_dataset
from andon.services.evaluations import evaluate_model
from andon.services.holdouts import hold_part
from andon.services.recipes import RecipeRequest, make_recipe
from andon.services.workspaces import Workspace, create_workspace, now
from andon.store import images as stored_images
from andon.store import models as stored_models

COSTS = Costs(escape=50.0, overkill=5.0, review=1.0, defect_rate=0.05)
PARTS = 120
INSPECTED = 12


@dataclass(frozen=True)
class BrightnessPlant:
    """``other`` is the same model evaluated with dearer reviews; ``inspected`` is a folder of parts."""

    workspace: Workspace
    package: Package
    other: Package
    inspected: Path


def build(root: Path) -> BrightnessPlant:
    """Draw, import, freeze, record two packages, evaluate both, make a recipe, inspect some parts."""
    workspace, _ = create_workspace(root / "ws", "mara")
    _draw(root / "parts", PARTS, seed=1)
    request = ImportRequest(root / "parts", "parts", workspace.who, now(), add_concepts=True)
    import_images(workspace.database, workspace.blobs, request, lambda done, total: None)
    frozen = freeze_dataset(workspace, DatasetSpec("tiles", ImageFilter(source="parts")))
    first, second = (_package(workspace, frozen.snapshot.digest, seed) for seed in (1, 2))
    for package, costs in ((first, COSTS), (second, replace(COSTS, review=20.0))):
        evaluate_model(workspace, package.digest, str(REFERENCE), costs, _silent)
    make_recipe(workspace, RecipeRequest("tiles", first.digest, cuts={}, note="cuts from costs"))
    _draw(root / "inspected", INSPECTED, seed=2)
    inspect_images(workspace, InspectRequest(root / "inspected", None, "tiles"), _silent)
    return BrightnessPlant(workspace, first, second, root / "inspected")


def _package(workspace: Workspace, snapshot: str, seed: int) -> Package:
    from andon.runtime.package import load_package, write_package
    from andon.units import Digest

    workspace.packages.mkdir(exist_ok=True)
    stated = replace(manifest(), snapshot=Digest(snapshot), seed=seed, name=f"brightness-{seed}")
    golden = {name: png(pixels) for name, pixels in golden_images().items()}
    built = workspace.packages / f"building-{seed}"
    digest = write_package(built, stated, brightness_model().SerializeToString(), golden)
    built.rename(workspace.packages / digest)
    loaded = load_package(workspace.packages / digest)
    parity = Parity(REFERENCE, 20, 1e-6, 0.0, (), 1e-3)
    package = Package(digest, loaded.manifest, None, (parity,))
    with workspace.database.write() as tx:
        stored_models.add(tx, package, workspace.who, now())
    return package


def hold_golden(plant: BrightnessPlant, root: Path, count: int = 240) -> None:
    """Import parts without dust, whose kinds their folders say, and hold them for gates."""
    workspace = plant.workspace
    _draw(root / "golden", count, seed=3, dust=False)
    request = ImportRequest(root / "golden", "golden", workspace.who, now())
    import_images(workspace.database, workspace.blobs, request, lambda done, total: None)
    with workspace.database.read() as tx:
        found = stored_images.page(tx, ImageFilter(source="golden"), None, count).rows
    assert len(found) == count
    for image in found:
        hold_part(workspace, image.digest, Purpose.GOLDEN, "agreed with quality")


def _draw(folder: Path, count: int, seed: int, dust: bool = True) -> None:
    """Half clean (some with dust), a third with a bright spot, the rest with a dark one."""
    random = np.random.default_rng(seed)
    for number in range(count):
        pixels = grey() + random.integers(-30, 31, (64, 64)).astype(np.int16)
        kind = ("good", "bright", "good", "dark", "good", "bright")[number % 6]
        top, left = random.integers(4, 50, 2)
        strength = int(random.integers(28, 120))
        if kind == "good" and dust and number % 4 == 0:
            pixels[top, left] = 127 + strength
        if kind != "good":
            pixels[top : top + 8, left : left + 8] = 127 + (strength if kind == "bright" else -strength)
        path = folder / kind / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(pixels.clip(0, 255).astype(np.uint8)))


def _silent(done: int, total: int | None, text: str) -> None:
    """Nobody looks."""

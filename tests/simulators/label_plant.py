"""A workspace with a model that knows bright and dark spots, labelled pictures, and many to be labelled."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from simulators.graphs import (
    OUTPUT,
    brightness_model,
    golden_images,
    grey,
    manifest,
    png,
)

from andon.domain.annotations import Annotation, AnnotationState, WholeImage
from andon.domain.images import Image, Origin, Shape
from andon.domain.models import Cuts, Package, Parity
from andon.domain.ontologies import Concept, Ontology, Severity
from andon.formats.pixels import decode, image_digest
from andon.runtime.execution import REFERENCE
from andon.runtime.package import load_package, write_package
from andon.services.recipes import RecipeRequest, make_recipe
from andon.services.workspaces import Workspace, create_workspace, new_id, now
from andon.store import annotations as stored_annotations
from andon.store import images as stored_images
from andon.store import models as stored_models
from andon.store import ontologies as stored_ontologies
from andon.units import Digest, Timestamp

CUTS = {"bright": Cuts(0.3, 0.6), "dark": Cuts(0.3, 0.6)}
FEATURES = 3


@dataclass(frozen=True)
class LabelPlant:
    """``waiting`` are the pictures without a label: clean, unsure, bright and dark in turn."""

    workspace: Workspace
    package: Package
    waiting: tuple[Image, ...]


def build(root: Path, number: int = 24, *, features: bool = True) -> LabelPlant:
    """Pictures, labels, a package and its recipe; no training."""
    workspace, _ = create_workspace(root / "ws", "mara")
    concepts = (Concept("bright", severity=Severity.CRITICAL), Concept("dark"), Concept("scratch"))
    with workspace.database.write() as tx:
        stored_ontologies.add_version(tx, Ontology(1, concepts), "mara", now())
    package = _package(workspace, FEATURES if features else 0)
    make_recipe(workspace, RecipeRequest("plates", package.digest, cuts=CUTS, note="by hand"))
    for place, image in enumerate(add_pictures(workspace, "archive", 12, seed=1)):
        label(workspace, image, (None, None, "bright", "dark")[place % 4])
    return LabelPlant(workspace, package, add_pictures(workspace, "parts", number, seed=2))


def add_pictures(workspace: Workspace, source: str, number: int, seed: int) -> tuple[Image, ...]:
    """Clean, barely bright, bright, dark in turn."""
    random = np.random.default_rng(seed)
    made = tuple(_picture(workspace, source, place, random) for place in range(number))
    with workspace.database.write() as tx:
        stored_images.add(tx, made, source, "mara", now())
    return made


def label(workspace: Workspace, image: Image, concept: str | None) -> None:
    """A person says what the whole image shows."""
    said = Annotation(
        new_id(), 1, image.digest, concept, WholeImage(), AnnotationState.ACCEPTED, "mara", now()
    )
    with workspace.database.write() as tx:
        stored_annotations.add(tx, [said])


def _picture(workspace: Workspace, source: str, place: int, random: np.random.Generator) -> Image:
    pixels = grey().astype(np.int16) + random.integers(-6, 7, (64, 64))
    top, left = random.integers(4, 44, 2)
    strength = (0, 60, 110, -110)[place % 4]
    pixels[top : top + 12, left : left + 14] += strength
    content = png(pixels.clip(0, 255).astype(np.uint8))
    blob = workspace.blobs.put(content)
    serial = f"{source}-{place:03}"
    origin = Origin(serial=serial, part_type="plate", captured_at=Timestamp("2026-01-02T03:04:05.000006Z"))
    shape = Shape(64, 64, 1, 8)
    return Image(image_digest(decode(content)), blob, f"{serial}.png", len(content), shape, origin)


def _package(workspace: Workspace, features: int) -> Package:
    workspace.packages.mkdir(exist_ok=True)
    given = replace(OUTPUT, features=features)
    golden = {name: png(pixels) for name, pixels in golden_images().items()}
    built = workspace.packages / "building"
    stated = replace(manifest(given=given), name="plates")
    digest = write_package(built, stated, brightness_model(given=given).SerializeToString(), golden)
    built.rename(workspace.packages / digest)
    parity = Parity(REFERENCE, 20, 1e-6, 0.0, (), 1e-3)
    loaded = load_package(workspace.packages / digest)
    package = Package(Digest(digest), loaded.manifest, None, (parity,))
    with workspace.database.write() as tx:
        stored_models.add(tx, package, workspace.who, now())
    return package

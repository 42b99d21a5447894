"""Models: find packages, show them, time them."""

import platform
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from andon.domain.datasets import Snapshot, Split
from andon.domain.models import Cuts, Package, Parity, Precision, Variant
from andon.domain.recipes import Recipe
from andon.domain.serial import to_json
from andon.errors import InvalidInput, NotPossible
from andon.runtime.choosing import fastest
from andon.runtime.execution import available
from andon.runtime.inspector import Inspector
from andon.runtime.package import LoadedPackage, load_package
from andon.services.datasets import load_snapshot
from andon.services.workspaces import Workspace, now
from andon.store import models as stored_models

LATEST = "latest"
BENCHMARK = "benchmark"
"""Kind of the attestation that holds how long the variants took on some machine."""

WARM_UP = 3

Report = Callable[[int, int | None, str], None]


def find_package(workspace: Workspace, name: str) -> Package:
    """The package whose digest begins with ``name``, or the newest for "latest".

    Raises:
        NotFound, Conflict: none, or several.
    """
    with workspace.database.read() as tx:
        return stored_models.latest(tx) if name == LATEST else stored_models.get(tx, name)


def open_package(workspace: Workspace, package: Package) -> LoadedPackage:
    """Load a package from the workspace; every byte is checked.

    Raises:
        DamagedPackage: it was truncated or altered.
    """
    return load_package(workspace.packages / package.digest, package.digest)


def snapshot_of(workspace: Workspace, package: Package) -> Snapshot:
    """The snapshot a package was trained on, or measured on where it is imported."""
    return load_snapshot(workspace, package.manifest.snapshot)


def usable_variants(package: Package) -> tuple[Variant, ...]:
    """Variants that passed parity and that this machine executes, the reference first."""
    passed = {parity.variant for parity in package.parity if parity.passed}
    return tuple(variant for variant in available() if variant in passed)


def parse_variant(package: Package, text: str) -> Variant:
    """The variant written as ``engine/precision``.

    Raises:
        InvalidInput: it is unknown, failed parity, or cannot run here.
    """
    usable = usable_variants(package)
    for variant in usable:
        if str(variant) == text:
            return variant
    raise InvalidInput(
        f"variant {text!r} of model {package.digest[:12]} cannot be used here",
        f"Usable: {', '.join(map(str, usable)) or 'none'}.",
    )


def fastest_inspector(
    workspace: Workspace, recipe: Recipe, package: Package, variant: str | None, threads: int
) -> Inspector:
    """An inspector on the variant named, else on the FP32 one that is fastest here on the golden images.

    A variant whose golden images do not reproduce on this machine is passed over.

    Raises:
        InvalidInput: the variant named is not usable.
        DamagedPackage: the package was altered, or no variant reproduces the golden images.
        NotFound: the template that the recipe locates parts by is missing.
    """
    loaded = open_package(workspace, package)
    template = None if recipe.locate is None else workspace.blobs.get(recipe.locate.template)
    if variant is not None:
        return Inspector(loaded, recipe, parse_variant(package, variant), threads, template)
    # Cuts are chosen on f32 scores. bf16 moves a score by up to its tolerance, which can carry one that
    # lies beside a cut across it: it is used where somebody names it.
    candidates = [found for found in usable_variants(package) if found.precision is Precision.F32]
    return fastest(loaded, recipe, candidates, threads, template)


def list_models(workspace: Workspace, limit: int) -> list[dict[str, Any]]:
    """Packages, newest first."""
    with workspace.database.read() as tx:
        return [_line(package) for package in stored_models.page(tx, None, limit).rows]


def _line(package: Package) -> dict[str, Any]:
    manifest = package.manifest
    return {
        "digest": package.digest,
        "name": manifest.name,
        "family": manifest.kind,
        "encoder": manifest.encoder,
        "input": f"{manifest.input.height}x{manifest.input.width}x{manifest.input.channels}",
        "concepts": list(manifest.output.concepts),
        "variants": ", ".join(str(parity.variant) for parity in package.parity if parity.passed),
        "run": package.run,
        "snapshot": manifest.snapshot,
    }


def parity_table(parity: Sequence[Parity]) -> tuple[tuple[str, ...], list[list[object]]]:
    """One row per variant, with why one is left out."""
    rows: list[list[object]] = [
        [
            p.variant,
            p.images,
            f"{p.largest_gap:.2e}",
            len(p.flips),
            f"no: {p.reason}" if p.reason else "yes",
        ]
        for p in parity
    ]
    return ("variant", "images", "largest gap", "flips", "passed"), rows


def show_model(workspace: Workspace, name: str) -> dict[str, Any]:
    """A package with parity and everything measured on it; loading checks every byte."""
    package = find_package(workspace, name)
    open_package(workspace, package)
    with workspace.database.read() as tx:
        attestations = stored_models.attestations(tx, package.digest)
    parity = [
        to_json(p)
        | {"variant": str(p.variant), "passed": p.passed, "flips": len(p.flips), "reason": p.reason}
        for p in package.parity
    ]
    return _line(package) | {
        "folder": str(workspace.packages / package.digest),
        "parity": parity,
        "manifest": to_json(package.manifest),
        "attestations": [to_json(attestation) for attestation in attestations],
    }


def benchmark_model(
    workspace: Workspace, name: str, images: int, threads: int, report: Report
) -> list[dict[str, object]]:
    """Time the whole path of every usable variant, variants taking turns image by image.

    The table is kept as an attestation.

    Returns:
        One row per variant: median and 95th percentile in ms, and the median of every stage.
    """
    package = find_package(workspace, name)
    loaded = open_package(workspace, package)
    contents = list(_contents(workspace, package, images))
    recipe = _timing_recipe(loaded)
    inspectors = [Inspector(loaded, recipe, variant, threads) for variant in usable_variants(package)]
    totals: dict[str, list[float]] = {str(i.variant): [] for i in inspectors}
    stages: dict[str, list[dict[str, float]]] = {str(i.variant): [] for i in inspectors}
    for number, content in enumerate(contents):
        for inspector in inspectors:
            outcome = inspector.inspect(content)
            if number >= WARM_UP:
                totals[str(inspector.variant)].append(outcome.milliseconds)
                stages[str(inspector.variant)].append(dict(outcome.stages))
        report(number + 1, len(contents), "")
    rows = [_timing(variant, totals[variant], stages[variant]) for variant in totals]
    facts = {"threads": threads, "machine": platform.processor() or platform.machine(), "rows": rows}
    with workspace.database.write() as tx:
        stored_models.add_attestation(tx, package.digest, BENCHMARK, facts, (workspace.who, now()))
    return rows


def _contents(workspace: Workspace, package: Package, images: int) -> Iterator[bytes]:
    items = snapshot_of(workspace, package).of(Split.TEST) or snapshot_of(workspace, package).items
    if not items:
        raise NotPossible(f"the snapshot of model {package.digest[:12]} holds no image to time")
    for number in range(images + WARM_UP):
        yield workspace.blobs.get(items[number % len(items)].blob)


def _timing_recipe(loaded: LoadedPackage) -> Recipe:
    """Cuts in the middle: what is timed does not depend on them."""
    cuts = {concept: Cuts(0.5, 0.5) for concept in loaded.manifest.output.concepts}
    return Recipe(name="timing", version=1, part_type=None, package=loaded.digest, cuts=cuts)


def _timing(variant: str, totals: list[float], stages: list[dict[str, float]]) -> dict[str, object]:
    median, high = np.percentile(totals, [50, 95])
    row: dict[str, object] = {"variant": variant, "images": len(totals)}
    row |= {"median": float(median), "p95": float(high)}
    for stage in ("decode", "fit", "engine", "findings", "judge"):
        row[stage] = float(np.median([times.get(stage, 0.0) for times in stages]))
    return row

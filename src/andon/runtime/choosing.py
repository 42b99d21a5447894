"""Choosing how a package runs on this machine: the fastest variant that reproduces its golden images."""

from collections.abc import Sequence
from statistics import median

from andon.domain.models import Variant
from andon.domain.recipes import Recipe
from andon.errors import DamagedPackage
from andon.runtime.execution import available
from andon.runtime.inspector import Inspector
from andon.runtime.package import LoadedPackage
from andon.runtime.predictions import ModelFailed

ROUNDS = 5
"""How often the golden images are judged to find the fastest."""


def fastest(
    loaded: LoadedPackage,
    recipe: Recipe,
    variants: Sequence[Variant],
    threads: int,
    template: bytes | None = None,
) -> Inspector:
    """An inspector on the fastest of ``variants``; one that does not reproduce here is passed over.

    Raises:
        Conflict, InvalidInput, NotPossible: recipe and package do not belong together, as Inspector says.
        DamagedPackage: no variant reproduces the golden images on this machine.
    """
    candidates = [variant for variant in available() if variant in variants]
    opened = [_opened(loaded, recipe, variant, threads, template) for variant in candidates]
    reproducing = [inspector for inspector in opened if inspector is not None]
    if not reproducing:
        raise DamagedPackage(
            f"no variant of model {loaded.digest[:12]} reproduces its golden images on this machine",
            "Train or export it again here, or use another machine.",
        )
    return min(reproducing, key=lambda inspector: _golden_milliseconds(loaded, inspector))


def _opened(
    loaded: LoadedPackage, recipe: Recipe, variant: Variant, threads: int, template: bytes | None
) -> Inspector | None:
    try:
        return Inspector(loaded, recipe, variant, threads, template)
    except (DamagedPackage, ModelFailed):
        return None


def _golden_milliseconds(loaded: LoadedPackage, inspector: Inspector) -> float:
    """Median of the engine's time; endless where it never ran (a golden image the recipe refuses)."""
    contents = list(loaded.golden.values()) * ROUNDS
    return median(inspector.inspect(content).stages.get("engine", float("inf")) for content in contents)

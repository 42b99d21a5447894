"""Images, models and recipes to be stored, and the reading of a list page by page."""

from collections.abc import Callable

from andon.domain.annotations import Polygon
from andon.domain.images import Image, Origin, Shape
from andon.domain.models import (
    Cuts,
    Engine,
    InputSpec,
    Manifest,
    OutputSpec,
    Package,
    Parity,
    Precision,
    Variant,
)
from andon.domain.recipes import Recipe, Rule
from andon.domain.runs import Family
from andon.units import Timestamp, digest_of

T0 = Timestamp("2026-01-02T03:04:05.000006Z")
T1 = Timestamp("2026-01-03T03:04:05.000006Z")
ME = "local"


def image(number: int, **origin: str) -> Image:
    digest = digest_of(b"%d" % number)
    known = Origin(**{"part_type": "tile", **origin}, extra={"tile": str(number)})  # type: ignore[arg-type]
    return Image(digest, digest_of(digest.encode()), f"a/{number}.png", 10, Shape(4, 5, 1, 8), known)


def package(name: str = "tiles") -> Package:
    manifest = Manifest(
        name, Family.SEGMENT, "mobilenetv2_100", InputSpec(32, 32, 1, 8), OutputSpec(("dent",), True),
        digest_of(b"snapshot"), digest_of(b"settings"), 0, "1", {"graph.onnx": digest_of(b"graph")},
        {"g.png": (0.5,)},
    )  # fmt: skip
    parity = Parity(Variant(Engine.OPENVINO, Precision.F32), 3, 0.001, 0.01, (), 0.02)
    return Package(digest_of(name.encode()), manifest, "run", (parity,))


def recipe(draft_of: Package) -> Recipe:
    rule = Rule("dent", 3.0, within=Polygon(((0, 0), (9, 0), (9, 9))))
    return Recipe("tiles", 0, "tile", draft_of.digest, {"dent": Cuts(0.2, 0.5)}, (rule,), author=ME, at=T0)


def all_pages(page: Callable[[int | None], object]) -> list[object]:
    """The rows of all pages, in their order; ``page`` gives the page after a place."""
    found: list[object] = []
    after: int | None = None
    while True:
        part = page(after)
        found += part.rows  # type: ignore[attr-defined]
        after = part.next  # type: ignore[attr-defined]
        if after is None:
            return found

"""Labels as outlines that are laid over a picture."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from andon.domain.annotations import Annotation, Box, Geometry, Label, Polygon

HUES = 8


@dataclass(frozen=True, slots=True)
class Shape:
    """A label: SVG path in pixels of the picture (empty: whole image or mask), concept, and hue 1 to 8."""

    path: str
    concept: str
    hue: int


def shapes_of(labels: Iterable[Label | Annotation], concepts: Sequence[str]) -> tuple[Shape, ...]:
    """Drawn in the hue that the place of their concept among ``concepts`` gives."""
    return tuple(
        Shape(outline(label.geometry), label.concept, _hue(label.concept, concepts))
        for label in labels
        if label.concept is not None
    )


def outline(geometry: Geometry) -> str:
    """The path of a place; empty where it has none that can be drawn."""
    match geometry:
        case Polygon():
            points = geometry.points
        case Box(x, y, width, height):
            points = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
        case _:
            return ""
    return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in points) + "Z"


def _hue(concept: str, concepts: Sequence[str]) -> int:
    return (list(concepts).index(concept) if concept in concepts else 0) % HUES + 1

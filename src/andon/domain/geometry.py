"""How boxes lie to polygons; exact for concave and self-crossing ones (even-odd rule)."""

from collections.abc import Iterator

from andon.domain.annotations import Box, Polygon

TOUCH = 1e-6
"""Pixels within which things touch: boxes come from scaled map pixels and carry rounding."""

_Point = tuple[float, float]


def lies_inside(box: Box, polygon: Polygon) -> bool:
    """Whether the whole box is in the polygon; running along its border is allowed.

    No edge passes through the open box, hence all of it is on one side, and its centre says which.
    """
    inner = _Sides.of(box, -TOUCH)
    return _contains(polygon, inner.centre()) and not any(inner.meets(a, b) for a, b in _edges(polygon))


def touches(box: Box, polygon: Polygon) -> bool:
    """Whether box and polygon share a point, be it on the border."""
    outer = _Sides.of(box, TOUCH)
    return _contains(polygon, outer.centre()) or any(outer.meets(a, b) for a, b in _edges(polygon))


class _Sides:
    """A closed axis-aligned box by its sides."""

    def __init__(self, low: _Point, high: _Point) -> None:
        self.low = low
        self.high = high

    @classmethod
    def of(cls, box: Box, margin: float) -> "_Sides":
        """``box`` grown by ``margin`` on every side; a shrunk box keeps at least its centre."""
        across, down = (max(side / 2 + margin, 0.0) for side in (box.width, box.height))
        x, y = box.x + box.width / 2, box.y + box.height / 2
        return cls((x - across, y - down), (x + across, y + down))

    def centre(self) -> _Point:
        return (self.low[0] + self.high[0]) / 2, (self.low[1] + self.high[1]) / 2

    def meets(self, start: _Point, end: _Point) -> bool:
        """Whether the segment has a point in the box: Liang and Barsky's clipping (1984)."""
        enters, leaves = 0.0, 1.0
        for axis in (0, 1):
            step = end[axis] - start[axis]
            gaps = (self.low[axis] - start[axis], self.high[axis] - start[axis])
            if step == 0:
                if gaps[0] > 0 or gaps[1] < 0:
                    return False
                continue
            first, last = sorted((gaps[0] / step, gaps[1] / step))
            enters, leaves = max(enters, first), min(leaves, last)
        return enters <= leaves


def _edges(polygon: Polygon) -> Iterator[tuple[_Point, _Point]]:
    points = polygon.points
    return zip(points, (*points[1:], points[0]), strict=True)


def _contains(polygon: Polygon, point: _Point) -> bool:
    x, y = point
    inside = False
    for (x1, y1), (x2, y2) in _edges(polygon):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside

"""A line of simulated parts, each reached by its index alone."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.errors import InvalidInput, NotFound
from andon.simulate import camera
from andon.simulate.defects import DEFECTS
from andon.simulate.materials import MATERIALS, Material
from andon.simulate.scene import Lot, Pose, Scene, Surface
from andon.simulate.settings import DisturbanceKind, LineSettings
from andon.simulate.textures import Textures
from andon.units import Timestamp

MAX_PARTS = 10_000_000
_SECOND_DEFECT = 0.12
_SIZE_OF_PART = 0.96
_TURN = np.radians(5)
_SHIFT = 0.035
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class _Stream(IntEnum):
    """What a random stream is for; streams keep part, defects and camera from disturbing each other."""

    BODY = 1
    DEFECTS = 2
    CAMERA = 4
    LOT = 5
    EMERGING = 6


@dataclass(frozen=True)
class SimulatedPart:
    """One picture with its truth.

    Attributes:
        pixels: uint8, (H, W, 3) RGB or (H, W) grey.
        defects: (concept, exact mask (H, W) bool) of each defect; empty for a clean part.
        captured_at: UTC.
    """

    index: int
    pixels: NDArray[np.uint8]
    defects: tuple[tuple[str, NDArray[np.bool_]], ...]
    material: str
    part_type: str
    serial: str
    lot: str
    captured_at: Timestamp


class Line:
    """Draws parts. ``part(i)`` depends on the settings and ``i`` only, never on what was drawn before.

    Raises:
        NotFound: a material or a defect is named that is not known.
        InvalidInput: ``started_at`` is not a time, or a material has no defect from the beginning.
    """

    def __init__(self, settings: LineSettings) -> None:
        self.settings = settings
        _must_know("material", settings.materials, MATERIALS)
        _must_know("defect", [new.concept for new in settings.emerging], DEFECTS)
        for name in settings.materials:
            if not self._usual(MATERIALS[name]):
                raise InvalidInput(f"every kind of defect on {name!r} is said to begin later")
        self._textures = Textures(settings.seed, max(settings.height, settings.width))
        try:
            self._start = datetime.strptime(settings.started_at, _TIME_FORMAT)
        except ValueError as cause:
            raise InvalidInput(
                f"the start of a line {settings.started_at!r} is not a time",
                "Write it like 2026-01-05T06:00:00.000000Z.",
            ) from cause

    def part(self, index: int) -> SimulatedPart:
        """The part at ``index``, 0 <= index < ``MAX_PARTS``.

        Raises:
            InvalidInput: the index is out of range.
        """
        return self._pictured(index, with_defects=True)

    def clean_twin(self, index: int) -> SimulatedPart:
        """The same part as if nothing had happened to it: equal to :meth:`part` outside of its masks."""
        return self._pictured(index, with_defects=False)

    def parts(self, start: int, count: int) -> Iterator[SimulatedPart]:
        """``count`` parts in order, from index ``start`` on."""
        return (self.part(index) for index in range(start, start + count))

    def seconds(self, index: int) -> float:
        """Time from the line's start to the picture of ``index``."""
        return index / self.settings.parts_per_second

    def _pictured(self, index: int, with_defects: bool) -> SimulatedPart:
        if not 0 <= index < MAX_PARTS:
            raise InvalidInput(f"there is no part {index}", f"Parts have the numbers 0 to {MAX_PARTS - 1}.")
        levels = self._levels(index)
        name = self._material(index)
        surface = MATERIALS[name].draw(self._scene(index, levels))
        defects: tuple[tuple[str, NDArray[np.bool_]], ...] = ()
        if with_defects:
            surface, defects = self._damaged(surface, MATERIALS[name], index)
        lens = self._random(index, _Stream.CAMERA)
        picture = camera.taken(surface.pixels, self._textures, lens, levels)
        camera.kill_pixels(picture, self.settings.seed, levels.get(DisturbanceKind.DEAD_PIXELS, 0.0))
        if self.settings.channels == 1:
            picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
        part_type = MATERIALS[name].PART_TYPE
        return SimulatedPart(
            index=index,
            pixels=picture,
            defects=defects,
            material=name,
            part_type=part_type,
            serial=f"{part_type}-{index:07d}",
            lot=f"LOT-{index // self.settings.parts_per_lot:05d}",
            captured_at=self._captured_at(index),
        )

    def _damaged(
        self, surface: Surface, material: Material, index: int
    ) -> tuple[Surface, tuple[tuple[str, NDArray[np.bool_]], ...]]:
        random = self._random(index, _Stream.DEFECTS)
        if random.random() >= self.settings.defect_rate:
            return surface, ()
        drawn = []
        for concept in self._concepts(material, index, random):
            change = DEFECTS[concept](surface, random, min(surface.body.shape) / 256)
            surface = Surface(change.pixels, surface.body, surface.turn, surface.bare)
            drawn.append((concept, change.mask))
        return surface, tuple(drawn)

    def _concepts(self, material: Material, index: int, random: np.random.Generator) -> list[str]:
        """What is on a defective part: usual kinds, or a new one in place of the first."""
        usual = self._usual(material)
        count = min(len(usual), 2 if random.random() < _SECOND_DEFECT else 1)
        concepts = [usual[int(place)] for place in random.choice(len(usual), size=count, replace=False)]
        chance = self._random(index, _Stream.EMERGING)
        for new in self.settings.emerging:
            if chance.random() < new.share and self.seconds(index) >= new.start:
                concepts[:1] = [new.concept]
        return concepts

    def _usual(self, material: Material) -> list[str]:
        later = {new.concept for new in self.settings.emerging}
        return [name for name in material.DEFECTS if name not in later]

    def _scene(self, index: int, levels: camera.Levels) -> Scene:
        random = self._random(index, _Stream.BODY)
        height, width = self.settings.height, self.settings.width
        side = min(height, width)
        moved = random.uniform(-_SHIFT, _SHIFT, 2) * side
        # The camera moves right, so the part moves left in its picture; the same for turning.
        moved[0] -= levels.get(DisturbanceKind.SHIFT, 0.0) * side
        turn = random.uniform(-_TURN, _TURN) - np.radians(levels.get(DisturbanceKind.TURN, 0.0))
        size = _SIZE_OF_PART * random.uniform(0.99, 1.01)
        pose = Pose((width / 2 + moved[0], height / 2 + moved[1]), float(turn), size * side / 2)
        lot = self._lot(index, levels.get(DisturbanceKind.LOT_TEXTURE, 0.0))
        return Scene((height, width), pose, random, lot, self._textures)

    def _lot(self, index: int, rougher: float) -> Lot:
        number = index // self.settings.parts_per_lot
        random = self._random(number, _Stream.LOT)
        tone, mix, hue = (float(value) for value in random.uniform(-1, 1, 3))
        roughness = random.uniform(0.85, 1.25) * max(0.0, 1 + rougher)
        return Lot(number, tone, mix, float(roughness), hue)

    def _levels(self, index: int) -> camera.Levels:
        levels: dict[DisturbanceKind, float] = {}
        for disturbance in self.settings.disturbances:
            level = disturbance.level(self.seconds(index))
            levels[disturbance.kind] = levels.get(disturbance.kind, 0.0) + level
        return levels

    def _material(self, index: int) -> str:
        return self.settings.materials[index // self.settings.parts_per_lot % len(self.settings.materials)]

    def _captured_at(self, index: int) -> Timestamp:
        moment = self._start + timedelta(microseconds=round(self.seconds(index) * 1e6))
        return Timestamp(moment.strftime(_TIME_FORMAT))

    def _random(self, number: int, stream: _Stream) -> np.random.Generator:
        return np.random.default_rng([self.settings.seed, number, int(stream)])


def _must_know(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise NotFound(f"{what} {unknown[0]!r} is not known (known: {', '.join(known)})")

"""A bracket of brushed sheet metal: long streaks, a band of light across them, holes with a chamfer."""

import numpy as np

from andon.simulate.scene import Lot, Plane, Scene, Surface, mixed, relief, rounded_rectangle, tinted
from andon.simulate.textures import Textures

PART_TYPE = "BRACKET-A"
DEFECTS: tuple[str, ...] = ("scratch", "dent", "stain")

_HALF_X, _HALF_Y = 0.84, 0.66
_HOLES = [(sx * 0.66, sy * 0.48, 0.075) for sx in (-1, 1) for sy in (-1, 1)]
_BORE = (0.0, 0.0, 0.21)


def draw(scene: Scene) -> Surface:
    """Draw a bracket; see :class:`Surface`."""
    plate = scene.polygon(rounded_rectangle(_HALF_X, _HALF_Y, 0.12))
    openings = scene.discs([*_HOLES, _BORE])
    chamfers = scene.discs([(x, y, radius + 0.035) for x, y, radius in (*_HOLES, _BORE)])
    coverage = plate * (1 - openings)
    light = relief(coverage + 0.4 * plate * (1 - chamfers), 1.3 * scene.detail, 0.11)
    luma = mixed(_background(scene, plate), _metal(scene) + light, coverage)
    hue = 0.02 * scene.lot.hue
    safe = scene.polygon(rounded_rectangle(_HALF_X - 0.03, _HALF_Y - 0.03, 0.1)) * (1 - chamfers)
    return Surface(tinted(luma, (1.0 + hue, 1.0, 1.02 - hue)), safe > 0.99, scene.pose.turn)


def _metal(scene: Scene) -> Plane:
    along, _ = scene.coordinates
    tone = 0.56 + 0.07 * scene.lot.tone + scene.between(-0.03, 0.03)
    band = (along - scene.between(-0.7, 0.7)) / np.float32(scene.between(0.5, 1.0))
    glow = 1 / (1 + band * band)
    streaks = scene.lot_texture("brushed", _streaks) * np.float32(0.036 * scene.lot.roughness)
    return tone + 0.13 * glow + streaks * (0.6 + 0.6 * glow) + 0.014 * scene.grain("clouds", 160, 40)


def _streaks(textures: Textures, lot: Lot) -> Plane:
    mix = 0.5 + 0.3 * lot.mix
    return textures.grain("streaks", 90, 0.6) * (1 - mix) + textures.grain("brush", 24, 0.9) * mix


def _background(scene: Scene, plate: Plane) -> Plane:
    """Dark rubber of a conveyor, darker in the part's shadow."""
    shadow = np.roll(plate, round(5 * scene.detail), axis=(0, 1))
    return 0.15 + 0.012 * scene.ground("rubber", 1.2, 1.2) - 0.06 * shadow

"""A cast flange: rough skin with pores, a turned sealing ring, bolt holes and a bore."""

import cv2
import numpy as np

from andon.simulate.scene import Lot, Plane, Scene, Surface, mixed, relief, ring_of_discs, tinted
from andon.simulate.textures import Textures

PART_TYPE = "FLANGE-C"
DEFECTS: tuple[str, ...] = ("crack", "dent", "stain", "scratch")

_OUTER, _RING_OUTER, _RING_INNER, _BORE = 0.86, 0.5, 0.3, 0.22
_BOLTS = ring_of_discs(6, 0.68, 0.07)


def draw(scene: Scene) -> Surface:
    """Draw a flange; see :class:`Surface`."""
    body = scene.discs([(0.0, 0.0, _OUTER)])
    openings = scene.discs([*_BOLTS, (0.0, 0.0, _BORE)])
    ring = scene.discs([(0.0, 0.0, _RING_OUTER)]) - scene.discs([(0.0, 0.0, _RING_INNER)])
    pads = scene.discs([(x, y, 0.115) for x, y, _ in _BOLTS])
    coverage = body * (1 - openings)
    light = relief(coverage - 0.35 * ring + 0.2 * pads * coverage, 1.6 * scene.detail, 0.1)
    skin = mixed(_skin(scene), _turned(scene), np.maximum(ring, pads))
    luma = mixed(_tray(scene, body), skin + light, coverage)
    warm = 0.02 + 0.02 * scene.lot.hue
    safe = scene.discs([(0.0, 0.0, _OUTER - 0.04)]) * (1 - scene.discs(_margins()))
    return Surface(tinted(luma, (1 + warm, 1.0, 1 - warm)), safe > 0.99, scene.pose.turn)


def _margins() -> list[tuple[float, float, float]]:
    return [(x, y, size + 0.03) for x, y, size in (*_BOLTS, (0.0, 0.0, _BORE))]


def _skin(scene: Scene) -> Plane:
    tone = 0.42 + 0.06 * scene.lot.tone + scene.between(-0.03, 0.03)
    rough = scene.lot_texture("cast", _rough_skin) * np.float32(scene.lot.roughness)
    return tone + rough + 0.022 * scene.grain("clouds", 45, 45)


def _rough_skin(textures: Textures, lot: Lot) -> Plane:
    coarse = 2.6 + round(lot.mix)
    peel = relief(textures.grain("peel", coarse, coarse), 0.8, 0.028)
    pores = np.maximum(textures.grain("pores", 1.4, 1.4) - 2.6, 0)
    return np.asarray(peel + 0.014 * textures.grain("sand", 0.7, 0.7) - 0.16 * pores)


def _turned(scene: Scene) -> Plane:
    """Concentric tool marks, brighter in two opposite sectors as turned metal is."""
    along, across = scene.coordinates
    radius = np.asarray(cv2.magnitude(along, across))
    marks = scene.textures.profile("marks", 1.1)
    start = scene.between(0, 1000)
    index = np.asarray(cv2.addWeighted(radius, 150 * scene.detail, radius, 0, start)).astype(np.int32)
    glint = scene.between(0, np.pi)
    sector = along * np.float32(np.cos(glint)) + across * np.float32(np.sin(glint))
    shine = (sector * sector) / (radius * radius + np.float32(0.01))
    tone = 0.55 + 0.05 * scene.lot.tone
    return np.asarray(
        tone + 0.03 * scene.lot.roughness * np.take(marks, index, mode="wrap") + 0.14 * shine - 0.05
    )


def _tray(scene: Scene, body: Plane) -> Plane:
    shadow = np.roll(body, round(6 * scene.detail), axis=(0, 1))
    return 0.2 + 0.01 * scene.ground("tray", 2, 2) - 0.09 * shadow

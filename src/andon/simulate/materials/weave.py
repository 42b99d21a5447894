"""A woven strap: warp and weft threads of uneven thickness and tone, two sewn edges, a stripe."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.simulate.scene import Lot, Plane, Scene, Surface, mixed, relief
from andon.simulate.textures import Textures, turned_window

PART_TYPE = "STRAP-W"
DEFECTS: tuple[str, ...] = ("scratch", "stain")

_HALF = 0.78
_SEAM = 0.66


def draw(scene: Scene) -> Surface:
    """Draw a piece of strap; see :class:`Surface`."""
    strap = _stripe(scene, _HALF)
    seams = scene.polygons(_stitches(scene.reach))
    light = relief(strap, 1.5 * scene.detail, 0.08) + relief(seams, 0.9 * scene.detail, 0.07)
    luma, weft = _cloth(scene)
    luma = luma + light + 0.10 * seams
    dark = _stripe(scene, 0.14) * 0.45
    table = 0.72 + 0.01 * scene.ground("table", 2, 2)
    pixels = [
        mixed(table, luma * (1 - dark * (1 - 0.25 * share)) * tint, strap)
        for share, tint in zip((0.2, 0.5, 1.6), _dye(scene, weft), strict=True)
    ]
    safe = _stripe(scene, _HALF - 0.05)
    return Surface(np.asarray(cv2.merge(pixels)), safe > 0.99, scene.pose.turn)


def _stripe(scene: Scene, half: float) -> Plane:
    reach = scene.reach
    return scene.polygon([(-reach, -half), (reach, -half), (reach, half), (-reach, half)])


@lru_cache(maxsize=8)
def _stitches(reach: float) -> NDArray[np.float64]:
    """Short slanted dashes of thread along both edges, (N, 4, 2)."""
    dash = np.array([(0, 0), (0.08, -0.012), (0.08, 0.018), (0, 0.03)])
    starts = [(x, side) for side in (-_SEAM, _SEAM) for x in np.arange(-reach, reach, 0.12)]
    return np.asarray(np.array(starts)[:, None, :] + dash)


def _dye(scene: Scene, weft: Plane) -> tuple[Plane, Plane, Plane]:
    """Colour of the threads: weft and warp differ a little, lots differ too."""
    hue = 0.05 * scene.lot.hue
    return (0.80 + hue - 0.06 * weft, 0.93 + 0.0 * weft, 1.05 - hue + 0.08 * weft)


def _cloth(scene: Scene) -> tuple[Plane, Plane]:
    period = 8 if scene.lot.mix > -0.4 else 7
    side = scene.textures.side
    tile = _tile(side, max(6, round(period * scene.detail)))
    offset = (scene.between(0, side), scene.between(0, side))
    turn = scene.pose.turn + scene.between(-0.012, 0.012)
    tone = 0.50 + 0.05 * scene.lot.tone + scene.between(-0.03, 0.03)
    uneven = scene.lot_texture("weave", _uneven_yarn) * np.float32(scene.lot.roughness)
    threads, weft = cv2.split(turned_window(tile, offset, scene.shape, turn))
    luma = tone + 0.13 * threads + uneven + 0.02 * scene.grain("clouds", 60, 60)
    return np.asarray(luma), np.asarray(weft)


def _uneven_yarn(textures: Textures, lot: Lot) -> Plane:
    slubs = (0.030 + 0.01 * lot.mix) * textures.grain("slubs", 14, 1.2)
    slubs = slubs + 0.026 * textures.grain("warp", 1.2, 18)
    return np.asarray(slubs + 0.018 * textures.grain("fuzz", 0.8, 0.8))


@lru_cache(maxsize=8)
def _tile(largest: int, period: int) -> NDArray[np.float32]:
    """A 2/1 twill, (side, side, 2), side <= ``largest``, repeating: shading -1..1; 1 where weft is up."""
    side = largest // (3 * period) * 3 * period
    position = (np.arange(side) + 0.5) / period
    thread = np.floor(position).astype(np.int64)
    round_ = np.sqrt(np.maximum(0, 1 - (2 * (position % 1) - 1) ** 2 * 0.96))
    weft = (thread[:, None] + thread[None, :]) % 3 == 0
    over = np.where(weft, round_[:, None], round_[None, :])
    dip = np.where(weft, round_[None, :], round_[:, None])
    shading = (1.5 * over + 0.5 * dip) - 1.45
    return np.stack([shading, weft], axis=2).astype(np.float32)

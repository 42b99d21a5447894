"""Image files to pixels and back: one place decides what the pixels of a file are.

Orientation that a file states (EXIF) is applied, because whoever drew the masks and boxes saw the picture
upright.  Transparency is refused unless every pixel is opaque: there is no right colour to put behind it.
Palettes and 1-bit pictures are expanded.  OpenCV decodes (three times faster than Pillow); what it may
decode is decided from the header before.
"""

import functools
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from andon.domain.annotations import Box, Polygon
from andon.errors import BugError, InvalidInput, LimitExceeded
from andon.formats.headers import Header, read_header
from andon.units import Digest

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
"""(H, W) grey or (H, W, 3) RGB; rows from the top, full range of the type."""

Mask = NDArray[np.bool_]
"""(H, W), True where the pixel belongs to the concept."""

_AS_STORED = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR
_SWAPPED_BY_OPENCV = frozenset({"PNG", "JPEG", "WebP"})
"""Forms that OpenCV gives in RGB when asked; 16-bit TIFF it does not swap, and grey BMP it makes colour."""


JPEG_QUALITY = 85
"""Of small pictures for people, 0 to 100."""

MASK_CUT = 127
"""Grey values above it belong to a mask."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one image file may ask for. Beyond it the file is refused before a pixel is decoded.

    Attributes:
        pixels: height times width.
        bytes: size of the file.
    """

    pixels: int = 100_000_000
    bytes: int = 512 * 1024**2


DEFAULT_LIMITS = Limits()


def decode(content: bytes, limits: Limits = DEFAULT_LIMITS) -> Pixels:
    """The pixels of an image file: PNG, JPEG, BMP, TIFF or WebP.

    Returns:
        C-contiguous (H, W) for grey, (H, W, 3) in RGB order for colour, uint8 or uint16 as stored, upright.

    Raises:
        LimitExceeded: too many bytes, pixels, or more than one frame; nothing was decoded.
        InvalidInput: no image, truncated, damaged, transparent, or of another type (float, 32 bit).
    """
    header = _checked_header(content, limits)
    pixels = _decode_rgb(content, header.kind)
    if header.alpha:
        _check_opaque(content)
    if pixels.ndim == 3 and (header.grey or pixels.shape[2] == 1):
        pixels = pixels[:, :, 0]
    if pixels.dtype not in (np.uint8, np.uint16):
        raise InvalidInput(
            f"the image holds {pixels.dtype} values", "Only 8 and 16 bits per channel can be read."
        )
    if sorted(pixels.shape[:2]) != sorted((header.height, header.width)):
        raise InvalidInput("the image's header and pixels disagree about its size")
    return np.ascontiguousarray(pixels)


def decode_mask(content: bytes, limits: Limits = DEFAULT_LIMITS) -> Pixels:
    """A mask's (H, W) values, uint8 or uint16: palette numbers as they are, grey as stored.

    Of a colour picture the strongest channel counts, so white, red or any other paint marks its pixels.

    Raises:
        LimitExceeded, InvalidInput: as :func:`decode`.
    """
    header = _checked_header(content, limits)
    if _is_palette(header):
        return _palette_numbers(content)
    values = decode(content, limits)
    return values if values.ndim == 2 else np.ascontiguousarray(values.max(axis=2))


def read_mask(content: bytes, cut: int = MASK_CUT, limits: Limits = DEFAULT_LIMITS) -> Mask:
    """A mask file as (H, W) bool: values above ``cut`` (of 255; scaled for 16 bit), of palettes all but 0.

    Raises:
        LimitExceeded, InvalidInput: as :func:`decode`.
    """
    values = decode_mask(content, limits)
    if _is_palette(read_header(content)):
        return values > 0
    return values > cut * (257 if values.dtype == np.uint16 else 1)


def image_digest(pixels: Pixels) -> Digest:
    """SHA-256 over shape, type and pixels (little-endian): equal pictures in different files share it."""
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    stored: NDArray[Any] = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
    digest = hashlib.sha256(f"{height} {width} {channels} {pixels.dtype.name}\n".encode())
    digest.update(stored.data)
    return Digest(digest.hexdigest())


def encode_png(pixels: Pixels) -> bytes:
    """A lossless PNG of (H, W) or (H, W, 3) RGB pixels, uint8 or uint16."""
    return _encoded(pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))


def encode_jpeg(pixels: NDArray[np.uint8], quality: int = JPEG_QUALITY) -> bytes:
    """The pixels as a JPEG file, which loses a little; grey or RGB, 8 bits a channel."""
    stored = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    return _encoded(stored, ".jpg", (cv2.IMWRITE_JPEG_QUALITY, quality))


def encode_mask(mask: Mask) -> bytes:
    """The form in which masks are kept: a one-channel PNG, 0 or 255."""
    return _encoded(mask.astype(np.uint8) * np.uint8(255))


def rasterise(geometry: Box | Polygon, height: int, width: int) -> Mask:
    """The pixels whose centre lies inside (even-odd rule; left and top edges belong to it)."""
    if isinstance(geometry, Box):
        left, right = geometry.x, geometry.x + geometry.width
        rows = _between(geometry.y, geometry.y + geometry.height, height)
        return rows[:, None] & _between(left, right, width)[None, :]
    flips = np.zeros((height, width + 1), np.bool_)
    points = np.asarray(geometry.points, np.float64)
    for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, axis=0), strict=True):
        crossed = np.flatnonzero(_between(min(y1, y2), max(y1, y2), height))
        if y1 != y2:
            crossings = x1 + (crossed + 0.5 - y1) * (x2 - x1) / (y2 - y1)
            flips[crossed, np.clip(np.ceil(crossings - 0.5), 0, width).astype(np.intp)] ^= True
    return np.logical_xor.accumulate(flips, axis=1)[:, :width]


def _between(low: float, high: float, size: int) -> Mask:
    """Which of ``size`` pixels have their centre in [low, high)."""
    centres = np.arange(size) + 0.5
    inside: Mask = (low <= centres) & (centres < high)
    return inside


def _checked_header(content: bytes, limits: Limits) -> Header:
    if len(content) > limits.bytes:
        raise LimitExceeded(f"the file has {len(content)} bytes, at most {limits.bytes} are read")
    header = read_header(content)
    if header.height * header.width > limits.pixels:
        size = f"{header.height} x {header.width}"
        raise LimitExceeded(f"the image claims {size} pixels, at most {limits.pixels} are decoded")
    if header.frames > 1:
        raise LimitExceeded(f"the file holds {header.frames} frames, at most 1 is read")
    return header


def _decode_rgb(content: bytes, kind: str) -> NDArray[Any]:
    if kind in _SWAPPED_BY_OPENCV:
        return _decode_with(content, _AS_STORED | cv2.IMREAD_COLOR_RGB)
    pixels = _decode_with(content, _AS_STORED)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB) if pixels.ndim == 3 and pixels.shape[2] == 3 else pixels


def _decode_with(content: bytes, flags: int) -> NDArray[Any]:
    _quiet()
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error as cause:
        raise InvalidInput(f"the image cannot be decoded: {cause.err}") from cause
    if pixels is None:
        raise InvalidInput("the image is truncated or damaged")
    return pixels


def _is_palette(header: Header) -> bool:
    """Only PNG palettes carry class numbers in practice; 8-bit BMP stores plain grey as a palette."""
    return header.palette and header.kind == "PNG"


def _check_opaque(content: bytes) -> None:
    pixels = _decode_with(content, cv2.IMREAD_UNCHANGED)
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if channels in {2, 4} and (pixels[:, :, -1] == np.iinfo(pixels.dtype).max).all():
        return
    if channels == 3:
        return
    raise InvalidInput("the image has transparent pixels", "Save it without an alpha channel.")


def _palette_numbers(content: bytes) -> Pixels:
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            return np.array(image, np.uint8)
    except (OSError, SyntaxError, ValueError) as cause:
        raise InvalidInput(f"the mask cannot be decoded: {cause}") from cause


def _encoded(pixels: NDArray[Any], kind: str = ".png", how: Sequence[int] = ()) -> bytes:
    done, content = cv2.imencode(kind, pixels, how)
    if not done:
        raise BugError(
            f"pixels of shape {pixels.shape} and type {pixels.dtype} cannot be written as {kind}"
        )
    return content.tobytes()


@functools.cache
def _quiet() -> None:
    """OpenCV otherwise talks about damaged files on stderr; here an exception says it, once."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

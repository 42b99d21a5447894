"""What an image file says about itself, read from its bytes without decoding a pixel.

Sources: PNG (ISO/IEC 15948), JPEG (ITU-T T.81), BMP (Windows GDI), TIFF 6.0, WebP (RFC 9649).
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from andon.errors import InvalidInput

FORMATS = "PNG, JPEG, BMP, TIFF or WebP"


@dataclass(frozen=True, slots=True)
class Header:
    """Stored size (before any EXIF orientation) and kind of pixels.

    Attributes:
        kind: "PNG", "JPEG", "BMP", "TIFF" or "WebP".
        grey: one colour channel; otherwise three (palettes count as colour).
        alpha: there is transparency of some form.
        palette: pixels are numbers into a table of colours.
        frames: pictures in the file; reduced copies of a TIFF (thumbnails) do not count.
    """

    kind: str
    height: int
    width: int
    grey: bool
    alpha: bool = False
    palette: bool = False
    frames: int = 1


def read_header(content: bytes) -> Header:
    """Look at the first bytes, and at the end where the form has one.

    Raises:
        InvalidInput: no known image form, a broken header, or the end of the file is missing.
    """
    reader = next((reader for start, reader in _READERS if content.startswith(start)), None)
    if reader is None:
        raise InvalidInput(f"no image: not {FORMATS}")
    try:
        header = reader(content)
    except (struct.error, IndexError) as cause:
        raise InvalidInput("the image is truncated in its header") from cause
    if header.height < 1 or header.width < 1:
        raise InvalidInput(f"the image has {header.height} x {header.width} pixels")
    return header


def _read_png(content: bytes) -> Header:
    width, height, _, colour = struct.unpack_from(">IIBB", content, 16)
    alpha, frames, ended = colour in {4, 6}, 1, False
    for name, position in _png_chunks(content):
        alpha |= name == b"tRNS"
        ended = name == b"IEND"
        if name == b"acTL":
            frames = struct.unpack_from(">I", content, position)[0]
    if not ended:
        raise InvalidInput("the PNG is truncated: its end is missing")
    return Header("PNG", height, width, colour in {0, 4}, alpha, colour == 3, frames)


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, int]]:
    """Name and position of the data of each complete chunk."""
    position = 8
    while position + 12 <= len(content):
        length, name = struct.unpack_from(">I4s", content, position)
        if position + 12 + length > len(content):
            return
        yield name, position + 8
        position += 12 + length


_SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA


def _read_jpeg(content: bytes) -> Header:
    found: Header | None = None
    position = 2
    while True:
        if content[position] != 0xFF:
            raise InvalidInput("the JPEG's header is broken")
        marker = content[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker in _SIZE_MARKERS:
            height, width, channels = struct.unpack_from(">HHB", content, position + 5)
            found = Header("JPEG", height, width, channels == 1)
        if marker == _START_OF_SCAN:
            break
        position += 2 + struct.unpack_from(">H", content, position + 2)[0]
    if found is None:
        raise InvalidInput("the JPEG's header states no size")
    if content.rfind(b"\xff\xd9", position) < 0:
        raise InvalidInput("the JPEG is truncated: its end is missing")
    return found


def _read_bmp(content: bytes) -> Header:
    size = struct.unpack_from("<I", content, 14)[0]
    if size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", content, 18)
    else:
        width, height, _, bits = struct.unpack_from("<iiHH", content, 18)
    return Header("BMP", abs(height), width, grey=False, palette=bits <= 8)


def _read_webp(content: bytes) -> Header:
    length, webp, first = struct.unpack_from("<I4s4s", content, 4)
    if webp != b"WEBP":
        raise InvalidInput(f"no image: not {FORMATS}")
    if length + 8 > len(content):
        raise InvalidInput("the WebP is truncated: its end is missing")
    if first == b"VP8X":
        flags = content[20]
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
        frames = content.count(b"ANMF") if flags & 0x02 else 1
        return Header("WebP", height, width, grey=False, alpha=bool(flags & 0x10), frames=frames)
    if first == b"VP8L":
        bits = struct.unpack_from("<I", content, 21)[0]
        return Header("WebP", (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1, False, bool(bits >> 28 & 1))
    width, height = struct.unpack_from("<HH", content, 26)
    return Header("WebP", height & 0x3FFF, width & 0x3FFF, grey=False)


_MAX_DIRECTORIES = 1000
_TIFF_TYPES = {1: "B", 3: "H", 4: "I"}
_SUBFILE, _WIDTH, _HEIGHT, _PHOTOMETRIC, _SAMPLES, _EXTRA = 254, 256, 257, 262, 277, 338


def _read_tiff(content: bytes) -> Header:
    order = "<" if content.startswith(b"II") else ">"
    position = struct.unpack_from(f"{order}I", content, 4)[0]
    first: dict[int, int] = {}
    frames = directories = 0
    while position:
        tags, position = _tiff_directory(content, order, position)
        first = first or tags
        frames += not tags.get(_SUBFILE, 0) & 1
        directories += 1
        if directories > _MAX_DIRECTORIES:
            raise InvalidInput(f"the TIFF has more than {_MAX_DIRECTORIES} directories")
    photometric, samples = first.get(_PHOTOMETRIC, 1), first.get(_SAMPLES, 1)
    grey, palette = photometric in {0, 1}, photometric == 3
    alpha = samples > (1 if grey or palette else 3) or _EXTRA in first
    return Header("TIFF", first.get(_HEIGHT, 0), first.get(_WIDTH, 0), grey, alpha, palette, max(frames, 1))


def _tiff_directory(content: bytes, order: str, position: int) -> tuple[dict[int, int], int]:
    """First value of each whole-number tag, and where the next directory is (0: none)."""
    count = struct.unpack_from(f"{order}H", content, position)[0]
    tags: dict[int, int] = {}
    for index in range(count):
        at = position + 2 + 12 * index
        tag, kind = struct.unpack_from(f"{order}HH", content, at)
        if kind in _TIFF_TYPES:
            tags[tag] = struct.unpack_from(f"{order}{_TIFF_TYPES[kind]}", content, at + 8)[0]
    return tags, struct.unpack_from(f"{order}I", content, position + 2 + 12 * count)[0]


_READERS: tuple[tuple[bytes, Callable[[bytes], Header]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _read_png),
    (b"\xff\xd8\xff", _read_jpeg),
    (b"BM", _read_bmp),
    (b"RIFF", _read_webp),
    (b"II*\0", _read_tiff),
    (b"MM\0*", _read_tiff),
)

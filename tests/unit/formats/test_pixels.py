"""What the pixels of a file are, and which files are refused before or instead of decoding."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from andon.domain.annotations import Box, Polygon
from andon.errors import InvalidInput, LimitExceeded
from andon.formats.pixels import (
    Limits,
    decode,
    decode_mask,
    encode_mask,
    encode_png,
    image_digest,
    rasterise,
    read_mask,
)

RANDOM = np.random.default_rng(7)
COLOUR = RANDOM.integers(0, 256, (24, 40, 3), dtype=np.uint8)
GREY = RANDOM.integers(0, 256, (24, 40), dtype=np.uint8)
DEEP = RANDOM.integers(0, 65536, (24, 40), dtype=np.uint16)
DEEP_COLOUR = RANDOM.integers(0, 65536, (24, 40, 3), dtype=np.uint16)


def file_of(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_colour_comes_out_in_rgb_order_and_unchanged(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    assert np.array_equal(decode(file_of(Image.fromarray(COLOUR), kind, **options)), COLOUR)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_grey_stays_grey(kind: str) -> None:
    assert np.array_equal(decode(file_of(Image.fromarray(GREY), kind)), GREY)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_kept(kind: str) -> None:
    assert np.array_equal(decode(file_of(Image.fromarray(DEEP), kind)), DEEP)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bit_colour_comes_out_in_rgb_order(suffix: str) -> None:
    content = cv2.imencode(suffix, DEEP_COLOUR[:, :, ::-1])[1].tobytes()
    assert np.array_equal(decode(content), DEEP_COLOUR)


@pytest.mark.parametrize(("mode", "dimensions"), [("L", 2), ("RGB", 3)])
def test_jpeg_agrees_with_another_decoder(mode: str, dimensions: int) -> None:
    content = file_of(Image.fromarray(COLOUR).convert(mode), "JPEG", quality=95)
    pixels = decode(content)
    assert pixels.ndim == dimensions
    assert np.abs(pixels.astype(int) - np.asarray(Image.open(io.BytesIO(content)))).max() <= 2


def test_palettes_and_one_bit_pictures_are_expanded() -> None:
    painted = Image.fromarray(COLOUR).quantize(5)
    assert np.array_equal(decode(file_of(painted, "PNG")), np.asarray(painted.convert("RGB")))
    black_and_white = Image.fromarray(GREY).convert("1")
    assert np.array_equal(
        decode(file_of(black_and_white, "PNG")), np.asarray(black_and_white) * np.uint8(255)
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    content = file_of(Image.fromarray(COLOUR), kind, exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))), int)
    assert decode(content).shape == upright.shape
    assert np.abs(decode(content) - upright).max() <= 2


def test_opaque_alpha_is_dropped_and_transparency_refused() -> None:
    image = Image.fromarray(COLOUR).convert("RGBA")
    assert np.array_equal(decode(file_of(image, "PNG")), COLOUR)
    assert np.array_equal(decode(file_of(Image.fromarray(GREY).convert("LA"), "PNG")), GREY)
    image.putpixel((3, 3), (1, 2, 3, 254))
    with pytest.raises(InvalidInput, match="transparent"):
        decode(file_of(image, "PNG"))


@pytest.mark.parametrize(
    ("kind", "options"),
    [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {})],
)
def test_truncated_files_are_refused_wherever_they_end(kind: str, options: dict[str, bool]) -> None:
    content = file_of(Image.fromarray(COLOUR), kind, **options)
    for length in range(0, len(content) - 1, 97):
        with pytest.raises(InvalidInput):
            decode(content[:length])


def test_damaged_png_is_refused() -> None:
    content = bytearray(file_of(Image.fromarray(COLOUR), "PNG"))
    content[len(content) // 2] ^= 0x55
    with pytest.raises(InvalidInput):
        decode(bytes(content))


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"II*\0", b"BM"]
)
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode(content)


def test_a_bomb_is_refused_by_its_header() -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    with pytest.raises(LimitExceeded, match="100000 x 100000"):
        decode(bomb)


def test_limits_hold_to_the_pixel_and_byte() -> None:
    content = file_of(Image.fromarray(GREY), "PNG")
    assert decode(content, Limits(pixels=GREY.size, bytes=len(content))).shape == GREY.shape
    with pytest.raises(LimitExceeded, match="pixels"):
        decode(content, Limits(pixels=GREY.size - 1))
    with pytest.raises(LimitExceeded, match="bytes"):
        decode(content, Limits(bytes=len(content) - 1))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_several_frames_are_refused(kind: str) -> None:
    frames = [Image.fromarray(COLOUR), Image.fromarray(COLOUR[::-1].copy())]
    with pytest.raises(LimitExceeded, match="2 frames"):
        decode(file_of(frames[0], kind, save_all=True, append_images=frames[1:]))


def test_floating_point_images_are_refused() -> None:
    content = cv2.imencode(".tiff", np.zeros((4, 4), np.float32))[1].tobytes()
    with pytest.raises(InvalidInput, match="float32"):
        decode(content)


def test_digest_is_of_the_picture_not_of_the_file() -> None:
    digests = {
        image_digest(decode(file_of(Image.fromarray(COLOUR), kind))) for kind in ("PNG", "BMP", "TIFF")
    }
    assert len(digests) == 1
    assert image_digest(np.zeros((3, 4), np.uint8)) != image_digest(np.zeros((4, 3), np.uint8))
    assert image_digest(np.zeros((2, 4), np.uint8)) != image_digest(np.zeros((2, 2), np.uint16))
    assert image_digest(COLOUR[::-1]) == image_digest(COLOUR[::-1].copy())


@pytest.mark.parametrize(
    "pixels", [GREY, COLOUR, DEEP, DEEP_COLOUR], ids=["grey", "colour", "deep", "deep colour"]
)
def test_png_gives_the_pixels_back(pixels: np.ndarray) -> None:
    assert np.array_equal(decode(encode_png(pixels)), pixels)


def test_masks_come_back_to_the_pixel() -> None:
    mask = GREY > 200
    assert np.array_equal(read_mask(encode_mask(mask)), mask)
    assert set(np.unique(decode_mask(encode_mask(mask)))) == {0, 255}


def test_palette_masks_keep_their_numbers() -> None:
    numbers = (GREY % 3).astype(np.uint8)
    image = Image.fromarray(numbers, "P")
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    content = file_of(image, "PNG")
    assert np.array_equal(decode_mask(content), numbers)
    assert np.array_equal(read_mask(content), numbers > 0)


def test_the_cut_of_a_mask_is_scaled_to_sixteen_bits() -> None:
    ramp = np.arange(0, 256, dtype=np.uint8).reshape(16, 16)
    deep = ramp.astype(np.uint16) * 257
    assert np.array_equal(read_mask(encode_png(ramp)), ramp > 127)
    assert np.array_equal(read_mask(encode_png(deep)), ramp > 127)


def test_red_paint_is_a_mask() -> None:
    painted = np.zeros((4, 4, 3), np.uint8)
    painted[1, 2] = (255, 0, 0)
    assert np.argwhere(read_mask(encode_png(painted))).tolist() == [[1, 2]]


@given(st.integers(0, 7), st.integers(0, 7), st.integers(1, 9), st.integers(1, 9))
def test_boxes_and_their_outlines_cover_the_same_pixels(x: int, y: int, width: int, height: int) -> None:
    corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    expected = np.zeros((10, 12), bool)
    expected[y : y + height, x : x + width] = True
    assert np.array_equal(rasterise(Box(x, y, width, height), 10, 12), expected)
    assert np.array_equal(rasterise(Polygon(corners), 10, 12), expected)
    assert np.array_equal(rasterise(Polygon(corners[::-1]), 10, 12), expected)


def test_triangles_that_share_an_edge_tile_the_square() -> None:
    upper = rasterise(Polygon(((0, 0), (8, 0), (0, 8))), 8, 8)
    lower = rasterise(Polygon(((8, 0), (8, 8), (0, 8))), 8, 8)
    assert np.array_equal(upper ^ lower, np.ones((8, 8), bool))

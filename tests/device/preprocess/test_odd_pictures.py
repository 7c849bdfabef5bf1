"""Pictures of which Pillow's pixels are not what the picture is."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from graft_device.preprocess import UNUSUAL_VERSION, load, read_header
from graft_host.photos.dataset import scan


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    memory = io.BytesIO()
    image.save(memory, kind, **options)
    return memory.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def wide_png(values: NDArray[Any], *chunks: bytes) -> bytes:
    """A PNG with 16 bits of grey ``[H,W]``, or of RGB ``[H,W,3]``, and chunks in front of the pixels."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, 2 if values.ndim == 3 else 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks)
        + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )  # fmt: skip


def grey(data: bytes) -> list[int]:
    """The red values of a picture's first row, after checking that it is grey."""
    pixels = np.asarray(load(data))
    assert (pixels == pixels[..., :1]).all()
    row: list[int] = pixels[0, :, 0].tolist()
    return row


def bmp32(alpha: int, masks: tuple[int, int, int, int] = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)) -> bytes:
    """A BMP of 2 x 2 orange pixels with 32 bits and bit fields, as Windows' screenshots have them."""
    pixels = bytes([30, 120, 240, alpha]) * 4
    header = struct.pack("<IiiHHIIiiII", 124, 2, 2, 1, 32, 3, len(pixels), 0, 0, 0, 0) + struct.pack("<IIII", *masks)
    header += bytes(124 - len(header))
    return b"BM" + struct.pack("<IHHI", 14 + len(header) + len(pixels), 0, 0, 14 + len(header)) + header + pixels


# Alpha


def test_a_bmp_whose_alpha_is_zero_everywhere_is_opaque() -> None:
    assert load(bmp32(0)).getpixel((1, 1)) == (240, 120, 30)
    assert load(bmp32(255)).getpixel((1, 1)) == (240, 120, 30)
    assert load(bmp32(0, (0xFF0000, 0xFF00, 0xFF, 0))).getpixel((0, 0)) == (240, 120, 30)


def test_a_bmp_with_some_alpha_is_on_white() -> None:
    data = bytearray(bmp32(0))
    data[-1] = 255
    pixels = np.asarray(load(bytes(data)))
    assert sorted(map(tuple, pixels.reshape(-1, 3).tolist())) == [(240, 120, 30), *[(255, 255, 255)] * 3]


def test_a_png_whose_alpha_is_zero_everywhere_is_white() -> None:
    assert load(encoded(Image.new("RGBA", (4, 4), (9, 9, 9, 0)), "PNG")).getpixel((0, 0)) == (255, 255, 255)


def test_large_pictures_are_converted_as_small_ones_are() -> None:
    """In strips: no seam shows, and each mode gives what it gives at once."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (1500, 1200, 4), np.uint8)
    picture = Image.fromarray(noise)
    white = Image.new("RGBA", picture.size, "white")
    expected = np.asarray(Image.alpha_composite(white, picture).convert("RGB"))
    np.testing.assert_array_equal(np.asarray(load(encoded(picture, "PNG", compress_level=0))), expected)
    wide = rng.integers(0, 1 << 16, (1500, 1200)).astype(np.uint16)
    np.testing.assert_array_equal(np.asarray(load(wide_png(wide)))[..., 1], wide >> 8)


# 16 bits


def test_sixteen_bits_without_further_notice_are_taken_as_they_are() -> None:
    assert grey(wide_png(np.array([[0, 4095, 0x8000, 0xFFFF]], np.uint16))) == [0, 15, 128, 255]


def test_twelve_bits_that_were_not_scaled_are_scaled_if_the_file_gives_their_number() -> None:
    values = np.array([[0, 2048, 2049, 4095]], np.uint16)
    assert grey(wide_png(values, chunk(b"sBIT", b"\x0c"))) == [0, 128, 128, 255]
    assert grey(wide_png(values >> 2, chunk(b"sBIT", b"\x0a"))) == [0, 128, 128, 255]


def test_twelve_bits_that_were_scaled_stay() -> None:
    values = np.array([[0, 2048, 2049, 4095]], np.uint16)
    repeated = (values << 4) | (values >> 8)
    assert grey(wide_png(repeated, chunk(b"sBIT", b"\x0c"))) == [0, 128, 128, 255]
    dark = np.array([[0, 16, 256, 4080]], np.uint16)
    assert grey(wide_png(dark, chunk(b"sBIT", b"\x0c"))) == [0, 0, 1, 15], "a dark picture is no unscaled one"


def test_the_transparent_value_of_sixteen_bits_is_white() -> None:
    values = np.array([[0, 300, 301, 0xFFFF]], np.uint16)
    assert grey(wide_png(values, chunk(b"tRNS", struct.pack(">H", 300)))) == [0, 255, 1, 255]
    colours = np.array([[[0x1200, 0x3400, 0x5600], [0x0100, 0x0200, 0x0300]]], np.uint16)
    keyed = wide_png(colours, chunk(b"tRNS", struct.pack(">HHH", 0x1200, 0x3400, 0x5600)))
    assert np.asarray(load(keyed))[0].tolist() == [[255, 255, 255], [1, 2, 3]]


# CMYK


def without_adobe(data: bytes) -> bytes:
    start = data.index(b"\xff\xee")
    return data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4], "big") :]


def test_cmyk_with_adobes_marker_is_inverted_and_without_it_is_not() -> None:
    inked = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    adobe = encoded(inked, "JPEG", quality=100)
    assert load(adobe).getpixel((4, 4)) == pytest.approx((255, 0, 0), abs=3)
    plain = without_adobe(encoded(Image.new("CMYK", (16, 16), (255, 0, 0, 255)), "JPEG", quality=100))
    assert load(plain).getpixel((4, 4)) == pytest.approx((255, 0, 0), abs=3)


# Orientation


def xmp(value: str) -> bytes:
    return f'<x:xmpmeta><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" {value}</x:xmpmeta>'.encode()


def with_xmp(kind: str, packet: bytes) -> bytes:
    picture = Image.new("RGB", (40, 20), (9, 9, 9))
    if kind == "PNG":
        data = encoded(picture, "PNG")
        return data[:33] + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet) + data[33:]
    if kind == "PNG, compressed":
        data = encoded(picture, "PNG")
        return data[:33] + chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet)) + data[33:]
    return encoded(picture, kind, xmp=packet)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "PNG, compressed", "WEBP"])
@pytest.mark.parametrize("value", ['tiff:Orientation="6"/>', "><tiff:Orientation>6</tiff:Orientation>"])
def test_an_orientation_in_xmp_alone_counts(kind: str, value: str) -> None:
    data = with_xmp(kind, xmp(value))
    assert load(data).size == (20, 40)
    assert read_header(data).unusual


def test_exif_counts_more_than_xmp() -> None:
    exif = Image.Exif()
    exif[0x0112] = 1
    data = encoded(Image.new("RGB", (40, 20)), "JPEG", exif=exif, xmp=xmp('tiff:Orientation="6"/>'))
    assert load(data).size == (40, 20)


def test_an_orientation_as_imagemagick_writes_it_into_a_png() -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    block = exif.tobytes()
    text = f"\nexif\n{len(block):8}\n{block.hex()}\n".encode()
    data = encoded(Image.new("RGB", (40, 20)), "PNG")
    profile = chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))
    assert load(data[:33] + profile + data[33:]).size == (20, 40)


# Caches


def test_pictures_with_rules_of_their_own_have_cache_keys_of_their_own(tmp_path: Path) -> None:
    """Bottlenecks that an earlier version cached for ordinary photos stay, and those of odd ones are not used."""
    odd = {
        "clear.bmp": bmp32(0),
        "bits.png": wide_png(np.array([[1, 2]], np.uint16), chunk(b"sBIT", b"\x0c")),
        "key.png": wide_png(np.array([[1, 2]], np.uint16), chunk(b"tRNS", b"\0\1")),
        "cmyk.jpg": without_adobe(encoded(Image.new("CMYK", (16, 16)), "JPEG")),
        "xmp.jpg": with_xmp("JPEG", xmp('tiff:Orientation="6"/>')),
    }
    ordinary = {
        "a.jpg": encoded(Image.new("RGB", (16, 16)), "JPEG"),
        "b.png": encoded(Image.new("RGBA", (16, 16)), "PNG"),
        "c.bmp": encoded(Image.new("RGB", (16, 16)), "BMP"),
        "d.jpg": encoded(Image.new("CMYK", (16, 16)), "JPEG"),
        "e.png": wide_png(np.array([[1, 2]], np.uint16)),
    }
    for folder, files in (("odd", odd), ("ordinary", ordinary)):
        (tmp_path / folder).mkdir()
        for name, data in files.items():
            (tmp_path / folder / name).write_bytes(data)
    keys = {photo.path.name: photo.cache_key.removeprefix(photo.digest) for photo in scan(tmp_path, 1).photos}
    assert keys == {**dict.fromkeys(odd, f"+u{UNUSUAL_VERSION}"), **dict.fromkeys(ordinary, "")}

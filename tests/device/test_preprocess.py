from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import tempfile
import textwrap
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from graft_device.errors import PhotoError
from graft_device.preprocess import CROP_FRACTION, MAX_BYTES, check_header, fit, load, preprocess, read_photo

Pixels = NDArray[np.uint8]
Rule = Literal["squash", "crop"]

ORIENTATION = 0x0112
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    memory = io.BytesIO()
    image.save(memory, kind, **options)
    return memory.getvalue()


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def smooth(width: int, height: int) -> Image.Image:
    """Slow waves of colour, as in a photo of few details."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / width * a + y / height * b) for a, b in ((9, 4), (3, 8), (11, 2))]
    return Image.fromarray((np.stack(waves, axis=-1) * 110 + 128).astype(np.uint8))


def png(width: int, height: int, rows: bytes, depth: int, colour: int, transparent: bytes = b"") -> bytes:
    """A PNG of kinds that Pillow doesn't write, or whose header lies."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    extra = chunk(b"tRNS", transparent) if transparent else b""
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def only_colour(data: bytes) -> tuple[int, int, int]:
    """The colour of a picture that has just one."""
    image = load(data)
    assert image.mode == "RGB"
    colours = image.getcolors()
    assert colours is not None
    assert len(colours) == 1, colours
    found = colours[0][1]
    assert isinstance(found, tuple)
    return found[0], found[1], found[2]


def reason(source: Any) -> str:
    """Why a photo is refused: one line."""
    with pytest.raises(PhotoError) as caught:
        preprocess(source, 32)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    return text


def run_python(program: str, *args: object, timeout: float = 60) -> str:
    """What a Python program of its own prints."""
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def palette_image(**transparency: Any) -> bytes:
    """A palette picture of index 1, which is red."""
    image = Image.new("P", (5, 4), 1)
    image.putpalette([0, 0, 255, 255, 0, 0])
    return encoded(image, "PNG", **transparency)


# Modes


@pytest.mark.parametrize(
    ("data", "colour"),
    [
        pytest.param(encoded(Image.new("L", (5, 4), 100), "PNG"), (100, 100, 100), id="L"),
        pytest.param(encoded(Image.new("L", (5, 4), 9), "PNG", transparency=9), (255, 255, 255), id="L-keyed"),
        pytest.param(encoded(Image.new("1", (5, 4), 1), "PNG"), (255, 255, 255), id="1-white"),
        pytest.param(encoded(Image.new("1", (5, 4), 0), "PNG"), (0, 0, 0), id="1-black"),
        pytest.param(encoded(Image.new("LA", (5, 4), (100, 255)), "PNG"), (100, 100, 100), id="LA-opaque"),
        pytest.param(encoded(Image.new("LA", (5, 4), (100, 0)), "PNG"), (255, 255, 255), id="LA-clear"),
        pytest.param(encoded(Image.new("LA", (5, 4), (0, 128)), "PNG"), (127, 127, 127), id="LA-half"),
        pytest.param(palette_image(), (255, 0, 0), id="P"),
        pytest.param(palette_image(transparency=1), (255, 255, 255), id="P-keyed"),
        pytest.param(palette_image(transparency=0), (255, 0, 0), id="P-other-index-keyed"),
        pytest.param(palette_image(transparency=b"\xff\x80"), (255, 127, 127), id="P-alpha-bytes"),
        pytest.param(encoded(Image.new("RGB", (5, 4), (1, 2, 3)), "PNG"), (1, 2, 3), id="RGB"),
        pytest.param(
            encoded(Image.new("RGB", (5, 4), (1, 2, 3)), "PNG", transparency=(1, 2, 3)),
            (255, 255, 255),
            id="RGB-keyed",
        ),
        pytest.param(encoded(Image.new("RGBA", (5, 4), (9, 8, 7, 255)), "PNG"), (9, 8, 7), id="RGBA-opaque"),
        pytest.param(encoded(Image.new("RGBA", (5, 4), (9, 8, 7, 0)), "PNG"), (255, 255, 255), id="RGBA-clear"),
        pytest.param(encoded(Image.new("RGBA", (5, 4), (0, 0, 255, 128)), "PNG"), (127, 127, 255), id="RGBA-half"),
        pytest.param(encoded(Image.fromarray(np.full((4, 5), 0x1234, np.uint16)), "PNG"), (18, 18, 18), id="grey16"),
        pytest.param(png(2, 2, (b"\0" + b"\xff\xff" * 2) * 2, 16, 0), (255, 255, 255), id="grey16-white"),
        pytest.param(png(2, 2, (b"\0" + b"\x12\x34\x80\0\xff\xee" * 2) * 2, 16, 2), (18, 128, 255), id="RGB16"),
        pytest.param(png(2, 2, (b"\0" + b"\0\0\x80\0" * 2) * 2, 16, 4), (127, 127, 127), id="grey16-alpha"),
        pytest.param(png(2, 2, (b"\0" + b"\xff\xff\0\0\0\0\0\0" * 2) * 2, 16, 6), (255, 255, 255), id="RGBA16-clear"),
        pytest.param(encoded(Image.new("RGB", (5, 4), (10, 20, 30)), "BMP"), (10, 20, 30), id="BMP"),
        pytest.param(encoded(Image.new("RGB", (5, 4), (8, 0, 248)), "GIF"), (8, 0, 248), id="GIF"),
        pytest.param(encoded(Image.new("RGB", (5, 4), (9, 99, 9)), "WEBP", lossless=True), (9, 99, 9), id="WEBP"),
        pytest.param(
            encoded(Image.new("RGBA", (5, 4), (9, 99, 9, 0)), "WEBP", lossless=True), (255, 255, 255), id="WEBP-clear"
        ),
    ],
)
def test_every_mode_becomes_rgb_and_what_is_transparent_white(data: bytes, colour: tuple[int, int, int]) -> None:
    assert only_colour(data) == colour


def test_a_cmyk_jpeg_has_its_colours() -> None:
    red = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=100)
    assert Image.open(io.BytesIO(red)).mode == "CMYK"
    assert only_colour(red) == pytest.approx((255, 0, 0), abs=3)


def test_a_grey_jpeg() -> None:
    assert only_colour(encoded(Image.new("L", (16, 16), 77), "JPEG", quality=100)) == pytest.approx((77,) * 3, abs=1)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_counts(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100, **options)
    assert getattr(Image.open(io.BytesIO(data)), "n_frames", 1) == 2
    assert only_colour(data) == (255, 0, 0)


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "I", "F"]
)
def test_a_pillow_image_of_any_mode(mode: str) -> None:
    pixels = preprocess(Image.new(mode, (7, 5)), 16)
    assert pixels.shape == (16, 16, 3)
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("mode", ["La", "RGBa"])
def test_premultiplied_alpha(mode: str) -> None:
    straight = Image.new("LA" if mode == "La" else "RGBA", (4, 4), (0, 128) if mode == "La" else (0, 0, 0, 128))
    assert load(straight.convert(mode)).getpixel((0, 0)) == (127, 127, 127)


def test_wide_integers_are_taken_as_sixteen_bits() -> None:
    values = np.array([[-5, 0, 0x8000, 0xFFFF, 1 << 20]], np.int32)
    assert np.asarray(load(Image.fromarray(values)))[0, :, 0].tolist() == [0, 0, 128, 255, 255]


# EXIF

# What EXIF 2.3 says of each orientation: the visual side of the stored row 0, and that of the stored column 0.
SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def stored(upright: Pixels, orientation: int) -> Image.Image:
    """What a camera held in that orientation stores of a scene."""
    row, column = SIDES[orientation]
    turned = row in {"left", "right"}
    pixels = upright.transpose(1, 0, 2) if turned else upright
    pixels = pixels[::-1] if row in {"bottom", "right"} else pixels
    pixels = pixels[:, ::-1] if column in {"bottom", "right"} else pixels
    return Image.fromarray(np.ascontiguousarray(pixels))


def scene(width: int = 48, height: int = 32) -> Pixels:
    """Blocks of colour, no two alike, so that JPEG hardly changes them."""
    blocks = np.random.default_rng(1).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return blocks.repeat(8, axis=0).repeat(8, axis=1)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize("orientation", SIDES)
def test_every_orientation_gives_the_upright_picture(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exact: dict[str, dict[str, Any]] = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}
    data = encoded(stored(scene(), orientation), kind, exif=exif, **exact.get(kind, {}))
    found = np.asarray(load(data))
    assert found.shape == scene().shape
    assert np.abs(found.astype(int) - scene()).max() <= (4 if kind == "JPEG" else 0)
    again = np.asarray(load(Image.open(io.BytesIO(data))))
    np.testing.assert_array_equal(again, found)


def exif_block(*tags: tuple[int, int, int, bytes]) -> bytes:
    """An EXIF block of (tag, type, count, four bytes), however wrong."""
    entries = b"".join(struct.pack("<HHI", *tag[:3]) + tag[3] for tag in sorted(tags))
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param((0x011A, 2, 4, b"abc\0"), id="resolution-as-text"),
        pytest.param((0x0100, 12, 1, struct.pack("<I", 8)), id="width-as-double"),
        pytest.param((0x8769, 2, 3, b"ab\0\0"), id="sub-block-as-text"),
        pytest.param((0x0001, 99, 1, b"aaaa"), id="unknown-type"),
    ],
)
def test_other_tags_that_make_no_sense_do_not_hide_the_orientation(other: tuple[int, int, int, bytes]) -> None:
    turned = (ORIENTATION, 3, 1, struct.pack("<HH", 6, 0))
    assert load(encoded(noise(40, 20), "JPEG", exif=exif_block(turned, other))).size == (20, 40)


@pytest.mark.parametrize("value", [0, 9, 77])
def test_an_orientation_that_there_is_not_turns_nothing(value: int) -> None:
    block = exif_block((ORIENTATION, 3, 1, struct.pack("<HH", value, 0)))
    assert load(encoded(noise(40, 20), "JPEG", exif=block)).size == (40, 20)


@pytest.mark.parametrize("block", [b"Exif\0\0", b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"rubbish"])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_an_exif_block_of_garbage_does_no_harm(block: bytes) -> None:
    assert load(encoded(noise(40, 20), "JPEG", exif=block)).size == (40, 20)


# Resizing


def reference(pixels: Pixels, size: int, rule: Rule) -> NDArray[np.float64]:
    """Bilinear interpolation whose triangle widens with the scale: one matrix for the rows, one for the columns."""

    def matrix(length: int) -> NDArray[np.float64]:
        kept = length * (CROP_FRACTION if rule == "crop" else 1.0)
        scale = kept / size
        centres = (length - kept) / 2 + (np.arange(size) + 0.5) * scale
        distance = np.abs(np.arange(length) + 0.5 - centres[:, None]) / max(scale, 1.0)
        weights: NDArray[np.float64] = np.clip(1 - distance, 0, None)
        weights /= weights.sum(axis=1, keepdims=True)
        return weights

    rows, columns = matrix(pixels.shape[0]), matrix(pixels.shape[1])
    resized: NDArray[np.float64] = np.einsum("ih,hwc,jw->ijc", rows, pixels, columns, optimize=True)
    return resized


@pytest.mark.parametrize("rule", ["squash", "crop"])
@pytest.mark.parametrize(("width", "height"), [(299, 299), (640, 97), (75, 401), (20, 31), (1000, 700)])
def test_resizing_is_bilinear_with_antialiasing(width: int, height: int, rule: Rule) -> None:
    pixels = np.asarray(noise(width, height))
    found = preprocess(pixels, 96, rule).astype(np.float64)
    assert np.abs(found - reference(pixels, 96, rule)).max() <= 1.5


def test_a_fine_checkerboard_becomes_grey() -> None:
    board = (np.indices((600, 600)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert np.abs(preprocess(board, 75).astype(int) - 127).max() <= 2


def test_squash_keeps_the_border_and_crop_does_not() -> None:
    pixels = np.full((200, 300, 3), 255, np.uint8)
    pixels[12:-12, 18:-18] = 0  # a border of 6%, of which crop leaves nothing
    assert preprocess(pixels, 100, "squash")[0].min() == 255
    assert preprocess(pixels, 100, "crop").max() <= 3


def test_an_unknown_rule_names_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"'stretch'.*squash, crop"):
        fit(noise(4, 4), 32, "stretch")


# Draft decoding


def needed(size: int, rule: Rule) -> float:
    """The side below which an image would have to be enlarged."""
    return size / CROP_FRACTION if rule == "crop" else size


@settings(max_examples=40)
@given(
    width=st.integers(1, 1500),
    height=st.integers(1, 1500),
    size=st.integers(16, 320),
    rule=st.sampled_from(["squash", "crop"]),
)
@example(width=1024, height=1024, size=128, rule="squash")
@example(width=1023, height=1024, size=128, rule="squash")
@example(width=1024, height=1024, size=112, rule="crop")
def test_a_jpeg_is_never_decoded_below_what_is_needed(width: int, height: int, size: int, rule: Rule) -> None:
    decoded = load(encoded(Image.new("RGB", (width, height)), "JPEG", quality=30), size, rule).size
    if decoded != (width, height):
        assert min(decoded) >= needed(size, rule)
        scale = round(width / decoded[0])
        assert scale in {2, 4, 8}
        assert decoded == (-(-width // scale), -(-height // scale))


@pytest.mark.parametrize(
    ("size", "rule", "scale"),
    [
        (225, "squash", 8),
        (226, "squash", 4),
        (190, "crop", 8),
        (200, "crop", 4),
        (460, "squash", 2),
        (901, "squash", 1),
    ],
)
def test_a_large_jpeg_is_decoded_as_small_as_can_be(size: int, rule: str, scale: int) -> None:
    photo = encoded(smooth(2400, 1800), "JPEG")
    assert load(photo, size, rule).size == (2400 // scale, 1800 // scale)
    assert load(photo).size == (2400, 1800)


@pytest.mark.parametrize("rule", ["squash", "crop"])
def test_draft_decoding_hardly_changes_the_result(rule: str) -> None:
    data = encoded(smooth(2400, 1800), "JPEG", quality=92)
    small, full = load(data, 200, rule), load(data)
    assert small.size != full.size
    difference = np.abs(fit(small, 200, rule).astype(int) - fit(full, 200, rule))
    assert difference.mean() < 1.5
    assert difference.max() < 12


def test_a_large_turned_jpeg_is_upright_after_draft_decoding() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    upright = np.asarray(smooth(1200, 1600))
    data = encoded(stored(upright, 6), "JPEG", quality=92, exif=exif)
    assert load(data, 160).size == (300, 400)
    assert np.abs(preprocess(data, 160).astype(int) - preprocess(upright, 160)).mean() < 2


# Sources


def test_path_bytes_image_and_array_agree(tmp_path: Path) -> None:
    image, path = noise(50, 30), tmp_path / "a photo.png"
    image.save(path)
    expected = preprocess(path, 32)
    assert expected.shape == (32, 32, 3)
    for source in (str(path), path.read_bytes(), image, np.asarray(image), Image.open(path)):
        np.testing.assert_array_equal(preprocess(source, 32), expected)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_and_its_bytes_agree_whatever_the_file_is_called(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "no extension"
    path.write_bytes(encoded(noise(400, 300), kind))
    np.testing.assert_array_equal(preprocess(path, 32), preprocess(path.read_bytes(), 32))


def test_arrays_of_other_shapes_and_strides() -> None:
    rgb = np.asarray(noise(50, 30))
    np.testing.assert_array_equal(preprocess(rgb[::-1, ::2], 32), preprocess(rgb[::-1, ::2].copy(), 32))
    grey = rgb[:, :, 0]
    np.testing.assert_array_equal(preprocess(grey, 32), preprocess(np.stack([grey] * 3, axis=-1), 32))
    opaque = np.dstack([rgb, np.full(grey.shape, 255, np.uint8)])
    np.testing.assert_array_equal(preprocess(opaque, 32), preprocess(rgb, 32))
    clear = np.dstack([rgb, np.zeros(grey.shape, np.uint8)])
    assert preprocess(clear, 32).min() == 255


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 4, 3), np.float32), "float32; give uint8"),
        (np.zeros((4, 4, 2), np.uint8), "[4, 4, 2]; give [H,W]"),
        (np.zeros((1, 4, 4, 3), np.uint8), "[1, 4, 4, 3]; give [H,W]"),
        (np.zeros((0, 4, 3), np.uint8), "[0, 4, 3]; give [H,W]"),
        (np.zeros(4, np.uint8), "[4]; give [H,W]"),
    ],
)
def test_arrays_that_are_no_photos(array: NDArray[Any], words: str) -> None:
    assert words in reason(array)


def test_a_pillow_image_without_pixels() -> None:
    assert "0 x 5" in reason(Image.new("RGB", (0, 5)))


def test_the_image_that_was_given_stays_as_it_was() -> None:
    image = Image.new("RGBA", (6, 4), (9, 8, 7, 100))
    image.getexif()[ORIENTATION] = 6
    assert load(image).size == (4, 6)
    assert (image.mode, image.size, image.getexif()[ORIENTATION]) == ("RGBA", (6, 4), 6)
    assert image.getpixel((0, 0)) == (9, 8, 7, 100)


@pytest.mark.parametrize("rule", ["squash", "crop"])
@pytest.mark.parametrize("size", [(1, 1), (20_000, 3), (3, 20_000), (20_000, 1)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_extreme_sizes(size: tuple[int, int], kind: str, rule: str) -> None:
    data = encoded(Image.new("RGB", size, (200, 100, 50)), kind, **({"quality": 100} if kind == "JPEG" else {}))
    assert check_header(data) == size
    assert np.abs(preprocess(data, 32, rule).astype(int) - (200, 100, 50)).max() <= 3


def test_threads_do_not_disturb_each_other() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 8
    photos = [
        encoded(noise(200 + n, 150, n), FORMATS[n % 5], **({"exif": exif} if n % 5 < 3 else {})) for n in range(20)
    ]
    alone = [preprocess(photo, 64) for photo in photos]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda photo: preprocess(photo, 64), photos * 3))
    np.testing.assert_array_equal(together, alone * 3)


# What can't be read


def gif(screen: tuple[int, int], frame: tuple[int, int]) -> bytes:
    """A GIF whose header and first frame claim these sizes."""
    header = b"GIF89a" + struct.pack("<HHBBB", *screen, 0, 0, 0)
    return header + b"," + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x02\x02\x44\x01\0;"


def bmp(width: int, height: int) -> bytes:
    """A BMP header that claims this size."""
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


BOMBS = {
    "PNG": png(20_000, 20_000, b"\0" * 100, 8, 2),
    "PNG-just-over": png(9_460, 9_460, b"\0" * 100, 8, 2),
    "GIF": gif((60_000, 60_000), (9, 9)),
    "GIF-frame": gif((1, 1), (60_000, 60_000)),
    "BMP": bmp(20_000, 20_000),
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("filters", ["error", "ignore"])
def test_decompression_bombs_are_refused(name: str, filters: Literal["error", "ignore"]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter(filters)  # Pillow warns first and refuses only at twice the size
        assert reason(BOMBS[name]).startswith("too large to decode (")
        with pytest.raises(PhotoError, match="too large to decode"):
            check_header(BOMBS[name])


def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(BOMBS["PNG"])
    said = run_python(
        """
        import resource, sys
        from graft_device.preprocess import preprocess, PhotoError
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            preprocess(sys.argv[1], 299)
        except PhotoError as error:
            print(error)
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, "MB")
        """,
        tmp_path / "bomb.png",
    ).splitlines()
    assert said[0].startswith("too large to decode")
    assert int(said[1].split()[0]) < 50


def test_a_file_too_large_to_be_a_picture_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "film.jpg"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # sparse
    assert reason(path).startswith("too large to read (")


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(b"just some text\n", "not a JPEG, PNG, WebP, BMP, GIF, HEIC or AVIF image", id="text"),
        pytest.param(b"\0", "not a JPEG, PNG, WebP, BMP, GIF, HEIC or AVIF image", id="one-byte"),
        pytest.param(
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            "not a JPEG, PNG, WebP, BMP, GIF, HEIC or AVIF image",
            id="svg",
        ),
        pytest.param(HEIC, "the image is cut short or damaged", id="heic"),
        pytest.param(encoded(noise(9, 9), "TIFF"), "not a JPEG, PNG, WebP, BMP, GIF, HEIC or AVIF image", id="tiff"),
        pytest.param(encoded(noise(9, 9), "JPEG")[:20], "the image is cut short or damaged", id="jpeg-head"),
        pytest.param(encoded(noise(9, 9), "PNG")[:12], "the image is cut short or damaged", id="png-head"),
        pytest.param(encoded(noise(9, 9), "GIF")[:9], "the image is cut short or damaged", id="gif-head"),
    ],
)
def test_files_that_are_no_photos(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    assert reason(path) == words
    assert reason(content) == words


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("kind", FORMATS)
def test_photos_cut_short(kind: str, share: float) -> None:
    data = encoded(noise(120, 90), kind)
    assert reason(data[: int(len(data) * share)]) == "the image is cut short"


def test_a_photo_damaged_inside() -> None:
    data = bytearray(encoded(noise(120, 90), "PNG"))
    data[len(data) // 2] ^= 0xFF
    assert reason(bytes(data)).startswith("cannot be decoded (")


def test_folders_and_missing_files(tmp_path: Path) -> None:
    assert reason(tmp_path) == "a folder, not a file"
    assert reason(tmp_path / "nowhere.jpg") == "no such file or directory"
    assert reason("") == "no such file or directory"
    assert reason("nul\0byte").startswith("not a file name")
    assert reason(tmp_path / ("long" * 100)) == "file name too long"
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "symbolic links" in reason(tmp_path / "loop")
    assert reason("/dev/zero") == "a device, not a file"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    said = run_python(
        """
        import sys
        from graft_device.preprocess import read_photo, PhotoError
        try:
            read_photo(sys.argv[1])
        except PhotoError as error:
            print(error)
        """,
        tmp_path / "pipe.jpg",
        timeout=20,
    )
    assert said == "a named pipe, not a file\n"


def test_a_photo_that_may_not_be_read() -> None:
    with tempfile.TemporaryDirectory() as folder:  # tmp_path lies where another user could not even look
        Path(folder).chmod(0o755)
        path = Path(folder, "secret.png")
        path.write_bytes(encoded(noise(9, 9), "PNG"))
        read_photo(path)
        path.chmod(0)
        said = run_python(
            """
            import os, sys
            from graft_device.preprocess import read_photo, PhotoError
            if os.getuid() == 0:
                os.setuid(65534)
            try:
                read_photo(sys.argv[1])
            except PhotoError as error:
                print(error)
            """,
            path,
        )
    assert said == "permission denied\n"


PALETTE = Image.new("P", (40, 30), 1)
VALID = [
    *(encoded(noise(40, 30), kind) for kind in FORMATS),
    encoded(noise(40, 30), "JPEG", progressive=True, exif=exif_block((ORIENTATION, 3, 1, struct.pack("<HH", 6, 0)))),
    encoded(noise(40, 30).convert("CMYK"), "JPEG"),
    encoded(noise(40, 30).convert("RGBA"), "WEBP", lossless=True),
    encoded(noise(40, 30).quantize(16), "PNG", transparency=b"\0\x80\xff"),
    encoded(noise(40, 30), "GIF", save_all=True, append_images=[noise(40, 30, 1)]),
]


def survives(data: bytes) -> None:
    """Pixels come out or PhotoError is raised, with its reason in one line; any other exception fails the test."""
    try:
        pixels = preprocess(data, 16)
    except PhotoError as error:
        said = str(error)
    else:
        said = f"{pixels.shape} {pixels.dtype}"
        assert said == "(16, 16, 3) uint8"
    assert said.isprintable(), said
    assert said


@settings(max_examples=250)
@given(
    which=st.sampled_from(range(len(VALID))),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=6),
    early=st.booleans(),
)
def test_damaged_photos_only_ever_raise_photo_errors(which: int, changes: list[tuple[float, int]], early: bool) -> None:
    data = bytearray(VALID[which])
    reach = min(len(data), 200) if early else len(data)  # the headers decide most
    for place, change in changes:
        data[int(place * reach)] ^= change
    survives(bytes(data))


@settings(max_examples=150)
@given(
    start=st.sampled_from(
        [b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"GIF89a", b"BM", b"RIFF\x40\0\0\0WEBPVP8 "]
    ),
    rest=st.binary(max_size=300),
)
def test_random_bytes_only_ever_raise_photo_errors(start: bytes, rest: bytes) -> None:
    survives(start + rest)

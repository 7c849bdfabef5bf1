"""Photos that are made to take much time or memory, and sound ones that look like them."""

from __future__ import annotations

import importlib.util
import io
import os
import signal
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from graft_device.preprocess import PhotoError, check_header, load, memory_needed, preprocess, read_header
from graft_device.preprocess.budget import Limits
from graft_device.preprocess.decoding_process import AbandonedError, DecodingProcess
from graft_device.preprocess.limits import MAX_SCANS
from tests.support.cases import case_folder

RED = (200, 30, 30)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    memory = io.BytesIO()
    image.save(memory, kind, **options)
    return memory.getvalue()


def photo(width: int = 160, height: int = 120) -> Image.Image:
    """A photo with detail everywhere, so that a part that is missing shows."""
    noise = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(data: bytes, *chunks: bytes) -> bytes:
    """A PNG with chunks behind its header."""
    return data[:33] + b"".join(chunks) + data[33:]


def jpeg_bomb(width: int, height: int, scans: int) -> bytes:
    path = case_folder("hostile") / "jpegbomb.py"
    spec = importlib.util.spec_from_file_location("jpegbomb", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    data: bytes = module.bomb(width, height, scans)[0]
    return data


def pixels(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(load(data))


def reason(data: bytes) -> str:
    with pytest.raises(PhotoError) as caught:
        preprocess(data, 32)
    return str(caught.value)


# Scans


@pytest.mark.parametrize(("side", "scans"), [(7900, 2500), (7900, 40), (400, 2500), (400, MAX_SCANS)])
def test_too_many_scans_are_refused_from_the_header(side: int, scans: int) -> None:
    data = jpeg_bomb(side, side, scans)
    assert reason(data).startswith(f"takes too long to decode (a JPEG of {side} x {side} pixels with more than ")
    with pytest.raises(PhotoError, match="takes too long to decode"):
        check_header(data)


@pytest.mark.parametrize("options", [{"progressive": True}, {"progressive": True, "subsampling": 0}, {}])
def test_scans_of_honest_files_are_few(options: dict[str, Any]) -> None:
    assert load(encoded(photo(), "JPEG", **options)).size == (160, 120)
    large = encoded(Image.new("RGB", (8000, 6000)), "JPEG", **options)
    assert preprocess(large, 32).shape == (32, 32, 3)


def test_a_progressive_thumbnail_in_the_metadata_does_not_count() -> None:
    thumbnail = encoded(photo(), "JPEG", progressive=True)
    data = encoded(photo(), "JPEG")
    crowded = data[:2] + segment(0xE1, b"Exif\0\0" + thumbnail) * 60 + data[2:]
    np.testing.assert_array_equal(pixels(crowded), pixels(data))


def test_fill_bytes_comments_and_restart_markers_change_nothing() -> None:
    data = encoded(photo(), "JPEG", restart_marker_blocks=1)
    assert data.count(b"\xff\xd3") > 2
    padded = data[:2] + b"\xff" * 100_000 + (segment(0xFE, b"x" * 60_000) + b"\xff" * 9) * 30 + data[2:]
    np.testing.assert_array_equal(pixels(padded), pixels(data))


def test_thousands_of_segments_are_refused() -> None:
    data = encoded(photo(), "JPEG")
    assert reason(data[:2] + segment(0xE5, b"") * 70_000 + data[2:]) == "damaged, with more than 65,536 segments"


# The end marker


@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"optimize": True}, {"restart_marker_rows": 1}, {"quality": 5}, {"subsampling": 0}],
)
def test_a_jpeg_without_its_end_marker_is_whole_and_one_that_is_cut_is_not(options: dict[str, Any]) -> None:
    data = encoded(photo(), "JPEG", **options)
    whole = pixels(data)
    for complete in (data[:-2], data[:-1], data[:-2] + bytes(4000), data[:-2] + b"\xff" * 4000):
        np.testing.assert_array_equal(pixels(complete), whole)
    start = data.index(b"\xff\xda") + 20
    for length in np.linspace(start, len(data) - 40, 25).astype(int):
        for filler in (b"", bytes(4000)):
            assert "cut short" in reason(data[:length] + filler)


# Metadata


def test_a_png_with_megabytes_of_text_and_colour_profile_is_read() -> None:
    data = encoded(photo(), "PNG")
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(30_000_000)))
    profile = chunk(b"iCCP", b"icc\0\0" + zlib.compress(np.random.default_rng(0).bytes(3_000_000)))
    long = chunk(b"tEXt", b"Comment\0" + b"x" * 3_000_000)
    np.testing.assert_array_equal(pixels(with_chunk(data, profile, text, long, long)), pixels(data))


def test_an_animated_png_gives_its_first_picture_and_too_many_chunks_are_refused() -> None:
    data = encoded(photo(), "PNG")
    frames = chunk(b"fdAT", bytes(100)) * 5000
    animated = with_chunk(data, chunk(b"acTL", struct.pack(">II", 5000, 0)), frames)
    np.testing.assert_array_equal(pixels(animated), pixels(data))
    assert reason(with_chunk(data, chunk(b"fdAT", b"") * 70_000)).startswith("damaged, with far too many chunks")


def test_the_extensions_of_a_gif_are_left_out_and_bounded() -> None:
    data = encoded(photo().quantize(256), "GIF")
    start = 13 + 768
    comment = b"!\xfe" + (b"\xff" + b"a" * 255) * 20_000 + b"\0"
    large = data[:start] + comment + data[start:]
    assert len(read_header(large).data) <= len(data)
    np.testing.assert_array_equal(pixels(large), pixels(data))
    endless = b"!\xfe" + b"\x01a" * 100_000 + b"\0"
    assert reason(data[:start] + endless + data[start:]).startswith("damaged, with more than 65,536 blocks")


def test_an_exif_block_that_refers_to_itself_takes_no_memory() -> None:
    entries = b"".join(struct.pack("<HHII", 1000 + index, 7, 60_000, 8) for index in range(5000))
    block = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 5001) + struct.pack("<HHII", 0x0112, 3, 1, 6) + entries
    data = encoded(photo(), "JPEG")
    assert load(data[:2] + segment(0xE1, block[:65_000]) + data[2:]).size == (120, 160)


def test_run_lengths_of_a_bmp_are_bounded_by_its_pixels() -> None:
    data = (
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 0, 0, 0, 54, 40, 64, 64, 1, 8, 1, 0, 0, 0, 0, 0) + b"\0\2\0\0" * 90_000
    )
    assert reason(data) == "damaged, with far more bytes than pixels"


@pytest.mark.parametrize("kind", ["EPS", "TIFF", "PPM", "ICO", "PDF", "TGA", "PCX", "JPEG2000"])
def test_no_other_decoder_of_pillow_is_reached(kind: str) -> None:
    assert reason(encoded(photo(), kind)) == "not a JPEG, PNG, WebP, BMP, GIF, HEIC or AVIF image"


# Memory and the decoding process


def test_the_memory_of_a_jpeg_depends_on_its_scans() -> None:
    image = Image.new("RGB", (4000, 3000))
    plain = memory_needed(read_header(encoded(image, "JPEG")), 299)
    progressive = memory_needed(read_header(encoded(image, "JPEG", progressive=True)), 299)
    assert plain < 20_000_000
    assert progressive - plain == pytest.approx(4000 * 3000 * 2 * 1.5, rel=0.01), "two bytes per coefficient, 4:2:0"
    cmyk = memory_needed(read_header(encoded(image.convert("CMYK"), "JPEG", progressive=True)), 299)
    assert cmyk - plain == pytest.approx(4000 * 3000 * 2 * 4, rel=0.02)


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("JPEG", "CMYK", {"progressive": True}),
        ("JPEG", "RGB", {"progressive": True}),
        ("PNG", "RGBA", {}),
        ("PNG", "I;16", {}),
        ("WEBP", "RGBA", {"lossless": True, "quality": 0, "method": 0}),
        ("GIF", "P", {}),
        ("BMP", "RGB", {}),
    ],
)
def test_no_photo_takes_more_memory_than_was_computed(kind: str, mode: str, options: dict[str, Any]) -> None:
    image = Image.linear_gradient("L").resize((2500, 2000))
    bands = Image.merge("RGBA", [image] * 4)
    picture = (
        image.convert("I;16") if mode == "I;16" else bands.convert("RGB").convert(mode) if mode != "RGBA" else bands
    )
    data = encoded(picture, kind, **options)
    process = DecodingProcess(Limits())
    try:
        process.preprocess(encoded(photo(), "PNG"), 299, "squash", lambda: True)
        before = peak(process)
        process.preprocess(data, 299, "squash", lambda: True)
        assert peak(process) - before <= memory_needed(read_header(data), 299) + 2 * len(data) + 2_000_000
    finally:
        process.close()


def peak(process: DecodingProcess) -> int:
    """The largest memory that the child process ever had, in bytes."""
    assert process.pid is not None
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def test_another_process_gives_the_same_pixels_and_the_same_reasons(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(encoded(photo(), "PNG"))
    process = DecodingProcess(Limits(10_000, 1_000_000_000))
    try:
        for source in (tmp_path / "photo.png", encoded(photo(), "JPEG"), encoded(photo(80, 80), "GIF")):
            if source == tmp_path / "photo.png":
                with pytest.raises(PhotoError, match=r"too large to decode here \(160 x 120; the limit is 0.01 meg"):
                    process.preprocess(source, 64, "crop", lambda: True)
            else:
                np.testing.assert_array_equal(
                    process.preprocess(source, 64, "crop", lambda: True), preprocess(source, 64, "crop")
                )
        with pytest.raises(PhotoError, match=r"^the file is empty$"):
            process.preprocess(b"", 64, "crop", lambda: True)
    finally:
        process.close()


def test_a_photo_that_nobody_waits_for_ends_the_process_and_the_next_one_is_read() -> None:
    process = DecodingProcess(Limits())
    calls = iter([True] * 3)
    try:
        process.start()
        first = process.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)  # the photo takes for ever
        with pytest.raises(AbandonedError):
            process.preprocess(encoded(photo(), "PNG"), 32, "squash", lambda: next(calls, False))
        assert process.preprocess(encoded(photo(), "PNG"), 32, "squash", lambda: True).shape == (32, 32, 3)
        assert process.pid != first
    finally:
        process.close()


def test_a_photo_that_takes_too_long_is_refused() -> None:
    process = DecodingProcess(Limits(), longest_s=0.5)
    try:
        with pytest.raises(PhotoError, match=r"^takes too long to decode \(more than 0.5 seconds\)$"):
            process.preprocess(jpeg_bomb(7900, 7900, 20), 32, "squash", lambda: True)
    finally:
        process.close()

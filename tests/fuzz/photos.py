"""Photo files: all formats that are read, in the modes that cameras and editors write."""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from graft_device.errors import PhotoError
from graft_device.preprocess import check_header, preprocess
from tests.fuzz.mutation import mutated
from tests.fuzz.target import Target, check_message
from tests.support.heic import heic

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

_SIZE = 32
_CHUNK_TYPES = (b"IHDR", b"tRNS", b"PLTE", b"iCCP", b"zTXt", b"fcTL", b"eXIf", b"IEND")


class Kind(Target):
    """Photos, as training and the board decode them."""

    memory = 768 << 20  # the largest photo that is decoded by default takes a good part of this

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        Image.init()  # Pillow's own plugins take their memory before the first input

    def seeds(self) -> list[bytes]:
        return [encoded for image, kind, options in _pictures() if (encoded := _encoded(image, kind, options))]

    def read(self, data: bytes) -> str:
        try:
            check_header(data)
            pixels = preprocess(data, _SIZE, "crop" if len(data) % 2 else "squash")
        except PhotoError as error:
            check_message(error)
            return "refused"
        assert pixels.shape == (_SIZE, _SIZE, 3), pixels.shape
        assert pixels.dtype == np.uint8, pixels.dtype
        return "accepted"

    def mutate(self, data: bytes, rng: random.Random) -> bytes:
        if data.startswith(b"\x89PNG") and rng.random() < 0.5:
            return _with_checksums(_changed_chunks(data, self.sound, rng))
        if data.startswith(b"\xff\xd8") and rng.random() < 0.3:
            return _changed_segments(data, rng)
        return mutated(data, self.sound, rng)


def _pictures() -> list[tuple[Image.Image, str, dict[str, Any]]]:
    rng = np.random.default_rng(0)
    colour = Image.fromarray(rng.integers(0, 256, (24, 40, 3), dtype=np.uint8))
    grey16 = Image.fromarray(rng.integers(0, 65536, (24, 40), dtype=np.uint16))
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = [colour.rotate(angle).convert("P") for angle in (90, 180)]
    modes = {mode: colour.convert(mode) for mode in ("L", "1", "P", "RGBA", "LA", "CMYK")}
    return [
        (colour, "JPEG", {"exif": exif.tobytes()}), (colour, "JPEG", {"progressive": True, "quality": 60}),
        (modes["L"], "JPEG", {"restart_marker_rows": 1}), (modes["CMYK"], "JPEG", {}), (colour, "MPO", {}),
        *((modes[mode], "PNG", {}) for mode in ("L", "1", "P", "RGBA", "LA")), (grey16, "PNG", {}),
        (colour, "PNG", {"icc_profile": bytes(300), "dpi": (72, 72), "exif": exif.tobytes()}),
        (frames[0], "PNG", {"save_all": True, "append_images": frames[1:]}), (modes["P"], "PNG", {"transparency": 3}),
        (frames[0], "GIF", {"save_all": True, "append_images": frames[1:], "comment": b"c" * 300}),
        *((modes[mode], "BMP", {}) for mode in ("1", "P", "RGBA")), (colour, "BMP", {}),
        (colour, "WEBP", {"lossless": True}), (modes["RGBA"], "WEBP", {"quality": 50, "exif": exif.tobytes()}),
        (frames[0], "WEBP", {"save_all": True, "append_images": frames[1:]}),
        (colour, "AVIF", {"speed": 10}), (colour, "HEIF", {}), (colour, "TIFF", {}), (colour, "ICO", {}),
    ]  # fmt: skip


def _encoded(image: Image.Image, kind: str, options: dict[str, Any]) -> bytes:
    """A file of a format; empty where this Pillow cannot write it."""
    if kind == "HEIF":
        return heic(np.asarray(image))
    if kind not in Image.SAVE and kind not in Image.SAVE_ALL:
        return b""
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _changed_chunks(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> list[tuple[bytes, bytes]]:
    chunks = _chunks(data)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(chunks))
        kind, body = chunks[at]
        choice = rng.randrange(5)
        if choice == 0:
            chunks[at] = kind, mutated(body, [], rng)
        elif choice == 1:
            chunks[at] = rng.choice(_CHUNK_TYPES), body
        elif choice == 2:
            chunks[at:at] = [chunks[at]] * rng.choice((1, 50, 3000))
        elif choice == 3:
            bomb = zlib.compress(bytes(rng.choice((1 << 16, 1 << 22, 1 << 25))))
            chunks.insert(1, rng.choice(((b"zTXt", b"a\0\0" + bomb), (b"iCCP", b"a\0\0" + bomb), (b"IDAT", bomb))))
        else:
            chunks += _chunks(rng.choice([seed for seed in seeds if seed.startswith(b"\x89PNG")] or [data]))
    return chunks


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    chunks, at = [], 8
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += length + 12
    return chunks or [(b"IEND", b"")]


def _with_checksums(chunks: list[tuple[bytes, bytes]]) -> bytes:
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, body in chunks:
        parts.append(len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big"))
    return b"".join(parts)


def _changed_segments(data: bytes, rng: random.Random) -> bytes:
    """Repeats, drops or rewrites whole marker segments of a JPEG, scans included."""
    starts = [at for at in range(2, len(data) - 1) if data[at] == 0xFF and data[at + 1] not in {0, 0xFF}]
    if len(starts) < 2:
        return mutated(data, [], rng)
    at = rng.randrange(len(starts) - 1)
    piece = data[starts[at] : starts[at + 1]]
    changed = rng.choice(
        (
            piece * rng.choice((2, 30, 2000)),
            b"",
            bytes((0xFF, rng.randrange(0xC0, 0xFF))) + piece[2:],
            mutated(piece, [], rng),
        )
    )
    return (data[: starts[at]] + changed + data[starts[at + 1] :])[: 1 << 20]

"""Reads HEIC and AVIF photos (ISO/IEC 23008-12), with pi-heif and with Pillow itself."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

from PIL import Image

from graft_device.errors import PhotoError
from graft_device.preprocess.headers import Header
from graft_device.preprocess.orientation import from_exif

DAMAGED = "the image is cut short or damaged"

_FTYP, _AT_MOST = b"ftyp", 4096
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"heif"})
_AVIF = frozenset({b"avif", b"avis"})
_EITHER = frozenset({b"mif1", b"msf1", b"miaf", b"mif2"})
_HEIC_BYTES, _AVIF_BYTES, _AVIF_BYTES_WITH_ALPHA = 2, 3, 6
"""Bytes per pixel that the decoders take: the planes of the tiles and of the picture, and its conversion to RGB.

Together with the result and its copy, these are 10, 11 and 14; 8, 9 and 13 were measured at 16 megapixels.
"""


def is_heif(data: bytes) -> bool:
    """Whether a file is a HEIC or AVIF photo."""
    return bool(_brands(data) & (_HEIC | _AVIF | _EITHER))


def suffix(data: bytes) -> str:
    """The suffix for the name of a HEIC or AVIF file."""
    return ".avif" if _is_avif(data) else ".heic"


def read(data: bytes) -> Header:
    """Reads the structure of a HEIC or AVIF photo.

    Raises:
        PhotoError: the file is damaged, or what reads it is not installed.
    """
    if _is_avif(data):
        image = _opened_avif(data)
        kind = "AVIF"
        orientation = _orientation(image)
        decoder = _AVIF_BYTES if image.mode == "RGB" else _AVIF_BYTES_WITH_ALPHA
    else:
        image = _opened_heic(data)
        kind = "HEIF"
        decoder = _HEIC_BYTES
        orientation = 1  # the decoder turns the picture as the container says, and EXIF does not count
    width, height = image.size
    image.close()
    return Header(
        kind=kind, width=width, height=height, depth=4, parts=(data,),
        orientation=orientation, extra=width * height * decoder,
    )  # fmt: skip


def opened(header: Header) -> Image.Image:
    """Opens the primary picture; nothing is decoded yet."""
    return _opened_avif(header.data) if header.kind == "AVIF" else _opened_heic(header.data)


def brand_of(data: bytes) -> str:
    """The brand that a file names first, such as ``heic``; printable."""
    return data[8:12].decode("ascii", "replace").strip()


def _brands(data: bytes) -> frozenset[bytes]:
    """The brands in the first box of a file; empty if it is not a file type box."""
    if data[4:8] != _FTYP:
        return frozenset()
    length = min(int.from_bytes(data[:4], "big"), _AT_MOST)
    listed = data[16:length]
    return frozenset([data[8:12], *(listed[place : place + 4] for place in range(0, len(listed), 4))])


def _is_avif(data: bytes) -> bool:
    """Whether a photo is coded as AV1: by its brands, of which the first may name neither codec."""
    first = data[8:12]
    return first in _AVIF or (first not in _HEIC and bool(_brands(data) & _AVIF))


def _opened_heic(data: bytes) -> Image.Image:
    try:
        options: Any = importlib.import_module("pi_heif.options")
        plugin: Any = importlib.import_module("pi_heif.as_plugin")
    except ImportError as error:
        raise PhotoError(
            f"a HEIC photo (brand {brand_of(data)!r}), and what reads it is not installed",
            "run: pip install 'graftkit[heif]', or convert it to JPEG",
        ) from error
    options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False
    return _without_pillows_reasons(plugin.HeifImageFile, data)


def _opened_avif(data: bytes) -> Image.Image:
    try:
        from PIL import AvifImagePlugin

        supported = AvifImagePlugin.SUPPORTED
    except ImportError:
        supported = False
    if not supported:
        raise PhotoError(
            f"an AVIF photo (brand {brand_of(data)!r}), which the installed Pillow cannot read",
            "run: pip install 'pillow>=11.3', or convert it to JPEG",
        )
    return _without_pillows_reasons(AvifImagePlugin.AvifImageFile, data)


def _without_pillows_reasons(opener: Callable[[BytesIO], Image.Image], data: bytes) -> Image.Image:
    """Opens a file with a class of Pillow's kind, whose errors for damaged files are of many types."""
    try:
        return opener(BytesIO(data))
    except MemoryError:
        raise
    except Exception as error:
        raise PhotoError(DAMAGED) from error


def _orientation(image: Image.Image) -> int:
    """The orientation by the container, which Pillow writes into the EXIF block in place of the camera's."""
    return from_exif(image.info.get("exif", b"")) or 1
